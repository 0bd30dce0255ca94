//! The IAM actions that an operation needs.

/// The IAM actions that a role needs for an operation of a service, which is given by its IAM
/// prefix.
///
/// IAM does not always name an action like the operation (Service Authorization Reference,
/// "Actions, resources, and condition keys for AWS services"). An operation that is not listed here
/// is its own action. A transaction needs the actions of its parts; those of the ledger check or
/// update items.
///
/// ```
/// use tilefleet_common::aws::actions;
///
/// assert_eq!(actions("s3", "UploadPart"), ["s3:PutObject"]);
/// assert_eq!(actions("sns", "Publish"), ["sns:Publish"]);
/// ```
pub fn actions(service: &str, operation: &str) -> Vec<String> {
    let names: &[&str] = match (service, operation) {
        ("sqs", "SendMessageBatch") => &["SendMessage"],
        ("sqs", "DeleteMessageBatch") => &["DeleteMessage"],
        ("dynamodb", "TransactWriteItems") => &["ConditionCheckItem", "UpdateItem"],
        ("s3", "CreateMultipartUpload" | "UploadPart" | "CompleteMultipartUpload") => {
            &["PutObject"]
        }
        ("s3", "HeadObject") => &["GetObject"],
        ("s3", "ListObjectsV2") => &["ListBucket"],
        _ => &[operation],
    };
    names
        .iter()
        .map(|name| format!("{service}:{name}"))
        .collect()
}
