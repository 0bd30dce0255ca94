//! Where documents are read.

use std::io;

use tilefleet_common::aws::{ObjectError, ObjectStore};
use tilefleet_common::domain::S3Url;

use super::error::LookUpError;

/// The longest document, in bytes. The metadata of a product have up to 600 KB.
const LONGEST: u64 = 8 << 20;

/// What came of reading a document.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// Its content.
    Document(Vec<u8>),
    /// There is none.
    Missing,
    /// Access is denied. Without the right to list a bucket, S3 says so of objects that do not exist
    /// (Amazon S3 API reference, `GetObject`, "Permissions").
    Denied,
}

/// A place from which documents are read.
pub trait Library {
    /// Reads the document at `place`, an address in S3 or a path.
    fn read(&self, place: &str) -> impl Future<Output = Result<Found, LookUpError>> + Send;
}

/// Documents in S3 and on this machine.
#[derive(Debug, Clone, Copy)]
pub struct Documents<'a> {
    /// S3, if there are addresses in S3.
    pub objects: Option<&'a ObjectStore>,
    /// Whether reads in S3 offer to pay.
    pub request_payer: bool,
}

impl Library for Documents<'_> {
    async fn read(&self, place: &str) -> Result<Found, LookUpError> {
        match self.objects.filter(|_| place.starts_with("s3://")) {
            Some(objects) => read_object(objects, &place.parse()?, self.request_payer).await,
            None => read_file(place).await,
        }
    }
}

async fn read_object(
    objects: &ObjectStore,
    object: &S3Url,
    request_payer: bool,
) -> Result<Found, LookUpError> {
    match objects.get(object, request_payer, LONGEST).await {
        Ok(read) => Ok(Found::Document(read.bytes.to_vec())),
        Err(error) if error.is_denied() => Ok(Found::Denied),
        Err(error) if is_missing(&error) => Ok(Found::Missing),
        Err(error) => Err(error.into()),
    }
}

fn is_missing(error: &ObjectError) -> bool {
    error.code() == "missing_object"
}

async fn read_file(path: &str) -> Result<Found, LookUpError> {
    let wrong = |cause| LookUpError::File {
        path: path.to_owned(),
        cause,
    };
    match tokio::fs::metadata(path).await {
        Ok(metadata) if metadata.len() > LONGEST => {
            Err(wrong(io::Error::other("it is longer than 8 MiB")))
        }
        Ok(_) => tokio::fs::read(path)
            .await
            .map(Found::Document)
            .map_err(wrong),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok(Found::Missing),
            _ => Err(wrong(error)),
        },
    }
}
