//! The answers of services that fail or refuse, each in the service's own protocol.

use super::http::{self, Protocol, Request};
use super::trouble::Trouble;

/// The answer of the service that the request is for, in its protocol ("AWS JSON 1.0", "AWS query"
/// and "AWS restXml protocol", Smithy).
pub(super) fn of(request: &Request, trouble: Trouble) -> Vec<u8> {
    match request.protocol() {
        Protocol::Json { service } => {
            let (status, code) = match (trouble, service) {
                (Trouble::Denied, _) => (400, "AccessDeniedException"),
                (Trouble::Skewed, _) => (400, "RequestExpired"),
                (Trouble::Unknown, _) => (400, "UnrecognizedClientException"),
                (Trouble::Failed, "dynamodb.v20120810") => (500, "InternalServerError"),
                (Trouble::Failed, _) => (500, "InternalFailure"),
                (Trouble::Unavailable, _) => (503, "ServiceUnavailable"),
                (_, "dynamodb.v20120810") => (400, "ProvisionedThroughputExceededException"),
                _ => (400, "RequestThrottled"),
            };
            let body = format!(
                r#"{{"__type":"com.amazonaws.{service}#{code}","message":"made by a test"}}"#
            );
            http::answer(status, "application/x-amz-json-1.0", body.as_bytes())
        }
        Protocol::Query => {
            let (status, kind, code) = match trouble {
                Trouble::Denied => (403, "Sender", "AuthorizationError"),
                Trouble::Unknown => (403, "Sender", "InvalidClientTokenId"),
                Trouble::Skewed => (400, "Sender", "RequestExpired"),
                Trouble::Failed => (500, "Receiver", "InternalError"),
                Trouble::Unavailable => (503, "Receiver", "ServiceUnavailable"),
                _ => (400, "Sender", "Throttling"),
            };
            let body = format!(
                "<ErrorResponse><Error><Type>{kind}</Type><Code>{code}</Code><Message>made by a test</Message></Error>\
                 <RequestId>1</RequestId></ErrorResponse>"
            );
            http::answer(status, "text/xml", body.as_bytes())
        }
        Protocol::Rest => {
            let (status, code) = match trouble {
                Trouble::Denied => (403, "AccessDenied"),
                Trouble::Unknown => (403, "InvalidAccessKeyId"),
                Trouble::Skewed => (403, "RequestTimeTooSkewed"),
                Trouble::Failed => (500, "InternalError"),
                Trouble::Unavailable => (503, "ServiceUnavailable"),
                _ => (503, "SlowDown"),
            };
            let body = format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>made by a test</Message>\
                 <RequestId>1</RequestId></Error>"
            );
            // An answer to HEAD has no body (RFC 9110, section 9.3.2).
            let body = if request.is_head() {
                &[]
            } else {
                body.as_bytes()
            };
            http::answer(status, "application/xml", body)
        }
    }
}
