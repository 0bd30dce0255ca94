//! `submit`: makes a plan of the input and carries it out.

use std::time::Instant;

use tilefleet_common::domain::TaskId;
use tilefleet_common::ledger::{Ledger, TaskRecord, TaskState};

use super::outcome::SubmitOutcome;
use super::plan::SubmitPlan;
use super::submission::Submission;
use crate::cli::{Exit, GlobalArgs, Output, SubmitArgs};
use crate::error::ProducerError;
use crate::fleet::{FleetConnection, TaskProgress, in_time};

/// Submits the cells of the input, or completes a submit that was interrupted.
pub(crate) async fn run(
    args: &SubmitArgs,
    global: &GlobalArgs,
    output: &mut Output,
) -> Result<Exit, ProducerError> {
    let fleet = FleetConnection::open(global).await?;
    let mut plan = SubmitPlan::make(args, fleet.clients.objects.clone()).await?;
    let started = Instant::now();
    // A missing queue or table is detected before anything is created.
    fleet.queue.visibility_timeout().await?;
    let (task, found) = choose_task(args, &fleet.ledger, &plan).await?;
    let submission = Submission {
        fleet,
        task,
        max_failed: args.max_failed,
        keep_days: args.keep,
    };
    let record = match found {
        Some(record) => record,
        None => submission.create(&mut plan).await?,
    };
    if record.digest != plan.digest.to_string() {
        return Err(ProducerError::Conflict {
            task: submission.task,
        });
    }
    let skipped = plan.skipped;
    let outcome = |sent| SubmitOutcome::new(&submission, &record, started, skipped, sent);
    // Nothing is left to submit.
    if record.submitted_at.is_some() || record.state == TaskState::Cancelled {
        let progress = TaskProgress::default()
            .count(&submission.fleet.ledger, &submission.task, &record)
            .await?;
        let outcome = outcome(None);
        outcome.print(&outcome.already_line(progress), output, global)?;
        return Ok(Exit::Ok);
    }
    in_time(&submission.task, &record)?;
    // The task exists from here on, so an error says how to complete it.
    let sent = submission.send(&mut plan, &record).await.map_err(|cause| {
        ProducerError::SubmitUnfinished {
            task: submission.task.clone(),
            cause: Box::new(cause),
        }
    })?;
    let outcome = outcome(Some(sent));
    outcome.print(&outcome.sent_line(), output, global)?;
    Ok(Exit::Ok)
}

/// The task's id, and its item if it has one.
///
/// `--again` takes the first run that does not exist or whose submit was not completed. So the same
/// command again completes that one too.
async fn choose_task(
    args: &SubmitArgs,
    ledger: &Ledger,
    plan: &SubmitPlan,
) -> Result<(TaskId, Option<TaskRecord>), ProducerError> {
    let base = args
        .task_id
        .clone()
        .unwrap_or_else(|| TaskId::of_content(&plan.job.id(), &plan.digest));
    let mut task = base.clone();
    let mut run = 1;
    loop {
        let found = ledger.task(&task).await?;
        let is_gone = found.is_none() && ledger.remains(&task).await?.is_some();
        if is_gone && !args.again {
            return Err(ProducerError::Remains { task });
        }
        let is_unfinished = |record: &TaskRecord| {
            record.submitted_at.is_none()
                && record.state == TaskState::Running
                && record.digest == plan.digest.to_string()
        };
        if !args.again || (!is_gone && found.as_ref().is_none_or(is_unfinished)) {
            return Ok((task, found));
        }
        run += 1;
        let next = base.again(run);
        task = next
            .as_str()
            .parse()
            .map_err(|_| ProducerError::TaskIdTooLong { task: base.clone() })?;
    }
}
