//! What an answer says of a resource, and the next step if there is a fault.

use std::time::Duration;

use tilefleet_common::aws::{
    AwsError, AwsErrorKind, GroupError, GroupState, Head, ListedObject, NoCredentials, ObjectError,
    QueueAttributes, Redrive, Subscriptions,
};
use tilefleet_common::deployment::{
    MAX_RECEIVE_COUNT, MESSAGE_RETENTION_S, RECEIVE_WAIT_S, TASK_INDEX, VISIBILITY_TIMEOUT_S,
};
use tilefleet_common::domain::{S3Url, TaskId};
use tilefleet_common::ledger::{LedgerError, TaskState, TaskSummary, WorkerRecord};

use super::check::Check;
use crate::fleet::WorkerTrouble;

/// The check of a call that failed. The error's message ends with the next step, except when the
/// service refused the call for reasons of its own; then `next_step` is appended.
fn failed(resource: &'static str, error: &AwsError, next_step: &str) -> Check {
    match error.kind() {
        AwsErrorKind::Refused => Check::failed(resource, format!("{error}; {next_step}")),
        _ => Check::failed(resource, error),
    }
}

/// Credentials and region.
pub(super) fn identity(region: Option<&str>, access_key: Result<String, NoCredentials>) -> Check {
    match (access_key, region) {
        (Err(error), _) => Check::failed("credentials", error),
        (Ok(_), None) => Check::failed(
            "credentials",
            "no region: give --region, set AWS_REGION, or write region into tilefleet.toml",
        ),
        (Ok(key), Some(region)) => {
            Check::ok("credentials", format!("access key {key} in {region}"))
        }
    }
}

/// The queue of cells.
pub(super) fn queue(url: &str, answer: Result<QueueAttributes, AwsError>) -> Check {
    let attributes = match answer {
        Ok(attributes) => attributes,
        Err(error) => return failed("queue", &error, "check --queue-url (TILEFLEET_QUEUE_URL)"),
    };
    // Workers rely on the values that terraform deploys.
    let settings = [
        (
            "a received message stays hidden for",
            attributes.visibility_timeout,
            VISIBILITY_TIMEOUT_S,
        ),
        (
            "a receive waits for",
            attributes.receive_wait,
            RECEIVE_WAIT_S,
        ),
        (
            "a message is kept for",
            attributes.retention,
            MESSAGE_RETENTION_S,
        ),
    ];
    // One fault or many are one line.
    let faults: Vec<String> = settings
        .into_iter()
        .filter(|(_, is, wanted)| *is != Duration::from_secs((*wanted).into()))
        .map(|(what, is, wanted)| format!("{what} {} s instead of {wanted} s", is.as_secs()))
        .collect();
    if faults.is_empty() {
        Check::ok(
            "queue",
            format!(
                "{url}: {} cells wait, {} are in work",
                attributes.waiting, attributes.hidden
            ),
        )
    } else {
        Check::failed(
            "queue",
            format!("{url}: {}; run terraform apply", faults.join(", ")),
        )
    }
}

/// Compares the queue's redrive policy with the settings. Returns the dead-letter queue's URL if
/// they agree, else the check that says why not.
pub(super) fn redrive<'a>(
    queue: &str,
    redrive: Option<&Redrive>,
    url: Option<&'a str>,
) -> Result<&'a str, Check> {
    let failed = |detail: String| Err(Check::failed("dead letters", detail));
    let Some(Redrive {
        target_arn,
        max_receives,
    }) = redrive
    else {
        return failed(format!(
            "{queue} has no dead-letter queue, so a cell that kills its worker comes back forever; run terraform apply"
        ));
    };
    if *max_receives != MAX_RECEIVE_COUNT {
        return failed(format!(
            "{queue} gives a message up after {max_receives} receives instead of {MAX_RECEIVE_COUNT}; run terraform apply"
        ));
    }
    let Some(url) = url else {
        return Err(Check::not_checked(
            "dead letters",
            format!("go to {target_arn}; --dead-letter-queue-url checks that queue"),
        ));
    };
    if url.rsplit('/').next() != target_arn.rsplit(':').next() {
        return failed(format!(
            "go to {target_arn}, not to {url}, so no worker records them; correct \
             --dead-letter-queue-url (TILEFLEET_DEAD_LETTER_QUEUE_URL), for the workers too"
        ));
    }
    Ok(url)
}

