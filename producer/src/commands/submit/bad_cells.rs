//! The cells of an input that cannot be used.

use std::fmt::Display;

use crate::input::{InputPath, Position};

/// Bad cells that are shown one by one.
const MOST_SHOWN: usize = 10;

/// Cells of the input that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{count} of {cells} cells of {input} cannot be used; nothing was submitted")]
pub(crate) struct BadCells {
    input: InputPath,
    cells: u32,
    count: u32,
    shown: Vec<(Position, String)>,
}

impl BadCells {
    /// One line for each of the first bad cells, and one for all of them.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self
            .shown
            .iter()
            .map(|(position, cause)| format!("{} {position}: {cause}", self.input))
            .collect();
        let rest = usize::try_from(self.count)
            .unwrap_or(usize::MAX)
            .saturating_sub(self.shown.len());
        if rest > 0 {
            lines.push(format!("{} has {rest} more cells with errors", self.input));
        }
        lines.push(self.to_string());
        lines
    }

    /// No bad cells yet of `input`.
    pub(super) fn new(input: &InputPath) -> Self {
        Self {
            input: input.clone(),
            cells: 0,
            count: 0,
            shown: vec![],
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Counts a cell that can be used, or is dropped.
    pub(super) fn accept(&mut self) {
        self.cells += 1;
    }

    /// Counts a cell that cannot be used because of `cause`.
    pub(super) fn refuse(&mut self, position: Position, cause: &dyn Display) {
        self.cells += 1;
        self.count += 1;
        if self.shown.len() < MOST_SHOWN {
            self.shown.push((position, cause.to_string()));
        }
    }
}
