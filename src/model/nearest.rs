//! The name that was probably meant by one with a typing error in it.

/// The name that is nearest to what was typed, if it is near enough to have been meant. Upper and lower
/// case are the same here, and so are `-`, `_` and blanks.
pub fn nearest<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed = evened(typed);
    // A third of the letters wrong is a typing error, more is another word.
    let limit = (typed.chars().count() / 3).max(1);
    names
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&typed, &evened(name)), name))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

fn evened(name: &str) -> String {
    name.to_lowercase().replace(['-', ' '], "_")
}
