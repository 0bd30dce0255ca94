//! Cells as NDJSON: one JSON object per line.

use std::io::{BufRead, Read as _};

use serde_json::Value;

use crate::input::CellError;
use crate::input::read::{Entry, InputError, MOST_CELLS, Place, Source};

/// Longest line, in bytes. A cell of many bands with long keys has a few kilobytes.
const LINE_BYTES: usize = 1024 * 1024;

/// Reads the lines and gives their cells to `take` one by one; empty lines are none.
pub(in crate::input) fn read(
    source: &Source,
    mut reader: impl BufRead,
    take: &mut dyn FnMut(Entry) -> bool,
) -> Result<(), InputError> {
    let unreadable = |cause| InputError::unreadable(source, cause);
    let (mut number, mut cells) = (0_u32, 0_u32);
    let mut line = vec![];
    loop {
        line.clear();
        reader
            .by_ref()
            .take(LINE_BYTES as u64)
            .read_until(b'\n', &mut line)
            .map_err(unreadable)?;
        if line.is_empty() {
            return if cells == 0 {
                Err(InputError::Empty {
                    input: source.clone(),
                })
            } else {
                Ok(())
            };
        }
        number = number.saturating_add(1);
        let content = if line.len() == LINE_BYTES && line.last() != Some(&b'\n') {
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
                input: source.clone(),
            });
        }
        if !take(Entry {
            place: Place::Line(number),
            content,
        }) {
            return Ok(());
        }
    }
}

fn parse(line: &[u8]) -> Result<Value, CellError> {
    let text = std::str::from_utf8(line.trim_ascii_end()).map_err(|error| CellError::NotUtf8 {
        byte: error.valid_up_to() + 1,
    })?;
    serde_json::from_str(text).map_err(|error| {
        let said = error.to_string();
        // The line of the message is always the first; which one it is in the file is said
        // elsewhere.
        let cause = said.strip_suffix(&format!(
            " at line {} column {}",
            error.line(),
            error.column()
        ));
        CellError::NotJson {
            cause: cause.unwrap_or(&said).to_owned(),
            column: error.column(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::read::tests::entries;

    #[test]
    fn a_wrong_line_leaves_the_others_alone() {
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(LINE_BYTES));
        let text = [
            b"{\"a\":1}\n{\"a\":\n{\"a\":\"\xff\"}\n".as_slice(),
            long.as_bytes(),
            b"\n{\"a\":2}\r\n",
        ]
        .concat();
        let expected: [(&str, Result<&str, &str>); 5] = [
            ("line 1", Ok(r#"{"a":1}"#)),
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
            ("line 5", Ok(r#"{"a":2}"#)),
        ];
        let entries = entries(&text).unwrap();
        let entries: Vec<_> = entries
            .iter()
            .map(|(place, content)| (place.as_str(), content.as_deref().map_err(String::as_str)))
            .collect();
        assert_eq!(entries, expected);
    }
}
