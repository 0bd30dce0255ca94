//! Sending a request to the region of its bucket.
//!
//! A bucket answers in its own region only, and a scene bucket's region is seldom the fleet's. S3
//! answers a request that arrives elsewhere with a redirect or, in regions that were launched after
//! March 20, 2019, with status 400 (S3 user guide, "Request redirection and the REST API"). Either
//! answer usually names the right region; `HeadBucket` always does.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Builder, Region, StalledStreamProtectionConfig};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::aws::error::AwsError;
use crate::aws::retry::partition;
use crate::aws::timeouts;
use crate::domain::S3Url;

/// Times that a request is sent on to another region. One is the rule; a bucket that was deleted
/// and created elsewhere may take two.
const MAX_HOPS: u32 = 3;
/// The header that names the region of a bucket.
const REGION_HEADER: &str = "x-amz-bucket-region";

/// The client of one region.
#[derive(Debug, Clone)]
pub(super) struct RegionalClient {
    /// The client.
    pub(super) client: Client,
    /// `None` if the configuration names no region.
    region: Option<String>,
}

/// Where the bucket of a failed request is, as far as S3 says.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// Where the request went.
    Here,
    /// In this region.
    In(String),
    /// Elsewhere; S3 did not say where.
    Unknown,
}

/// One client per region, and what S3 has said of the regions of buckets. Clones share both.
#[derive(Debug, Clone)]
pub(super) struct Regions {
    /// Shared: it has kilobytes, and every upload has its store.
    config: Arc<Builder>,
    /// The fleet's own region.
    own: Option<String>,
    clients: Arc<Mutex<HashMap<Option<String>, Client>>>,
    /// By bucket, only in S3's own words. What a cell says of its bucket can be wrong, and would
    /// then fail the cells of others.
    learned: Arc<Mutex<HashMap<String, String>>>,
}

impl Regions {
    pub(super) fn new(config: Builder) -> Self {
        let own = config.clone().build().region().map(ToString::to_string);
        Self {
            config: Arc::new(config),
            own,
            clients: Arc::default(),
            learned: Arc::default(),
        }
    }

    /// Sends a request of `operation` on `object`, which `request` makes, to the region of its
    /// bucket. Returns the response and the client that got it.
    ///
    /// While S3 has said nothing of the bucket, the first guess is `hint`, or the fleet's own
    /// region.
    ///
    /// # Errors
    /// [`AwsError`] when the request fails. If it failed because of its region, that is its kind.
    pub(super) async fn send<T, E, F>(
        &self,
        operation: &'static str,
        object: &S3Url,
        hint: Option<&str>,
        request: impl Fn(&Client) -> F,
    ) -> Result<(T, RegionalClient), AwsError>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: Error + ProvideErrorMetadata + 'static,
    {
        // Boxed: the SDK's futures have kilobytes, which every caller would carry along.
        Box::pin(self.follow(operation, object, hint, request)).await
    }

    async fn follow<T, E, F>(
        &self,
        operation: &'static str,
        object: &S3Url,
        hint: Option<&str>,
        request: impl Fn(&Client) -> F,
    ) -> Result<(T, RegionalClient), AwsError>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: Error + ProvideErrorMetadata + 'static,
    {
        let bucket = object.bucket();
        let mut client = self.client(bucket, hint);
        let mut hops = 0;
        loop {
            // Send the request. A failure may say where the bucket is.
            let (failure, mut place) = match request(&client.client).await {
                Ok(response) => return Ok((response, client)),
                Err(error) => (
                    AwsError::new("s3", operation, &object.to_string(), &error),
                    client.place(&error),
                ),
            };
            // If it may be the region's and names none, ask for it.
            if place == Place::Unknown {
                let said = client.ask(bucket).await;
                // A bare 400 may have another cause.
                if said != Place::Here || failure.code().is_none() {
                    place = said;
                }
            }
            // Follow to the region that S3 names.
            match place {
                Place::Here => return Err(failure),
                Place::In(region) => {
                    let failed = failure.in_wrong_region(client.region.as_deref());
                    self.learn(bucket, &region);
                    if hops == MAX_HOPS {
                        return Err(failed);
                    }
                    hops += 1;
                    client = self.client_in(Some(region));
                }
                Place::Unknown => {
                    return Err(failure.in_wrong_region(client.region.as_deref()));
                }
            }
        }
    }

