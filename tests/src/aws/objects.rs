//! Copies directories to buckets and back.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;

/// An object as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Object {
    /// Its key.
    pub key: String,
    /// Its size in bytes.
    pub bytes: u64,
}

/// What an upload did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Uploaded {
    /// Files sent.
    pub files: usize,
    /// Bytes sent.
    pub bytes: u64,
    /// Files whose object was there already, with the same size.
    pub skipped: usize,
}

/// All files below `root`, as paths relative to it, sorted.
///
/// # Errors
///
/// When a directory cannot be read.
pub fn files_below(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![root.to_path_buf()];
    while let Some(directory) = open.pop() {
        let entries = fs::read_dir(&directory)
            .with_context(|| format!("cannot list {}", directory.display()))?;
        for entry in entries {
            let path = entry
                .with_context(|| format!("cannot list {}", directory.display()))?
                .path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.push(path.strip_prefix(root)?.to_path_buf());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Uploads `files` (relative to `root`) under keys of the same form. An object that exists with the
/// same size is not sent again.
///
/// # Errors
///
/// When a file cannot be read or sent.
pub async fn upload(s3: &Client, bucket: &str, root: &Path, files: &[PathBuf]) -> Result<Uploaded> {
    let there: HashMap<String, u64> = list(s3, bucket, "")
        .await?
        .into_iter()
        .map(|object| (object.key, object.bytes))
        .collect();
    let mut done = Uploaded::default();
    for file in files {
        let path = root.join(file);
        let key = file
            .to_str()
            .with_context(|| format!("{} is not UTF-8", path.display()))?;
        let bytes = fs::metadata(&path)
            .with_context(|| format!("cannot read {}", path.display()))?
            .len();
        if there.get(key) == Some(&bytes) {
            done.skipped += 1;
            continue;
        }
        let body = ByteStream::from_path(&path)
            .await
            .with_context(|| format!("cannot read {}", path.display()))?;
        s3.put_object()
            .bucket(bucket)
            .key(key)
            .body(body)
            .send()
            .await
            .with_context(|| format!("cannot upload {} to s3://{bucket}/{key}", path.display()))?;
        done.files += 1;
        done.bytes += bytes;
    }
    Ok(done)
}

/// The objects whose key begins with `prefix`, by key.
///
/// # Errors
///
/// When the bucket cannot be listed.
pub async fn list(s3: &Client, bucket: &str, prefix: &str) -> Result<Vec<Object>> {
    let mut pages = s3
        .list_objects_v2()
        .bucket(bucket)
        .prefix(prefix)
        .into_paginator()
        .send();
    let mut objects = Vec::new();
    while let Some(page) = pages.next().await {
        for object in page
            .with_context(|| format!("cannot list s3://{bucket}/{prefix}"))?
            .contents()
        {
            objects.push(Object {
                key: object.key().unwrap_or_default().to_owned(),
                bytes: object
                    .size()
                    .and_then(|size| u64::try_from(size).ok())
                    .unwrap_or_default(),
            });
        }
    }
    objects.sort();
    Ok(objects)
}

/// The whole object.
///
/// # Errors
///
/// When it cannot be read.
pub async fn read(s3: &Client, bucket: &str, key: &str) -> Result<Vec<u8>> {
    let what = || format!("cannot read s3://{bucket}/{key}");
    let answer = s3
        .get_object()
        .bucket(bucket)
        .key(key)
        .send()
        .await
        .with_context(what)?;
    Ok(answer.body.collect().await.with_context(what)?.to_vec())
}

/// Downloads an object to the file `path`.
///
/// # Errors
///
/// When it cannot be read or written.
pub async fn download(s3: &Client, bucket: &str, key: &str, path: &Path) -> Result<()> {
    let bytes = read(s3, bucket, key).await?;
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}
