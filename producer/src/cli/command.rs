//! The commands of `producer`.

use clap::{Parser, Subcommand};

use super::fleet::{FleetCommand, StartArgs, StopArgs};
use super::follow::{ExplainArgs, ListArgs, StatusArgs, WaitArgs, WatchArgs};
use super::global::GlobalArgs;
use super::operate::{
    CELLS_NOTES, CancelArgs, CellsArgs, DlqCommand, DrainArgs, FORGET_NOTES, ForgetArgs,
    RESUME_NOTES, RETRY_NOTES, ResumeArgs, RetryArgs, VERIFY_NOTES, VerifyArgs,
};
use super::recipes::{RECIPES_NOTES, RecipesArgs};
use super::setup::{ConfigCommand, DOCTOR_NOTES, DoctorArgs};
use super::submit::{SUBMIT_NOTES, SubmitArgs};

const EXAMPLES: &str = "\
Examples:
  producer submit cells.json                    submit a document {\"detail\":{\"cells\":[…]}}
  producer submit cells.ndjson --output s3://my-bucket/summer
  producer status rgb-0f3a91c07be2d845
  producer wait rgb-0f3a91c07be2d845 --timeout 2h && echo every cell is ok
  producer cells rgb-0f3a91c07be2d845 --state failed
  producer retry rgb-0f3a91c07be2d845
  terraform output -json | producer config import - && producer doctor

Exit codes:
  0    ok
  1    a service failed, or doctor or verify found a fault
  2    usage or bad input
  3    no such task or cell
  4    the task has other cells, or its state does not allow the command
  10   the task ended with failed cells
  11   wait timed out
  130  interrupted

A flag overrides its environment variable, which overrides tilefleet.toml. AWS credentials, region
and endpoint come from the standard AWS_* variables and profiles.";

/// Submits Sentinel-2 cells to the fleet and shows how their tasks are doing.
#[derive(Debug, Parser)]
#[command(name = "producer", version, after_help = EXAMPLES, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a task of cells and send them to the fleet
    #[command(after_long_help = SUBMIT_NOTES, after_help = "Input forms and examples: producer submit --help")]
    Submit(Box<SubmitArgs>),
    /// List the built-in recipes, or show one as a file to begin your own with
    #[command(after_help = RECIPES_NOTES)]
    Recipes(RecipesArgs),
    /// Show the state of a task
    Status(StatusArgs),
    /// Say why a task does not move, each cause with the command that mends it
    Explain(ExplainArgs),
    /// Follow a task until it ends
    Watch(WatchArgs),
    /// Wait silently until a task ends: exit 0 if every cell is ok, 10 if not, 11 if time ran out
    Wait(WaitArgs),
    /// List the newest tasks
    List(ListArgs),
    /// List the cells of a task, with what the ledger says of each
    #[command(after_help = CELLS_NOTES)]
    Cells(CellsArgs),
    /// Process the failed cells of a task again, after you repaired the cause
    #[command(after_help = RETRY_NOTES)]
    Retry(RetryArgs),
    /// Stop a running task: workers finish the cells that they have started and drop the rest
    Cancel(CancelArgs),
    /// Run a cancelled task again, and send the pending cells of a task again
    #[command(after_help = RESUME_NOTES)]
    Resume(ResumeArgs),
    /// Delete what the ledger has of a task that has ended or is cancelled
    #[command(after_help = FORGET_NOTES)]
    Forget(ForgetArgs),
    /// Compare a task's ledger with its artefacts
    #[command(after_help = VERIFY_NOTES)]
    Verify(VerifyArgs),
    /// Show the dead-letter queue, or drain it
    #[command(subcommand)]
    Dlq(DlqCommand),
    /// Stop the machines, start them again, or show them
    #[command(subcommand)]
    Fleet(FleetCommand),
    /// Check everything that a submit needs, and say what is missing
    #[command(after_help = DOCTOR_NOTES)]
    Doctor(DoctorArgs),
    /// Show the settings, or write them from terraform's outputs
    #[command(subcommand)]
    Config(ConfigCommand),
}

impl Command {
    /// What to do after Ctrl-C.
    pub(crate) fn advice_on_interruption(&self) -> String {
        match self {
            Self::Submit(submit) if submit.dry_run => "nothing was submitted".to_owned(),
            Self::Submit(_) => "the same submit again carries on where this one stopped".to_owned(),
            Self::Watch(WatchArgs { task, .. }) | Self::Wait(WaitArgs { task, .. }) => {
                format!("the task goes on; `producer watch {task}` follows it again")
            }
            Self::Config(ConfigCommand::Import(_)) => {
                "the file is unchanged, or completely written".to_owned()
            }
            Self::Retry(RetryArgs { dry_run: false, .. })
            | Self::Cancel(CancelArgs { dry_run: false, .. })
            | Self::Resume(ResumeArgs { dry_run: false, .. })
            | Self::Forget(ForgetArgs { dry_run: false, .. })
            | Self::Verify(VerifyArgs { repair: true, .. })
            | Self::Fleet(FleetCommand::Start(StartArgs { dry_run: false }))
            | Self::Dlq(DlqCommand::Drain(DrainArgs { dry_run: false, .. })) => {
                "the same command again carries on where this one stopped".to_owned()
            }
            Self::Fleet(FleetCommand::Stop(StopArgs { dry_run: false })) => {
                "nothing is launched any more, and machines that were told to end do so; the same command again \
                 ends the others"
                    .to_owned()
            }
            _ => "nothing was changed".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    /// The help of `command` and of its subcommands. Only `producer` itself shows the global
    /// options, to keep the rest short.
    fn help_texts(command: &clap::Command, name: &str) -> Vec<String> {
        let help = command.clone().render_long_help().to_string();
        let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
        let mut texts = vec![format!("$ {name} --help\n{}\n", lines.join("\n"))];
        for subcommand in command.get_subcommands() {
            let own = subcommand.clone().mut_args(|argument| {
                let global = argument.is_global_set();
                argument.hide(global)
            });
            let name = format!("{name} {}", subcommand.get_name());
            texts.extend(help_texts(&own, &name));
        }
        texts
    }

    /// The notes below the help of `command` and of its subcommands.
    fn notes(command: &clap::Command) -> Vec<String> {
        let own = [command.get_after_help(), command.get_after_long_help()];
        let own = own.into_iter().flatten().map(ToString::to_string);
        own.chain(command.get_subcommands().flat_map(notes))
            .collect()
    }

    #[test]
    fn no_line_of_the_notes_is_wrapped_at_100_columns() {
        let notes = notes(&Cli::command());
        let lines = notes.iter().flat_map(|notes| notes.lines());
        let long: Vec<&str> = lines.filter(|line| line.chars().count() > 100).collect();
        assert_eq!(long, [""; 0]);
    }

    #[test]
    fn every_command_explains_itself() {
        // The values of variables depend on the environment of the test, the width on its terminal.
        let mut command = Cli::command()
            .term_width(100)
            .mut_args(|argument| argument.hide_env_values(true));
        command.build();
        insta::assert_snapshot!(help_texts(&command, "producer").join("\n"));
    }
}
