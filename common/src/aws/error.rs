//! A failed call, as a message that a person can act on.

use std::error::Error;
use std::fmt;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::actions::actions;

/// The kinds of failure of a call, distinguished by what to do about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AwsErrorKind {
    /// There was no response: the address refuses connections, its name does not resolve, the
    /// connection broke, or the time ran out.
    Unreachable,
    /// The service rejected the credentials.
    Credentials,
    /// No credentials could be obtained, or they had expired. On a machine of the fleet they come
    /// from its instance metadata.
    NoCredentials,
    /// The machine's clock is wrong.
    Clock,
    /// The role lacks a permission.
    AccessDenied,
    /// The queue, table, topic, bucket or object does not exist.
    NotFound,
    /// The request to S3 went to a region that does not have the bucket, and S3 named no other that
    /// has it.
    WrongRegion,
    /// The service throttled the request, or failed on its side.
    Busy,
    /// The service rejected the request as invalid.
    Refused,
}

/// A call that failed after the SDK's own retries.
///
/// The message names the operation and its target, the cause, and the next step.
#[derive(Debug, Clone)]
pub struct AwsError {
    service: &'static str,
    operation: &'static str,
    target: String,
    kind: AwsErrorKind,
    status: Option<u16>,
    code: Option<String>,
    cause: String,
}

impl AwsError {
    /// The SDK's error of `operation` of `service` (its IAM prefix, such as `sqs`) on `target` (a
    /// queue's URL, a table's name, an address in S3).
    pub fn new<E>(
        service: &'static str,
        operation: &'static str,
        target: &str,
        error: &SdkError<E, HttpResponse>,
    ) -> Self
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        let status = error
            .raw_response()
            .map(|response| response.status().as_u16());
        let code = error.code().map(str::to_owned);
        // A service error has a code. Anything else failed before or after the service.
        let kind = match error {
            SdkError::ServiceError(_) if is_of_clock(error.message()) => AwsErrorKind::Clock,
            SdkError::ServiceError(_) => kind_of_code(code.as_deref(), status),
            SdkError::ResponseError(_) if status.is_some_and(|status| status < 500) => {
                AwsErrorKind::Refused
            }
            SdkError::ConstructionFailure(_) => AwsErrorKind::Refused,
            _ if root_cause(error).contains("credentials") => AwsErrorKind::NoCredentials,
            _ => AwsErrorKind::Unreachable,
        };
        // The service's own message is best, then the innermost error of the SDK.
        let cause = match error.message() {
            Some(message) if !message.is_empty() => message.trim_end_matches('.').to_owned(),
            _ => match (&error, status) {
                (SdkError::ServiceError(_), Some(status)) => format!("http status {status}"),
                _ => root_cause(error),
            },
        };
        Self {
            service,
            operation,
            target: target.to_owned(),
            kind,
            status,
            code,
            cause,
        }
    }

    /// The kind of failure.
    pub fn kind(&self) -> AwsErrorKind {
        self.kind
    }

    /// The HTTP status of the response, if there was one.
    pub(super) fn status(&self) -> Option<u16> {
        self.status
    }

    /// The service's error code, such as `NoSuchKey`.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// Whether the same call may succeed later without a change by anybody.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self.kind,
            AwsErrorKind::Unreachable | AwsErrorKind::Busy | AwsErrorKind::WrongRegion
        )
    }

    /// The same error as that of the region to which the request went.
    pub(super) fn in_wrong_region(self, region: Option<&str>) -> Self {
        let code = self.code.as_deref().unwrap_or("no code");
        Self {
            kind: AwsErrorKind::WrongRegion,
            cause: format!(
                "went to region {}, where S3 does not have the bucket ({code}: {})",
                region.unwrap_or("unknown"),
                self.cause
            ),
            ..self
        }
    }

    /// Whether the caller itself is the trouble, whatever the target: its credentials or its clock.
    pub fn is_of_the_caller(&self) -> bool {
        matches!(
            self.kind,
            AwsErrorKind::Credentials | AwsErrorKind::NoCredentials | AwsErrorKind::Clock
        )
    }

    /// The same error as a retryable one, for callers that know more than its code says.
    pub(super) fn into_retryable(self) -> Self {
        Self {
            kind: AwsErrorKind::Busy,
            ..self
        }
    }

    /// What the call was about: a queue's URL, a table's name, an address in S3.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The IAM actions that the role needs for the call, joined by "and".
    pub fn action(&self) -> String {
        actions(self.service, self.operation).join(" and ")
    }

    /// What the target is.
    fn resource(&self) -> &'static str {
        match self.service {
            "sqs" => "queue",
            "dynamodb" => "table",
            "sns" => "topic",
            "autoscaling" => "autoscaling group",
            _ => "bucket or object",
        }
    }

    /// The setting that names the target.
    fn setting(&self) -> &'static str {
        match self.service {
            "sqs" => "--queue-url (TILEFLEET_QUEUE_URL)",
            "dynamodb" => "--table (TILEFLEET_TABLE)",
            "sns" => "--topic-arn (TILEFLEET_TOPIC_ARN)",
            "autoscaling" => "--autoscaling-group (TILEFLEET_AUTOSCALING_GROUP)",
            _ => "the address",
        }
    }
}

