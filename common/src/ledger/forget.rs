//! What is left of tasks that are not found any more.

use super::item::Key;
use super::store::{Ledger, LedgerError};
use crate::domain::TaskId;

impl Ledger {
    /// Whether the task has a header, be it that of an expired or forgotten task.
    ///
    /// # Errors
    /// [`LedgerError`] when the call fails or the item cannot be understood.
    pub async fn has_remains(&self, task: &TaskId) -> Result<bool, LedgerError> {
        Ok(self.read_any(&Key::Header(task.clone())).await?.is_some())
    }
}
