//! What a cell publishes.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::S3Url;

/// What an artefact is. The order of the variants is the order of upload: where an artefact exists,
/// those before it exist too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The raster, a Cloud Optimized GeoTIFF.
    Raster,
    /// The small object of a probe.
    Probe,
}

impl Role {
    /// The name, as the ledger and the results have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raster => "raster",
            Self::Probe => "probe",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An object that a cell has published.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Artefact {
    /// What it is.
    pub role: Role,
    /// Its key below the cell's output, such as `20200801/sentinel_l2a_48RXT_20200801_0_RGB.tif`.
    pub location: String,
    /// Its entity tag, as S3 gave it.
    pub etag: String,
    /// Its length in bytes.
    pub bytes: u64,
}

impl Artefact {
    /// Its address, `output` being the cell's output.
    pub fn address(&self, output: &S3Url) -> S3Url {
        output.join(&self.location)
    }
}
