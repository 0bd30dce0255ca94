//! Buckets that are in another region for those who call through the proxy.

use super::http::{self, Request};
use crate::aws::endpoint::REGION;

/// How S3 answers a request that arrives in a region without the bucket (S3 user guide, "Request
/// redirection and the REST API").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Abroad {
    /// A redirect whose header names the region.
    Redirect,
    /// Status 400; the body names the region.
    Malformed,
    /// Status 400 and nothing else. Only `HeadBucket` names the region.
    Bare,
}

/// A bucket, its region, and how others answer for it.
#[derive(Debug, Clone)]
pub(super) struct Exile {
    pub(super) bucket: String,
    pub(super) region: String,
    pub(super) abroad: Abroad,
}

impl Exile {
    /// The answer to a request for the bucket that arrives elsewhere, as its signature tells. One
    /// that arrives in the right region is made one for the endpoint's own, where the bucket really
    /// is; the endpoint accepts any signature.
    pub(super) fn refuse(&self, request: &mut Request) -> Option<Vec<u8>> {
        let Self { bucket, region, .. } = self;
        if request.bucket() != Some(bucket) {
            return None;
        }
        if request.region() == Some(region) {
            request.set_region(REGION);
            return None;
        }
        let malformed = format!(
            "<Error><Code>AuthorizationHeaderMalformed</Code><Message>made by a test</Message>\
             <Region>{region}</Region></Error>"
        );
        let redirect =
            "<Error><Code>PermanentRedirect</Code><Message>made by a test</Message></Error>";
        let (status, body) = match self.abroad {
            Abroad::Redirect => (301, redirect),
            Abroad::Malformed => (400, malformed.as_str()),
            Abroad::Bare => (400, ""),
        };
        // An answer to HEAD has no body (RFC 9110, section 9.3.2).
        let body = if request.is_head() { "" } else { body };
        let is_named = self.abroad == Abroad::Redirect || request.operation() == "HeadBucket";
        let header = if is_named {
            format!("x-amz-bucket-region: {region}\r\n")
        } else {
            String::new()
        };
        Some(http::answer_with(
            status,
            "application/xml",
            &header,
            body.as_bytes(),
        ))
    }
}
