use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_s3::config::Region;
use aws_sdk_s3::types::RequestPayer;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use bytes::Bytes;

use super::get::range::{FIRST_WAIT, RANGE, READ_TRIES};
use super::get::{ObjectReader, ReadOptions};
use crate::aws::error::{AwsError, AwsErrorKind};
use crate::aws::retry::Attempts;
use crate::domain::S3Url;

/// Ranged reads at a time of an object that is read into memory as a whole.
const RANGES_AT_ONCE: u64 = 8;

/// Why an object could not be had.
#[derive(Debug, Clone, thiserror::Error)]
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
    /// What arrived is not what is stored.
    #[error("{object} arrived damaged ({what}); try again later")]
    Damaged {
        /// The object.
        object: S3Url,
        /// What does not fit.
        what: String,
    },
    /// Another version took the object's place between two of its ranges.
    #[error("{object} was replaced while it was read; try again when whoever writes it is done")]
    Replaced {
        /// The object.
        object: S3Url,
    },
}

impl ObjectError {
    /// Whether the same read may succeed later without anybody doing anything.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Call(error) => error.is_retryable() || error.kind() == AwsErrorKind::Credentials,
            Self::Damaged { .. } | Self::Replaced { .. } => true,
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
            Self::Damaged { .. } | Self::Replaced { .. } => "damaged_transfer",
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
/// Buckets answer in their own region only, and a scene bucket's is seldom the fleet's. A request
/// that goes to the wrong one is answered with the right one (S3 user guide, "Request
/// redirection"), which is remembered and tried.
#[derive(Debug, Clone)]
pub struct ObjectStore {
    config: aws_sdk_s3::config::Builder,
    clients: Arc<Mutex<HashMap<Option<String>, aws_sdk_s3::Client>>>,
    regions: Arc<Mutex<HashMap<String, String>>>,
}

impl ObjectStore {
    pub(crate) fn new(config: aws_sdk_s3::config::Builder) -> Self {
        Self {
            config,
            clients: Arc::default(),
            regions: Arc::default(),
        }
    }

    /// The client for the region of `bucket`, as far as it is known.
    pub(crate) fn client(&self, bucket: &str) -> aws_sdk_s3::Client {
        let region = self
            .regions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(bucket)
            .cloned();
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

    /// Learns the region of `bucket` from a refusal that names it; `true` when that is news and
    /// worth another try.
    pub(crate) fn learn_region<E>(&self, bucket: &str, error: &SdkError<E, HttpResponse>) -> bool {
        let Some(region) = error
            .raw_response()
            .and_then(|answer| answer.headers().get("x-amz-bucket-region"))
        else {
            return false;
        };
        let mut regions = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
        regions
            .insert(bucket.to_owned(), region.to_owned())
            .as_deref()
            != Some(region)
    }

    /// Reads an object of at most `limit` bytes into memory: by ranges side by side, pinned to one
    /// version by its entity tag, and checked for length and, where the entity tag is an MD5
    /// digest, for content.
    ///
    /// # Errors
    /// [`ObjectError`], which tells whether the same may work later.
    pub async fn get(
        &self,
        object: &S3Url,
        request_payer: bool,
        limit: u64,
    ) -> Result<Object, ObjectError> {
        let mut attempts = Attempts::new(READ_TRIES, FIRST_WAIT);
        loop {
            match self.get_once(object, request_payer, limit).await {
                Err(error @ (ObjectError::Damaged { .. } | ObjectError::Replaced { .. })) => {
                    tracing::warn!(%object, %error, "what arrived is not what is stored; reading it again");
                    if !attempts.again().await {
                        return Err(error);
                    }
                }
                other => return other,
            }
        }
    }

    async fn get_once(
        &self,
        object: &S3Url,
        request_payer: bool,
        limit: u64,
    ) -> Result<Object, ObjectError> {
        let options = ReadOptions {
            request_payer,
            limit,
            window: RANGES_AT_ONCE * RANGE,
        };
        let reader = ObjectReader::open(self, object, options).await?;
        let bytes = reader.read(0..reader.len()).await?;
        reader.verify().await?;
        Ok(Object {
            bytes,
            etag: reader.etag().to_owned(),
        })
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
                Some(ListedObject {
                    url,
                    bytes: u64::try_from(object.size().unwrap_or(0)).unwrap_or(0),
                })
            }));
            token = page.next_continuation_token().map(str::to_owned);
            if token.is_none() || listed.len() >= most {
                listed.truncate(most);
                return Ok(listed);
            }
        }
    }
}

pub(crate) fn call_error<E>(
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::canned::s3::{error, range, store};
    use crate::aws::s3::get::reader::hex;
    use md5::{Digest as _, Md5};

    fn url() -> S3Url {
        "s3://scenes/B02.jp2".parse().unwrap()
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
        assert!(
            requests
                .iter()
                .all(|asked| asked.header("x-amz-request-payer") == "requester")
        );
        assert!(
            requests[1..]
                .iter()
                .all(|asked| asked.header("if-match") == "\"multipart-3\"")
        );
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
        let (store, _) =
            store(|_, asked| range(b"bruised", asked, "00000000000000000000000000000000"));
        let error = store.get(&url(), false, 100).await.unwrap_err();
        assert!(
            error.is_retryable() && error.code() == "damaged_transfer",
            "{error}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_bucket_elsewhere_is_asked_in_its_own_region() {
        let (store, log) = store(|_, asked| {
            if asked.header("authorization").contains("/eu-central-1/") {
                range(b"bytes", asked, "x")
            } else {
                error(
                    301,
                    "PermanentRedirect",
                    vec![("x-amz-bucket-region", "eu-central-1".to_owned())],
                )
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
        assert_eq!(
            (error.to_string().as_str(), error.code()),
            (words, "missing_object")
        );
        let (empty, _) = store(|_, _| self::error(416, "InvalidRange", vec![]));
        assert!(empty.get(&url(), true, 100).await.unwrap().bytes.is_empty());
        let (large, _) = store(|_, asked| range(&[0; 101], asked, "x"));
        assert_eq!(
            large.get(&url(), true, 100).await.unwrap_err().code(),
            "too_large"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_listing_goes_on_to_the_last_page() {
        let (store, _) = store(|n, _| {
            let more = if n == 0 {
                "<NextContinuationToken>t</NextContinuationToken>"
            } else {
                ""
            };
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
