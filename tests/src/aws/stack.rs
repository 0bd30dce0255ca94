//! The resources of a fleet in a local endpoint, with the names and settings that terraform gives
//! them in AWS.
//!
//! Two things are left out because a local endpoint has no use for them: policies that demand TLS,
//! and the topic's encryption key.

use std::collections::HashMap;

use anyhow::{Context as _, Result};
use aws_sdk_dynamodb::operation::describe_table::DescribeTableError;
use aws_sdk_dynamodb::types as table;
use aws_sdk_s3::operation::create_bucket::CreateBucketError;
use aws_sdk_s3::types as bucket;
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::json;
use tilefleet_common::aws::http_client;
use tilefleet_common::deployment;

use crate::aws::endpoint::{Endpoint, REGION, Service};
use crate::aws::notices::Notices;

/// The settings in which a stack for a test may differ from a deployed one.
#[derive(Debug, Clone, Copy)]
pub struct StackOptions {
    /// Seconds that a received message stays hidden.
    pub visibility_timeout_s: u32,
    /// Receives after which a message becomes a dead letter.
    pub max_receive_count: u32,
}

impl Default for StackOptions {
    fn default() -> Self {
        Self {
            visibility_timeout_s: deployment::VISIBILITY_TIMEOUT_S,
            max_receive_count: deployment::MAX_RECEIVE_COUNT,
        }
    }
}

/// The resources of one fleet, and clients to look at them from outside.
#[derive(Debug)]
pub struct Stack {
    /// The prefix of all its names.
    pub prefix: String,
    /// The queue of cells.
    pub queue_url: String,
    /// The dead-letter queue: SQS moves messages there that were received too often.
    pub dead_letter_queue_url: String,
    /// The ledger.
    pub table: String,
    /// The topic of notices.
    pub topic_arn: String,
    /// The queue that is subscribed to the topic.
    pub notices_queue_url: String,
    /// The bucket of the rasters.
    pub output_bucket: String,
    /// The bucket of the scenes.
    pub scene_bucket: String,
    /// S3 of the endpoint.
    pub s3: aws_sdk_s3::Client,
    /// SQS of the endpoint.
    pub sqs: aws_sdk_sqs::Client,
    /// SNS of the endpoint.
    pub sns: aws_sdk_sns::Client,
    /// Auto Scaling of the endpoint.
    pub autoscaling: aws_sdk_autoscaling::Client,
    /// `DynamoDB` of the endpoint.
    pub dynamodb: aws_sdk_dynamodb::Client,
    environment: Vec<(&'static str, String)>,
}

impl Stack {
    /// Creates the resources that do not exist yet, with the settings of a deployed fleet.
    ///
    /// # Errors
    ///
    /// When a call fails; the message names the resource and the endpoint's log.
    pub async fn create(endpoint: &Endpoint, prefix: &str) -> Result<Self> {
        Self::create_with(endpoint, prefix, StackOptions::default()).await
    }

    /// As [`Stack::create`], with settings of its own.
    ///
    /// # Errors
    ///
    /// As [`Stack::create`].
    pub async fn create_with(
        endpoint: &Endpoint,
        prefix: &str,
        options: StackOptions,
    ) -> Result<Self> {
        let mut stack = Self::unmade(endpoint, prefix);
        stack
            .make(options)
            .await
            .with_context(|| match endpoint.log_path() {
                Some(log) => {
                    format!(
                        "cannot create stack {prefix} at {} (log {})",
                        endpoint.url(),
                        log.display()
                    )
                }
                None => format!("cannot create stack {prefix} at {}", endpoint.url()),
            })?;
        Ok(stack)
    }

    /// The variables from which `producer` and `worker` read where the resources are.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let mut variables = self.environment.clone();
        variables.extend([
            ("TILEFLEET_QUEUE_URL", self.queue_url.clone()),
            (
                "TILEFLEET_DEAD_LETTER_QUEUE_URL",
                self.dead_letter_queue_url.clone(),
            ),
            ("TILEFLEET_TABLE", self.table.clone()),
            ("TILEFLEET_TOPIC_ARN", self.topic_arn.clone()),
        ]);
        variables
    }

