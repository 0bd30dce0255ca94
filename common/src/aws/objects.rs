use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_s3::config::Region;
use aws_sdk_s3::types::{ChecksumMode, RequestPayer, ServerSideEncryption};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use bytes::{Bytes, BytesMut};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use md5::{Digest as _, Md5};

use super::error::{AwsError, AwsErrorKind};
use super::retry::Attempts;
use crate::domain::S3Url;

/// Bytes of one ranged read: "use byte-range fetches of 8 to 16 MB" (S3 user guide, "Performance guidelines").
const RANGE: u64 = 8 * 1024 * 1024;
/// Ranged reads of one object at a time.
const RANGES_AT_ONCE: usize = 8;
/// Tries of a read whose bytes are not what S3 said they would be.
const READ_TRIES: u32 = 4;

/// Why an object could not be had.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// The call failed.
    #[error(transparent)]
    Call(#[from] AwsError),
    /// Reading was denied, and the request did not offer to pay.
    #[error(
        "{cause}; if the bucket is requester pays, as the Sentinel-2 scene buckets are, submit with --request-payer"
    )]
    DeniedWithoutPaying {
        /// What S3 said.
        cause: AwsError,
    },
    /// The object is larger than the caller takes.
    #[error(
        "{object} has {bytes} bytes, more than the {limit} that a band may have; is it the right object?"
    )]
    TooLarge {
        /// The object.
        object: S3Url,
        /// Its length.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// What arrived is not what is stored, several times in a row.
    #[error("{object} arrived damaged {READ_TRIES} times ({what}); try again later")]
    Damaged {
        /// The object.
        object: S3Url,
        /// What does not fit.
        what: String,
    },
}

impl ObjectError {
    /// Whether the same read may succeed later without anybody doing anything.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Call(error) => error.may_pass() || error.kind() == AwsErrorKind::Credentials,
            Self::Damaged { .. } => true,
            Self::DeniedWithoutPaying { .. } | Self::TooLarge { .. } => false,
        }
    }

    /// The error as a short stable word.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Call(error) => match error.kind() {
                AwsErrorKind::NotFound => "missing_object",
                AwsErrorKind::AccessDenied => "access_denied",
                _ => "s3",
            },
            Self::DeniedWithoutPaying { .. } => "access_denied",
            Self::TooLarge { .. } => "too_large",
            Self::Damaged { .. } => "damaged_transfer",
        }
    }
}

/// An object, read whole.
#[derive(Debug, Clone)]
pub struct Object {
    /// What is stored.
    pub bytes: Bytes,
    /// Its entity tag.
    pub etag: String,
}

/// An object, as a listing tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedObject {
    /// Its address.
    pub url: S3Url,
    /// Its length.
    pub bytes: u64,
}

/// S3, wherever a bucket may be.
///
/// Buckets answer in their own region only, and a scene bucket's is seldom the fleet's. A request that goes to the wrong
/// one is answered with the right one (S3 user guide, "Request redirection"), which is remembered and tried.
#[derive(Debug, Clone)]
pub struct ObjectStore {
    config: aws_sdk_s3::config::Builder,
    clients: Arc<Mutex<HashMap<Option<String>, aws_sdk_s3::Client>>>,
    regions: Arc<Mutex<HashMap<String, String>>>,
}

impl ObjectStore {
    pub(super) fn new(config: aws_sdk_s3::config::Builder) -> Self {
        Self { config, clients: Arc::default(), regions: Arc::default() }
    }

    /// The client for the region of `bucket`, as far as it is known.
    pub(super) fn client(&self, bucket: &str) -> aws_sdk_s3::Client {
        let region = self.regions.lock().unwrap_or_else(PoisonError::into_inner).get(bucket).cloned();
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let client = clients.entry(region).or_insert_with_key(|region| {
            let mut config = self.config.clone();
            if let Some(region) = region {
                config = config.region(Region::new(region.clone()));
            }
            aws_sdk_s3::Client::from_conf(config.build())
        });
        client.clone()
    }

    /// Remembers that `bucket` is in `region`.
    pub fn place(&self, bucket: &str, region: &str) {
        let mut regions = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
        regions.insert(bucket.to_owned(), region.to_owned());
    }

    /// Learns the region of `bucket` from a refusal that names it; `true` when that is news and worth another try.
    pub(super) fn learn_region<E>(&self, bucket: &str, error: &SdkError<E, HttpResponse>) -> bool {
        let Some(region) =
            error.raw_response().and_then(|answer| answer.headers().get("x-amz-bucket-region"))
        else {
            return false;
        };
        let mut regions = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
        regions.insert(bucket.to_owned(), region.to_owned()).as_deref() != Some(region)
    }

