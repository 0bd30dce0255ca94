//! Whose fault a failure is. This is the one table of it.
//!
//! | blame | what it is | what follows |
//! |---|---|---|
//! | cell | its input is wrong | charged to the cell: it is attempted again, or fails |
//! | machine | credentials of the instance metadata, clock, memory, threads: another machine would not share it | the worker receives nothing; the machine is replaced |
//! | deployment | access to queue, ledger or output is denied, or one of them does not exist: the same on every machine | the worker receives nothing until a person has mended it |
//! | service | throttled, unavailable, unreachable, in conflict | the worker waits for the service |
//!
//! Only what is the cell's is charged to the cell. Everything else is a [`Trouble`].

use std::fmt;

use tilefleet_common::aws::{AwsError, AwsErrorKind, ObjectError};
use tilefleet_common::domain::S3Url;
use tilefleet_common::ledger::LedgerError;

/// Who or what has to change before the same attempt can succeed, if it is not the cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// This machine. Another one would not have the trouble.
    Machine,
    /// The deployment. Every machine has the trouble, until a person has mended it.
    Deployment,
    /// A service. The trouble passes.
    Service,
}

impl Blame {
    /// The blame as a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::Deployment => "deployment",
            Self::Service => "service",
        }
    }
}

/// What a worker cannot use at the moment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dependency {
    /// The queue of cells.
    Queue,
    /// The ledger's table.
    Ledger,
    /// The fleet's own output bucket.
    Output,
    /// The worker's own means: credentials, clock, threads.
    Machine,
    /// A bucket with scenes, or a foreign output bucket, by its name.
    Bucket(String),
}

impl Dependency {
    /// Whether no cell can be processed without it.
    pub fn is_of_all_cells(&self) -> bool {
        !matches!(self, Self::Bucket(_))
    }
}

impl fmt::Display for Dependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Queue => f.write_str("queue"),
            Self::Ledger => f.write_str("ledger"),
            Self::Output => f.write_str("output bucket"),
            Self::Machine => f.write_str("machine"),
            Self::Bucket(bucket) => write!(f, "bucket {bucket}"),
        }
    }
}

/// A failure that is not the cell's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Whose it is.
    pub blame: Blame,
    /// What cannot be used.
    pub dependency: Dependency,
    /// What happened, for a person.
    pub message: String,
}

impl Trouble {
    fn new(blame: Blame, dependency: Dependency, message: &dyn fmt::Display) -> Self {
        let message = message.to_string();
        Self {
            blame,
            dependency,
            message,
        }
    }

    /// The machine lacks something that another one would have.
    pub fn of_machine(message: &dyn fmt::Display) -> Self {
        Self::new(Blame::Machine, Dependency::Machine, message)
    }
}

/// The trouble behind a failed call to something that every cell needs.
fn of_call(error: &AwsError, dependency: Dependency) -> Trouble {
    match error.kind() {
        AwsErrorKind::NoCredentials | AwsErrorKind::Clock => Trouble::of_machine(error),
        AwsErrorKind::Credentials => Trouble::new(Blame::Deployment, Dependency::Machine, error),
        AwsErrorKind::AccessDenied | AwsErrorKind::NotFound | AwsErrorKind::Refused => {
            Trouble::new(Blame::Deployment, dependency, error)
        }
        AwsErrorKind::Unreachable | AwsErrorKind::Busy | AwsErrorKind::WrongRegion => {
            Trouble::new(Blame::Service, dependency, error)
        }
    }
}

/// The trouble behind a failed call to the queue.
pub fn of_queue(error: &AwsError) -> Trouble {
    of_call(error, Dependency::Queue)
}

/// The trouble behind a failed operation of the ledger. An item that this version cannot read was
/// written by another one: the deployment mixes them.
pub fn of_ledger(error: &LedgerError) -> Trouble {
    match error {
        LedgerError::Call(call) => of_call(call, Dependency::Ledger),
        LedgerError::Item { .. } | LedgerError::Layout { .. } => {
            Trouble::new(Blame::Deployment, Dependency::Ledger, error)
        }
        LedgerError::Contended { .. } | LedgerError::Unprocessed { .. } => {
            Trouble::new(Blame::Service, Dependency::Ledger, error)
        }
    }
}

/// The trouble behind a band that could not be read, or `None` if it is the cell's. Denied access
/// is neither before more is known ([`super::KnownBuckets`]); here it counts as the cell's.
pub fn of_scene(error: &ObjectError) -> Option<Trouble> {
    match error {
        ObjectError::Call(call) if call.is_of_the_caller() => {
            Some(of_call(call, Dependency::Machine))
        }
        ObjectError::Call(call) if call.is_retryable() => {
            let bucket = Dependency::Bucket(bucket_of(call.target()));
            Some(Trouble::new(Blame::Service, bucket, error))
        }
        ObjectError::Incomplete { object, .. } => {
            let bucket = Dependency::Bucket(object.bucket().to_owned());
            Some(Trouble::new(Blame::Service, bucket, error))
        }
        ObjectError::Call(_)
        | ObjectError::DeniedWithoutPaying { .. }
        | ObjectError::TooLarge { .. }
        | ObjectError::Damaged { .. }
        | ObjectError::Replaced { .. } => None,
    }
}

/// The trouble behind a failed upload, or `None` if it is the cell's. `own_bucket` is the fleet's
/// output bucket: that it is missing or denied is the deployment's fault, where that of a bucket
/// which somebody named for one task is the task's.
pub fn of_upload(error: &AwsError, own_bucket: Option<&str>) -> Option<Trouble> {
    let bucket = bucket_of(error.target());
    let is_own = own_bucket == Some(bucket.as_str());
    // The fleet's own bucket takes whatever a cell publishes: what it refuses is no cell's.
    if is_own {
        Some(of_call(error, Dependency::Output))
    } else if error.is_retryable() || error.is_of_the_caller() {
        Some(of_call(error, Dependency::Bucket(bucket)))
    } else {
        None
    }
}

/// The bucket of an address in S3.
pub fn bucket_of(address: &str) -> String {
    address
        .parse()
        .map_or_else(|_| address.to_owned(), |url: S3Url| url.bucket().to_owned())
}
