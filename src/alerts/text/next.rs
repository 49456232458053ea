//! What to do about a break.

use super::Telling;
use crate::model::{BreakKind, Evidence, Occasion, Subject};

/// What to do next, in a sentence or two.
pub(super) fn step(telling: &Telling<'_>) -> String {
    let standing = &telling.record.standing;
    let number = standing.number;
    let close = format!("Then close it: tallyd breaks resolve {number}.");
    match telling.occasion {
        Occasion::Resolved => return "Nothing.".to_owned(),
        Occasion::Acknowledged => {
            return "Nothing, unless it is you who looks after it. It is told again when it gets worse."
                .to_owned();
        }
        Occasion::Opened | Occasion::Worsened | Occasion::Reminded => {}
    }
    let ask = "Ask Paxos support, with the ids above";
    match standing.kind {
        BreakKind::StuckProcessing => format!(
            "{ask}, why it does not move. Do not send the money again: it may still arrive. It resolves by \
             itself when it moves on."
        ),
        BreakKind::StuckBetweenLegs => "Ask Paxos support now, with the ids above, where the money is. Do not send \
                                        it again: it may still arrive. It resolves by itself when it does."
            .to_owned(),
        BreakKind::StuckPending => "Have it approved or refused at Paxos by who may do that; if nobody knows of \
                                    it, find out who created it. It resolves by itself then."
            .to_owned(),
        BreakKind::Failed => format!(
            "Read the reason, and see at Paxos whether the money is back in the profile, before you send it again \
             under a new ref_id. {close}"
        ),
        BreakKind::Rejected => format!("Ask who refused it whether that was meant. {close}"),
        BreakKind::ChangedAfterFinal => {
            format!("Compare old and new with your books: what was settled reads otherwise now. {ask}, why. {close}")
        }
        BreakKind::IllegalTransition => {
            format!("Look at `tallyd history` of it, and trust neither value before it is explained. {ask}. {close}")
        }
        BreakKind::InconsistentLegs => {
            format!("{ask}, which of the two is true. It resolves by itself when they agree.")
        }
        BreakKind::MissingUpstream if matches!(standing.subject, Subject::Profile(_)) => {
            "See that account, profile and credentials are the right ones (tallyd check-config). It resolves by \
             itself after a complete sweep."
                .to_owned()
        }
        BreakKind::MissingUpstream => {
            let met = matches!(standing.evidence, Evidence::Gone { met_again_at: Some(_), .. });
            let what = if met { "why it was gone" } else { "where it is" };
            format!("{ask}, {what}; the ledger has it as it was last seen (tallyd show). {close}")
        }
        BreakKind::DuplicateRefId => {
            format!("See in your payments software whether one payment was sent twice, and stop the later one. {close}")
        }
        BreakKind::PossibleDuplicate => {
            format!("See in your books whether both are meant. If not, stop the later one. {close}")
        }
        BreakKind::UnknownStatus => {
            "See what the status means in Paxos's documentation, and for a newer version of tallyd. It resolves by \
             itself at the next status that is known."
                .to_owned()
        }
        BreakKind::Unreadable => "See what came with `tallyd show`, and for a newer version of tallyd. It resolves \
                                  by itself when a row comes that can be read."
            .to_owned(),
        BreakKind::ReportFailed => "Mend what the reason names: a folder, its space, its rights, a file of that name; \
                                    `tallyd report NAME` tries it now. It resolves by itself when the report is made."
            .to_owned(),
        BreakKind::ProfileUnpolled => {
            // The reason is in the words of the failure, which end in it where Paxos gave one.
            let has_request_id =
                matches!(&standing.evidence, Evidence::Unpolled { reason, .. } if reason.contains("request_id"));
            let support = if has_request_id { ", or give the request_id to Paxos support" } else { "" };
            format!(
                "See `tallyd status`, and mend the reason{support}. It resolves by itself at the next complete poll."
            )
        }
    }
}