    /// Reads an object of at most `limit` bytes into memory: by ranges side by side, pinned to one version by its entity
    /// tag, and checked for length and, where the entity tag is an MD5 digest, for content.
    ///
    /// # Errors
    /// [`ObjectError`], which tells whether the same may work later.
    pub async fn get(&self, object: &S3Url, request_payer: bool, limit: u64) -> Result<Object, ObjectError> {
        let mut attempts = Attempts::new(READ_TRIES, Duration::from_millis(200));
        loop {
            match self.get_once(object, request_payer, limit).await {
                Err(ObjectError::Damaged { object, what }) => {
                    tracing::warn!(%object, what, "what arrived is not what is stored; reading it again");
                    if !attempts.again().await {
                        return Err(ObjectError::Damaged { object, what });
                    }
                }
                other => return other,
            }
        }
    }

    async fn get_once(&self, object: &S3Url, request_payer: bool, limit: u64) -> Result<Object, ObjectError> {
        let damaged = |what: String| ObjectError::Damaged { object: object.clone(), what };
        let first = match self.get_range(object, request_payer, 0, None).await {
            Err(RangeError::Empty) => return Ok(Object { bytes: Bytes::new(), etag: String::new() }),
            other => other.map_err(|error| error.into_object_error(object))?,
        };
        if first.total > limit {
            return Err(ObjectError::TooLarge { object: object.clone(), bytes: first.total, limit });
        }
        let starts = (1..first.total.div_ceil(RANGE)).map(|index| index * RANGE);
        let rest: Vec<Bytes> = stream::iter(starts)
            .map(|start| {
                let etag = Some(first.etag.clone());
                async move {
                    let range = self.get_range(object, request_payer, start, etag).await;
                    range.map(|range| range.bytes).map_err(|error| error.into_object_error(object))
                }
            })
            .buffered(RANGES_AT_ONCE)
            .try_collect()
            .await?;
        let bytes = if rest.is_empty() {
            first.bytes
        } else {
            let mut whole = BytesMut::with_capacity(usize::try_from(first.total).unwrap_or(0));
            whole.extend_from_slice(&first.bytes);
            for range in &rest {
                whole.extend_from_slice(range);
            }
            whole.freeze()
        };
        if bytes.len() as u64 != first.total {
            return Err(damaged(format!("{} of {} bytes", bytes.len(), first.total)));
        }
        if let Some(digest) = first.md5 {
            let arrived = hex(&Md5::digest(&bytes));
            if arrived != digest {
                return Err(damaged(format!("md5 {arrived} instead of {digest}")));
            }
        }
        Ok(Object { bytes, etag: first.etag })
    }

    async fn get_range(
        &self,
        object: &S3Url,
        request_payer: bool,
        start: u64,
        etag: Option<String>,
    ) -> Result<Range, RangeError> {
        loop {
            let request = self
                .client(object.bucket())
                .get_object()
                .bucket(object.bucket())
                .key(object.key())
                .range(format!("bytes={start}-{}", start + RANGE - 1))
                .checksum_mode(ChecksumMode::Enabled)
                .set_if_match(etag.clone())
                .set_request_payer(request_payer.then_some(RequestPayer::Requester));
            let answer = match request.send().await {
                Ok(answer) => answer,
                Err(error) if self.learn_region(object.bucket(), &error) => continue,
                Err(error) => return Err(RangeError::of_call(object, request_payer, &error)),
            };
            let length = answer.content_length().and_then(|length| u64::try_from(length).ok()).unwrap_or(0);
            let total = answer
                .content_range()
                .and_then(|range| range.rsplit('/').next()?.parse().ok())
                .unwrap_or(length);
            let etag = answer.e_tag().unwrap_or_default().to_owned();
            let md5 = plain_md5(&etag, answer.server_side_encryption());
            let bytes = answer
                .body
                .collect()
                .await
                .map_err(|error| RangeError::Body(innermost(&error)))?
                .into_bytes();
            if bytes.len() as u64 != length {
                return Err(RangeError::Body(format!("{} of {length} bytes at {start}", bytes.len())));
            }
            return Ok(Range { bytes, total, etag, md5 });
        }
    }

