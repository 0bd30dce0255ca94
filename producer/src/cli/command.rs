//! What can be asked of `producer`, and how.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::parser::ValueSource;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use tilefleet_common::config::Settings;
use tilefleet_common::domain::{Job, S3Url, TaskId};

use super::operate::{
    CELLS_NOTES, Cancel, Cells, DlqCommand, DlqDrain, RESUME_NOTES, RETRY_NOTES, Resume, Retry,
    VERIFY_NOTES, Verify,
};
use crate::error::ProducerError;

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
  0 ok, 1 a service failed, or doctor or verify found a fault, 2 usage or bad input, 3 no such task or cell,
  4 the task has other cells or is not in a state for that, 10 the task ended with failed cells, 11 wait timed out, 130 interrupted

Settings come from flags, then the environment, then tilefleet.toml; AWS credentials, region
and endpoint from the standard AWS_* variables and profiles.";

const SUBMIT_EXAMPLES: &str = "\
FILE is one of two things, told apart by content:

  a document   {\"detail\":{\"cells\":[{\"files\":\"s3://sentinel-s2-l2a/tiles/48/R/XT/2020/8/1/0/R10m/\",
               \"date\":\"20200801\",\"output_bucket\":\"my-bucket\",\"region_name\":\"eu-central-1\"}]}}
               or {\"cells\":[…]}; its \"files\" are read as requester pays

  NDJSON       one cell per line, with \"files\" as above or with each band's object:
               {\"cell\":\"48RXT/2020-08-01/0\",\"assets\":{\"B02\":\"s3://…\",\"B03\":\"s3://…\",\"B04\":\"s3://…\"},
               \"output\":\"s3://my-bucket/summer\"}
               (on one line); \"tile\", \"date\" and \"number\" may stand instead of \"cell\"

The task's id follows from its content: the same input is the same task, and a submit that
was interrupted is completed by the same command again.

Examples:
  producer submit cells.json
  jq -c '.[]' cells-array.json | producer submit - --output s3://my-bucket/summer
  producer submit cells.ndjson --dry-run
  producer submit cells.json --again            the same cells once more, as another task";

const DOCTOR_NOTES: &str = "\
Nothing is changed: no message is sent, no worker ordered, nothing written into the table, and an
upload is begun and given up. Whether messages may be sent and the group be woken is not tried.
A piece that the role need not see, or that is not set, is \"not checked\" and no fault.";

/// Submits Sentinel-2 cells to the fleet and tells how their tasks are doing.
#[derive(Debug, Parser)]
#[command(name = "producer", version, after_help = EXAMPLES, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Cli {
    /// Understands a command line.
    pub(crate) fn of(
        arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    ) -> clap::error::Result<Self> {
        let mut command = Self::command();
        let matches = command.try_get_matches_from_mut(arguments)?;
        let mut cli =
            Self::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
        let from_environment = |name: &&str| {
            let known = matches.ids().any(|id| id.as_str() == *name);
            known && matches.value_source(name) == Some(ValueSource::EnvVariable)
        };
        cli.global.from_environment = Settings::NAMES
            .into_iter()
            .filter(from_environment)
            .collect();
        Ok(cli)
    }
}

/// Where the fleet is, and how to answer.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// URL of the queue that carries the cells
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "TILEFLEET_QUEUE_URL",
        help_heading = "Fleet"
    )]
    queue_url: Option<String>,
    /// URL of its dead-letter queue, which doctor and dlq look at
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "TILEFLEET_DEAD_LETTER_QUEUE_URL",
        help_heading = "Fleet"
    )]
    dead_letter_queue_url: Option<String>,
    /// Name of the ledger's DynamoDB table
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "TILEFLEET_TABLE",
        help_heading = "Fleet"
    )]
    table: Option<String>,
    /// ARN of the SNS topic of notices
    #[arg(
        long,
        global = true,
        value_name = "ARN",
        env = "TILEFLEET_TOPIC_ARN",
        help_heading = "Fleet"
    )]
    topic_arn: Option<String>,
    /// Name of the workers' Auto Scaling group, which submit wakes if it sleeps
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "TILEFLEET_AUTOSCALING_GROUP",
        help_heading = "Fleet"
    )]
    autoscaling_group: Option<String>,
    /// The fleet's region, instead of that of the AWS environment
    #[arg(long, global = true, value_name = "REGION", help_heading = "Fleet")]
    region: Option<String>,
    /// Read settings from this file instead of ./tilefleet.toml
    #[arg(long, global = true, value_name = "FILE", help_heading = "Fleet")]
    pub(crate) config: Option<PathBuf>,
    /// How to write the answer
    #[arg(
        short = 'o',
        long,
        global = true,
        value_name = "FORMAT",
        default_value = "table"
    )]
    pub(crate) format: Format,
    /// Tell more on stderr, such as the AWS calls that were made
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// The settings that come from environment variables.
    #[arg(skip)]
    from_environment: BTreeSet<&'static str>,
}

