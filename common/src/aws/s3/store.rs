//! The store of all objects, in whatever region their bucket is.

use aws_sdk_s3::types::RequestPayer;

use super::error::ObjectError;
use super::regions::Regions;
use crate::domain::S3Url;

/// An object as a listing describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedObject {
    /// Its address.
    pub url: S3Url,
    /// Its length in bytes.
    pub bytes: u64,
}

/// S3, with one client per region. Clones share clients and what they know of the regions of
/// buckets.
#[derive(Debug, Clone)]
pub struct ObjectStore {
    pub(super) regions: Regions,
}

impl ObjectStore {
    pub(crate) fn new(config: aws_sdk_s3::config::Builder) -> Self {
        Self {
            regions: Regions::new(config),
        }
    }

    /// Lists at most `limit` objects whose key begins with the key of `prefix`, in the order of
    /// their keys.
    ///
    /// # Errors
    /// [`ObjectError`] when the call fails.
    pub async fn list(
        &self,
        prefix: &S3Url,
        request_payer: bool,
        limit: usize,
    ) -> Result<Vec<ListedObject>, ObjectError> {
        let bucket = prefix.bucket();
        let (mut listed, mut token): (_, Option<String>) = (vec![], None);
        loop {
            // A token is of the bucket, not of a region.
            let sent = self.regions.send("ListBucket", prefix, None, |client| {
                client
                    .list_objects_v2()
                    .bucket(bucket)
                    .prefix(prefix.key())
                    .max_keys(i32::try_from(limit).unwrap_or(1000))
                    .set_continuation_token(token.clone())
                    .set_request_payer(request_payer.then_some(RequestPayer::Requester))
                    .send()
            });
            let (page, _) = sent
                .await
                .map_err(|error| ObjectError::of_call(error, request_payer))?;
            listed.extend(page.contents().iter().filter_map(|object| {
                let url = S3Url::new(bucket, object.key()?).ok()?;
                Some(ListedObject {
                    url,
                    bytes: u64::try_from(object.size().unwrap_or(0)).unwrap_or(0),
                })
            }));
            token = page.next_continuation_token().map(str::to_owned);
            if token.is_none() || listed.len() >= limit {
                listed.truncate(limit);
                return Ok(listed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::s3::canned::store;

    fn keys(listed: &[ListedObject]) -> Vec<&str> {
        listed.iter().map(|object| object.url.key()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_listing_goes_on_to_the_last_page() {
        let (store, _) = store(|n, _| page(n, n == 0));
        let listed = store.list(&prefix(), false, 10).await.unwrap();
        assert_eq!(keys(&listed), ["0.jp2", "1.jp2"]);
    }

    fn prefix() -> S3Url {
        "s3://scenes/tiles/".parse().unwrap()
    }

    /// A page of a listing with one object, `{n}.jp2`.
    fn page(n: usize, more: bool) -> crate::aws::canned::Response {
        let more = if more {
            "<NextContinuationToken>t</NextContinuationToken>"
        } else {
            ""
        };
        let xml = format!(
            "<ListBucketResult><Contents><Key>{n}.jp2</Key><Size>7</Size></Contents>{more}</ListBucketResult>"
        );
        (200, vec![], xml.into_bytes())
    }
}
