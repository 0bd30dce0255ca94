//! Clients for tests, whose requests never leave the process: a function makes the responses.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::http::{Headers, StatusCode};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use bytes::Bytes;
use http_body::Frame;

/// A request, as the responding function sees it.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) uri: String,
    pub(crate) headers: Headers,
    pub(crate) body: String,
    /// The body when it is not text.
    pub(crate) bytes: Bytes,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_default()
    }
}

/// A response: status, headers, body.
pub(crate) type Response = (u16, Vec<(&'static str, String)>, Vec<u8>);

/// What comes back of a request.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The response.
    Whole(Response),
    /// Nothing, for ever.
    Silence,
    /// The response up to the middle of its body, and then nothing.
    Half(Response),
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        Self::Whole(response)
    }
}

/// A body that stops, but does not end, behind these bytes.
struct Stalled(Option<Bytes>);

impl http_body::Body for Stalled {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.0.take() {
            Some(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            None => Poll::Pending,
        }
    }
}

/// A response of JSON.
pub(crate) fn json(status: u16, body: &serde_json::Value) -> Response {
    (
        status,
        vec![("content-type", "application/x-amz-json-1.0".to_owned())],
        body.to_string().into_bytes(),
    )
}

/// The requests so far, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<Request>>>);

impl Log {
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Responds to requests in place of a network.
struct Canned<F> {
    respond: Arc<F>,
    log: Log,
}

impl<F> std::fmt::Debug for Canned<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Canned")
    }
}

impl<A, F> HttpConnector for Canned<F>
where
    A: Into<Answer>,
    F: Fn(usize, &Request) -> A + Send + Sync + 'static,
{
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let (log, respond) = (self.log.clone(), Arc::clone(&self.respond));
        HttpConnectorFuture::new(async move {
            let body = std::mem::replace(request.body_mut(), SdkBody::empty());
            let bytes = ByteStream::new(body).collect().await.unwrap().into_bytes();
            let request = Request {
                method: request.method().to_owned(),
                uri: request.uri().to_owned(),
                headers: request.headers().clone(),
                body: String::from_utf8_lossy(&bytes).into_owned(),
                bytes,
            };
            let answer = {
                let mut log = log.0.lock().unwrap_or_else(PoisonError::into_inner);
                let answer = respond(log.len(), &request).into();
                log.push(request);
                answer
            };
            // As on a network, other requests go on their way before the answer arrives.
            tokio::task::yield_now().await;
            let ((status, headers, body), is_whole) = match answer {
                Answer::Whole(response) => (response, true),
                Answer::Half(response) => (response, false),
                Answer::Silence => std::future::pending().await,
            };
            let body = if is_whole {
                SdkBody::from(body)
            } else {
                let half = Bytes::copy_from_slice(&body[..body.len() / 2]);
                SdkBody::from_body_1_x(Stalled(Some(half)))
            };
            let mut response = HttpResponse::new(StatusCode::try_from(status).unwrap(), body);
            for (name, value) in headers {
                response.headers_mut().insert(name, value);
            }
            Ok(response)
        })
    }
}

/// An HTTP client that gets its responses from `respond`, which is given the number of requests
/// before this one.
pub(crate) fn client<A: Into<Answer> + 'static>(
    respond: impl Fn(usize, &Request) -> A + Send + Sync + 'static,
) -> (SharedHttpClient, Log) {
    let log = Log::default();
    let connector = SharedHttpConnector::new(Canned {
        respond: Arc::new(respond),
        log: log.clone(),
    });
    (http_client_fn(move |_, _| connector.clone()), log)
}

/// The configuration that all clients for tests share.
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
