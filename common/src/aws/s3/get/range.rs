//! One range of an object, read by one GET. The length is checked and, where S3 sends one, the
//! checksum.

use std::ops::Range;
use std::time::Duration;

use aws_sdk_s3::types::{ChecksumMode, RequestPayer, ServerSideEncryption};
use bytes::{Bytes, BytesMut};
use tokio::time::timeout;

use crate::aws::error::{AwsError, root_cause};
use crate::aws::retry::RetryBudget;
use crate::aws::s3::error::ObjectError;
use crate::aws::s3::store::ObjectStore;
use crate::aws::timeouts;
use crate::domain::S3Url;

/// Bytes of one ranged read: "use byte-range fetches of 8 to 16 MB" (S3 user guide, "Performance
/// guidelines").
pub(super) const RANGE: u64 = 8 * 1024 * 1024;
/// Attempts to read a range whose body breaks off or does not match its checksum, and an object
/// that does not match its digest.
pub(super) const READ_ATTEMPTS: u32 = 4;
/// The delay after the first of them.
pub(super) const FIRST_DELAY: Duration = Duration::from_millis(200);

/// Reads ranges of one object.
#[derive(Debug, Clone)]
pub(super) struct RangeGet {
    pub(super) store: ObjectStore,
    pub(super) object: S3Url,
    /// The region of the bucket, as far as the caller knows.
    pub(super) region: Option<String>,
    pub(super) request_payer: bool,
}

/// A complete range, and what its response says of the object.
#[derive(Debug)]
pub(super) struct RangeBody {
    pub(super) bytes: Bytes,
    /// Length of the whole object in bytes.
    pub(super) total: u64,
    pub(super) etag: String,
    /// MD5 digest of the whole object in hexadecimal, if it is known.
    pub(super) md5: Option<String>,
}

impl RangeBody {
    /// The range of an empty object.
    pub(super) fn empty() -> Self {
        Self {
            bytes: Bytes::new(),
            total: 0,
            etag: String::new(),
            md5: None,
        }
    }
}

/// Why a range could not be read.
#[derive(Debug)]
pub(super) enum RangeError {
    /// The range begins at or beyond the end. No range of an empty object can be satisfied (RFC
    /// 9110, section 15.5.17).
    NotSatisfiable,
    /// A new version replaced the object between two ranges.
    Replaced,
    /// The body broke off or did not match its checksum.
    Body(String),
    /// The call failed.
    Object(ObjectError),
}

impl RangeError {
    fn of_call(error: AwsError, request_payer: bool) -> Self {
        match error.status() {
            Some(416) => Self::NotSatisfiable,
            Some(412) => Self::Replaced,
            _ => Self::Object(ObjectError::of_call(error, request_payer)),
        }
    }
}

impl RangeGet {
    /// Reads `range`, cut at the end of the object. With `etag` only this version is read. A
    /// body that arrives damaged is read again.
    pub(super) async fn read(
        &self,
        range: Range<u64>,
        etag: Option<&str>,
    ) -> Result<RangeBody, RangeError> {
        let mut retries = RetryBudget::new(READ_ATTEMPTS, FIRST_DELAY);
        loop {
            match self.read_once(&range, etag).await {
                Err(RangeError::Body(what)) => {
                    let Some(delay) = retries.next_delay() else {
                        return Err(RangeError::Body(what));
                    };
                    tracing::warn!(object = %self.object, start = range.start, what, "a range broke off; reading it again");
                    tokio::time::sleep(delay).await;
                }
                other => return other,
            }
        }
    }

    async fn read_once(
        &self,
        range: &Range<u64>,
        etag: Option<&str>,
    ) -> Result<RangeBody, RangeError> {
        let object = &self.object;
        let last = range.end.saturating_sub(1);
        let hint = self.region.as_deref();
        let sent = self
            .store
            .regions
            .send("GetObject", object, hint, |client| {
                client
                    .get_object()
                    .bucket(object.bucket())
                    .key(object.key())
                    .range(format!("bytes={}-{last}", range.start))
                    .checksum_mode(ChecksumMode::Enabled)
                    .set_if_match(etag.map(str::to_owned))
                    .set_request_payer(self.request_payer.then_some(RequestPayer::Requester))
                    .send()
            });
        let (mut response, _) = sent
            .await
            .map_err(|error| RangeError::of_call(error, self.request_payer))?;
        // What the headers say: the length of the object, its version, its digest.
        let length = response
            .content_length()
            .and_then(|length| u64::try_from(length).ok())
            .unwrap_or(0);
        let total = response
            .content_range()
            .and_then(|range| range.rsplit('/').next()?.parse().ok())
            .unwrap_or(length);
        let etag = response.e_tag().unwrap_or_default().to_owned();
        let md5 = md5_of_etag(&etag, response.server_side_encryption());
        // The body is gathered as it arrives. To collect it first and join it afterwards would hold
        // it twice.
        let expected = range.end.min(total).saturating_sub(range.start);
        let mut bytes = BytesMut::with_capacity(usize::try_from(expected).unwrap_or(0));
        let silence = timeouts::body_silence();
        let silent = |_| RangeError::Body(format!("no byte in {} s", silence.as_secs()));
        while let Some(chunk) = timeout(silence, response.body.next())
            .await
            .map_err(silent)?
        {
            bytes.extend_from_slice(&chunk.map_err(|error| RangeError::Body(root_cause(&error)))?);
        }
        if bytes.len() as u64 != expected {
            let what = format!("{} of {expected} bytes at {}", bytes.len(), range.start);
            return Err(RangeError::Body(what));
        }
        Ok(RangeBody {
            bytes: bytes.freeze(),
            total,
            etag,
            md5,
        })
    }

    pub(super) fn damaged(&self, what: impl Into<String>) -> ObjectError {
        ObjectError::Damaged {
            object: self.object.clone(),
            what: what.into(),
        }
    }

    pub(super) fn object_error(&self, error: RangeError) -> ObjectError {
        match error {
            RangeError::NotSatisfiable => self.damaged("it shrank while it was read"),
            RangeError::Replaced => ObjectError::Replaced {
                object: self.object.clone(),
            },
            RangeError::Body(what) => ObjectError::Incomplete {
                object: self.object.clone(),
                what,
            },
            RangeError::Object(error) => error,
        }
    }
}

/// The MD5 digest in an entity tag. An entity tag is one for objects that were put by one request
/// and are not encrypted with a KMS key (S3 API reference, `Object`, "ETag").
fn md5_of_etag(etag: &str, encryption: Option<&ServerSideEncryption>) -> Option<String> {
    let digest = etag.trim_matches('"');
    let is_digest = digest.len() == 32 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_of_content = matches!(encryption, None | Some(ServerSideEncryption::Aes256));
    (is_digest && is_of_content).then(|| digest.to_ascii_lowercase())
}