impl Global {
    /// The settings of flags and environment.
    pub(crate) fn given(&self) -> Settings {
        let given = Settings {
            queue_url: self.queue_url.clone(),
            dead_letter_queue_url: self.dead_letter_queue_url.clone(),
            table: self.table.clone(),
            topic_arn: self.topic_arn.clone(),
            region: self.region.clone(),
            autoscaling_group: self.autoscaling_group.clone(),
            ..Settings::default()
        };
        given.without_empty()
    }

    /// The settings of flags and environment, completed from the file.
    pub(crate) fn settings(&self) -> Result<Settings, ProducerError> {
        Ok(self.given().or_from_file(self.config.as_deref())?)
    }

    /// The flag or the variable that gave the setting of that name.
    pub(crate) fn origin(&self, name: &str) -> String {
        if self.from_environment.contains(name) {
            format!("TILEFLEET_{}", name.to_ascii_uppercase())
        } else {
            format!("--{}", name.replace('_', "-"))
        }
    }
}

/// How answers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Table,
    /// One JSON value
    Json,
    /// One JSON value per line
    Ndjson,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a task of cells and send them to the fleet
    #[command(after_long_help = SUBMIT_EXAMPLES, after_help = "Input forms and examples: producer submit --help")]
    Submit(Box<Submit>),
    /// Tell where a task stands
    Status(Status),
    /// Follow a task until it ends
    Watch(Watch),
    /// Wait silently until a task ends: exit 0 when every cell is ok, 10 when not, 11 when time ran
    /// out
    Wait(Wait),
    /// List the newest tasks
    List(List),
    /// List the cells of a task, with what the ledger says of each
    #[command(after_help = CELLS_NOTES)]
    Cells(Cells),
    /// Do the failed cells of a task again, after their cause was mended
    #[command(after_help = RETRY_NOTES)]
    Retry(Retry),
    /// Stop a running task: workers finish what they have begun and drop the rest
    Cancel(Cancel),
    /// Let a cancelled task run again, and send whatever of a task is pending again
    #[command(after_help = RESUME_NOTES)]
    Resume(Resume),
    /// Hold a task's ledger and rasters against each other
    #[command(after_help = VERIFY_NOTES)]
    Verify(Verify),
    /// Look at the dead-letter queue, or drain it
    #[command(subcommand)]
    Dlq(DlqCommand),
    /// Check everything that a submit needs, and say of each piece what is missing
    #[command(after_help = DOCTOR_NOTES)]
    Doctor(Doctor),
    /// Tell the settings, or write them from terraform's outputs
    #[command(subcommand)]
    Config(ConfigCommand),
}

/// What to do with the settings.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Write tilefleet.toml (or the file of --config) from what terraform output -json prints
    Import(Import),
    /// Tell each setting and where it comes from
    Show,
}

impl Command {
    /// What to do after Ctrl-C.
    pub(crate) fn advice_on_interruption(&self) -> String {
        match self {
            Self::Submit(submit) if submit.dry_run => "nothing was submitted".to_owned(),
            Self::Submit(_) => "the same submit again carries on where this one stopped".to_owned(),
            Self::Watch(Watch { task, .. }) | Self::Wait(Wait { task, .. }) => {
                format!("the task goes on; `producer watch {task}` follows it again")
            }
            Self::Config(ConfigCommand::Import(_)) => {
                "the file is as it was, or written as a whole".to_owned()
            }
            Self::Retry(Retry { dry_run: false, .. })
            | Self::Cancel(Cancel { dry_run: false, .. })
            | Self::Resume(Resume { dry_run: false, .. })
            | Self::Verify(Verify { repair: true, .. })
            | Self::Dlq(DlqCommand::Drain(DlqDrain { dry_run: false, .. })) => {
                "the same command again carries on where this one stopped".to_owned()
            }
            _ => "nothing was changed".to_owned(),
        }
    }
}

