//! The command line: its arguments, what it prints, and its exit codes.

mod command;
mod exit;
mod fleet;
mod follow;
mod global;
mod operate;
mod output;
mod recipes;
mod setup;
mod submit;

pub(crate) use command::{Cli, Command};
pub(crate) use exit::{Exit, exit_code};
pub(crate) use fleet::{FleetCommand, StartArgs, StopArgs};
pub(crate) use follow::{ExplainArgs, ListArgs, StatusArgs, WaitArgs, WatchArgs};
pub(crate) use global::GlobalArgs;
pub(crate) use operate::{
    CancelArgs, CellsArgs, DlqCommand, DlqListArgs, DrainArgs, ForgetArgs, ResumeArgs, RetryArgs,
    StateFilter, VerifyArgs,
};
#[cfg(test)]
pub(crate) use output::tests::{printed, printed_outcomes};
pub(crate) use output::{Format, Output, note, progress_bar};
pub(crate) use recipes::RecipesArgs;
pub(crate) use setup::{ConfigCommand, DoctorArgs, ImportArgs};
pub(crate) use submit::{MaxFailed, SubmitArgs};
