//! `dlq`: what the queue gave up. Looking at it hides the messages for a moment and gives them
//! back.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use tilefleet_common::aws::{Queue, Received, Topic};
use tilefleet_common::domain::{CellId, CellMessage, TaskId};
use tilefleet_common::fault::{self, Point};
use tilefleet_common::ledger::Ledger;
use tilefleet_common::ledger::flow::{Deferral, Step};
use tilefleet_common::ledger::transition::Ticket;
use tilefleet_common::tracker::Tracker;

use crate::cli::{DlqCommand, DlqDrain, DlqList, Exit, Format, Global, Output, note};
use crate::error::ProducerError;
use crate::fleet::FleetConnection;

/// How long a message is hidden that is looked at, or that cannot be drained now.
const HIDDEN: Duration = Duration::from_mins(1);
/// Messages of one receive.
const RECEIVE: usize = 10;
/// The wait of a receive: SQS asks all its servers only when it may wait ("Amazon SQS short and
/// long polling").
const WAIT: Duration = Duration::from_secs(1);
/// Characters of a message that is no cell, which are shown.
const SHOWN: usize = 200;

/// A dead letter.
#[derive(Debug, Serialize)]
struct Letter {
    message: String,
    task: Option<TaskId>,
    cell: Option<CellId>,
    ordinal: Option<u32>,
    receives: u32,
    sent_at: Option<String>,
    age_s: Option<i64>,
    /// The beginning of a message that is no cell.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    /// What became of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<String>,
}

impl Letter {
    fn of(received: &Received, cell: Option<&CellMessage>) -> Self {
        let age = received
            .sent_at
            .map(|sent| Timestamp::now().as_second() - sent.as_second());
        let body = || received.body.chars().take(SHOWN).collect();
        Self {
            message: received.id.clone(),
            task: cell.map(|cell| cell.task.clone()),
            cell: cell.map(|cell| cell.cell.id),
            ordinal: cell.map(|cell| cell.ordinal),
            receives: received.receives,
            sent_at: received.sent_at.map(|sent| sent.to_string()),
            age_s: age.map(|age| age.max(0)),
            body: cell.is_none().then(body),
            outcome: None,
        }
    }

    fn row(&self) -> Vec<String> {
        let or = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let what = match (&self.outcome, &self.body) {
            (Some(outcome), _) => outcome.clone(),
            (None, Some(body)) => format!("no cell: {}", body.escape_debug()),
            (None, None) => "-".to_owned(),
        };
        vec![
            self.message.clone(),
            or(self.task.as_ref().map(ToString::to_string)),
            or(self.cell.map(|cell| cell.to_string())),
            self.receives.to_string(),
            or(self.age_s.map(|age| format!("{age} s"))),
            what,
        ]
    }
}

/// Lists or drains.
pub(crate) async fn run(
    command: DlqCommand,
    global: &Global,
    output: &mut Output,
) -> Result<Exit, ProducerError> {
    let fleet = FleetConnection::open(global).await?;
    let queue = fleet
        .dead_letters
        .clone()
        .ok_or(ProducerError::NoDeadLetterQueue)?;
    let letters = match command {
        DlqCommand::List(DlqList { limit }) => list(&queue, limit).await?,
        DlqCommand::Drain(DlqDrain { dry_run: true, .. }) => list(&queue, usize::MAX).await?,
        DlqCommand::Drain(DlqDrain { remove_others, .. }) => {
            let topic = Topic::new(fleet.clients.sns.clone(), global.settings()?.topic_arn()?);
            drain(&queue, &tracker(&fleet, topic), remove_others).await?
        }
    };
    match output.format {
        Format::Table => {
            let rows: Vec<_> = letters.iter().map(Letter::row).collect();
            output.table(
                Some(&["MESSAGE", "TASK", "CELL", "RECEIVES", "AGE", "WHAT"]),
                &rows,
            )?;
        }
        Format::Json => output.json(&letters)?,
        Format::Ndjson => letters.iter().try_for_each(|letter| output.json(letter))?,
    }
    output.flush()?;
    fleet.tell_calls(global);
    Ok(Exit::Ok)
}

