//! A band of a cell, and how messages name it.

use std::fmt;
use std::sync::Arc;

use crate::input::Source;

/// One band of a cell.
#[derive(Clone)]
pub struct Band {
    /// What the band is called in the output, such as `B04`.
    pub name: String,
    /// Where the bytes come from, for messages; never opened.
    pub source: String,
    /// The object.
    pub bytes: Arc<dyn Source>,
}

impl fmt::Debug for Band {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Band")
            .field("name", &self.name)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// The band that an error is about, as it appears in messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Name of the band, such as `B04`.
    pub band: String,
    /// Where its bytes came from.
    pub source: String,
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "band {} ({})", self.band, self.source)
    }
}

impl From<&Band> for Input {
    fn from(band: &Band) -> Self {
        Self {
            band: band.name.clone(),
            source: band.source.clone(),
        }
    }
}
