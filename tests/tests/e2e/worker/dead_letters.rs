//! Messages that the queue gave up: a worker fails their cells only if these are to blame.

use anyhow::Result;
use tilefleet_common::ledger::transition::{self, Failure, Ticket};
use tilefleet_tests::poll::BOUND;
use tilefleet_tests::{Process, eventually, objects};

use crate::support::queues::{give_up, left};
use crate::support::tiny::{Ending, Tiny};

const CELLS: u32 = 4;
const VISIBILITY_TIMEOUT_S: u32 = 4;

/// Makes dead letters of all messages, and waits for the task's end with a worker.
async fn ends(tiny: &Tiny, task: &str, resent: u32, failed: u32) -> Result<()> {
    give_up(&tiny.site, |body| body["resent"] = resent.into()).await?;
    let fleet = tiny.with_short_waits(1)?;
    let workers: Vec<Process> = vec![fleet.start("worker", &["run"])?];
    let ending = Ending {
        ok: CELLS - failed,
        failed,
        epoch: 1,
    };
    tiny.ends(task, &ending, &workers).await?;
    Ok(())
}

/// The error code of the cell.
async fn code(tiny: &Tiny, task: &str, ordinal: u32) -> Result<Option<String>> {
    Ok(tiny.site.story(task, ordinal).await?.history.error_code)
}

#[tokio::test]
async fn a_dead_letter_whose_cell_has_done_nothing_wrong_is_sent_again() -> Result<()> {
    let tiny = Tiny::new("sent-again", VISIBILITY_TIMEOUT_S).await?;
    let task = tiny.submit(CELLS).await?;
    ends(&tiny, &task, 0, 0).await
}

#[tokio::test]
async fn a_dead_letter_fails_its_cell_if_the_cells_attempts_are_used_up() -> Result<()> {
    let tiny = Tiny::new("used-up", VISIBILITY_TIMEOUT_S).await?;
    let task = tiny.submit(CELLS).await?;
    let failure = Failure {
        code: "damaged_transfer".to_owned(),
        message: "it arrived damaged".to_owned(),
    };
    let record = tiny.site.ledger.task(&task.parse()?).await?;
    let job = record.map(|record| record.job);
    // Cell 0 has used up its failures, and workers have died of cell 1.
    for ordinal in [0, 1] {
        let ticket = Ticket {
            task: task.parse()?,
            shard: 0,
            group: 0,
            ordinal,
            cell: format!("48RXT/2020-08-01/{ordinal}").parse()?,
            job: job
                .clone()
                .unwrap_or(tilefleet_common::domain::JobId::Probe),
            reopened: 0,
            expires_at: None,
        };
        for _ in 0..5 {
            let start = transition::start_cell(&ticket, "test", "2020-08-01T00:00:00.000Z");
            tiny.site.ledger.write(&start).await?;
            if ordinal == 0 {
                let count =
                    transition::count_failure(&ticket, &failure, "2020-08-01T00:00:00.000Z");
                tiny.site.ledger.write(&count).await?;
            }
        }
    }
    ends(&tiny, &task, 0, 2).await?;
    assert_eq!(
        code(&tiny, &task, 0).await?.as_deref(),
        Some("damaged_transfer")
    );
    assert_eq!(code(&tiny, &task, 1).await?.as_deref(), Some("crashed"));
    Ok(())
}

#[tokio::test]
async fn an_old_dead_letter_of_an_unknown_task_is_kept_where_a_person_can_look_at_it() -> Result<()>
{
    let tiny = Tiny::new("unknown-task", VISIBILITY_TIMEOUT_S).await?;
    let site = &tiny.site;
    tiny.submit(CELLS).await?;
    give_up(site, |body| body["task"] = "never-submitted".into()).await?;
    // A day is a second here.
    let bucket = &site.stack.output_bucket;
    let fleet = tiny
        .with_short_waits(1)?
        .with("TILEFLEET_POISON", format!("s3://{bucket}/poison"));
    let mut worker = fleet.start("worker", &["run"])?;
    eventually("four copies and an empty queue", BOUND, async || {
        worker.still_runs()?;
        let left = left(site, &site.stack.dead_letter_queue_url).await?;
        let kept = objects::list(&site.stack.s3, bucket, "poison/").await?;
        Ok((left == 0 && kept.len() == CELLS as usize).then_some(()))
    })
    .await
}

#[tokio::test]
async fn a_message_that_was_sent_again_twenty_times_fails_its_cell() -> Result<()> {
    let tiny = Tiny::new("never-begun", VISIBILITY_TIMEOUT_S).await?;
    let task = tiny.submit(CELLS).await?;
    ends(&tiny, &task, 20, CELLS).await?;
    assert_eq!(code(&tiny, &task, 0).await?.as_deref(), Some("never_begun"));
    Ok(())
}
