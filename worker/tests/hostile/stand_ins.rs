//! What lies under the name of a band and is none.

use crate::case::{Case, refused};
use crate::jp2::Jp2;
use crate::scene::whole;

const NOT_JP2: &[&str] = &["not_jp2"];

pub(crate) fn cases() -> Vec<Case> {
    let file = whole();
    let text_mode = file
        .iter()
        .copied()
        .filter(|&byte| byte != b'\r')
        .collect::<Vec<_>>();
    let texts: [(&str, &[u8], &str); 13] = [
        ("an empty file", b"", "is empty"),
        (
            "an error page of S3",
            b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>",
            "AccessDenied",
        ),
        ("a web page", b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>", "HTML"),
        (
            "a Git LFS pointer",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 115000000\n",
            "Git LFS pointer",
        ),
        ("a git-annex pointer", b"/annex/objects/SHA256E-s115000000--4d7a2146.jp2\n", "git-annex pointer"),
        ("a JPEG", b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xd9", "JPEG"),
        ("a PNG", b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x01\x2c\0\0\x01\x2c\x10\0\0\0\0", "PNG"),
        ("a gzipped file", b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0", "gzip"),
        ("a ZIP archive", b"PK\x03\x04\x14\0\0\0\x08\0", "ZIP"),
        ("an answer in JSON", b"{\"message\": \"Forbidden\"}", "JSON"),
        ("zeros", &[0; 4096], "zeros"),
        ("one byte", b"\0", "zeros"),
        ("half a signature box", b"\0\0\0\x0cjP", "begins with the bytes"),
    ];
    let texts = texts
        .into_iter()
        .map(|(name, bytes, words)| refused(name, bytes, NOT_JP2, words));
    let mut cases: Vec<_> = texts.collect();
    cases.extend([
        refused(
            "a JP2 file without its carriage returns",
            text_mode,
            NOT_JP2,
            "text-mode",
        ),
        refused(
            "a bare codestream",
            Jp2::of(&file).stream(),
            NOT_JP2,
            "bare JPEG 2000 codestream",
        ),
        refused(
            "the signature box alone",
            file[..12].to_vec(),
            &["truncated"],
            "box header",
        ),
        refused("HT JPEG 2000", jph(&file), &["unsupported"], "brand"),
        refused(
            "a TIFF header alone",
            b"II*\0\x08\0\0\0".to_vec(),
            &["truncated"],
            "too early",
        ),
        refused(
            "a TIFF header and text",
            b"II*\0 and then some text".to_vec(),
            &["truncated"],
            "too early",
        ),
    ]);
    cases
}

/// The brand of ISO/IEC 15444-15 files.
fn jph(file: &[u8]) -> Vec<u8> {
    let mut file = Jp2::of(file);
    *file.content(*b"ftyp") = b"jph \0\0\0\0jph ".to_vec();
    file.bytes()
}