/// The dead-letter queue itself.
pub(super) fn dead_letters(url: &str, answer: Result<QueueAttributes, AwsError>) -> Check {
    match answer {
        Ok(attributes) => {
            let count = attributes.waiting.saturating_add(attributes.hidden);
            Check::ok(
                "dead letters",
                format!(
                    "{url}: {count} messages, which workers send again or record as failed cells"
                ),
            )
        }
        Err(error) if error.kind() == AwsErrorKind::AccessDenied => Check::not_checked(
            "dead letters",
            format!(
                "the queue names {url}, but reading it needs {}, which submitting does not",
                error.action()
            ),
        ),
        Err(error) => failed(
            "dead letters",
            &error,
            "check --dead-letter-queue-url (TILEFLEET_DEAD_LETTER_QUEUE_URL)",
        ),
    }
}

/// The ledger's table.
pub(super) fn table(table: &str, answer: Result<(), LedgerError>) -> Check {
    match answer {
        Ok(()) => Check::ok(
            "table",
            format!("{table}: items can be read, written and listed"),
        ),
        Err(LedgerError::Call(error)) => failed(
            "table",
            &error,
            &format!(
                "it is not the ledger's table, or lacks index {TASK_INDEX}: run terraform apply"
            ),
        ),
        Err(error) => Check::failed("table", error),
    }
}

/// The topic of notices.
pub(super) fn topic(arn: &str, answer: Result<Subscriptions, AwsError>) -> Check {
    match answer {
        Ok(Subscriptions { confirmed, pending }) => {
            let waiting = if pending == 0 {
                String::new()
            } else {
                format!(", {pending} wait to be confirmed")
            };
            Check::ok(
                "topic",
                format!("{arn}: {confirmed} subscriptions{waiting}"),
            )
        }
        Err(error) if error.kind() == AwsErrorKind::AccessDenied => Check::not_checked(
            "topic",
            format!(
                "reading it needs {}; workers publish there, submitting needs no topic",
                error.action()
            ),
        ),
        Err(error) => failed("topic", &error, "check --topic-arn (TILEFLEET_TOPIC_ARN)"),
    }
}

/// No topic in the settings.
pub(super) fn no_topic() -> Check {
    Check::not_checked(
        "topic",
        "none is set; workers publish there, submitting needs no topic",
    )
}

/// The prefix for results. `named` when the command line names it.
pub(super) fn output(prefix: &S3Url, named: bool, answer: Result<(), AwsError>) -> Check {
    match answer {
        Ok(()) => Check::ok(
            "output",
            format!("{prefix}: uploads can be begun and aborted"),
        ),
        Err(error) if error.kind() == AwsErrorKind::AccessDenied && !named => Check::failed(
            "output",
            format!(
                "{error}; if you can write only to a part of the bucket, name it with --output s3://…"
            ),
        ),
        Err(error) => failed("output", &error, "check the address"),
    }
}

/// The prefix for results: whether a HEAD request tells a missing raster from a forbidden one. Only
/// verify needs that.
pub(super) fn rasters(check: Check, answer: Result<Option<Head>, AwsError>) -> Check {
    match answer {
        Err(error) if error.kind() == AwsErrorKind::AccessDenied => Check {
            detail: format!(
                "{}; verify cannot detect that a raster is missing, which needs s3:ListBucket on the bucket",
                check.detail
            ),
            ..check
        },
        Err(error) => failed("output", &error, "check the address"),
        Ok(_) => check,
    }
}

/// No prefix for results in settings and arguments.
pub(super) fn no_output() -> Check {
    Check::not_checked(
        "output",
        "no bucket is set; name the one that cells are submitted with as --output s3://…",
    )
}

