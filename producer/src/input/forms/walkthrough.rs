//! The document of the AWS walk-through: `{"detail":{"cells":[…]}}`, or `{"cells":[…]}`.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::ops::ControlFlow;

use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::Value;
use serde_json::error::Category;

use super::form::Form;
use super::start::Start;
use crate::input::cell::Fields;
use crate::input::entry::{Entry, MOST_CELLS, Position};
use crate::input::error::InputError;
use crate::input::path::InputPath;

/// One JSON document. Its "files" are requester pays, as in the walk-through that it comes from.
pub(super) struct Walkthrough;

impl Form for Walkthrough {
    fn detect(&self, start: &Start) -> bool {
        start.has_key("detail") || start.has_key("cells")
    }

    fn entries(
        &self,
        input: &InputPath,
        reader: &mut dyn BufRead,
        take: &mut dyn FnMut(Entry) -> ControlFlow<()>,
    ) -> Result<(), InputError> {
        let mut cells = Cells {
            take,
            seen: None,
            end: End::Input,
        };
        let reader = BufReader::new(Utf8Reader::new(reader));
        let mut json = serde_json::Deserializer::from_reader(reader);
        let read = Object(&mut cells)
            .deserialize(&mut json)
            .and_then(|()| json.end());
        let (seen, end) = (cells.seen, cells.end);
        let input = input.clone();
        // A visitor can stop early only by an error, so `end` says whether it was a real one.
        match (read, end) {
            (_, End::Limit) => Err(InputError::TooMany { input }),
            (Err(cause), End::Input) => Err(match cause.classify() {
                Category::Io => InputError::Unreadable {
                    input,
                    cause: cause.into(),
                },
                Category::Eof => InputError::CutOff { input, cause },
                Category::Data => InputError::Shape { input, cause },
                Category::Syntax => InputError::Syntax { input, cause },
            }),
            (Ok(()), End::Input) if seen.is_none_or(|cells| cells == 0) => {
                Err(InputError::Empty { input })
            }
            (Ok(()), End::Input) | (_, End::Taker) => Ok(()),
        }
    }
}

/// The cell number `number` of the document.
fn entry(number: u32, value: Value) -> Entry {
    let fields = Fields::of(value).map(|mut fields| {
        if fields.files.is_some() {
            fields.request_payer.get_or_insert(true);
        }
        fields
    });
    Entry {
        position: Position::Cell(number),
        fields,
    }
}

/// What ended the reading.
#[derive(Debug, Clone, Copy)]
enum End {
    Input,
    Taker,
    Limit,
}

struct Cells<'a> {
    take: &'a mut dyn FnMut(Entry) -> ControlFlow<()>,
    /// How many there were, if there was a list of them.
    seen: Option<u32>,
    end: End,
}

/// The document, or its `detail`. Other fields are ignored: the event around a `detail` has many.
struct Object<'a, 'b>(&'a mut Cells<'b>);

impl<'de> DeserializeSeed<'de> for Object<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with \"cells\"")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "detail" => map.next_value_seed(Object(self.0))?,
                "cells" if self.0.seen.is_some() => {
                    return Err(A::Error::custom("there are two lists of \"cells\""));
                }
                "cells" => map.next_value_seed(List(self.0))?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

struct List<'a, 'b>(&'a mut Cells<'b>);

impl<'de> DeserializeSeed<'de> for List<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for List<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of cells")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let mut seen = 0;
        self.0.seen = Some(seen);
        while let Some(value) = list.next_element::<Value>()? {
            seen += 1;
            self.0.seen = Some(seen);
            if seen > MOST_CELLS {
                self.0.end = End::Limit;
                return Err(A::Error::custom("too many cells"));
            }
            if (self.0.take)(entry(seen, value)).is_break() {
                self.0.end = End::Taker;
                return Err(A::Error::custom("no more cells wanted"));
            }
        }
        Ok(())
    }
}

