//! Values as people read them: spans of time, and text from outside made harmless.

use std::time::Duration;

/// A duration in at most two units: `3d 4h`, `12m 5s`.
pub fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];
    let first = units.iter().position(|&(_, size)| seconds >= size).unwrap_or(units.len() - 1);
    let mut left = seconds;
    let mut parts = Vec::new();
    for (unit, size) in units.iter().skip(first).take(2) {
        let count = left / size;
        left %= size;
        if count > 0 || parts.is_empty() {
            parts.push(format!("{count}{unit}"));
        }
    }
    parts.join(" ")
}

/// A text from outside, safe to show: whoever pays can write a memo, a terminal obeys control characters, and
/// characters without a width can make one text look like another.
pub fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for char in text.chars() {
        if char.is_control() || is_unseen(char) {
            shown.extend(char.escape_default());
        } else {
            shown.push(char);
        }
    }
    shown
}

/// The beginning of a text, of at most `most` characters, the last one `…` where something was cut off.
pub fn cut(text: &str, most: usize) -> String {
    if text.chars().nth(most).is_none() {
        return text.to_owned();
    }
    let kept = text.chars().take(most.saturating_sub(1));
    kept.chain(std::iter::once('…')).collect()
}

/// A decimal with its thousands set apart.
pub fn grouped(number: &str) -> String {
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |digits| ("-", digits));
    let (whole, fraction) =
        digits.split_once('.').map_or((digits, None), |(whole, rest)| (whole, Some(rest)));
    let mut text = sign.to_owned();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if let Some(fraction) = fraction {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

/// Whether a character has no width of its own, or turns the direction of those that follow.
fn is_unseen(char: char) -> bool {
    matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_two_units_at_most() {
        let shown: Vec<_> = [0, 59, 60, 61, 3_600, 3_661, 90_061, 86_400 * 400]
            .map(|seconds| span(Duration::from_secs(seconds)))
            .into();
        assert_eq!(shown, ["0s", "59s", "1m", "1m 1s", "1h", "1h 1m", "1d 1h", "400d"]);
    }

    #[test]
    fn control_characters_are_shown_and_not_obeyed() {
        assert_eq!(plain("rent\u{1b}[2J\nMay é"), "rent\\u{1b}[2J\\nMay é");
        assert_eq!(plain("a\u{202e}b\u{200b}c"), "a\\u{202e}b\\u{200b}c");
    }

    #[test]
    fn what_is_cut_off_is_marked_and_fits() {
        assert_eq!([cut("abcd", 4), cut("abcde", 4), cut("ééééé", 3)], ["abcd", "abc…", "éé…"]);
    }
}
