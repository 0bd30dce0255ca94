//! The SHA-256 of an area's canonical text.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::domain::DomainError;
use crate::hex;

/// SHA-256 of an area's canonical text: 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AreaDigest(String);

impl AreaDigest {
    /// The digest of a canonical text.
    pub fn of(canonical: &[u8]) -> Self {
        Self(hex::encode(&Sha256::digest(canonical)))
    }

    /// All digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first eight digits, as output keys have them.
    pub fn short(&self) -> &str {
        self.0.get(..8).unwrap_or_default()
    }
}

impl fmt::Display for AreaDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for AreaDigest {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Self, DomainError> {
        let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() == 64 && text.bytes().all(digit) {
            Ok(Self(text.to_owned()))
        } else {
            Err(DomainError::AreaDigest(text.to_owned()))
        }
    }
}

impl TryFrom<String> for AreaDigest {
    type Error = DomainError;

    fn try_from(text: String) -> Result<Self, DomainError> {
        text.parse()
    }
}

impl From<AreaDigest> for String {
    fn from(digest: AreaDigest) -> Self {
        digest.0
    }
}
