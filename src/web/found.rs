//! One orchestration by its id, where that costs no more than looking it up.

use crate::display::orchestration::Known;
use crate::ledger::{Indexes, Reader};
use crate::model::Identifier;
use crate::web::refusal::Refusal;

/// What the ledger has of this id; `None` where that is nothing.
///
/// # Errors
///
/// Finding it would mean to read everything, or the ledger cannot be read.
pub(super) fn one(reader: &Reader, id: &Identifier) -> Result<Option<Known>, Refusal> {
    if reader.indexes()? == Indexes::AfterBackfill {
        return Err(Refusal::NotIndexed);
    }
    let known = Known::read(reader, id)?;
    Ok(known.is_anything().then_some(known))
}
