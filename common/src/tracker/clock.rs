//! Moments as the ledger writes them.

use jiff::Timestamp;

/// A moment in RFC 3339, UTC, with milliseconds: as text it sorts by time.
pub fn rfc3339(moment: Timestamp) -> String {
    format!("{moment:.3}")
}
