//! Reading cells, whichever form they come in.
//!
//! [`read`] goes through the input once and keeps no more of it than the cell at hand. `fields`
//! takes a cell's JSON object apart, `identity` and `locate` find out which cell it is and where
//! its bands are.

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use serde::de::{Deserializer as _, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use super::cell::CellError;
use super::forms::{ndjson, walkthrough};
use super::utf8;

/// Bytes in which the form is recognised.
const START: usize = 64 * 1024;

/// Where cells are read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    Stdin,
    File(PathBuf),
}

impl Source {
    /// What the argument means: `-` is standard input.
    pub(crate) fn of_argument(argument: &Path) -> Self {
        if argument == Path::new("-") {
            Self::Stdin
        } else {
            Self::File(argument.to_owned())
        }
    }

    fn open(&self) -> Result<Box<dyn Read>, InputError> {
        let Self::File(path) = self else {
            return Ok(Box::new(io::stdin()));
        };
        let file = File::open(path).map_err(|cause| InputError::unreadable(self, cause))?;
        // Opening a directory succeeds; reading it would not, but without saying why.
        let metadata = file
            .metadata()
            .map_err(|cause| InputError::unreadable(self, cause))?;
        if metadata.is_dir() {
            return Err(InputError::Directory {
                input: self.clone(),
            });
        }
        Ok(Box::new(file))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("standard input"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

/// Why an input cannot be read as cells at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InputError {
    #[error("{input} does not exist; check the path, or use - for standard input")]
    Missing { input: Source },
    #[error("{input} is a directory; give the file with the cells")]
    Directory { input: Source },
    #[error("cannot read {input}: {cause}")]
    Unreadable { input: Source, cause: io::Error },
    #[error("{input} has no cells; a task needs at least one")]
    Empty { input: Source },
    #[error("{input} is a JSON array; make it NDJSON, one cell per line, with jq -c '.[]'")]
    Array { input: Source },
    #[error(
        "{input} is neither JSON nor NDJSON, it begins with \"{start}\"; expected {{\"detail\":{{\"cells\":[…]}}}} or one cell per line"
    )]
    NotJson { input: Source, start: String },
    #[error(
        "{input} is not valid JSON: {cause}; correct it (python3 -m json.tool shows the place)"
    )]
    Syntax {
        input: Source,
        cause: serde_json::Error,
    },
    #[error("{input} ends in the middle of the document ({cause}); is it cut off?")]
    CutOff {
        input: Source,
        cause: serde_json::Error,
    },
    #[error(
        "{input} is not a document of cells: {cause}; expected {{\"detail\":{{\"cells\":[…]}}}}"
    )]
    Shape {
        input: Source,
        cause: serde_json::Error,
    },
    #[error("{input} has more than {MOST_CELLS} cells, which one task cannot hold; split it")]
    TooMany { input: Source },
}

/// Cells of a task, at most: the numbers of its open shards stand in one item, and DynamoDB's items
/// have 400 KB at most.
pub(crate) const MOST_CELLS: u32 = 10_000_000;

impl InputError {
    pub(in crate::input) fn unreadable(input: &Source, cause: io::Error) -> Self {
        let input = input.clone();
        if cause.kind() == io::ErrorKind::NotFound {
            Self::Missing { input }
        } else {
            Self::Unreadable { input, cause }
        }
    }
}

/// Where in the input a cell stands, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// The how manieth cell of a document.
    Cell(u32),
    /// The line of an NDJSON file.
    Line(u32),
}

impl Place {
    /// The bare number, without what it counts.
    pub(crate) fn number(self) -> u32 {
        match self {
            Self::Cell(number) | Self::Line(number) => number,
        }
    }

    /// Another place of the same input.
    pub(crate) fn with_number(self, number: u32) -> Self {
        match self {
            Self::Cell(_) => Self::Cell(number),
            Self::Line(_) => Self::Line(number),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cell(number) => write!(f, "cell {number}"),
            Self::Line(number) => write!(f, "line {number}"),
        }
    }
}

/// A cell of the input, not yet understood.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) place: Place,
    /// The cell's JSON value, or why there is none.
    pub(crate) content: Result<Value, CellError>,
}

/// Reads `source` and gives every cell to `take`, which answers whether it wants more.
pub(crate) fn read(source: &Source, take: &mut dyn FnMut(Entry) -> bool) -> Result<(), InputError> {
    read_from(source, source.open()?, take)
}

