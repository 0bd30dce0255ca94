//! Clients whose requests never leave the process: a function answers them.

use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::http::{Headers, StatusCode};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use bytes::Bytes;

/// A request, as the answering function sees it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) uri: String,
    pub(crate) headers: Headers,
    pub(crate) body: String,
    /// The same, where it need not be text.
    pub(crate) bytes: Bytes,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_default()
    }
}

/// An answer: status, headers, body.
pub(crate) type Answer = (u16, Vec<(&'static str, String)>, Vec<u8>);

/// An answer that is JSON.
pub(crate) fn json(status: u16, body: &serde_json::Value) -> Answer {
    (
        status,
        vec![("content-type", "application/x-amz-json-1.0".to_owned())],
        body.to_string().into_bytes(),
    )
}

/// The requests that were made, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<Asked>>>);

impl Log {
    pub(crate) fn requests(&self) -> Vec<Asked> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Answers requests in place of a network.
struct Canned<F> {
    answer: Arc<F>,
    log: Log,
}

impl<F> std::fmt::Debug for Canned<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Canned")
    }
}

impl<F: Fn(usize, &Asked) -> Answer + Send + Sync + 'static> HttpConnector for Canned<F> {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let (log, answer) = (self.log.clone(), Arc::clone(&self.answer));
        HttpConnectorFuture::new(async move {
            let body = std::mem::replace(request.body_mut(), SdkBody::empty());
            let bytes = ByteStream::new(body).collect().await.unwrap().into_bytes();
            let asked = Asked {
                method: request.method().to_owned(),
                uri: request.uri().to_owned(),
                headers: request.headers().clone(),
                body: String::from_utf8_lossy(&bytes).into_owned(),
                bytes,
            };
            let mut log = log.0.lock().unwrap_or_else(PoisonError::into_inner);
            let (status, headers, body) = answer(log.len(), &asked);
            log.push(asked);
            let mut response =
                HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body));
            for (name, value) in headers {
                response.headers_mut().insert(name, value);
            }
            Ok(response)
        })
    }
}

/// An HTTP client that asks `answer`, with the number of requests before this one.
pub(crate) fn client(
    answer: impl Fn(usize, &Asked) -> Answer + Send + Sync + 'static,
) -> (SharedHttpClient, Log) {
    let log = Log::default();
    let connector = SharedHttpConnector::new(Canned {
        answer: Arc::new(answer),
        log: log.clone(),
    });
    (http_client_fn(move |_, _| connector.clone()), log)
}

/// The configuration that all canned clients share.
macro_rules! config {
    ($sdk:ident, $client:expr) => {
        $sdk::Config::builder()
            .behavior_version($sdk::config::BehaviorVersion::latest())
            .region($sdk::config::Region::new("eu-west-1"))
            .credentials_provider($sdk::config::Credentials::new(
                "key", "secret", None, None, "canned",
            ))
            .http_client($client)
    };
}
pub(crate) use config;

/// S3, as far as tests of several modules play it.
pub(crate) mod s3 {
    use super::{Answer, Asked, Log, client};
    use crate::aws::ObjectStore;

    pub(crate) fn store(
        answer: impl Fn(usize, &Asked) -> Answer + Send + Sync + 'static,
    ) -> (ObjectStore, Log) {
        let (client, log) = client(answer);
        (
            ObjectStore::new(
                crate::aws::canned::config!(aws_sdk_s3, client).force_path_style(true),
            ),
            log,
        )
    }

    /// First and last byte that a request asks for.
    pub(crate) fn bounds(asked: &Asked) -> (usize, usize) {
        let bounds = asked
            .header("range")
            .trim_start_matches("bytes=")
            .to_owned();
        let (start, end) = bounds.split_once('-').unwrap();
        (start.parse().unwrap(), end.parse().unwrap())
    }

    /// The part of `whole` that the request's range asks for, tagged with `etag`.
    pub(crate) fn range(whole: &[u8], asked: &Asked, etag: &str) -> Answer {
        let (start, end) = bounds(asked);
        let end = end.min(whole.len() - 1);
        let headers = vec![
            ("etag", format!("\"{etag}\"")),
            (
                "content-range",
                format!("bytes {start}-{end}/{}", whole.len()),
            ),
            ("content-length", (end + 1 - start).to_string()),
        ];
        (206, headers, whole[start..=end].to_vec())
    }

    pub(crate) fn error(status: u16, code: &str, headers: Vec<(&'static str, String)>) -> Answer {
        (
            status,
            headers,
            format!("<Error><Code>{code}</Code><Message>words</Message></Error>").into_bytes(),
        )
    }

    /// What a multipart upload is answered.
    pub(crate) fn uploads(asked: &Asked) -> Answer {
        let tag = vec![("etag", "\"tag\"".to_owned())];
        let xml = |text: &str| (200, vec![], text.as_bytes().to_vec());
        match (
            asked.method.as_str(),
            asked.uri.contains("uploadId"),
            asked.uri.contains("uploads"),
        ) {
            ("POST", false, true) => xml(
                "<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>",
            ),
            ("POST", true, _) => xml(
                "<CompleteMultipartUploadResult><ETag>\"whole\"</ETag></CompleteMultipartUploadResult>",
            ),
            ("DELETE", ..) => (204, vec![], vec![]),
            _ => (200, tag, vec![]),
        }
    }

    /// The part number of a request, if it brings a part.
    pub(crate) fn part_number(asked: &Asked) -> Option<u32> {
        let rest = asked.uri.split_once("partNumber=")?.1;
        rest.split('&').next()?.parse().ok()
    }

    pub(crate) fn count(log: &Log, method: &str) -> usize {
        log.requests()
            .iter()
            .filter(|asked| asked.method == method)
            .count()
    }
}