/// The scenes.
pub(super) fn scenes(prefix: &S3Url, answer: Result<Vec<ListedObject>, ObjectError>) -> Check {
    match answer {
        Ok(found) if found.is_empty() => Check::ok(
            "scenes",
            format!("{prefix}: can be listed as requester pays, and is empty"),
        ),
        Ok(_) => Check::ok(
            "scenes",
            format!("{prefix}: can be listed as requester pays"),
        ),
        Err(ObjectError::Call(error)) => failed("scenes", &error, "check --scenes"),
        Err(error) => Check::failed("scenes", error),
    }
}

/// The workers' group.
pub(super) fn group(name: &str, answer: Result<GroupState, GroupError>) -> Check {
    match answer {
        Ok(GroupState { most: 0, .. }) => Check::failed(
            "group",
            format!("{name} can have no workers at all; raise max_workers in terraform"),
        ),
        Ok(state) if state.is_stopped() => Check::failed(
            "group",
            format!(
                "{name} is stopped ({} suspended), so cells stay in the queue; `producer fleet start` starts it",
                state.stopped_by()
            ),
        ),
        Ok(GroupState { desired, most, .. }) => Check::ok(
            "group",
            format!("{name}: {desired} workers wanted, {most} at most"),
        ),
        Err(GroupError::Call(error)) => failed(
            "group",
            &error,
            "check --autoscaling-group (TILEFLEET_AUTOSCALING_GROUP)",
        ),
        Err(error) => Check::failed("group", error),
    }
}

/// No group in the settings.
pub(super) fn no_group() -> Check {
    Check::not_checked(
        "group",
        "none is set, so submit wakes no workers; --autoscaling-group names it",
    )
}

/// Whether the workers can use what they need.
pub(super) fn workers(read: Result<Vec<WorkerRecord>, LedgerError>) -> Check {
    let workers = match read {
        Ok(workers) => workers,
        Err(error) => return Check::failed("workers", error),
    };
    if workers.is_empty() {
        return Check::ok("workers", "none has reported within the last hour");
    }
    let open: Vec<String> = WorkerTrouble::of(&workers)
        .iter()
        .map(WorkerTrouble::to_string)
        .collect();
    if open.is_empty() {
        let held: u32 = workers.iter().map(|worker| worker.held).sum();
        let count = workers.len();
        return Check::ok(
            "workers",
            format!("{count} in the last hour, {held} cells held"),
        );
    }
    Check::failed("workers", open.join("; "))
}

