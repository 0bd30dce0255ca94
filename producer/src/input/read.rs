//! Opening an input, detecting its form and reading its entries.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::ops::ControlFlow;

use super::entry::Entry;
use super::error::InputError;
use super::forms::{Start, detect};
use super::path::InputPath;

/// Reads `input` and gives each entry to `take`, until that breaks.
///
/// # Errors
/// When the input as a whole cannot be read. Errors of single cells are in their entries.
pub(crate) fn read(
    input: &InputPath,
    take: &mut dyn FnMut(Entry) -> ControlFlow<()>,
) -> Result<(), InputError> {
    read_from(input, open(input)?, take)
}

fn open(input: &InputPath) -> Result<Box<dyn Read>, InputError> {
    let InputPath::File(path) = input else {
        return Ok(Box::new(io::stdin()));
    };
    let unreadable = |cause| InputError::unreadable(input, cause);
    let file = File::open(path).map_err(unreadable)?;
    // A directory can be opened, and reading it fails without saying why.
    if file.metadata().map_err(unreadable)?.is_dir() {
        return Err(InputError::Directory {
            input: input.clone(),
        });
    }
    Ok(Box::new(file))
}

fn read_from(
    input: &InputPath,
    mut reader: impl Read,
    take: &mut dyn FnMut(Entry) -> ControlFlow<()>,
) -> Result<(), InputError> {
    let mut bytes = vec![];
    reader
        .by_ref()
        .take(Start::BYTES as u64)
        .read_to_end(&mut bytes)
        .map_err(|cause| InputError::unreadable(input, cause))?;
    let start = Start::new(bytes);
    let Some(form) = detect(&start) else {
        let input = input.clone();
        return Err(match start.first() {
            None => InputError::Empty { input },
            Some(b'[') => InputError::Array { input },
            Some(_) => InputError::NotJson {
                input,
                start: start.shown(),
            },
        });
    };
    let mut whole = BufReader::new(Cursor::new(start.into_bytes()).chain(reader));
    form.entries(input, &mut whole, take)
}

#[cfg(test)]
pub(super) mod tests {
    use std::path::Path;

    use super::*;

    /// The position of an entry, and its field "number" or the words of its error.
    pub(in crate::input) type Read = (String, Result<Option<u32>, String>);

    /// All entries of `text`.
    pub(in crate::input) fn entries(text: &[u8]) -> Result<Vec<Read>, String> {
        let mut entries = vec![];
        read_from(&InputPath::Stdin, text, &mut |entry| {
            let number = entry
                .fields
                .map(|fields| fields.number)
                .map_err(|error| error.to_string());
            entries.push((entry.position.to_string(), number));
            ControlFlow::Continue(())
        })
        .map_err(|error| error.to_string())?;
        Ok(entries)
    }

    #[test]
    fn the_form_is_detected_from_the_content() {
        let cell = |position: &str| (position.to_owned(), Ok(Some(1)));
        assert_eq!(
            entries(br#"{"detail":{"cells":[{"number":1},{"number":1}]}}"#).unwrap(),
            [cell("cell 1"), cell("cell 2")]
        );
        assert_eq!(
            entries(b"\xef\xbb\xbf\n{\n \"cells\": [\n{\"number\":1}]\n}\n").unwrap(),
            [cell("cell 1")]
        );
        let event =
            br#"{"version":"0","id":"x","detail":{"note":[],"cells":[{"number":1}]},"region":"eu-central-1"}"#;
        assert_eq!(entries(event).unwrap(), [cell("cell 1")]);
        let resources = format!("\"{}\"", "x".repeat(256 * 1024));
        let event =
            format!(r#"{{"resources":[{resources}],"detail":{{"cells":[{{"number":1}}]}}}}"#);
        assert_eq!(entries(event.as_bytes()).unwrap(), [cell("cell 1")]);
        assert_eq!(
            entries(b"{\"number\":1}\n\n{\"number\":1}").unwrap(),
            [cell("line 1"), cell("line 3")]
        );
    }

    #[test]
    fn an_input_of_no_known_form_is_refused_as_a_whole() {
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
    fn a_path_that_is_not_a_file_is_named() {
        let read = |path: &str| {
            read(&InputPath::of_argument(Path::new(path)), &mut |_| {
                ControlFlow::Continue(())
            })
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
