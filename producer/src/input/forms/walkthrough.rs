//! The document of the AWS walk-through: `{"detail":{"cells":[…]}}`, or `{"cells":[…]}`.

use std::fmt;
use std::io::BufRead;
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
            "standard input is not valid JSON: invalid unicode code point at line 1 column 17; correct it (python3 -m json.tool shows where)"
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
}