impl fmt::Display for AwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            service,
            operation,
            target,
            cause,
            ..
        } = self;
        let code = self.code.as_deref().unwrap_or("no code");
        // What happened, then what to do about it.
        match self.kind {
            // Nothing came back.
            AwsErrorKind::Unreachable => write!(
                f,
                "cannot reach {service} for {operation} on {target}: {cause}; check the network, AWS_REGION and AWS_ENDPOINT_URL"
            ),
            AwsErrorKind::Clock => write!(
                f,
                "{service} refused {operation} on {target}: this machine's clock is wrong ({cause}); set it"
            ),
            AwsErrorKind::Credentials | AwsErrorKind::NoCredentials => write!(
                f,
                "no usable credentials for {service} {operation} on {target}: {cause}; set AWS_PROFILE or log in with the aws cli"
            ),
            // The service answered, and a person has to change something.
            AwsErrorKind::AccessDenied => write!(
                f,
                "access to {target} denied ({code}: {cause}); the role needs {action} on it",
                action = self.action()
            ),
            AwsErrorKind::NotFound => write!(
                f,
                "{resource} {target} does not exist ({code}); check {setting} and AWS_REGION",
                resource = self.resource(),
                setting = self.setting()
            ),
            AwsErrorKind::WrongRegion => write!(
                f,
                "{service} {operation} on {target} {cause}, and S3 named no other that has it; check region_name and AWS_REGION"
            ),
            AwsErrorKind::Busy => write!(
                f,
                "{service} {operation} on {target} failed on the service's side ({code}: {cause}); try again"
            ),
            AwsErrorKind::Refused => {
                write!(
                    f,
                    "{service} refused {operation} on {target} ({code}: {cause})"
                )
            }
        }
    }
}

impl Error for AwsError {}

fn kind_of_code(code: Option<&str>, status: Option<u16>) -> AwsErrorKind {
    match code.unwrap_or_default() {
        "QueueDoesNotExist"
        | "AWS.SimpleQueueService.NonExistentQueue"
        | "ResourceNotFoundException"
        | "NotFound"
        | "NotFoundException"
        | "NoSuchKey"
        | "NoSuchBucket" => AwsErrorKind::NotFound,
        "AccessDenied"
        | "AccessDeniedException"
        | "AuthorizationError"
        | "AuthorizationErrorException"
        | "KMSAccessDenied"
        | "KmsAccessDenied" => AwsErrorKind::AccessDenied,
        "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature" => AwsErrorKind::Credentials,
        "ExpiredToken" | "ExpiredTokenException" | "InvalidToken" | "TokenRefreshRequired" => AwsErrorKind::NoCredentials,
        "RequestTimeTooSkewed" | "RequestExpired" | "RequestInTheFuture" => AwsErrorKind::Clock,
        // The body broke off or was changed on its way.
        "IncompleteBody" | "BadDigest" | "XAmzContentSHA256Mismatch" => AwsErrorKind::Busy,
        // A key that is disabled or gone denies what it encrypts.
        code if code.starts_with("KMS.") && !code.contains("Throttl") => AwsErrorKind::AccessDenied,
        // By the service, or by KMS behind it, which each service names in its own way:
        // `KMS.ThrottlingException` and `KmsThrottled` (SQS), `KMSThrottling` (SNS).
        code if code.contains("Throttl") => AwsErrorKind::Busy,
        "ProvisionedThroughputExceededException"
        | "RequestLimitExceeded"
        | "SlowDown"
        // Another request on the same item or object came first.
        | "TransactionConflictException"
        | "ConditionalRequestConflict"
        | "OperationAborted"
        | "InternalServerError"
        | "InternalError"
        | "ServiceUnavailable"
        | "TransactionInProgressException"
        | "OverLimit"
        | "RequestTimeout" => AwsErrorKind::Busy,
        _ => match status {
            Some(403) => AwsErrorKind::AccessDenied,
            Some(404) => AwsErrorKind::NotFound,
            Some(429 | 500..) => AwsErrorKind::Busy,
            _ => AwsErrorKind::Refused,
        },
    }
}

/// Whether a service's message says that the request was signed too early or too late. Services
/// other than S3 have one error code for all that can be wrong with a signature (AWS General
/// Reference, "Troubleshooting AWS Signature Version 4").
fn is_of_clock(message: Option<&str>) -> bool {
    message.is_some_and(|message| {
        message.contains("Signature expired") || message.contains("Signature not yet current")
    })
}

/// The innermost error. It says what happened; the SDK's outer ones only say that something did.
pub(super) fn root_cause(error: &(dyn Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throttling_and_conflicts_may_pass() {
        for code in [
            "Throttling",
            "ThrottlingException",
            "RequestThrottled",
            "KmsThrottled",
            "KMS.ThrottlingException",
            "KMSThrottling",
            "KMSThrottlingException",
            "TransactionConflictException",
            "ConditionalRequestConflict",
        ] {
            let kind = kind_of_code(Some(code), Some(400));
            assert_eq!(kind, AwsErrorKind::Busy, "{code}");
        }
        for code in ["KMSDisabled", "KmsNotFound", "ValidationException"] {
            let kind = kind_of_code(Some(code), Some(400));
            assert_eq!(kind, AwsErrorKind::Refused, "{code}");
        }
    }

    #[test]
    fn a_denied_call_names_the_action_as_a_policy_does() {
        let action = |service, operation| {
            let (target, cause) = ("x".to_owned(), "no".to_owned());
            AwsError {
                service,
                operation,
                target,
                kind: AwsErrorKind::AccessDenied,
                status: None,
                code: None,
                cause,
            }
            .action()
        };
        assert_eq!(action("sqs", "SendMessageBatch"), "sqs:SendMessage");
        assert_eq!(action("s3", "UploadPart"), "s3:PutObject");
        assert_eq!(
            action("dynamodb", "TransactWriteItems"),
            "dynamodb:ConditionCheckItem and dynamodb:UpdateItem"
        );
        assert_eq!(action("sns", "Publish"), "sns:Publish");
    }
}
