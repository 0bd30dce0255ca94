use std::error::Error;
use std::fmt;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::actions::actions;

/// What kind of trouble a call had, as far as it tells what to do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AwsErrorKind {
    /// No answer: nobody listens there, the name does not resolve, the connection broke, time ran
    /// out.
    Unreachable,
    /// There are no credentials, or they are not valid.
    Credentials,
    /// The role may not do this.
    AccessDenied,
    /// The queue, table, topic, bucket or object does not exist.
    NotFound,
    /// The service asks for patience, or failed on its side.
    Busy,
    /// The service refused the request as it was.
    Refused,
}

/// A call that failed, after the SDK's own retries.
///
/// Its message names what was called on what, the cause, and the next step.
#[derive(Debug, Clone)]
pub struct AwsError {
    service: &'static str,
    operation: &'static str,
    target: String,
    kind: AwsErrorKind,
    code: Option<String>,
    cause: String,
}

impl AwsError {
    /// Makes sense of what the SDK returned for `operation` of `service` (its IAM prefix, such as
    /// `sqs`) on `target`.
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
        let kind = match error {
            SdkError::ServiceError(_) => kind_of_code(code.as_deref(), status),
            SdkError::ResponseError(_) if status.is_some_and(|status| status < 500) => {
                AwsErrorKind::Refused
            }
            SdkError::ConstructionFailure(_) => AwsErrorKind::Refused,
            _ if root_cause(error).contains("credentials") => AwsErrorKind::Credentials,
            _ => AwsErrorKind::Unreachable,
        };
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
            code,
            cause,
        }
    }

    /// What kind of trouble it was.
    pub fn kind(&self) -> AwsErrorKind {
        self.kind
    }

    /// The service's own word for it, such as `NoSuchKey`.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// Whether the same call may succeed later without anybody doing anything.
    pub fn is_retryable(&self) -> bool {
        matches!(self.kind, AwsErrorKind::Unreachable | AwsErrorKind::Busy)
    }

    /// The same trouble, where the caller knows that it may pass although the service's word for it
    /// does not say so.
    pub(crate) fn into_passing(self) -> Self {
        Self {
            kind: AwsErrorKind::Busy,
            ..self
        }
    }

    /// What the role must be allowed to do for the call, in words: one action, or several joined by
    /// "and".
    pub fn action(&self) -> String {
        actions(self.service, self.operation).join(" and ")
    }

    fn thing(&self) -> &'static str {
        match self.service {
            "sqs" => "queue",
            "dynamodb" => "table",
            "sns" => "topic",
            "autoscaling" => "autoscaling group",
            _ => "bucket or object",
        }
    }

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
        match self.kind {
            AwsErrorKind::Unreachable => write!(
                f,
                "cannot reach {service} for {operation} on {target}: {cause}; check the network, AWS_REGION and AWS_ENDPOINT_URL"
            ),
            AwsErrorKind::Credentials => write!(
                f,
                "no usable credentials for {service} {operation} on {target}: {cause}; set AWS_PROFILE or log in with the aws cli"
            ),
            AwsErrorKind::AccessDenied => write!(
                f,
                "access to {target} denied ({code}: {cause}); the role needs {action} on it",
                action = self.action()
            ),
            AwsErrorKind::NotFound => write!(
                f,
                "{thing} {target} does not exist ({code}); check {setting} and AWS_REGION",
                thing = self.thing(),
                setting = self.setting()
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
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature" => AwsErrorKind::Credentials,
        "ThrottlingException"
        | "Throttling"
        | "ProvisionedThroughputExceededException"
        | "RequestLimitExceeded"
        | "RequestThrottled"
        | "SlowDown"
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

/// The innermost error, which says what happened; the outer ones of the SDK only say that something
/// did.
pub(crate) fn root_cause(error: &(dyn Error + 'static)) -> String {
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
    fn a_denied_call_names_the_action_as_a_policy_does() {
        let action = |service, operation| {
            let (target, cause) = ("x".to_owned(), "no".to_owned());
            AwsError {
                service,
                operation,
                target,
                kind: AwsErrorKind::AccessDenied,
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
