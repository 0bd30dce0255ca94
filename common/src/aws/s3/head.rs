use crate::aws::error::{AwsError, AwsErrorKind};
use crate::aws::s3::store::ObjectStore;
use crate::domain::S3Url;

/// What S3 tells of an object without sending it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Its entity tag.
    pub etag: String,
    /// Its length.
    pub bytes: u64,
}

impl ObjectStore {
    /// Looks at an object whose bucket is in `region` if that is not the fleet's own; `None` when
    /// it is not there.
    ///
    /// S3 tells that an object is missing only to those who may list the bucket; to others it is
    /// denied (S3 API reference, `HeadObject`, "Permissions").
    ///
    /// # Errors
    /// [`AwsError`] when the call fails.
    pub async fn head(
        &self,
        object: &S3Url,
        region: Option<&str>,
    ) -> Result<Option<Head>, AwsError> {
        if let Some(region) = region {
            self.place(object.bucket(), region);
        }
        loop {
            let client = self.client(object.bucket());
            let head = client
                .head_object()
                .bucket(object.bucket())
                .key(object.key())
                .send()
                .await;
            let error = match head {
                Ok(head) => {
                    let bytes = head
                        .content_length()
                        .and_then(|length| u64::try_from(length).ok());
                    let etag = head.e_tag().unwrap_or_default().to_owned();
                    return Ok(Some(Head {
                        etag,
                        bytes: bytes.unwrap_or(0),
                    }));
                }
                Err(error) => error,
            };
            if self.learn_region(object.bucket(), &error) {
                continue;
            }
            let error = AwsError::new("s3", "HeadObject", &object.to_string(), &error);
            return if error.kind() == AwsErrorKind::NotFound {
                Ok(None)
            } else {
                Err(error)
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::canned;

    #[tokio::test(start_paused = true)]
    async fn missing_there_and_denied_are_told_apart() {
        let store = |status: u16| {
            let (client, _) = canned::client(move |_, _| {
                (
                    status,
                    vec![
                        ("etag", "\"tag\"".to_owned()),
                        ("content-length", "7".to_owned()),
                    ],
                    vec![],
                )
            });
            ObjectStore::new(canned::config!(aws_sdk_s3, client).force_path_style(true))
        };
        let object = "s3://bucket/raster.tif".parse().unwrap();
        let there = Head {
            etag: "\"tag\"".to_owned(),
            bytes: 7,
        };
        assert_eq!(store(200).head(&object, None).await.unwrap(), Some(there));
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
