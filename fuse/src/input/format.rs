//! The format of an object, detected from its first bytes and not from its name.

/// The signature box that every JP2 file begins with (ISO/IEC 15444-1 I.5.1).
const SIGNATURE: [u8; 12] = *b"\0\0\0\x0cjP  \r\n\x87\n";

/// Bytes looked at; error pages and pointers say what they are in the first lines.
pub(crate) const PREFIX: u64 = 2048;

/// What an object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// JPEG 2000 in a JP2 container.
    Jp2,
    /// A TIFF or `BigTIFF` of either byte order.
    Tiff,
    /// Nothing that a band could be; what it looks like, as a verb phrase.
    Other(String),
}

/// What begins like this.
pub(crate) fn detect(head: &[u8]) -> Format {
    match head {
        // TIFF 6.0, section 2; 43 is the BigTIFF of libtiff 4.
        [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => Format::Tiff,
        head if head.starts_with(&SIGNATURE) => Format::Jp2,
        head => Format::Other(looks_like(head)),
    }
}

fn looks_like(head: &[u8]) -> String {
    if head.is_empty() {
        return "is empty".into();
    }
    let name = match head {
        // The signature box with other line ends: I.5.1 chose its bytes to reveal exactly this.
        [0, 0, 0, 0x0c, b'j', b'P', b' ', b' ', ..] => {
            "is a JP2 file damaged by a text-mode transfer"
        }
        [0xff, 0x4f, 0xff, 0x51, ..] => "is a bare JPEG 2000 codestream without a georeference",
        [0xff, 0xd8, 0xff, ..] => "is a JPEG",
        [0x89, b'P', b'N', b'G', ..] => "is a PNG",
        [0x1f, 0x8b, ..] => "is gzip-compressed",
        [b'P', b'K', 3 | 5, ..] => "is a ZIP archive",
        _ => return text(head).unwrap_or_else(|| first_bytes(head)),
    };
    name.into()
}

fn text(head: &[u8]) -> Option<String> {
    let head = head
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(head)
        .trim_ascii_start();
    let starts = |prefix: &[u8]| {
        head.get(..prefix.len())
            .is_some_and(|it| it.eq_ignore_ascii_case(prefix))
    };
    if starts(b"version https://git-lfs") {
        return Some("is a Git LFS pointer, not the file it stands for".into());
    }
    if starts(b"/annex/objects/") || starts(b"../.git/annex") || starts(b".git/annex") {
        return Some("is a git-annex pointer, not the file it stands for".into());
    }
    if starts(b"<!doctype html") || starts(b"<html") {
        return Some("is an HTML page".into());
    }
    if starts(b"<?xml") || starts(b"<error") {
        return Some(match error_code(head) {
            Some(code) => format!("is an XML error document ({code})"),
            None => "is an XML document".into(),
        });
    }
    if starts(b"{") || starts(b"[") {
        return Some("looks like JSON".into());
    }
    None
}

/// The `<Code>` of an error document of S3, such as `AccessDenied`.
fn error_code(head: &[u8]) -> Option<&str> {
    let text = str::from_utf8(head).ok()?;
    let (_, after) = text.split_once("<Code>")?;
    let (code, _) = after.split_once("</Code>")?;
    let is_word = !code.is_empty()
        && code.len() <= 64
        && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_word.then_some(code)
}

fn first_bytes(head: &[u8]) -> String {
    if head.iter().all(|&byte| byte == 0) {
        return "begins with zeros only".into();
    }
    let shown = head.get(..12).unwrap_or(head);
    format!("begins with the bytes \"{}\"", shown.escape_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_detected_from_the_first_bytes() {
        assert_eq!(detect(&SIGNATURE), Format::Jp2);
        for head in [b"II*\0rest", b"II+\0rest", b"MM\0*rest", b"MM\0+rest"] {
            assert_eq!(detect(head), Format::Tiff);
        }
    }

    #[test]
    fn what_stands_in_for_a_band_is_named() {
        let cases: [(&[u8], &str); 10] = [
            (b"", "is empty"),
            (
                b"version https://git-lfs.github.com/spec/v1\noid",
                "is a Git LFS pointer, not the file it stands for",
            ),
            (b"\n<!DOCTYPE html><html>", "is an HTML page"),
            (b"<?xml version=\"1.0\"?>\n<a/>", "is an XML document"),
            (
                b"<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code></Error>",
                "is an XML error document (AccessDenied)",
            ),
            (b"{\"message\": 1}", "looks like JSON"),
            (
                b"\xff\x4f\xff\x51\0",
                "is a bare JPEG 2000 codestream without a georeference",
            ),
            (
                b"\0\0\0\x0cjP  \n\x87\n",
                "is a JP2 file damaged by a text-mode transfer",
            ),
            (b"\0\0\0\0\0\0", "begins with zeros only"),
            (b"hello\x07", "begins with the bytes \"hello\\x07\""),
        ];
        for (bytes, expected) in cases {
            assert_eq!(detect(bytes), Format::Other(expected.into()));
        }
    }
}
