//! Why a command failed.

use tilefleet_common::aws::{AwsError, GroupError, ObjectError, QueueError};
use tilefleet_common::dispatch::DispatchError;
use tilefleet_common::domain::{AreaError, CellId, RecipeError, S3Url, TaskId};
use tilefleet_common::ledger::LedgerError;
use tilefleet_settings::SettingsError;

use crate::commands::{BadCells, ImportError};
use crate::input::InputError;

/// Why a command failed. The message says the next step.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProducerError {
    /// A setting is missing or wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Terraform's outputs could not be imported as settings.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// A file is not an area.
    #[error(transparent)]
    Area(#[from] AreaError),
    /// A probe has no pixels.
    #[error(
        "a probe reads no band and cannot be cut to an area; remove --clip, --bbox and --min-valid, or choose another \
         --recipe"
    )]
    ProbeOfArea,
    /// Something else is where the area must be.
    #[error(
        "{object} is not the area that its name says; delete it, and run the same submit again"
    )]
    ForeignArea { object: S3Url },
    /// The input cannot be read as cells.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The recipe cannot be used as the arguments want it.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// Cells of the input cannot be used.
    #[error(transparent)]
    Cells(#[from] BadCells),
    /// A call failed.
    #[error(transparent)]
    Service(#[from] AwsError),
    /// The workers' group could not be read or changed.
    #[error(transparent)]
    Group(#[from] GroupError),
    /// A read from S3 failed.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// A read or write of the ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The queue did not accept all messages.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// Cells of a task could not be sent.
    #[error(transparent)]
    Dispatch(#[from] DispatchError),
    /// The submit failed when the task was already in the ledger.
    #[error(
        "task {task} is only partly submitted: {cause}; run the same submit again to complete it"
    )]
    SubmitUnfinished {
        task: TaskId,
        cause: Box<ProducerError>,
    },
    /// There is no such task.
    #[error("task {task} does not exist in table {table}; `producer list` shows the newest")]
    NoSuchTask {
        task: TaskId,
        /// The ledger's table.
        table: String,
    },
    /// The task has no such cell.
    #[error("task {task} has no cell {cell}; `producer cells {task}` lists them")]
    NoSuchCell { task: TaskId, cell: CellId },
    /// The task is cancelled.
    #[error("task {task} is cancelled ({reason}); resume it first: producer resume {task}")]
    Cancelled { task: TaskId, reason: String },
    /// The task has ended, so there is nothing left to cancel.
    #[error("task {task} is complete: there is nothing left to cancel")]
    Complete { task: TaskId },
    /// The task runs, so it cannot be forgotten.
    #[error("task {task} is running; cancel it first: producer cancel {task} --reason TEXT")]
    Running { task: TaskId },
    /// A submit that lives creates shards of the task.
    #[error(
        "task {task} is being submitted; stop the submit, and forget the task when two minutes are over"
    )]
    BeingSubmitted { task: TaskId },
    /// The task is cancelled, but subscribers were not notified.
    #[error(
        "task {task} is cancelled, but its notice is not sent: {cause}; run the same cancel again to send it"
    )]
    NoticeNotSent { task: TaskId, cause: Box<AwsError> },
    /// A command failed half-way.
    #[error(
        "the {command} of task {task} stopped half-way: {cause}; run the same command again to complete it"
    )]
    CommandUnfinished {
        command: &'static str,
        task: TaskId,
        cause: Box<ProducerError>,
    },
    /// Other processes changed the shard each time between the read and the write.
    #[error("shard {shard} of task {task} changed during each attempt to reopen it; try again")]
    Contended { task: TaskId, shard: u32 },
    /// The task expires before the queue would drop messages that are sent now.
    #[error(
        "task {task} expires on {expires} and takes no messages in its last 14 days; submit its cells with --again"
    )]
    LastDays { task: TaskId, expires: String },
    /// The task has expired or was forgotten, and its header is still there.
    #[error(
        "something is left of task {task}, which has expired or is being forgotten; delete it first: producer forget {task}"
    )]
    Remains { task: TaskId },
    /// A task of that id has other cells.
    #[error(
        "task {task} already exists with other cells or another recipe; choose another --task-id, or leave it out"
    )]
    Conflict { task: TaskId },
    /// There is no task of that id, but there is a manifest with other cells.
    #[error(
        "{manifest} is the manifest of other cells, whose submit was never completed; choose another --task-id than {task}"
    )]
    ForeignManifest {
        task: TaskId,
        /// The manifest that is in the way.
        manifest: S3Url,
    },
    /// The id has no room for the number of a run.
    #[error(
        "task id {task} is too long for --again, which appends a number: an id has at most 64 characters; shorten --task-id"
    )]
    TaskIdTooLong { task: TaskId },
    /// Ctrl-C.
    #[error("interrupted; {advice}")]
    Interrupted {
        /// What to do now.
        advice: String,
    },
    /// The machine gave no threads or signals.
    #[error("cannot start: {0}")]
    Runtime(std::io::Error),
    /// The temporary file of cells could not be written or read.
    #[error(
        "cannot write a temporary file: {0}; free some space, or set TMPDIR to another directory"
    )]
    Spool(std::io::Error),
    /// Standard output could not be written.
    #[error("cannot write to standard output: {0}")]
    Output(std::io::Error),
}

