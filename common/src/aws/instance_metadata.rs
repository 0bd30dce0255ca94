use aws_config::imds::client::error::ImdsError;
use aws_config::provider_config::ProviderConfig;

use super::error::root_cause;
use super::http::http_client;

/// The variable with which the SDKs are told to leave instance metadata alone ("IMDS credential
/// provider", AWS SDKs and Tools Reference Guide).
const DISABLED: &str = "AWS_EC2_METADATA_DISABLED";
/// Tries of a request that the service failed at. One to which nobody answers is not tried again.
const TRIES: u32 = 2;

/// Metadata could not be read.
#[derive(Debug, thiserror::Error)]
#[error("instance metadata {path} cannot be read: {cause}")]
pub struct MetadataError {
    path: &'static str,
    cause: String,
}

/// What EC2 tells a machine about itself: the instance metadata service, version 2.
///
/// Its address is the standard `AWS_EC2_METADATA_SERVICE_ENDPOINT`, or else the link-local one.
/// Where nobody answers there, a read fails within a second.
#[derive(Debug, Clone)]
pub struct Metadata {
    client: aws_config::imds::Client,
}

impl Metadata {
    /// The service, unless the environment says to leave it alone.
    pub fn from_environment() -> Option<Self> {
        let disabled =
            std::env::var(DISABLED).is_ok_and(|value| value.eq_ignore_ascii_case("true"));
        (!disabled).then(|| Self {
            client: aws_config::imds::Client::builder()
                .max_attempts(TRIES)
                .configure(&ProviderConfig::without_region().with_http_client(http_client()))
                .build(),
        })
    }

    /// Reads one item of `/latest/meta-data/`; nothing when there is no such item at this time.
    ///
    /// # Errors
    /// [`MetadataError`] when nobody answers, or not with the item.
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
