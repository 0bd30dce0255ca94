//! What an EC2 instance can read about itself.

use std::time::Duration;

use aws_config::imds::client::error::ImdsError;
use aws_config::provider_config::ProviderConfig;

use super::error::root_cause;
use super::http::http_client;

/// The variable that disables instance metadata in all SDKs (AWS SDKs and Tools Reference Guide,
/// "IMDS credential provider").
const DISABLED: &str = "AWS_EC2_METADATA_DISABLED";
/// Attempts of a request that the service failed. A request without a response is not repeated.
const ATTEMPTS: u32 = 2;
/// The longest time of an attempt. The service is on the same host.
const ATTEMPT: Duration = Duration::from_secs(1);
/// The longest time of a request, with the request for a token that may precede it.
const OPERATION: Duration = Duration::from_secs(5);

/// Why instance metadata could not be read.
#[derive(Debug, thiserror::Error)]
#[error("instance metadata {path} cannot be read: {cause}")]
pub struct MetadataError {
    path: &'static str,
    cause: String,
}

/// The instance metadata service of EC2, version 2.
///
/// Its address is the standard variable `AWS_EC2_METADATA_SERVICE_ENDPOINT`, or the link-local
/// address if that is not set. Outside EC2 a read fails within a second.
#[derive(Debug, Clone)]
pub struct Metadata {
    client: aws_config::imds::Client,
}

impl Metadata {
    /// The service, or `None` if `AWS_EC2_METADATA_DISABLED` is `true`.
    pub fn from_environment() -> Option<Self> {
        let disabled =
            std::env::var(DISABLED).is_ok_and(|value| value.eq_ignore_ascii_case("true"));
        (!disabled).then(|| Self {
            client: aws_config::imds::Client::builder()
                .max_attempts(ATTEMPTS)
                .connect_timeout(ATTEMPT)
                .read_timeout(ATTEMPT)
                .operation_attempt_timeout(ATTEMPT)
                .operation_timeout(OPERATION)
                .configure(&ProviderConfig::without_region().with_http_client(http_client()))
                .build(),
        })
    }

    /// Reads one item of `/latest/meta-data/`, such as `instance-id`; `None` when the item does not
    /// exist at this time.
    ///
    /// # Errors
    /// [`MetadataError`] when the service does not respond, or responds with an error.
    pub async fn read(&self, path: &'static str) -> Result<Option<String>, MetadataError> {
        match self.client.get(format!("/latest/meta-data/{path}")).await {
            Ok(text) => Ok(Some(text.as_ref().trim().to_owned())),
            Err(ImdsError::ErrorResponse(error)) if error.response().status().as_u16() == 404 => {
                Ok(None)
            }
            Err(ImdsError::ErrorResponse(error)) => Err(MetadataError {
                path,
                cause: format!("http status {}", error.response().status().as_u16()),
            }),
            Err(error) => Err(MetadataError {
                path,
                cause: root_cause(&error),
            }),
        }
    }
}
