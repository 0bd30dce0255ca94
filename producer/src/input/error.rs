//! Why an input cannot be read as cells.

use std::io;

use super::entry::MOST_CELLS;
use super::path::InputPath;

/// Why an input as a whole cannot be read as cells. The message says the next step.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InputError {
    #[error("{input} does not exist; check the path, or use - for standard input")]
    Missing { input: InputPath },
    #[error("{input} is a directory; give the file with the cells")]
    Directory { input: InputPath },
    #[error("cannot read {input}: {cause}")]
    Unreadable { input: InputPath, cause: io::Error },
    #[error("{input} has no cells; a task needs at least one")]
    Empty { input: InputPath },
    #[error("{input} is a JSON array; make it NDJSON, one cell per line, with jq -c '.[]'")]
    Array { input: InputPath },
    #[error(
        "{input} is neither JSON nor NDJSON, it begins with \"{start}\"; expected {{\"detail\":{{\"cells\":[…]}}}} or one cell per line"
    )]
    NotJson { input: InputPath, start: String },
    #[error("{input} is not valid JSON: {cause}; correct it (python3 -m json.tool shows where)")]
    Syntax {
        input: InputPath,
        cause: serde_json::Error,
    },
    #[error("{input} ends in the middle of the document ({cause}); is it cut off?")]
    CutOff {
        input: InputPath,
        cause: serde_json::Error,
    },
    #[error(
        "{input} is not a document of cells: {cause}; expected {{\"detail\":{{\"cells\":[…]}}}}"
    )]
    Shape {
        input: InputPath,
        cause: serde_json::Error,
    },
    #[error("{input} has more than {MOST_CELLS} cells, which one task cannot hold; split it")]
    TooMany { input: InputPath },
}

impl InputError {
    /// The error of a read that failed with `cause`.
    pub(super) fn unreadable(input: &InputPath, cause: io::Error) -> Self {
        let input = input.clone();
        if cause.kind() == io::ErrorKind::NotFound {
            Self::Missing { input }
        } else {
            Self::Unreadable { input, cause }
        }
    }
}