    /// The error of a request that only `client` can send, such as one of an upload that it has
    /// begun. What it says of the bucket's region counts for later requests.
    pub(super) fn failure<E>(
        &self,
        operation: &'static str,
        object: &S3Url,
        client: &RegionalClient,
        error: &SdkError<E, HttpResponse>,
    ) -> AwsError
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        let failure = AwsError::new("s3", operation, &object.to_string(), error);
        match client.place(error) {
            Place::In(region) => {
                self.learn(object.bucket(), &region);
                failure.in_wrong_region(client.region.as_deref())
            }
            Place::Here | Place::Unknown => failure,
        }
    }

    /// The client for the first attempt of a request.
    fn client(&self, bucket: &str, hint: Option<&str>) -> RegionalClient {
        let learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        let region = learned.get(bucket).cloned();
        drop(learned);
        self.client_in(
            region
                .or_else(|| hint.map(str::to_owned))
                .or_else(|| self.own.clone()),
        )
    }

    fn client_in(&self, region: Option<String>) -> RegionalClient {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let client = clients.entry(region.clone()).or_insert_with_key(|region| {
            let name = region.as_deref().unwrap_or_default();
            let config = self.config.as_ref().clone();
            let mut config = config
                .timeout_config(timeouts::object())
                // Our own limits take its place: it gives up a body that gets no share of a busy
                // link for 5 s.
                .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
                .retry_partition(partition(format!("s3 {name}")));
            if let Some(region) = region {
                config = config.region(Region::new(region.clone()));
            }
            Client::from_conf(config.build())
        });
        RegionalClient {
            client: client.clone(),
            region,
        }
    }

    fn learn(&self, bucket: &str, region: &str) {
        let mut learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        learned.insert(bucket.to_owned(), region.to_owned());
    }
}

impl RegionalClient {
    /// Where the bucket of a request is that this client sent in vain.
    fn place<E: ProvideErrorMetadata>(&self, error: &SdkError<E, HttpResponse>) -> Place {
        let Some(response) = error.raw_response() else {
            return Place::Here;
        };
        if let Some(region) = named_region(response) {
            return self.place_of(region);
        }
        let status = response.status().as_u16();
        let code = error.code();
        // The answer to HEAD has no body, so that it is a bare 400 without a code.
        let is_of_region = matches!(status, 301 | 302 | 307 | 308)
            || matches!(
                code,
                Some("AuthorizationHeaderMalformed" | "IllegalLocationConstraintException")
            )
            || (status == 400 && code.is_none());
        if is_of_region {
            Place::Unknown
        } else {
            Place::Here
        }
    }

    fn place_of(&self, named: &str) -> Place {
        if self.region.as_deref() == Some(named) {
            Place::Here
        } else {
            Place::In(named.to_owned())
        }
    }

    /// Asks S3 where a bucket is. The answer names the region whatever its status is (S3 API
    /// reference, `HeadBucket`).
    async fn ask(&self, bucket: &str) -> Place {
        let region = match self.client.head_bucket().bucket(bucket).send().await {
            Ok(head) => head.bucket_region().map(str::to_owned),
            Err(error) => error
                .raw_response()
                .and_then(named_region)
                .map(str::to_owned),
        };
        region.map_or(Place::Unknown, |region| self.place_of(&region))
    }
}

