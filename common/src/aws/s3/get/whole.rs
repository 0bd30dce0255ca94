//! Reading an object into memory.

use bytes::Bytes;

use super::range::{FIRST_DELAY, RANGE, READ_ATTEMPTS};
use super::reader::{ObjectReader, ReadOptions};
use crate::aws::retry::RetryBudget;
use crate::aws::s3::error::ObjectError;
use crate::aws::s3::store::ObjectStore;
use crate::domain::S3Url;

/// Ranges of an object that are requested at a time.
const MAX_RANGES_IN_FLIGHT: u64 = 8;

/// An object in memory.
#[derive(Debug, Clone)]
pub struct Object {
    /// Its content.
    pub bytes: Bytes,
    /// Its entity tag.
    pub etag: String,
}

impl ObjectStore {
    /// Reads an object of at most `limit` bytes into memory.
    ///
    /// Ranges of 8 MiB are read side by side. The entity tag pins them to one version. The length
    /// is checked and, where the entity tag is an MD5 digest, so is the content.
    ///
    /// # Errors
    /// [`ObjectError`]; [`ObjectError::is_retryable`] says whether the same read may succeed later.
    pub async fn get(
        &self,
        object: &S3Url,
        request_payer: bool,
        limit: u64,
    ) -> Result<Object, ObjectError> {
        let mut retries = RetryBudget::new(READ_ATTEMPTS, FIRST_DELAY);
        loop {
            match self.get_once(object, request_payer, limit).await {
                Err(error @ (ObjectError::Damaged { .. } | ObjectError::Replaced { .. })) => {
                    let Some(delay) = retries.next_delay() else {
                        return Err(error);
                    };
                    tracing::warn!(%object, %error, "an object did not arrive as it is stored; reading it again");
                    tokio::time::sleep(delay).await;
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
            window: MAX_RANGES_IN_FLIGHT * RANGE,
        };
        let reader = ObjectReader::open(self, object, options).await?;
        let bytes = reader.read(0..reader.len()).await?;
        reader.verify().await?;
        Ok(Object {
            bytes,
            etag: reader.etag().to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use md5::{Digest as _, Md5};

    use super::*;
    use crate::aws::canned::Answer;
    use crate::aws::s3::canned::{error, range, store};
    use crate::hex;

    fn url() -> S3Url {
        "s3://scenes/B02.jp2".parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_large_object_is_read_by_ranges_of_one_version_and_put_together() {
        let whole: Vec<u8> = (0..20_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
        let served = whole.clone();
        let (store, log) = store(move |_, request| range(&served, request, "multipart-3"));
        let object = store.get(&url(), true, 1 << 30).await.unwrap();
        assert!(object.bytes == whole);
        let requests = log.requests();
        assert_eq!(requests.len(), 3);
        assert!(
            requests
                .iter()
                .all(|request| request.header("x-amz-request-payer") == "requester")
        );
        assert!(
            requests[1..]
                .iter()
                .all(|request| request.header("if-match") == "\"multipart-3\"")
        );
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_that_do_not_match_the_entity_tag_are_read_again() {
        let etag = hex::encode(&Md5::digest(b"sound"));
        let (store, log) = store(move |n, request| {
            range(if n == 0 { b"bruis" } else { b"sound" }, request, &etag)
        });
        assert_eq!(store.get(&url(), false, 100).await.unwrap().bytes, "sound");
        assert_eq!(log.requests().len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_without_an_answer_and_a_body_that_stops_are_sent_again() {
        let (store, log) = store(|n, request| match n {
            0 => Answer::Silence,
            1 => Answer::Half(range(b"sound", request, "x")),
            _ => range(b"sound", request, "x").into(),
        });
        assert_eq!(store.get(&url(), false, 100).await.unwrap().bytes, "sound");
        assert_eq!(log.requests().len(), 3);
        let (stopped, _) = self::store(|_, request| Answer::Half(range(b"sound", request, "x")));
        let error = stopped.get(&url(), false, 100).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "s3://scenes/B02.jp2 did not arrive whole (no byte in 20 s); try again later"
        );
        assert!(error.is_retryable());
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_that_never_match_are_a_retryable_error() {
        let (store, _) =
            store(|_, request| range(b"bruised", request, "00000000000000000000000000000000"));
        let error = store.get(&url(), false, 100).await.unwrap_err();
        assert!(
            error.is_retryable() && error.code() == "damaged_transfer",
            "{error}"
        );
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
    async fn missing_empty_and_too_large_objects_are_distinguished() {
        let (missing, _) = store(|_, _| error(404, "NoSuchKey", vec![]));
        let error = missing.get(&url(), true, 100).await.unwrap_err();
        let message = "bucket or object s3://scenes/B02.jp2 does not exist (NoSuchKey); check the address and AWS_REGION";
        assert_eq!(
            (error.to_string().as_str(), error.code()),
            (message, "missing_object")
        );
        let (empty, _) = store(|_, _| self::error(416, "InvalidRange", vec![]));
        assert!(empty.get(&url(), true, 100).await.unwrap().bytes.is_empty());
        let (large, _) = store(|_, request| range(&[0; 101], request, "x"));
        assert_eq!(
            large.get(&url(), true, 100).await.unwrap_err().code(),
            "too_large"
        );
    }
}
