/// What a role must be allowed to do for an operation of a service, by the service's IAM prefix:
/// IAM does not always name an action as the operation is named ("Actions, resources, and condition
/// keys for AWS services", Service Authorization Reference). An operation that is not listed is its
/// own action.
///
/// A transaction needs the actions of its parts; those of the ledger check or change items.
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
