//! S3 for tests: the responses that several modules need.

use super::store::ObjectStore;
use crate::aws::canned::{self, Answer, Log, Request, Response};

pub(super) fn store<A: Into<Answer> + 'static>(
    respond: impl Fn(usize, &Request) -> A + Send + Sync + 'static,
) -> (ObjectStore, Log) {
    let (client, log) = canned::client(respond);
    (
        ObjectStore::new(canned::config!(aws_sdk_s3, client).force_path_style(true)),
        log,
    )
}

/// The region that a request is signed for.
pub(super) fn region(request: &Request) -> String {
    let scope = request.header("authorization").split('/').nth(2);
    scope.unwrap_or_default().to_owned()
}

/// First and last byte of the range that a request wants.
pub(super) fn bounds(request: &Request) -> (usize, usize) {
    let bounds = request
        .header("range")
        .trim_start_matches("bytes=")
        .to_owned();
    let (start, end) = bounds.split_once('-').unwrap();
    (start.parse().unwrap(), end.parse().unwrap())
}

/// The part of `whole` that a request wants, with this entity tag.
pub(super) fn range(whole: &[u8], request: &Request, etag: &str) -> Response {
    let (start, end) = bounds(request);
    let end = end.min(whole.len() - 1);
    let headers = vec![
        ("etag", format!("\"{etag}\"")),
        (
            "content-range",
            format!("bytes {start}-{end}/{}", whole.len()),
        ),
        ("content-length", (end + 1 - start).to_string()),
    ];
    (206, headers, whole[start..=end].to_vec())
}

pub(super) fn error(status: u16, code: &str, headers: Vec<(&'static str, String)>) -> Response {
    (
        status,
        headers,
        format!("<Error><Code>{code}</Code><Message>words</Message></Error>").into_bytes(),
    )
}

/// Responds to the requests of an upload.
pub(super) fn uploads(request: &Request) -> Response {
    let tag = vec![("etag", "\"tag\"".to_owned())];
    let xml = |text: &str| (200, vec![], text.as_bytes().to_vec());
    match (
        request.method.as_str(),
        request.uri.contains("uploadId"),
        request.uri.contains("uploads"),
    ) {
        ("POST", false, true) => xml(
            "<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>",
        ),
        ("POST", true, _) => xml(
            "<CompleteMultipartUploadResult><ETag>\"whole\"</ETag></CompleteMultipartUploadResult>",
        ),
        ("DELETE", ..) => (204, vec![], vec![]),
        _ => (200, tag, vec![]),
    }
}

/// The part number of a request that uploads a part.
pub(super) fn part_number(request: &Request) -> Option<u32> {
    let rest = request.uri.split_once("partNumber=")?.1;
    rest.split('&').next()?.parse().ok()
}

pub(super) fn count(log: &Log, method: &str) -> usize {
    log.requests()
        .iter()
        .filter(|request| request.method == method)
        .count()
}
