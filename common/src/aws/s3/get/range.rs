//! One range of an object, read by one request: the length and, where S3 sends one, the checksum
//! are verified.

use std::error::Error;
use std::ops::Range;
use std::time::Duration;

use aws_sdk_s3::types::{ChecksumMode, RequestPayer, ServerSideEncryption};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use bytes::{Bytes, BytesMut};

use crate::aws::error::root_cause;
use crate::aws::retry::Attempts;
use crate::aws::s3::store::{ObjectError, ObjectStore, call_error};
use crate::domain::S3Url;

/// Bytes of one ranged read: "use byte-range fetches of 8 to 16 MB" (S3 user guide, "Performance
/// guidelines").
pub(crate) const RANGE: u64 = 8 * 1024 * 1024;
/// Tries of a range whose body breaks off or does not fit its checksum, and of an object that does
/// not fit its digest.
pub(crate) const READ_TRIES: u32 = 4;
/// The wait after the first such try.
pub(crate) const FIRST_WAIT: Duration = Duration::from_millis(200);

/// What is read, and how.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    pub(super) store: ObjectStore,
    pub(super) object: S3Url,
    pub(super) request_payer: bool,
}

/// A range that arrived whole, and what S3 told of the object along with it.
#[derive(Debug)]
pub(super) struct Arrived {
    pub(super) bytes: Bytes,
    /// Length of the whole object.
    pub(super) total: u64,
    pub(super) etag: String,
    /// MD5 digest of the whole object in hexadecimal, if it is known.
    pub(super) md5: Option<String>,
}

#[derive(Debug)]
pub(super) enum RangeError {
    /// A range of an empty object is never satisfiable (RFC 9110, section 15.5.17).
    Empty,
    /// Another version took the object's place between two ranges.
    Replaced,
    /// The body broke off or failed its checksum.
    Body(String),
    Object(ObjectError),
}

impl Reading {
    /// Reads `range`, or what the object has of it; of the version `etag`, if one is given. A body
    /// that does not arrive as it was sent is asked for again.
    pub(super) async fn range(
        &self,
        range: Range<u64>,
        etag: Option<&str>,
    ) -> Result<Arrived, RangeError> {
        let mut attempts = Attempts::new(READ_TRIES, FIRST_WAIT);
        loop {
            match self.range_once(&range, etag).await {
                Err(RangeError::Body(what)) => {
                    tracing::warn!(object = %self.object, start = range.start, what, "a range broke off; reading it again");
                    if !attempts.again().await {
                        return Err(RangeError::Body(what));
                    }
                }
                other => return other,
            }
        }
    }

    async fn range_once(
        &self,
        range: &Range<u64>,
        etag: Option<&str>,
    ) -> Result<Arrived, RangeError> {
        let object = &self.object;
        loop {
            let request = self
                .store
                .client(object.bucket())
                .get_object()
                .bucket(object.bucket())
                .key(object.key())
                .range(format!(
                    "bytes={}-{}",
                    range.start,
                    range.end.saturating_sub(1)
                ))
                .checksum_mode(ChecksumMode::Enabled)
                .set_if_match(etag.map(str::to_owned))
                .set_request_payer(self.request_payer.then_some(RequestPayer::Requester));
            let mut answer = match Box::pin(request.send()).await {
                Ok(answer) => answer,
                Err(error) if self.store.learn_region(object.bucket(), &error) => continue,
                Err(error) => return Err(self.of_call(&error)),
            };
            let length = answer
                .content_length()
                .and_then(|length| u64::try_from(length).ok())
                .unwrap_or(0);
            let total = answer
                .content_range()
                .and_then(|range| range.rsplit('/').next()?.parse().ok())
                .unwrap_or(length);
            let etag = answer.e_tag().unwrap_or_default().to_owned();
            let md5 = plain_md5(&etag, answer.server_side_encryption());
            // Gathered as it comes: collecting the body first and joining it afterwards would hold
            // it twice.
            let expected = range.end.min(total).saturating_sub(range.start);
            let mut bytes = BytesMut::with_capacity(usize::try_from(expected).unwrap_or(0));
            while let Some(piece) = answer.body.next().await {
                bytes.extend_from_slice(
                    &piece.map_err(|error| RangeError::Body(root_cause(&error)))?,
                );
            }
            if bytes.len() as u64 != expected {
                let what = format!("{} of {expected} bytes at {}", bytes.len(), range.start);
                return Err(RangeError::Body(what));
            }
            return Ok(Arrived {
                bytes: bytes.freeze(),
                total,
                etag,
                md5,
            });
        }
    }

    fn of_call<E>(&self, error: &SdkError<E, HttpResponse>) -> RangeError
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        match error.raw_response().map(|answer| answer.status().as_u16()) {
            Some(416) => RangeError::Empty,
            Some(412) => RangeError::Replaced,
            _ => RangeError::Object(call_error(
                "GetObject",
                &self.object,
                self.request_payer,
                error,
            )),
        }
    }

    pub(super) fn damaged(&self, what: impl Into<String>) -> ObjectError {
        ObjectError::Damaged {
            object: self.object.clone(),
            what: what.into(),
        }
    }

    pub(super) fn object_error(&self, error: RangeError) -> ObjectError {
        match error {
            RangeError::Empty => self.damaged("it shrank while it was read"),
            RangeError::Replaced => ObjectError::Replaced {
                object: self.object.clone(),
            },
            RangeError::Body(what) => self.damaged(what),
            RangeError::Object(error) => error,
        }
    }
}

/// The MD5 digest in an entity tag, which it is for objects put in one piece and not encrypted with
/// a KMS key (S3 API reference, `Object`, "ETag").
fn plain_md5(etag: &str, encryption: Option<&ServerSideEncryption>) -> Option<String> {
    let digest = etag.trim_matches('"');
    let is_digest = digest.len() == 32 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
    let readable = matches!(encryption, None | Some(ServerSideEncryption::Aes256));
    (is_digest && readable).then(|| digest.to_ascii_lowercase())
}