    /// What the topic publishes from now on.
    pub fn notices(&self) -> Notices {
        Notices::new(self.sqs.clone(), self.notices_queue_url.clone())
    }

    fn unmade(endpoint: &Endpoint, prefix: &str) -> Self {
        macro_rules! client {
            ($sdk:ident, $url:expr, $builder:expr) => {{
                let (access_key, secret_key) = endpoint.credentials();
                let credentials =
                    $sdk::config::Credentials::new(access_key, secret_key, None, None, "local");
                let config = $builder
                    .behavior_version($sdk::config::BehaviorVersion::latest())
                    .http_client(http_client())
                    .endpoint_url($url)
                    .region($sdk::config::Region::new(REGION))
                    .credentials_provider(credentials)
                    .build();
                $sdk::Client::from_conf(config)
            }};
        }
        let name = |suffix: &str| format!("{prefix}-{suffix}");
        Self {
            prefix: prefix.to_owned(),
            queue_url: String::new(),
            dead_letter_queue_url: String::new(),
            table: name(deployment::TABLE_SUFFIX),
            topic_arn: String::new(),
            notices_queue_url: String::new(),
            output_bucket: name(deployment::OUTPUT_BUCKET_SUFFIX),
            scene_bucket: deployment::SCENE_BUCKET.to_owned(),
            s3: client!(
                aws_sdk_s3,
                endpoint.url_of(Service::S3),
                aws_sdk_s3::Config::builder().force_path_style(true)
            ),
            sqs: client!(aws_sdk_sqs, endpoint.url(), aws_sdk_sqs::Config::builder()),
            sns: client!(aws_sdk_sns, endpoint.url(), aws_sdk_sns::Config::builder()),
            autoscaling: client!(
                aws_sdk_autoscaling,
                endpoint.url(),
                aws_sdk_autoscaling::Config::builder()
            ),
            dynamodb: client!(
                aws_sdk_dynamodb,
                endpoint.url_of(Service::DynamoDb),
                aws_sdk_dynamodb::Config::builder()
            ),
            environment: endpoint.environment(),
        }
    }

    async fn make(&mut self, options: StackOptions) -> Result<()> {
        self.make_queues(options).await.context("the queues")?;
        self.make_table()
            .await
            .with_context(|| format!("table {}", self.table))?;
        self.make_topic().await.context("the topic")?;
        self.make_bucket(&self.output_bucket).await?;
        self.protect_output_bucket()
            .await
            .with_context(|| format!("bucket {}", self.output_bucket))?;
        self.make_bucket(&self.scene_bucket).await
    }

    async fn make_queues(&mut self, options: StackOptions) -> Result<()> {
        let retention = deployment::MESSAGE_RETENTION_S.to_string();
        let dead = format!("{}-{}", self.prefix, deployment::DEAD_LETTER_QUEUE_SUFFIX);
        self.dead_letter_queue_url = self
            .make_queue(
                &dead,
                [
                    (
                        QueueAttributeName::MessageRetentionPeriod,
                        retention.clone(),
                    ),
                    (QueueAttributeName::SqsManagedSseEnabled, "true".to_owned()),
                ],
            )
            .await?;
        let dead_arn = self.queue_arn(&self.dead_letter_queue_url).await?;
        let redrive =
            json!({"deadLetterTargetArn": dead_arn, "maxReceiveCount": options.max_receive_count});
        let cells = format!("{}-{}", self.prefix, deployment::QUEUE_SUFFIX);
        self.queue_url = self
            .make_queue(
                &cells,
                [
                    (
                        QueueAttributeName::VisibilityTimeout,
                        options.visibility_timeout_s.to_string(),
                    ),
                    (
                        QueueAttributeName::ReceiveMessageWaitTimeSeconds,
                        deployment::RECEIVE_WAIT_S.to_string(),
                    ),
                    (QueueAttributeName::MessageRetentionPeriod, retention),
                    (QueueAttributeName::SqsManagedSseEnabled, "true".to_owned()),
                    (QueueAttributeName::RedrivePolicy, redrive.to_string()),
                ],
            )
            .await?;
        let allow = json!({
            "redrivePermission": "byQueue",
            "sourceQueueArns": [self.queue_arn(&self.queue_url).await?],
        });
        self.set_queue(
            &self.dead_letter_queue_url,
            [(QueueAttributeName::RedriveAllowPolicy, allow.to_string())],
        )
        .await
    }