/// The region that a response names, in its header or in the body of an
/// `AuthorizationHeaderMalformed`.
fn named_region(response: &HttpResponse) -> Option<&str> {
    let in_body = || {
        let body = std::str::from_utf8(response.body().bytes()?).ok()?;
        let (_, rest) = body.split_once("<Region>")?;
        Some(rest.split_once("</Region>")?.0)
    };
    let is_region = |name: &&str| {
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    response
        .headers()
        .get(REGION_HEADER)
        .or_else(in_body)
        .filter(is_region)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::AwsErrorKind;
    use crate::aws::canned::{Log, Request, Response};
    use crate::aws::s3::canned::{bounds, count, error, range, region, store, uploads};
    use crate::aws::s3::{Existing, HeaderLastUpload, ObjectStore, Stored, Upload};

    /// How S3 answers a request that arrives in the wrong region.
    type Wrong = fn(&Request) -> Response;

    /// A redirect that names the region.
    fn redirect(_: &Request) -> Response {
        let headers = vec![(REGION_HEADER, "eu-central-1".to_owned())];
        error(301, "PermanentRedirect", headers)
    }

    /// A 400 whose body names the region.
    fn malformed(_: &Request) -> Response {
        let body = "<Error><Code>AuthorizationHeaderMalformed</Code><Message>the region is wrong</Message>\
                    <Region>eu-central-1</Region></Error>";
        (400, vec![], body.as_bytes().to_vec())
    }

    /// A 400 that names the region only to `HeadBucket`.
    fn bare(request: &Request) -> Response {
        let is_head_bucket = request.method == "HEAD" && !request.uri.contains(".tif");
        let headers = is_head_bucket.then(|| (REGION_HEADER, "eu-central-1".to_owned()));
        (400, headers.into_iter().collect(), vec![])
    }

    /// A redirect that names the region only to `HeadBucket`.
    fn nameless(request: &Request) -> Response {
        if request.method == "HEAD" {
            return bare(request);
        }
        error(400, "IllegalLocationConstraintException", vec![])
    }

    const ALL: [Wrong; 4] = [redirect, malformed, bare, nameless];

    /// A store whose buckets are in eu-central-1, while the fleet is in eu-west-1.
    fn far(wrong: Wrong) -> (ObjectStore, Log) {
        store(move |_, request| {
            if region(request) != "eu-central-1" {
                return wrong(request);
            }
            match request.method.as_str() {
                "GET" if request.uri.contains("list-type") => (
                    200,
                    vec![],
                    b"<ListBucketResult><Contents><Key>a.tif</Key><Size>7</Size></Contents></ListBucketResult>"
                        .to_vec(),
                ),
                "GET" => {
                    bounds(request);
                    range(b"content", request, "tag")
                }
                "HEAD" => (200, vec![("content-length", "7".to_owned())], vec![]),
                _ => uploads(request),
            }
        })
    }

    fn object() -> S3Url {
        "s3://scenes/a.tif".parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn every_call_goes_again_to_the_region_of_its_bucket() {
        for wrong in ALL {
            let get = async |store: &ObjectStore| {
                assert_eq!(
                    store.get(&object(), false, 100).await.unwrap().bytes,
                    "content"
                );
            };
            let (store, log) = far(wrong);
            get(&store).await;
            let first = log.requests().len();
            get(&store).await;
            assert_eq!(log.requests().len(), first + 1, "the region is remembered");

            let (store, _) = far(wrong);
            assert_eq!(store.list(&object(), false, 10).await.unwrap().len(), 1);
            let (store, _) = far(wrong);
            assert_eq!(store.head(&object(), None).await.unwrap().unwrap().bytes, 7);
            for bytes in [7, 11 << 20] {
                let (store, log) = far(wrong);
                let mut upload =
                    Upload::begin(&store, &object(), None, "image/tiff", Existing::Replace);
                upload.write(&vec![7; bytes]).await.unwrap();
                assert!(matches!(upload.finish().await.unwrap(), Stored::New { .. }));
                let begun = log
                    .requests()
                    .iter()
                    .filter(|request| request.uri.contains("uploads"))
                    .count();
                assert!(begun <= 2, "parts go where the upload was begun");
            }
            let (store, log) = far(wrong);
            Upload::probe(&store, &object()).await.unwrap();
            assert_eq!(count(&log, "DELETE"), 1);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn requests_side_by_side_all_find_the_region() {
        for wrong in ALL {
            let (store, _) = far(wrong);
            let object = object();
            let bands = (0..3).map(|_| store.get(&object, false, 100));
            for band in futures::future::join_all(bands).await {
                assert_eq!(band.unwrap().bytes, "content");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_wrong_hint_fails_neither_its_own_request_nor_others() {
        for wrong in ALL {
            let (store, log) = far(wrong);
            let read = async |hint: Option<&str>| store.head(&object(), hint).await.unwrap();
            read(Some("ap-south-1")).await.unwrap();
            let first = log.requests().len();
            read(None).await.unwrap();
            read(Some("ap-south-1")).await.unwrap();
            assert_eq!(
                log.requests().len(),
                first + 2,
                "what S3 said outranks every hint"
            );
        }
        // A hint that S3 has nothing to say of does not outlive its request.
        let (store, log) = store(|_, _| (200, vec![], vec![]));
        store.head(&object(), Some("ap-south-1")).await.unwrap();
        store.head(&object(), None).await.unwrap();
        let regions: Vec<String> = log.requests().iter().map(region).collect();
        assert_eq!(regions, ["ap-south-1", "eu-west-1"]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_upload_stays_with_the_region_in_which_it_began() {
        let (store, log) = store(|_, request| uploads(request));
        let mut upload =
            HeaderLastUpload::begin(&store, &object(), Some("ap-south-1"), "image/tiff");
        upload.write(vec![7; 30 << 20].into()).await.unwrap();
        // Meanwhile S3 says something else of the bucket.
        store.regions.learn("scenes", "eu-central-1");
        upload.finish_with_header(vec![]).await.unwrap();
        assert!(log.requests().len() > 4);
        assert!(
            log.requests()
                .iter()
                .all(|request| region(request) == "ap-south-1")
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_without_a_region_to_go_to_is_the_regions_failure() {
        // Every region names the next one.
        let (circle, log) = store(|n, _| {
            let headers = vec![(REGION_HEADER, format!("eu-north-{n}"))];
            error(301, "PermanentRedirect", headers)
        });
        let failed = circle.head(&object(), None).await.unwrap_err();
        assert_eq!(failed.kind(), AwsErrorKind::WrongRegion);
        assert!(failed.is_retryable(), "{failed}");
        assert_eq!(log.requests().len(), 4, "hops are bounded");

        // Nobody names one.
        let (silent, _) = store(|_, _| (400, vec![], vec![]));
        let failed = silent.get(&object(), true, 100).await.unwrap_err();
        assert_eq!(
            failed.to_string(),
            "s3 GetObject on s3://scenes/a.tif went to region eu-west-1, where S3 does not have the bucket \
             (no code: http status 400), and S3 named no other that has it; check region_name and AWS_REGION"
        );
        assert!(failed.is_retryable());
        assert_eq!(failed.code(), "wrong_region");
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_from_the_right_region_is_not_sent_again() {
        let (store, log) = store(|_, _| {
            let headers = vec![(REGION_HEADER, "eu-west-1".to_owned())];
            error(403, "AccessDenied", headers)
        });
        let denied = store.get(&object(), true, 100).await.unwrap_err();
        assert_eq!(denied.code(), "access_denied");
        assert_eq!(log.requests().len(), 1);
    }
}
