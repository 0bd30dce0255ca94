//! The clients of all services, made from the environment.

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sqs::config::{ProvideCredentials as _, SharedCredentialsProvider};

use super::calls::CallCounter;
use super::error::root_cause;
use super::http::http_client;
use super::retry::partition;
use super::s3::ObjectStore;
use super::timeouts;

/// Attempts of one request by the SDK, the first included.
const ATTEMPTS: u32 = 4;

/// The client of a service: its own limits of time, its own budget for retries, counted calls.
macro_rules! client {
    ($sdk:ident, $config:expr, $calls:expr) => {
        $sdk::Client::from_conf(
            $sdk::config::Builder::from($config)
                .timeout_config(timeouts::short())
                .retry_partition(partition(stringify!($sdk).to_owned()))
                .interceptor($calls.clone())
                .build(),
        )
    };
}

/// There are no credentials to sign requests with.
#[derive(Debug, thiserror::Error)]
#[error("no usable credentials: {0}; set AWS_PROFILE or log in with the aws cli")]
pub struct NoCredentials(String);

/// One client for each service, from the standard `AWS_*` environment and profile.
///
/// `AWS_ENDPOINT_URL`, or its form for one service, replaces AWS by another endpoint. S3 is then
/// addressed path-style, because such an endpoint has no host name for each bucket.
#[derive(Debug, Clone)]
pub struct Clients {
    /// SQS: the queues.
    pub sqs: aws_sdk_sqs::Client,
    /// DynamoDB: the ledger.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// SNS: the topic of events.
    pub sns: aws_sdk_sns::Client,
    /// Auto Scaling: the group of the workers.
    pub autoscaling: aws_sdk_autoscaling::Client,
    /// S3: scenes, rasters, manifests.
    pub objects: ObjectStore,
    /// The number of requests so far.
    pub calls: CallCounter,
    region: Option<String>,
    credentials: Option<SharedCredentialsProvider>,
}

impl Clients {
    /// Makes the clients from the environment; `region` overrides the environment.
    pub async fn from_environment(region: Option<String>) -> Self {
        let calls = CallCounter::default();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http_client())
            .timeout_config(timeouts::short());
        if let Some(region) = region {
            loader = loader.region(Region::new(region));
        }
        Self::from_config(&loader.load().await, calls)
    }

    /// The region of all services but S3, where each bucket has its own.
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// The id of the access key that signs requests. The id is not a secret.
    ///
    /// # Errors
    /// [`NoCredentials`] when there are none.
    pub async fn access_key(&self) -> Result<String, NoCredentials> {
        let provider = self
            .credentials
            .as_ref()
            .ok_or_else(|| NoCredentials("none are set".to_owned()))?;
        let credentials = provider.provide_credentials().await;
        let credentials = credentials.map_err(|error| {
            let cause = root_cause(&error);
            // Further lines list all places without credentials.
            let cause = cause
                .lines()
                .next()
                .unwrap_or_default()
                .trim_end_matches(". Attempted:");
            NoCredentials(cause.to_owned())
        })?;
        Ok(credentials.access_key_id().to_owned())
    }

    pub(super) fn from_config(config: &SdkConfig, calls: CallCounter) -> Self {
        let has_own_endpoint = config.endpoint_url().is_some()
            || ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"]
                .iter()
                .any(|name| std::env::var_os(name).is_some());
        let retries = RetryConfig::standard().with_max_attempts(ATTEMPTS);
        let config = config.to_builder().retry_config(retries).build();
        let s3 = aws_sdk_s3::config::Builder::from(&config)
            .force_path_style(has_own_endpoint)
            .interceptor(calls.clone());
        Self {
            sqs: client!(aws_sdk_sqs, &config, calls),
            dynamodb: client!(aws_sdk_dynamodb, &config, calls),
            sns: client!(aws_sdk_sns, &config, calls),
            autoscaling: client!(aws_sdk_autoscaling, &config, calls),
            objects: ObjectStore::new(s3),
            calls,
            region: config.region().map(|region| region.as_ref().to_owned()),
            credentials: config.credentials_provider(),
        }
    }
}