/// Whether somebody moves each of the newest tasks that run.
pub(super) fn tasks(read: Result<Vec<(TaskId, TaskSummary)>, LedgerError>, second: i64) -> Check {
    let tasks = match read {
        Ok(tasks) => tasks,
        Err(error) => return Check::failed("tasks", error),
    };
    let running = tasks
        .iter()
        .filter(|(_, summary)| summary.state == TaskState::Running);
    let count = running.clone().count();
    let stuck: Vec<String> = running
        .filter_map(|(task, summary)| {
            if summary.is_left(second) {
                Some(format!(
                    "the submit of {task} was left unfinished: producer resume {task}"
                ))
            } else if summary.is_stalled() {
                Some(format!("{task} is stalled: producer resume {task}"))
            } else {
                None
            }
        })
        .collect();
    if stuck.is_empty() {
        Check::ok("tasks", format!("{count} of the newest run"))
    } else {
        Check::failed("tasks", stuck.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::CheckResult;
    use super::*;

    const QUEUE: &str = "https://sqs.eu-central-1.amazonaws.com/1/t-cells";
    const DEAD: &str = "https://sqs.eu-central-1.amazonaws.com/1/t-cells-dead";

    fn attributes() -> QueueAttributes {
        QueueAttributes {
            visibility_timeout: Duration::from_secs(VISIBILITY_TIMEOUT_S.into()),
            receive_wait: Duration::from_secs(RECEIVE_WAIT_S.into()),
            retention: Duration::from_secs(MESSAGE_RETENTION_S.into()),
            redrive: Some(deployed()),
            waiting: 3,
            hidden: 2,
        }
    }

    fn deployed() -> Redrive {
        Redrive {
            target_arn: "arn:aws:sqs:eu-central-1:1:t-cells-dead".into(),
            max_receives: MAX_RECEIVE_COUNT,
        }
    }

    fn outcome(check: Check) -> (CheckResult, String) {
        (check.result, check.detail)
    }

    #[test]
    fn credentials_come_with_a_region() {
        assert_eq!(
            outcome(identity(Some("eu-central-1"), Ok("AKIDEXAMPLE".into()))),
            (
                CheckResult::Ok,
                "access key AKIDEXAMPLE in eu-central-1".into()
            )
        );
        assert_eq!(
            outcome(identity(None, Ok("AKIDEXAMPLE".into()))),
            (
                CheckResult::Failed,
                "no region: give --region, set AWS_REGION, or write region into tilefleet.toml"
                    .into()
            )
        );
    }

    #[test]
    fn a_queue_that_is_set_otherwise_than_deployed_says_how() {
        assert_eq!(
            outcome(queue(QUEUE, Ok(attributes()))),
            (
                CheckResult::Ok,
                format!("{QUEUE}: 3 cells wait, 2 are in work")
            )
        );
        let bare = QueueAttributes {
            visibility_timeout: Duration::from_secs(30),
            receive_wait: Duration::ZERO,
            ..attributes()
        };
        assert_eq!(
            outcome(queue(QUEUE, Ok(bare))),
            (
                CheckResult::Failed,
                format!(
                    "{QUEUE}: a received message stays hidden for 30 s instead of 120 s, a receive waits for 0 s instead \
                     of 20 s; run terraform apply"
                )
            )
        );
    }

    #[test]
    fn dead_letters_go_where_the_settings_say() {
        assert_eq!(redrive(QUEUE, Some(&deployed()), Some(DEAD)), Ok(DEAD));
        let faults =
            |to: Option<Redrive>, url| outcome(redrive(QUEUE, to.as_ref(), url).unwrap_err());
        assert_eq!(
            faults(None, Some(DEAD)),
            (
                CheckResult::Failed,
                format!(
                    "{QUEUE} has no dead-letter queue, so a cell that kills its worker comes back forever; run terraform \
                     apply"
                )
            )
        );
        assert_eq!(
            faults(
                Some(Redrive {
                    max_receives: 3,
                    ..deployed()
                }),
                Some(DEAD)
            ),
            (
                CheckResult::Failed,
                format!(
                    "{QUEUE} gives a message up after 3 receives instead of 10; run terraform apply"
                )
            )
        );
        assert_eq!(
            faults(Some(deployed()), Some(QUEUE)),
            (
                CheckResult::Failed,
                format!(
                    "go to arn:aws:sqs:eu-central-1:1:t-cells-dead, not to {QUEUE}, so no worker records them; correct \
                     --dead-letter-queue-url (TILEFLEET_DEAD_LETTER_QUEUE_URL), for the workers too"
                )
            )
        );
        assert_eq!(faults(Some(deployed()), None).0, CheckResult::NotChecked);
    }

    #[test]
    fn a_group_without_room_is_a_fault() {
        assert_eq!(
            outcome(group(
                "t-workers",
                Ok(GroupState {
                    most: 10,
                    // As terraform creates it.
                    suspended: ["AZRebalance".to_owned()].into(),
                    ..GroupState::default()
                })
            )),
            (
                CheckResult::Ok,
                "t-workers: 0 workers wanted, 10 at most".into()
            )
        );
        assert_eq!(
            outcome(group("t-workers", Ok(GroupState::default()))),
            (
                CheckResult::Failed,
                "t-workers can have no workers at all; raise max_workers in terraform".into()
            )
        );
    }

    #[test]
    fn a_stopped_group_is_a_fault_with_the_command_that_starts_it() {
        let stopped = GroupState {
            most: 10,
            suspended: ["AlarmNotification".to_owned(), "Launch".to_owned()].into(),
            ..GroupState::default()
        };
        assert_eq!(
            outcome(group("t-workers", Ok(stopped))),
            (
                CheckResult::Failed,
                "t-workers is stopped (Launch and AlarmNotification suspended), so cells stay in the queue; `producer \
                 fleet start` starts it"
                    .into()
            )
        );
    }

    #[test]
    fn what_is_not_checked_says_so_and_is_not_a_fault() {
        for check in [no_topic(), no_output(), no_group()] {
            assert_eq!(check.result, CheckResult::NotChecked, "{check:?}");
        }
    }
}