impl ProducerError {
    /// The lines to print to stderr; each line is a message of its own.
    pub(crate) fn lines(&self) -> Vec<String> {
        match self {
            Self::Cells(cells) => cells.lines(),
            other => vec![other.to_string().replace('\n', " ")],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_names_its_cause_and_the_next_step() {
        let task: TaskId = "rgb-1".parse().unwrap();
        let manifest: S3Url = "s3://my-bucket/tilefleet/rgb-1/manifest.ndjson"
            .parse()
            .unwrap();
        let cause = || {
            Box::new(ProducerError::Spool(std::io::Error::other(
                "no space left on device",
            )))
        };
        let io = || std::io::Error::other("broken");
        let errors = [
            ProducerError::SubmitUnfinished {
                task: task.clone(),
                cause: cause(),
            },
            ProducerError::NoSuchTask {
                task: task.clone(),
                table: "t-ledger".to_owned(),
            },
            ProducerError::NoSuchCell {
                task: task.clone(),
                cell: "48RXT/2020-08-01/0".parse().unwrap(),
            },
            ProducerError::Cancelled {
                task: task.clone(),
                reason: "wrong year".to_owned(),
            },
            ProducerError::Complete { task: task.clone() },
            ProducerError::Running { task: task.clone() },
            ProducerError::BeingSubmitted { task: task.clone() },
            ProducerError::CommandUnfinished {
                command: "retry",
                task: task.clone(),
                cause: cause(),
            },
            ProducerError::Contended {
                task: task.clone(),
                shard: 3,
            },
            ProducerError::Dispatch(DispatchError::Manifest {
                manifest: manifest.clone(),
                cause: "it has 3 lines, the task 4 cells".to_owned(),
            }),
            ProducerError::LastDays {
                task: task.clone(),
                expires: "2027-05-25T13:54:10.000Z".to_owned(),
            },
            ProducerError::Remains { task: task.clone() },
            ProducerError::Conflict { task: task.clone() },
            ProducerError::ForeignManifest {
                task: task.clone(),
                manifest,
            },
            ProducerError::TaskIdTooLong { task },
            ProducerError::ProbeOfArea,
            ProducerError::ForeignArea {
                object: "s3://my-bucket/tilefleet/rgb-1/area-0a.geojson"
                    .parse()
                    .unwrap(),
            },
            ProducerError::Interrupted {
                advice: "nothing was changed".to_owned(),
            },
            ProducerError::Runtime(io()),
            ProducerError::Spool(io()),
            ProducerError::Output(io()),
        ];
        let lines: Vec<String> = errors.iter().flat_map(ProducerError::lines).collect();
        insta::assert_snapshot!(lines.join("\n"));
    }
}
