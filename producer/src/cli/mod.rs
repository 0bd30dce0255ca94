//! The command line: its arguments, what it prints, and its exit codes.

mod command;
pub(crate) mod exit;
mod operate;
pub(crate) mod output;

pub(crate) use command::{
    Cli, Command, ConfigCommand, Doctor, Format, Global, Import, List, Status, Submit, Wait, Watch,
};
pub(crate) use exit::Exit;
pub(crate) use operate::{
    Cancel, Cells, DlqCommand, DlqDrain, DlqList, Resume, Retry, Verify, Which,
};
pub(crate) use output::{Output, note};
