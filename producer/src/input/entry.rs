//! An entry of an input: a cell that is not checked yet.

use std::fmt;

use super::cell::{CellError, Fields};

/// Cells of a task, at most. The numbers of its open shards are in one item, and a DynamoDB item
/// has at most 400 KB.
pub(super) const MOST_CELLS: u32 = 10_000_000;

/// A cell of the input.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) position: Position,
    /// The cell's fields, with what the form of the input implies; or why they cannot be read.
    pub(crate) fields: Result<Fields, CellError>,
}

/// The position of a cell in its input, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Position {
    /// Number of the cell in a document.
    Cell(u32),
    /// Number of the line in an NDJSON file.
    Line(u32),
}

impl Position {
    /// The bare number.
    pub(crate) fn number(self) -> u32 {
        match self {
            Self::Cell(number) | Self::Line(number) => number,
        }
    }

    /// Another position in the same input.
    pub(crate) fn with_number(self, number: u32) -> Self {
        match self {
            Self::Cell(_) => Self::Cell(number),
            Self::Line(_) => Self::Line(number),
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cell(number) => write!(f, "cell {number}"),
            Self::Line(number) => write!(f, "line {number}"),
        }
    }
}