    /// Creates the queue without settings and sets them afterwards: SQS refuses to create a queue
    /// that exists with other settings.
    async fn make_queue(
        &self,
        name: &str,
        attributes: impl IntoIterator<Item = (QueueAttributeName, String)>,
    ) -> Result<String> {
        let created = self.sqs.create_queue().queue_name(name).send().await;
        let url = created
            .with_context(|| format!("queue {name}"))?
            .queue_url
            .with_context(|| format!("queue {name} has no URL"))?;
        self.set_queue(&url, attributes)
            .await
            .with_context(|| format!("queue {name}"))?;
        Ok(url)
    }

    async fn set_queue(
        &self,
        url: &str,
        attributes: impl IntoIterator<Item = (QueueAttributeName, String)>,
    ) -> Result<()> {
        let attributes: HashMap<_, _> = attributes.into_iter().collect();
        self.sqs
            .set_queue_attributes()
            .queue_url(url)
            .set_attributes(Some(attributes))
            .send()
            .await?;
        Ok(())
    }

    async fn queue_arn(&self, url: &str) -> Result<String> {
        let answer = self
            .sqs
            .get_queue_attributes()
            .queue_url(url)
            .attribute_names(QueueAttributeName::QueueArn)
            .send()
            .await?;
        let arn = answer
            .attributes
            .and_then(|mut all| all.remove(&QueueAttributeName::QueueArn));
        arn.with_context(|| format!("{url} has no ARN"))
    }

    async fn make_table(&self) -> Result<()> {
        let described = self
            .dynamodb
            .describe_table()
            .table_name(&self.table)
            .send()
            .await;
        match described {
            Ok(_) => {}
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(DescribeTableError::is_resource_not_found_exception) =>
            {
                self.create_table().await?;
            }
            Err(error) => return Err(error.into()),
        }
        let recovery = table::PointInTimeRecoverySpecification::builder()
            .point_in_time_recovery_enabled(true)
            .build()?;
        self.dynamodb
            .update_continuous_backups()
            .table_name(&self.table)
            .point_in_time_recovery_specification(recovery)
            .send()
            .await
            .context("point-in-time recovery")?;
        self.expire_items().await.context("time to live")
    }

    async fn create_table(&self) -> Result<()> {
        let text = table::ScalarAttributeType::S;
        let attribute = |name: &str| {
            table::AttributeDefinition::builder()
                .attribute_name(name)
                .attribute_type(text.clone())
                .build()
        };
        let key = |name: &str, kind: table::KeyType| {
            table::KeySchemaElement::builder()
                .attribute_name(name)
                .key_type(kind)
                .build()
        };
        let index = table::GlobalSecondaryIndex::builder()
            .index_name(deployment::TASK_INDEX)
            .key_schema(key(
                deployment::TASK_INDEX_PARTITION_KEY,
                table::KeyType::Hash,
            )?)
            .key_schema(key(deployment::TASK_INDEX_SORT_KEY, table::KeyType::Range)?)
            .projection(
                table::Projection::builder()
                    .projection_type(table::ProjectionType::Include)
                    .set_non_key_attributes(Some(
                        deployment::TASK_INDEX_ATTRIBUTES
                            .iter()
                            .map(|&name| name.to_owned())
                            .collect(),
                    ))
                    .build(),
            )
            .build()?;
        self.dynamodb
            .create_table()
            .table_name(&self.table)
            .key_schema(key(deployment::PARTITION_KEY, table::KeyType::Hash)?)
            .key_schema(key(deployment::SORT_KEY, table::KeyType::Range)?)
            .attribute_definitions(attribute(deployment::PARTITION_KEY)?)
            .attribute_definitions(attribute(deployment::SORT_KEY)?)
            .attribute_definitions(attribute(deployment::TASK_INDEX_PARTITION_KEY)?)
            .attribute_definitions(attribute(deployment::TASK_INDEX_SORT_KEY)?)
            .global_secondary_indexes(index)
            .billing_mode(table::BillingMode::PayPerRequest)
            .send()
            .await?;
        Ok(())
    }

