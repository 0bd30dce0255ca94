//! What each command does: a file or a folder a command.

pub(crate) mod cancel;
pub(crate) mod cells;
pub(crate) mod config;
pub(crate) mod dlq;
pub(crate) mod doctor;
pub(crate) mod list;
pub(crate) mod resume;
pub(crate) mod retry;
mod run;
pub(crate) mod status;
pub(crate) mod submit;
pub(crate) mod verify;
pub(crate) mod wait;
pub(crate) mod watch;