    /// Lists at most `most` objects whose key begins with the key of `prefix`.
    ///
    /// # Errors
    /// [`ObjectError`] when the call fails.
    pub async fn list(
        &self,
        prefix: &S3Url,
        request_payer: bool,
        most: usize,
    ) -> Result<Vec<ListedObject>, ObjectError> {
        let bucket = prefix.bucket();
        let (mut listed, mut token) = (vec![], None);
        loop {
            let request = self
                .client(bucket)
                .list_objects_v2()
                .bucket(bucket)
                .prefix(prefix.key())
                .max_keys(i32::try_from(most).unwrap_or(1000))
                .set_continuation_token(token)
                .set_request_payer(request_payer.then_some(RequestPayer::Requester));
            let page = match request.send().await {
                Ok(page) => page,
                Err(error) if self.learn_region(bucket, &error) => {
                    token = None;
                    listed.clear();
                    continue;
                }
                Err(error) => return Err(call_error("ListBucket", prefix, request_payer, &error)),
            };
            listed.extend(page.contents().iter().filter_map(|object| {
                let url = S3Url::new(bucket, object.key()?).ok()?;
                Some(ListedObject { url, bytes: u64::try_from(object.size().unwrap_or(0)).unwrap_or(0) })
            }));
            token = page.next_continuation_token().map(str::to_owned);
            if token.is_none() || listed.len() >= most {
                listed.truncate(most);
                return Ok(listed);
            }
        }
    }
}

struct Range {
    bytes: Bytes,
    total: u64,
    etag: String,
    md5: Option<String>,
}

enum RangeError {
    /// A range of an empty object is never satisfiable (RFC 9110, section 15.5.17).
    Empty,
    /// Another version took the object's place between two ranges.
    Replaced,
    /// The body broke off or failed its checksum.
    Body(String),
    Object(ObjectError),
}

impl RangeError {
    fn of_call<E>(object: &S3Url, request_payer: bool, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        match error.raw_response().map(|answer| answer.status().as_u16()) {
            Some(416) => Self::Empty,
            Some(412) => Self::Replaced,
            _ => Self::Object(call_error("GetObject", object, request_payer, error)),
        }
    }

    fn into_object_error(self, object: &S3Url) -> ObjectError {
        let damaged = |what| ObjectError::Damaged { object: object.clone(), what };
        match self {
            Self::Empty => damaged("it shrank while it was read".to_owned()),
            Self::Replaced => damaged("it was replaced while it was read".to_owned()),
            Self::Body(what) => damaged(what),
            Self::Object(error) => error,
        }
    }
}

fn call_error<E>(
    operation: &'static str,
    object: &S3Url,
    request_payer: bool,
    error: &SdkError<E, HttpResponse>,
) -> ObjectError
where
    E: Error + ProvideErrorMetadata + 'static,
{
    let cause = AwsError::new("s3", operation, &object.to_string(), error);
    if cause.kind() == AwsErrorKind::AccessDenied && !request_payer {
        ObjectError::DeniedWithoutPaying { cause }
    } else {
        ObjectError::Call(cause)
    }
}

