//! What a form of input does.

use std::io::BufRead;
use std::ops::ControlFlow;

use super::start::Start;
use crate::input::entry::Entry;
use crate::input::error::InputError;
use crate::input::path::InputPath;

/// A form in which cells can be written down.
pub(crate) trait Form: Sync {
    /// Whether an input that begins with `start` has this form. At most one form says yes.
    fn detect(&self, start: &Start) -> bool;

    /// Reads the input to its end and gives each entry to `take` in order, until that breaks. What
    /// the form implies for all cells is in the fields of each entry.
    ///
    /// # Errors
    /// When the input as a whole cannot be read; `input` is its name in the message.
    fn entries(
        &self,
        input: &InputPath,
        reader: &mut dyn BufRead,
        take: &mut dyn FnMut(Entry) -> ControlFlow<()>,
    ) -> Result<(), InputError>;
}
