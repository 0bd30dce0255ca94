//! Processes that die at any step of the ledger's protocol, and what brings the task to its end.

mod ledger_meaning;
mod repair_and_drain;
mod retry_and_resume;
mod soak;
mod submit;
mod table;
