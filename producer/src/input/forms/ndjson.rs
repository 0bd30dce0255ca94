//! NDJSON: one JSON object per line, a cell each.

use std::io::{BufRead, Read as _};
use std::ops::ControlFlow;

use super::form::Form;
use super::start::Start;
use crate::input::cell::{CellError, Fields};
use crate::input::entry::{Entry, MOST_CELLS, Position};
use crate::input::error::InputError;
use crate::input::path::InputPath;

/// Longest line, in bytes. A cell of many bands with long keys has a few kilobytes.
const LINE_BYTES: usize = 1024 * 1024;

/// One cell per line. It implies nothing about its cells.
pub(super) struct Ndjson;

impl Form for Ndjson {
    fn detect(&self, start: &Start) -> bool {
        start.is_object() && !start.has_key("detail") && !start.has_key("cells")
    }

    fn entries(
        &self,
        input: &InputPath,
        reader: &mut dyn BufRead,
        take: &mut dyn FnMut(Entry) -> ControlFlow<()>,
    ) -> Result<(), InputError> {
        let unreadable = |cause| InputError::unreadable(input, cause);
        let (mut number, mut cells) = (0_u32, 0_u32);
        let mut line = vec![];
        loop {
            // One line, or as much of it as a line can have.
            line.clear();
            (&mut *reader)
                .take(LINE_BYTES as u64)
                .read_until(b'\n', &mut line)
                .map_err(unreadable)?;
            if line.is_empty() {
                break;
            }
            number = number.saturating_add(1);
            // A wrong line is an entry too: the lines after it can be right.
            let fields = if line.len() == LINE_BYTES && line.last() != Some(&b'\n') {
                reader.skip_until(b'\n').map_err(unreadable)?;
                Err(CellError::LongLine)
            } else if line.trim_ascii().is_empty() {
                continue;
            } else {
                parse(&line)
            };
            cells += 1;
            if cells > MOST_CELLS {
                return Err(InputError::TooMany {
                    input: input.clone(),
                });
            }
            let position = Position::Line(number);
            if take(Entry { position, fields }).is_break() {
                break;
            }
        }
        if cells == 0 {
            return Err(InputError::Empty {
                input: input.clone(),
            });
        }
        Ok(())
    }
}

fn parse(line: &[u8]) -> Result<Fields, CellError> {
    let text = std::str::from_utf8(line.trim_ascii_end()).map_err(|error| CellError::NotUtf8 {
        byte: error.valid_up_to() + 1,
    })?;
    let value = serde_json::from_str(text).map_err(|error| {
        let message = error.to_string();
        // The message ends with the position in the line, always as line 1.
        let cause = message.strip_suffix(&format!(
            " at line {} column {}",
            error.line(),
            error.column()
        ));
        CellError::NotJson {
            cause: cause.unwrap_or(&message).to_owned(),
            column: error.column(),
        }
    })?;
    Fields::of(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::read::tests::entries;

    #[test]
    fn a_wrong_line_leaves_the_others_alone() {
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(LINE_BYTES));
        let text = [
            b"{\"number\":1}\n{\"a\":\n{\"a\":\"\xff\"}\n".as_slice(),
            long.as_bytes(),
            b"\n{\"number\":2}\r\n",
        ]
        .concat();
        let expected: [(&str, Result<Option<u32>, &str>); 5] = [
            ("line 1", Ok(Some(1))),
            (
                "line 2",
                Err(
                    "not a JSON object of its own: EOF while parsing a value, column 5; write one cell per line, as jq -c does",
                ),
            ),
            (
                "line 3",
                Err(
                    "byte 7 of the line is not UTF-8 text; convert the file, for example with iconv",
                ),
            ),
            (
                "line 4",
                Err("longer than 1 MiB; write one cell per line, as jq -c does"),
            ),
            ("line 5", Ok(Some(2))),
        ];
        let entries = entries(&text).unwrap();
        let entries: Vec<_> = entries
            .iter()
            .map(|(position, number)| {
                (
                    position.as_str(),
                    number.as_ref().copied().map_err(String::as_str),
                )
            })
            .collect();
        assert_eq!(entries, expected);
    }
}