/// Arguments of `submit`.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(crate) struct Submit {
    /// The cells; - is standard input
    #[arg(value_name = "FILE|-")]
    pub(crate) input: PathBuf,
    /// What the bands of every cell become: a built-in recipe such as rgb or false-color, or a TOML
    /// file of your own, whose name ends in .toml or contains a /; probe reads no band and writes a
    /// small object, to try a fleet out
    #[arg(long, value_name = "NAME|FILE", default_value = "rgb")]
    pub(crate) recipe: Job,
    /// Where the results, the manifest and the task's results list go, instead of what the cells
    /// say
    #[arg(long, value_name = "S3_URL")]
    pub(crate) output: Option<S3Url>,
    /// Name the task, instead of deriving its id from the content
    #[arg(long, value_name = "ID")]
    pub(crate) task_id: Option<TaskId>,
    /// Make another task of the same cells if there is one already (ID-2, ID-3, …)
    #[arg(long)]
    pub(crate) again: bool,
    /// Read all inputs as requester pays (documents' "files" always are)
    #[arg(long)]
    pub(crate) request_payer: bool,
    /// Drop cells that repeat an earlier one instead of refusing the input
    #[arg(long)]
    pub(crate) skip_duplicates: bool,
    /// Check the input, print the cells and their size, and submit nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Arguments of `status`.
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// The task's id
    pub(crate) task: TaskId,
}

/// Arguments of `watch`.
#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// The task's id
    pub(crate) task: TaskId,
    /// Time between two looks at the ledger
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = duration)]
    pub(crate) interval: Duration,
}

/// Arguments of `wait`.
#[derive(Debug, Args)]
pub(crate) struct Wait {
    /// The task's id
    pub(crate) task: TaskId,
    /// Give up after this time, such as 30s, 10m or 2h
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,
    /// Longest time between two looks at the ledger
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration)]
    pub(crate) interval: Duration,
}

/// Arguments of `list`.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// At most this many
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub(crate) limit: usize,
}

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Where results would go, instead of anywhere in the fleet's own bucket
    #[arg(long, value_name = "S3_URL")]
    pub(crate) output: Option<S3Url>,
    /// Where scenes would be read, as requester pays
    #[arg(long, value_name = "S3_URL", default_value = "s3://sentinel-s2-l2a/")]
    pub(crate) scenes: S3Url,
}

/// Arguments of `config import`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Import {
    /// What terraform output -json printed; - is standard input
    #[arg(value_name = "FILE|-")]
    pub(crate) input: PathBuf,
    /// Replace a file that says something else
    #[arg(long)]
    pub(crate) force: bool,
}

fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || {
        format!(
            "\"{text}\" is not a duration: expected a number and a unit, such as 500ms, 30s, 10m or 2h"
        )
    };
    let unit = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(unit);
    let milliseconds: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    match number.checked_mul(milliseconds) {
        Some(0) | None => Err(wrong()),
        Some(milliseconds) => Ok(Duration::from_millis(milliseconds)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
        assert_eq!(
            Cli::of(["producer", "doctor"])
                .unwrap()
                .global
                .from_environment,
            [].into()
        );
    }

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("2h"), Ok(Duration::from_hours(2)));
        for text in [
            "",
            "30",
            "s",
            "-1s",
            "1.5h",
            "0s",
            "3 s",
            "99999999999999999999s",
            "18446744073709551615h",
        ] {
            assert_eq!(
                duration(text).unwrap_err(),
                format!(
                    "\"{text}\" is not a duration: expected a number and a unit, such as 500ms, 30s, 10m or 2h"
                )
            );
        }
    }

    #[test]
    fn an_empty_variable_is_none() {
        let cli =
            Cli::try_parse_from(["producer", "list", "--queue-url", "", "--table", "t"]).unwrap();
        let settings = cli.global.settings().unwrap();
        assert_eq!(
            (settings.queue_url, settings.table.as_deref()),
            (None, Some("t"))
        );
    }
}