fn tracker(fleet: &FleetConnection, topic: Topic) -> Tracker {
    let ledger: Ledger = fleet.ledger.clone();
    Tracker::new(
        ledger,
        fleet.clients.objects.clone(),
        topic,
        "producer dlq drain".to_owned(),
    )
}

fn hidden() -> Duration {
    fault::shortened(HIDDEN)
}

fn cell_of(received: &Received) -> Option<CellMessage> {
    serde_json::from_str(&received.body).ok()
}

async fn list(queue: &Queue, limit: usize) -> Result<Vec<Letter>, ProducerError> {
    let (mut letters, mut held) = (vec![], vec![]);
    while letters.len() < limit {
        let received = queue
            .receive_for(RECEIVE.min(limit - letters.len()), WAIT, Some(hidden()))
            .await?;
        if received.is_empty() {
            break;
        }
        for received in received {
            letters.push(Letter::of(&received, cell_of(&received).as_ref()));
            held.push(received.receipt);
        }
    }
    give_back(queue, held).await;
    Ok(letters)
}

/// Makes what was only looked at visible again.
async fn give_back(queue: &Queue, held: Vec<String>) {
    for receipt in held {
        if let Err(error) = queue.hide(&receipt, Duration::ZERO).await {
            note(&format!(
                "warning: a message stays hidden for up to a minute: {error}"
            ));
        }
    }
}

async fn drain(
    queue: &Queue,
    tracker: &Tracker,
    remove_others: bool,
) -> Result<Vec<Letter>, ProducerError> {
    let (mut letters, mut held) = (vec![], vec![]);
    loop {
        // One at a time: nobody renews those that wait.
        let received = queue.receive_for(1, WAIT, Some(hidden())).await?;
        if received.is_empty() {
            break;
        }
        for received in received {
            let cell = cell_of(&received);
            let mut letter = Letter::of(&received, cell.as_ref());
            let (outcome, done) = match &cell {
                Some(cell) => bury(tracker, cell, &received).await?,
                None if remove_others => ("removed: no cell", true),
                None => ("left: no cell", false),
            };
            if done {
                queue.delete(&received.receipt).await?;
                fault::point(Point::Delete);
            } else {
                held.push(received.receipt);
            }
            letter.outcome = Some(outcome.to_owned());
            letters.push(letter);
        }
    }
    give_back(queue, held).await;
    Ok(letters)
}

/// Carries a dead letter through the protocol. Answers what became of it, and whether that was all.
async fn bury(
    tracker: &Tracker,
    message: &CellMessage,
    received: &Received,
) -> Result<(&'static str, bool), ProducerError> {
    let ticket = Ticket {
        task: message.task.clone(),
        shard: message.shard,
        ordinal: message.ordinal,
        cell: message.cell.id,
        job: message.job.clone(),
    };
    let (mut step, mut failed) = (Step::ReadTask, false);
    loop {
        step = match step {
            Step::Delete if failed => return Ok(("failed: dead_lettered", true)),
            Step::Delete => return Ok(("nothing left to do", true)),
            Step::Defer(Deferral::UnknownTask) => {
                return Ok(("left: the ledger has no such task", false));
            }
            Step::Defer(Deferral::NoticeHeld { .. }) => {
                return Ok(("left: a worker is sending the notice", false));
            }
            Step::Defer(Deferral::Recipe(trouble)) => {
                note(&format!("warning: {}: {trouble}", message.cell.id));
                return Ok(("left: the task's recipe cannot be used", false));
            }
            Step::Defer(Deferral::NoticeFailed) => {
                return Ok(("left: the notice could not be sent", false));
            }
            step => {
                failed |= step == Step::CloseFailed;
                tracker
                    .advance_dead_letter(&ticket, message.epoch, &received.id, step)
                    .await?
            }
        };
    }
}