    async fn expire_items(&self) -> Result<()> {
        let now = self
            .dynamodb
            .describe_time_to_live()
            .table_name(&self.table)
            .send()
            .await?;
        let status = now
            .time_to_live_description
            .and_then(|description| description.time_to_live_status);
        // DynamoDB refuses to enable a time to live that is enabled.
        if matches!(
            status,
            Some(table::TimeToLiveStatus::Enabled | table::TimeToLiveStatus::Enabling)
        ) {
            return Ok(());
        }
        let wanted = table::TimeToLiveSpecification::builder()
            .attribute_name(deployment::TTL_ATTRIBUTE)
            .enabled(true)
            .build()?;
        self.dynamodb
            .update_time_to_live()
            .table_name(&self.table)
            .time_to_live_specification(wanted)
            .send()
            .await?;
        Ok(())
    }

    async fn make_topic(&mut self) -> Result<()> {
        let name = format!("{}-{}", self.prefix, deployment::TOPIC_SUFFIX);
        let created = self.sns.create_topic().name(name).send().await?;
        self.topic_arn = created.topic_arn.context("it has no ARN")?;
        self.notices_queue_url = self
            .make_queue(&format!("{}-notices", self.prefix), [])
            .await?;
        // A topic has one subscription per queue, however often one is created.
        self.sns
            .subscribe()
            .topic_arn(&self.topic_arn)
            .protocol("sqs")
            .endpoint(self.queue_arn(&self.notices_queue_url).await?)
            .attributes("RawMessageDelivery", "true")
            .send()
            .await
            .context("its subscription")?;
        Ok(())
    }

    async fn make_bucket(&self, name: &str) -> Result<()> {
        let region = bucket::BucketLocationConstraint::from(REGION);
        let place = bucket::CreateBucketConfiguration::builder()
            .location_constraint(region)
            .build();
        let created = self
            .s3
            .create_bucket()
            .bucket(name)
            .create_bucket_configuration(place)
            .send()
            .await;
        match created {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(CreateBucketError::is_bucket_already_owned_by_you) =>
            {
                Ok(())
            }
            Err(error) => Err(error).with_context(|| format!("bucket {name}")),
        }
    }

    async fn protect_output_bucket(&self) -> Result<()> {
        let private = bucket::PublicAccessBlockConfiguration::builder()
            .block_public_acls(true)
            .block_public_policy(true)
            .ignore_public_acls(true)
            .restrict_public_buckets(true)
            .build();
        self.s3
            .put_public_access_block()
            .bucket(&self.output_bucket)
            .public_access_block_configuration(private)
            .send()
            .await
            .context("public access block")?;

        let default = bucket::ServerSideEncryptionByDefault::builder()
            .sse_algorithm(bucket::ServerSideEncryption::Aes256)
            .build()?;
        let rule = bucket::ServerSideEncryptionRule::builder()
            .apply_server_side_encryption_by_default(default)
            .build();
        self.s3
            .put_bucket_encryption()
            .bucket(&self.output_bucket)
            .server_side_encryption_configuration(
                bucket::ServerSideEncryptionConfiguration::builder()
                    .rules(rule)
                    .build()?,
            )
            .send()
            .await
            .context("encryption")?;

        let abort = bucket::AbortIncompleteMultipartUpload::builder()
            .days_after_initiation(deployment::ABORTED_UPLOAD_DAYS)
            .build();
        let rule = bucket::LifecycleRule::builder()
            .id("aborted-uploads")
            .status(bucket::ExpirationStatus::Enabled)
            .filter(bucket::LifecycleRuleFilter::builder().prefix("").build())
            .abort_incomplete_multipart_upload(abort)
            .build()?;
        self.s3
            .put_bucket_lifecycle_configuration()
            .bucket(&self.output_bucket)
            .lifecycle_configuration(
                bucket::BucketLifecycleConfiguration::builder()
                    .rules(rule)
                    .build()?,
            )
            .send()
            .await
            .context("lifecycle")?;
        Ok(())
    }
}
