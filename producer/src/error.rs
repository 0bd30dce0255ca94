//! Why `producer` could not do what it was asked to.

use tilefleet_common::aws::{AwsError, ObjectError, QueueError};
use tilefleet_common::config::ConfigError;
use tilefleet_common::domain::{CellId, S3Url, TaskId};
use tilefleet_common::ledger::LedgerError;

use crate::commands::config::ImportError;
use crate::commands::submit::BadCells;
use crate::input::InputError;

/// Why `producer` could not do what it was asked to. The message tells the next step.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProducerError {
    /// A setting is missing or wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Terraform's outputs did not become a file of settings.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The input cannot be read as cells.
    #[error(transparent)]
    Input(#[from] InputError),
    /// Cells of the input cannot be used.
    #[error(transparent)]
    Cells(#[from] BadCells),
    /// A call failed.
    #[error(transparent)]
    Service(#[from] AwsError),
    /// A read from S3 failed.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// The ledger gave no answer.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The queue took not all messages.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The submission broke off when the task was already in the ledger.
    #[error(
        "task {task} is submitted only in part: {cause}; run the same submit again to complete it"
    )]
    Unfinished {
        /// The task.
        task: TaskId,
        /// Why.
        cause: Box<ProducerError>,
    },
    /// There is no such task.
    #[error("task {task} does not exist in table {table}; `producer list` shows the newest")]
    NoSuchTask {
        /// The task.
        task: TaskId,
        /// The ledger's table.
        table: String,
    },
    /// It is not known where the dead letters are.
    #[error(
        "no dead-letter queue: give --dead-letter-queue-url, set TILEFLEET_DEAD_LETTER_QUEUE_URL, or write \
         dead_letter_queue_url into tilefleet.toml"
    )]
    NoDeadLetterQueue,
    /// The task has no such cell.
    #[error("task {task} has no cell {cell}; `producer cells {task}` lists them")]
    NoSuchCell {
        /// The task.
        task: TaskId,
        /// The cell.
        cell: CellId,
    },
    /// The task is cancelled.
    #[error("task {task} is cancelled ({reason}); let it run again first: producer resume {task}")]
    Cancelled {
        /// The task.
        task: TaskId,
        /// Why.
        reason: String,
    },
    /// There is nothing left to cancel.
    #[error("task {task} is complete: there is nothing left to cancel")]
    Complete {
        /// The task.
        task: TaskId,
    },
    /// The task is cancelled, but nobody was told.
    #[error(
        "task {task} is cancelled, but its notice is not sent: {cause}; run the same cancel again to send it"
    )]
    NotTold {
        /// The task.
        task: TaskId,
        /// Why.
        cause: Box<AwsError>,
    },
    /// A command broke off half-way.
    #[error(
        "the {command} of task {task} broke off: {cause}; run the same command again to complete it"
    )]
    BrokeOff {
        /// What it was.
        command: &'static str,
        /// The task.
        task: TaskId,
        /// Why.
        cause: Box<ProducerError>,
    },
    /// Others changed the shard every time between reading and writing it.
    #[error("shard {shard} of task {task} changed each time while it was reopened; try again")]
    Contended {
        /// The task.
        task: TaskId,
        /// The shard.
        shard: u32,
    },
    /// The frozen list of cells is not what the ledger says it is.
    #[error("manifest {manifest}: {cause}; was it replaced? the task cannot be told from it")]
    Manifest {
        /// The manifest.
        manifest: S3Url,
        /// What is wrong with it.
        cause: String,
    },
    /// A task of that name has other cells.
    #[error(
        "task {task} already exists with other cells or another recipe; choose another --task-id, or leave it out"
    )]
    Conflict {
        /// The task.
        task: TaskId,
    },
    /// There is no task of that name, but the manifest of one with other cells.
    #[error(
        "{manifest} is the manifest of other cells, whose submit did not come to its end; choose another --task-id than {task}"
    )]
    ForeignManifest {
        /// The task.
        task: TaskId,
        /// The manifest that is in the way.
        manifest: S3Url,
    },
    /// The id given has no room for a run's number.
    #[error(
        "task id {task} is too long for --again, which appends a number: an id has at most 64 characters; shorten --task-id"
    )]
    TaskIdTooLong {
        /// The task.
        task: TaskId,
    },
    /// Ctrl-C.
    #[error("interrupted; {advice}")]
    Interrupted {
        /// What to do now.
        advice: String,
    },
    /// The machine has no threads or signals to give.
    #[error("cannot start: {0}")]
    Runtime(std::io::Error),
    /// The cells could not be kept in a temporary file.
    #[error(
        "cannot write a temporary file: {0}; free some space, or set TMPDIR to another directory"
    )]
    Spool(std::io::Error),
    /// The answer could not be written.
    #[error("cannot write the answer to standard output: {0}")]
    Output(std::io::Error),
}

impl ProducerError {
    /// The lines to tell on stderr; a line is a message of its own.
    pub(crate) fn lines(&self) -> Vec<String> {
        match self {
            Self::Cells(cells) => cells.lines(),
            other => vec![other.to_string().replace('\n', " ")],
        }
    }
}
