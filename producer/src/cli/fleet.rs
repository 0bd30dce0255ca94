//! Arguments of the commands about the machines.

use clap::{Args, Subcommand};

const STOP_NOTES: &str = "\
Stop prevents the group from launching machines, then ends all that it has. Each worker gets the
time of its lifecycle hook: it returns the cells that it cannot finish. The command ends when the
last machine is gone, which takes some minutes. Tasks stay as they are, and their messages stay in
the queue. No submit and no alarm starts a stopped fleet; fleet start does.

Minimum and maximum of the group do not change. Interrupted, the same command again carries on.";

const START_NOTES: &str = "\
Start lets the group launch machines again. If the queue has messages and no machine is wanted, it
orders the first ones at once; the scaling alarms order the rest.";

/// What to do with the machines.
#[derive(Debug, Subcommand)]
pub(crate) enum FleetCommand {
    /// End all machines, and launch none until the next start
    #[command(after_help = STOP_NOTES)]
    Stop(StopArgs),
    /// Launch machines again after a stop
    #[command(after_help = START_NOTES)]
    Start(StartArgs),
    /// Show what the group wants, what it has, and which of its processes are suspended
    Status,
}

/// Arguments of `fleet stop`.
#[derive(Debug, Args)]
pub(crate) struct StopArgs {
    /// Show what would be stopped, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Arguments of `fleet start`.
#[derive(Debug, Args)]
pub(crate) struct StartArgs {
    /// Show what would be started, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}
