//! Clients whose requests never leave the process: a function answers them.

use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::http::{Headers, StatusCode};
use aws_smithy_types::body::SdkBody;

/// A request, as the answering function sees it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) uri: String,
    pub(crate) headers: Headers,
    pub(crate) body: String,
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
    (status, vec![("content-type", "application/x-amz-json-1.0".to_owned())], body.to_string().into_bytes())
}

/// The requests that were made, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<Asked>>>);

impl Log {
    pub(crate) fn requests(&self) -> Vec<Asked> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Answers requests in place of a network.
struct Canned<F> {
    answer: F,
    log: Log,
}

impl<F> std::fmt::Debug for Canned<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Canned")
    }
}

impl<F: Fn(usize, &Asked) -> Answer + Send + Sync> HttpConnector for Canned<F> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let asked = Asked {
            method: request.method().to_owned(),
            uri: request.uri().to_owned(),
            headers: request.headers().clone(),
            body: String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into_owned(),
        };
        let mut log = self.log.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (status, headers, body) = (self.answer)(log.len(), &asked);
        log.push(asked);
        let mut response = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body));
        for (name, value) in headers {
            response.headers_mut().insert(name, value);
        }
        HttpConnectorFuture::ready(Ok(response))
    }
}

/// An HTTP client that asks `answer`, with the number of requests before this one.
pub(crate) fn client(
    answer: impl Fn(usize, &Asked) -> Answer + Send + Sync + 'static,
) -> (SharedHttpClient, Log) {
    let log = Log::default();
    let connector = SharedHttpConnector::new(Canned { answer, log: log.clone() });
    (http_client_fn(move |_, _| connector.clone()), log)
}

/// The configuration that all canned clients share.
macro_rules! config {
    ($sdk:ident, $client:expr) => {
        $sdk::Config::builder()
            .behavior_version($sdk::config::BehaviorVersion::latest())
            .region($sdk::config::Region::new("eu-west-1"))
            .credentials_provider($sdk::config::Credentials::new("key", "secret", None, None, "canned"))
            .http_client($client)
    };
}
pub(crate) use config;