/// The MD5 digest in an entity tag, which it is for objects put in one piece and not encrypted with a KMS key (S3 API
/// reference, `Object`, "ETag").
fn plain_md5(etag: &str, encryption: Option<&ServerSideEncryption>) -> Option<String> {
    let digest = etag.trim_matches('"');
    let is_digest = digest.len() == 32 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
    let readable = matches!(encryption, None | Some(ServerSideEncryption::Aes256));
    (is_digest && readable).then(|| digest.to_ascii_lowercase())
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn innermost(error: &dyn Error) -> String {
    error.source().map_or_else(|| error.to_string(), innermost)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::canned::{self, Answer, Asked, Log};

    fn store(answer: impl Fn(usize, &Asked) -> Answer + Send + Sync + 'static) -> (ObjectStore, Log) {
        let (client, log) = canned::client(answer);
        (ObjectStore::new(canned::config!(aws_sdk_s3, client).force_path_style(true)), log)
    }

    fn url() -> S3Url {
        "s3://scenes/B02.jp2".parse().unwrap()
    }

    /// The part of `whole` that the request's range asks for, tagged with `etag`.
    fn range(whole: &[u8], asked: &Asked, etag: &str) -> Answer {
        let bounds = asked.header("range").trim_start_matches("bytes=").to_owned();
        let (start, end) = bounds.split_once('-').unwrap();
        let (start, end): (usize, usize) = (start.parse().unwrap(), end.parse().unwrap());
        let end = end.min(whole.len() - 1);
        let headers = vec![
            ("etag", format!("\"{etag}\"")),
            ("content-range", format!("bytes {start}-{end}/{}", whole.len())),
            ("content-length", (end + 1 - start).to_string()),
        ];
        (206, headers, whole[start..=end].to_vec())
    }

    fn error(status: u16, code: &str, headers: Vec<(&'static str, String)>) -> Answer {
        (status, headers, format!("<Error><Code>{code}</Code><Message>words</Message></Error>").into_bytes())
    }

    #[tokio::test(start_paused = true)]
    async fn a_large_object_is_read_by_ranges_of_one_version_and_put_together() {
        let whole: Vec<u8> = (0..20_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
        let served = whole.clone();
        let (store, log) = store(move |_, asked| range(&served, asked, "multipart-3"));
        let object = store.get(&url(), true, 1 << 30).await.unwrap();
        assert!(object.bytes == whole);
        let requests = log.requests();
        assert_eq!(requests.len(), 3);
        assert!(requests.iter().all(|asked| asked.header("x-amz-request-payer") == "requester"));
        assert!(requests[1..].iter().all(|asked| asked.header("if-match") == "\"multipart-3\""));
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_that_do_not_fit_the_entity_tag_are_read_again() {
        let etag = hex(&Md5::digest(b"sound"));
        let (store, log) =
            store(move |n, asked| range(if n == 0 { b"bruis" } else { b"sound" }, asked, &etag));
        assert_eq!(store.get(&url(), false, 100).await.unwrap().bytes, "sound");
        assert_eq!(log.requests().len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_that_never_fit_are_an_error_that_may_pass() {
        let (store, _) = store(|_, asked| range(b"bruised", asked, "00000000000000000000000000000000"));
        let error = store.get(&url(), false, 100).await.unwrap_err();
        assert!(error.may_pass() && error.code() == "damaged_transfer", "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_bucket_elsewhere_is_asked_in_its_own_region() {
        let (store, log) = store(|_, asked| {
            if asked.header("authorization").contains("/eu-central-1/") {
                range(b"bytes", asked, "x")
            } else {
                error(301, "PermanentRedirect", vec![("x-amz-bucket-region", "eu-central-1".to_owned())])
            }
        });
        assert_eq!(store.get(&url(), true, 100).await.unwrap().bytes, "bytes");
        store.get(&url(), true, 100).await.unwrap();
        assert_eq!(log.requests().len(), 3, "the region is remembered");
    }

    #[tokio::test(start_paused = true)]
    async fn a_denied_read_that_did_not_offer_to_pay_says_so() {
        let denied = || store(|_, _| error(403, "AccessDenied", vec![])).0;
        let without = denied().get(&url(), false, 100).await.unwrap_err();
        assert_eq!(
            without.to_string(),
            "access to s3://scenes/B02.jp2 denied (AccessDenied: words); the role needs s3:GetObject on it; \
             if the bucket is requester pays, as the Sentinel-2 scene buckets are, submit with --request-payer"
        );
        let paying = denied().get(&url(), true, 100).await.unwrap_err();
        assert!(
            !paying.to_string().contains("requester pays") && paying.code() == "access_denied",
            "{paying}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_missing_empty_or_too_large_is_told_apart() {
        let (missing, _) = store(|_, _| error(404, "NoSuchKey", vec![]));
        let error = missing.get(&url(), true, 100).await.unwrap_err();
        let words = "bucket or object s3://scenes/B02.jp2 does not exist (NoSuchKey); check the address and AWS_REGION";
        assert_eq!((error.to_string().as_str(), error.code()), (words, "missing_object"));
        let (empty, _) = store(|_, _| self::error(416, "InvalidRange", vec![]));
        assert!(empty.get(&url(), true, 100).await.unwrap().bytes.is_empty());
        let (large, _) = store(|_, asked| range(&[0; 101], asked, "x"));
        assert_eq!(large.get(&url(), true, 100).await.unwrap_err().code(), "too_large");
    }

    #[tokio::test(start_paused = true)]
    async fn a_listing_goes_on_to_the_last_page() {
        let (store, _) = store(|n, _| {
            let more = if n == 0 { "<NextContinuationToken>t</NextContinuationToken>" } else { "" };
            let xml = format!(
                "<ListBucketResult><Contents><Key>{n}.jp2</Key><Size>7</Size></Contents>{more}</ListBucketResult>"
            );
            (200, vec![], xml.into_bytes())
        });
        let keys: Vec<String> = store
            .list(&url(), false, 10)
            .await
            .unwrap()
            .iter()
            .map(|object| object.url.key().to_owned())
            .collect();
        assert_eq!(keys, ["0.jp2", "1.jp2"]);
    }
}
