//! Exit codes: the one place that knows them.

use super::output::note;
use crate::error::ProducerError;

/// How a command ended that did its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All is well.
    Ok,
    /// The task ended, but not every cell has a result.
    FailedCells,
    /// `doctor` found a fault, or `verify` a difference.
    Fault,
    /// `wait` reached its timeout before the task ended.
    TimedOut,
}

impl Exit {
    fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Fault => 1,
            Self::FailedCells => 10,
            Self::TimedOut => 11,
        }
    }
}

impl ProducerError {
    fn code(&self) -> u8 {
        match self {
            Self::Service(_)
            | Self::Ledger(_)
            | Self::Queue(_)
            | Self::Group(_)
            | Self::Object(_)
            | Self::SubmitUnfinished { .. }
            | Self::NoticeNotSent { .. }
            | Self::Contended { .. }
            | Self::Dispatch(_)
            | Self::Runtime(_)
            | Self::Spool(_)
            | Self::Output(_) => 1,
            Self::Import(error) if error.is_environment_error() => 1,
            Self::Settings(_)
            | Self::Import(_)
            | Self::Input(_)
            | Self::Cells(_)
            | Self::Area(_)
            | Self::ProbeOfArea
            | Self::Recipe(_)
            | Self::TaskIdTooLong { .. } => 2,
            Self::NoSuchTask { .. } | Self::NoSuchCell { .. } => 3,
            Self::Conflict { .. }
            | Self::ForeignManifest { .. }
            | Self::ForeignArea { .. }
            | Self::Cancelled { .. }
            | Self::Running { .. }
            | Self::BeingSubmitted { .. }
            | Self::LastDays { .. }
            | Self::Remains { .. }
            | Self::Complete { .. } => 4,
            Self::CommandUnfinished { cause, .. } => cause.code(),
            Self::Interrupted { .. } => 130,
        }
    }
}

/// Prints an error to stderr and returns the exit code.
pub(crate) fn exit_code(result: Result<Exit, ProducerError>) -> u8 {
    let error = match result {
        Ok(exit) => return exit.code(),
        // The reader of the output has read enough of it.
        Err(ProducerError::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            return 0;
        }
        Err(error) => error,
    };
    for line in error.lines() {
        note(&format!("error: {line}"));
    }
    error.code()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_has_read_enough_is_not_a_failure() {
        let broken = std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        assert_eq!(exit_code(Err(ProducerError::Output(broken))), 0);
    }

    #[test]
    fn codes_are_those_of_the_manual() {
        let no_such_task = ProducerError::NoSuchTask {
            task: "x".parse().unwrap(),
            table: "t".into(),
        };
        let interrupted = ProducerError::Interrupted {
            advice: String::new(),
        };
        assert_eq!((no_such_task.code(), interrupted.code()), (3, 130));
        assert_eq!(
            [Exit::Ok, Exit::Fault, Exit::FailedCells, Exit::TimedOut].map(Exit::code),
            [0, 1, 10, 11]
        );
    }
}
