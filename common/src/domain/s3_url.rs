//! An address in S3.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::DomainError;

/// An address in S3: a bucket and a key, or a bucket and a key prefix, which may be empty.
///
/// ```
/// use tilefleet_common::domain::S3Url;
///
/// let prefix: S3Url = "s3://bucket/runs/7/".parse()?;
/// assert_eq!(prefix.join("a.tif").to_string(), "s3://bucket/runs/7/a.tif");
/// # Ok::<(), tilefleet_common::domain::DomainError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct S3Url {
    bucket: String,
    key: String,
}

impl S3Url {
    /// The address of `key` in `bucket`.
    ///
    /// # Errors
    /// [`DomainError::S3Url`] when the bucket's name breaks S3's rules or the key is longer than
    /// 1,024 bytes (S3 user guide, "Bucket naming rules" and "Naming Amazon S3 objects").
    pub fn new(bucket: &str, key: &str) -> Result<Self, DomainError> {
        let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let inside =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
        let name = bucket.as_bytes();
        let well_named = (3..=63).contains(&name.len())
            && edge(name.first())
            && edge(name.last())
            && name.iter().all(|&byte| inside(byte));
        if well_named
            && key.len() <= 1024
            && !key.starts_with('/')
            && !key.contains(char::is_control)
        {
            Ok(Self {
                bucket: bucket.to_owned(),
                key: key.to_owned(),
            })
        } else {
            Err(DomainError::S3Url(format!("s3://{bucket}/{key}")))
        }
    }

    /// The bucket's name.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The key or key prefix; it never begins with a slash.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The part of the key behind the last slash.
    pub fn object_name(&self) -> &str {
        self.key.rsplit('/').next().unwrap_or(&self.key)
    }

    /// The address of `name` under this prefix, with one slash between them.
    #[must_use]
    pub fn join(&self, name: &str) -> Self {
        let prefix = self.key.trim_end_matches('/');
        let key = if prefix.is_empty() {
            name.to_owned()
        } else {
            format!("{prefix}/{name}")
        };
        Self {
            bucket: self.bucket.clone(),
            key,
        }
    }
}

impl fmt::Display for S3Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}

impl FromStr for S3Url {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Self, DomainError> {
        let wrong = || DomainError::S3Url(text.to_owned());
        let rest = text.strip_prefix("s3://").ok_or_else(wrong)?;
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        Self::new(bucket, key).map_err(|_| wrong())
    }
}

impl TryFrom<String> for S3Url {
    type Error = DomainError;

    fn try_from(text: String) -> Result<Self, DomainError> {
        text.parse()
    }
}

impl From<S3Url> for String {
    fn from(url: S3Url) -> Self {
        url.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_and_key_are_separated() {
        let url: S3Url = "s3://sentinel-s2-l2a/tiles/48/R/XT/2020/8/1/0/R10m/"
            .parse()
            .unwrap();
        assert_eq!((url.bucket(), url.object_name()), ("sentinel-s2-l2a", ""));
        assert_eq!(
            url.join("B02.jp2").key(),
            "tiles/48/R/XT/2020/8/1/0/R10m/B02.jp2"
        );
        assert_eq!(
            "s3://bucket"
                .parse::<S3Url>()
                .unwrap()
                .join("a")
                .to_string(),
            "s3://bucket/a"
        );
    }

    #[test]
    fn addresses_outside_s3_are_refused() {
        for text in [
            "",
            "http://bucket/key",
            "/data/x.jp2",
            "s3://",
            "s3://ab/key",
            "s3://My Bucket/key",
            "s3://bucket//key",
        ] {
            assert_eq!(
                text.parse::<S3Url>(),
                Err(DomainError::S3Url(text.to_owned())),
                "{text}"
            );
        }
    }
}
