//! HEAD: what S3 says of an object without sending it.

use super::store::ObjectStore;
use crate::aws::error::{AwsError, AwsErrorKind};
use crate::domain::S3Url;

/// What HEAD says of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Its entity tag.
    pub etag: String,
    /// Its length in bytes.
    pub bytes: u64,
}

impl ObjectStore {
    /// The entity tag and length of an object, whose bucket is in `region`, or in the fleet's own
    /// if that is `None`. The answer is `None` when the object does not exist.
    ///
    /// S3 says that an object does not exist only to roles that may list the bucket; it denies
    /// access to others (S3 API reference, `HeadObject`, "Permissions").
    ///
    /// # Errors
    /// [`AwsError`] when the call fails.
    pub async fn head(
        &self,
        object: &S3Url,
        region: Option<&str>,
    ) -> Result<Option<Head>, AwsError> {
        let sent = self.regions.send("HeadObject", object, region, |client| {
            client
                .head_object()
                .bucket(object.bucket())
                .key(object.key())
                .send()
        });
        match sent.await {
            Ok((head, _)) => {
                let bytes = head
                    .content_length()
                    .and_then(|length| u64::try_from(length).ok());
                Ok(Some(Head {
                    etag: head.e_tag().unwrap_or_default().to_owned(),
                    bytes: bytes.unwrap_or(0),
                }))
            }
            Err(error) if error.kind() == AwsErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::s3::canned;

    #[tokio::test(start_paused = true)]
    async fn missing_existing_and_denied_objects_are_distinguished() {
        let store = |status: u16| {
            let (store, _) = canned::store(move |_, _| {
                let headers = vec![
                    ("etag", "\"tag\"".to_owned()),
                    ("content-length", "7".to_owned()),
                ];
                (status, headers, vec![])
            });
            store
        };
        let object = "s3://bucket/raster.tif".parse().unwrap();
        let existing = Head {
            etag: "\"tag\"".to_owned(),
            bytes: 7,
        };
        assert_eq!(
            store(200).head(&object, None).await.unwrap(),
            Some(existing)
        );
        assert_eq!(store(404).head(&object, None).await.unwrap(), None);
        let denied = store(403).head(&object, None).await.unwrap_err();
        assert!(
            denied
                .to_string()
                .ends_with("the role needs s3:GetObject on it"),
            "{denied}"
        );
    }
}
