//! The store of all objects, in whatever region their bucket is.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_s3::config::Region;
use aws_sdk_s3::types::RequestPayer;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;

use super::error::ObjectError;
use crate::domain::S3Url;

/// An object as a listing describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedObject {
    /// Its address.
    pub url: S3Url,
    /// Its length in bytes.
    pub bytes: u64,
}

/// S3, with one client per region.
///
/// A bucket answers in its own region only, and a scene bucket's region is seldom the fleet's. S3
/// answers a request to the wrong region with the right one (S3 user guide, "Request
/// redirection"). The store remembers it and sends the request again.
///
/// Clones share clients and regions.
#[derive(Debug, Clone)]
pub struct ObjectStore {
    config: aws_sdk_s3::config::Builder,
    /// By region; `None` is the region of `config`.
    clients: Arc<Mutex<HashMap<Option<String>, aws_sdk_s3::Client>>>,
    /// The known regions, by bucket.
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

    /// The client for the region of `bucket`, or for the fleet's own while that is unknown.
    pub(super) fn client(&self, bucket: &str) -> aws_sdk_s3::Client {
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

    /// Remembers that `bucket` is in `region`; `None` is the fleet's own region.
    pub(super) fn set_region(&self, bucket: &str, region: Option<&str>) {
        if let Some(region) = region {
            let mut regions = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
            regions.insert(bucket.to_owned(), region.to_owned());
        }
    }

    /// Learns the region of `bucket` from an error that names it. `true` means that the region is
    /// new, so that the request is worth another attempt.
    pub(super) fn learn_region<E>(&self, bucket: &str, error: &SdkError<E, HttpResponse>) -> bool {
        let Some(region) = error
            .raw_response()
            .and_then(|response| response.headers().get("x-amz-bucket-region"))
        else {
            return false;
        };
        let mut regions = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
        regions
            .insert(bucket.to_owned(), region.to_owned())
            .as_deref()
            != Some(region)
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
        let (mut listed, mut token) = (vec![], None);
        loop {
            let request = self
                .client(bucket)
                .list_objects_v2()
                .bucket(bucket)
                .prefix(prefix.key())
                .max_keys(i32::try_from(limit).unwrap_or(1000))
                .set_continuation_token(token)
                .set_request_payer(request_payer.then_some(RequestPayer::Requester));
            let page = match request.send().await {
                Ok(page) => page,
                // In another region the listing starts again.
                Err(error) if self.learn_region(bucket, &error) => {
                    token = None;
                    listed.clear();
                    continue;
                }
                Err(error) => {
                    return Err(ObjectError::from_sdk_error(
                        "ListBucket",
                        prefix,
                        request_payer,
                        &error,
                    ));
                }
            };
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
    use crate::aws::s3::canned::{error, store};

    fn keys(listed: &[ListedObject]) -> Vec<&str> {
        listed.iter().map(|object| object.url.key()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_listing_goes_on_to_the_last_page() {
        let (store, _) = store(|n, _| page(n, n == 0));
        let listed = store.list(&prefix(), false, 10).await.unwrap();
        assert_eq!(keys(&listed), ["0.jp2", "1.jp2"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_goes_again_to_the_region_that_s3_names() {
        let (store, log) = store(|n, request| {
            if request.header("authorization").contains("/eu-central-1/") {
                page(n, false)
            } else {
                error(
                    301,
                    "PermanentRedirect",
                    vec![("x-amz-bucket-region", "eu-central-1".to_owned())],
                )
            }
        });
        let listed = store.list(&prefix(), true, 10).await.unwrap();
        assert_eq!(keys(&listed), ["1.jp2"]);
        store.list(&prefix(), true, 10).await.unwrap();
        assert_eq!(log.requests().len(), 3, "the region is remembered");
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