fn read_from(
    source: &Source,
    mut reader: impl Read,
    take: &mut dyn FnMut(Entry) -> bool,
) -> Result<(), InputError> {
    let mut start = Vec::with_capacity(START);
    let read = reader.by_ref().take(START as u64).read_to_end(&mut start);
    read.map_err(|cause| InputError::unreadable(source, cause))?;
    // Some editors and shells put a byte order mark before UTF-8.
    if start.starts_with("\u{feff}".as_bytes()) {
        start.drain(..3);
    }
    let input = || source.clone();
    match start.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None => return Err(InputError::Empty { input: input() }),
        Some(b'{') => {}
        Some(b'[') => return Err(InputError::Array { input: input() }),
        Some(_) => {
            let shown = start.trim_ascii_start();
            let shown = shown
                .get(..20)
                .unwrap_or(shown)
                .trim_ascii_end()
                .escape_ascii()
                .to_string();
            return Err(InputError::NotJson {
                input: input(),
                start: shown,
            });
        }
    }
    let document = is_document(&start);
    let whole = Cursor::new(start).chain(reader);
    if document {
        walkthrough::read(source, BufReader::new(utf8::Checked::new(whole)), take)
    } else {
        ndjson::read(source, BufReader::new(whole), take)
    }
}

/// Whether the object that begins in `start` has cells in it, rather than being one.
fn is_document(start: &[u8]) -> bool {
    struct Keys<'a>(&'a mut bool);

    impl<'de> Visitor<'de> for Keys<'_> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
            while let Some(key) = map.next_key::<String>()? {
                if key == "detail" || key == "cells" {
                    *self.0 = true;
                    return Err(A::Error::custom("seen enough"));
                }
                map.next_value::<IgnoredAny>()?;
            }
            Ok(())
        }
    }

    let mut document = false;
    // The start is cut off anywhere, so an error says nothing.
    let _ = serde_json::Deserializer::from_slice(start).deserialize_map(Keys(&mut document));
    document
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A place, and the JSON or the words of the error that are there.
    pub(crate) type Said = (String, Result<String, String>);

    /// All entries of `text`.
    pub(crate) fn entries(text: &[u8]) -> Result<Vec<Said>, String> {
        let mut entries = vec![];
        read_from(&Source::Stdin, text, &mut |entry| {
            let content = entry
                .content
                .map(|value| value.to_string())
                .map_err(|error| error.to_string());
            entries.push((entry.place.to_string(), content));
            true
        })
        .map_err(|error| error.to_string())?;
        Ok(entries)
    }

    #[test]
    fn documents_and_lines_are_told_apart_by_content() {
        let cell = |place: &str| (place.to_owned(), Ok(r#"{"a":1}"#.to_owned()));
        assert_eq!(
            entries(br#"{"detail":{"cells":[{"a":1},{"a":1}]}}"#).unwrap(),
            [cell("cell 1"), cell("cell 2")]
        );
        assert_eq!(
            entries(b"\xef\xbb\xbf\n{\n \"cells\": [\n{\"a\":1}]\n}\n").unwrap(),
            [cell("cell 1")]
        );
        let event =
            br#"{"version":"0","id":"x","detail":{"note":[],"cells":[{"a":1}]},"region":"eu-central-1"}"#;
        assert_eq!(entries(event).unwrap(), [cell("cell 1")]);
        assert_eq!(
            entries(b"{\"a\":1}\n\n{\"a\":1}").unwrap(),
            [cell("line 1"), cell("line 3")]
        );
    }

    #[test]
    fn what_is_no_input_of_cells_is_refused_as_a_whole() {
        let error = |text: &[u8]| entries(text).unwrap_err();
        assert_eq!(
            error(b""),
            "standard input has no cells; a task needs at least one"
        );
        assert_eq!(
            error(b" \n\n"),
            "standard input has no cells; a task needs at least one"
        );
        assert_eq!(
            error(b"[{}]"),
            "standard input is a JSON array; make it NDJSON, one cell per line, with jq -c '.[]'"
        );
        assert_eq!(
            error(b"\0\0\0\x0cjP  \r\n\x87\n, and so on and on"),
            r#"standard input is neither JSON nor NDJSON, it begins with "\x00\x00\x00\x0cjP  \r\n\x87\n, and so"; expected {"detail":{"cells":[…]}} or one cell per line"#
        );
    }

    #[test]
    fn a_file_that_is_none_is_named() {
        let read = |path: &str| {
            read(&Source::of_argument(Path::new(path)), &mut |_| true)
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            read("/nowhere/cells.json"),
            "/nowhere/cells.json does not exist; check the path, or use - for standard input"
        );
        assert_eq!(read("/"), "/ is a directory; give the file with the cells");
    }
}
