//! Arguments of the commands that show tasks and follow them.

use std::time::Duration;

use clap::Args;
use tilefleet_common::domain::{CellId, TaskId};

/// Arguments of `status`.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// The task's id
    pub(crate) task: TaskId,
}

/// Arguments of `watch`.
#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// The task's id
    pub(crate) task: TaskId,
    /// Time between two reads of the ledger
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = duration)]
    pub(crate) interval: Duration,
}

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The task's id
    pub(crate) task: TaskId,
    /// Explain this cell too, such as 48RXT/2020-08-01/0
    #[arg(long, value_name = "ID")]
    pub(crate) cell: Option<CellId>,
}

/// Arguments of `wait`.
#[derive(Debug, Args)]
pub(crate) struct WaitArgs {
    /// The task's id
    pub(crate) task: TaskId,
    /// Give up after this time, such as 30s, 10m or 2h
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,
    /// Longest time between two reads of the ledger
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration)]
    pub(crate) interval: Duration,
}

/// Arguments of `list`.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Show at most this many tasks
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub(crate) limit: usize,
}

/// A whole number and a unit, such as 10m.
fn duration(text: &str) -> Result<Duration, String> {
    let invalid = || {
        format!(
            "\"{text}\" is not a duration: expected a number and a unit, such as 500ms, 30s, 10m or 2h"
        )
    };
    let unit = text
        .find(|c: char| !c.is_ascii_digit())
        .ok_or_else(invalid)?;
    let (number, unit) = text.split_at(unit);
    let milliseconds: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(invalid()),
    };
    let number: u64 = number.parse().map_err(|_| invalid())?;
    match number.checked_mul(milliseconds) {
        Some(0) | None => Err(invalid()),
        Some(milliseconds) => Ok(Duration::from_millis(milliseconds)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