/// Refuses bytes that are not UTF-8, and names the first. `serde_json` says only near which column
/// they are, and accepts them in fields that are ignored.
struct Utf8Reader<R> {
    inner: R,
    /// Bytes of the input before `partial`.
    offset: u64,
    /// The beginning of a character whose rest has not been read yet.
    partial: Vec<u8>,
}

impl<R> Utf8Reader<R> {
    fn new(inner: R) -> Self {
        Self {
            inner,
            offset: 0,
            partial: vec![],
        }
    }
}

impl<R: Read> Read for Utf8Reader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        let new = buffer.get(..read).unwrap_or_default();
        self.partial.extend_from_slice(new);
        let valid = match str::from_utf8(&self.partial) {
            Ok(text) => text.len(),
            // At the end of the input, a character without its rest is wrong too.
            Err(error) if error.error_len().is_none() && (read > 0 || buffer.is_empty()) => {
                error.valid_up_to()
            }
            Err(error) => {
                let byte = self.offset + error.valid_up_to() as u64 + 1;
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("byte {byte} is not UTF-8 text; convert it, for example with iconv"),
                ));
            }
        };
        self.partial.drain(..valid);
        self.offset += valid as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::input::read::tests::entries;

    #[test]
    fn documents_that_are_wrong_say_where() {
        let error = |text: &[u8]| entries(text).unwrap_err();
        assert_eq!(
            error(br#"{"cells":[]}"#),
            "standard input has no cells; a task needs at least one"
        );
        assert_eq!(
            error(br#"{"detail":{}}"#),
            "standard input has no cells; a task needs at least one"
        );
        assert_eq!(
            error(br#"{"detail":{"cells":{"a":1}}}"#),
            r#"standard input is not a document of cells: invalid type: map, expected a list of cells at line 1 column 20; expected {"detail":{"cells":[…]}}"#
        );
        assert_eq!(
            error(br#"{"detail":"x"}"#),
            r#"standard input is not a document of cells: invalid type: string "x", expected an object with "cells" at line 1 column 13; expected {"detail":{"cells":[…]}}"#
        );
        assert_eq!(
            error(br#"{"cells":[{"a":1} {"a":2}]}"#),
            "standard input is not valid JSON: expected `,` or `]` at line 1 column 19; correct it (python3 -m json.tool shows where)"
        );
        assert_eq!(
            error(br#"{"cells":[{"a":1},"#),
            "standard input ends in the middle of the document (EOF while parsing a value at line 1 column 18); is it cut off?"
        );
        assert_eq!(
            error(b"{\"cells\":[{\"a\":\"\xff\"}]}"),
            "cannot read standard input: byte 17 is not UTF-8 text; convert it, for example with iconv"
        );
    }

    #[test]
    fn files_are_requester_pays_unless_the_cell_says_otherwise() {
        let payer = |value| entry(1, value).fields.unwrap().request_payer;
        let files = "s3://bucket/x/";
        assert_eq!(payer(json!({"files": files})), Some(true));
        assert_eq!(
            payer(json!({"files": files, "request_payer": false})),
            Some(false)
        );
        let assets = json!({"B04": "s3://bucket/x/B04.jp2"});
        assert_eq!(payer(json!({"assets": assets})), None);
    }

    fn read(parts: [&[u8]; 2]) -> Result<String, String> {
        let mut text = String::new();
        let [first, second] = parts;
        match Utf8Reader::new(first.chain(second)).read_to_string(&mut text) {
            Ok(_) => Ok(text),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn the_first_byte_that_is_not_utf8_is_named_wherever_reads_cut_the_text() {
        let wrong = |byte| {
            Err(format!(
                "byte {byte} is not UTF-8 text; convert it, for example with iconv"
            ))
        };
        assert_eq!(read([b"a\xc3", b"\xa9b"]), Ok("aéb".to_owned()));
        assert_eq!(read([b"ab\xff", b"cd"]), wrong(3));
        assert_eq!(read([b"ab", b"c\xc3"]), wrong(4));
        assert_eq!(read([b"a\xc3", b"bc"]), wrong(2));
    }
}
