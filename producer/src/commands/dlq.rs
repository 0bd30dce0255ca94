//! `dlq`: messages that the queue gave up. Listing them hides them for a moment.
//!
//! A message that is left comes back when it is no longer hidden. So list and drain end at the first
//! message that they have seen before; else they would go round and round.

use std::collections::HashSet;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use tilefleet_common::aws::{Queue, Received, Topic};
use tilefleet_common::domain::{CellId, CellMessage, MessageError, TaskId};
use tilefleet_common::fault::{self, Point};
use tilefleet_common::ledger::Ledger;
use tilefleet_common::ledger::flow::{Deferral, Step};
use tilefleet_common::ledger::transition::Ticket;
use tilefleet_common::tracker::Tracker;

use crate::cli::{DlqCommand, DlqListArgs, DrainArgs, Exit, GlobalArgs, Output, note};
use crate::error::ProducerError;
use crate::fleet::FleetConnection;

/// How long a message is hidden that is listed, or that cannot be drained now.
const HIDDEN: Duration = Duration::from_mins(1);
/// Messages of one receive.
const RECEIVE: usize = 10;
/// The wait of a receive: SQS queries all its servers only in long polling ("Amazon SQS short and
/// long polling").
const WAIT: Duration = Duration::from_secs(1);
/// The outcome for a message of a layout that this version does not know.
const OTHER_LAYOUT: &str = "left: another version sent it; drain it with that";
/// Characters shown of a message that is not a cell.
const SHOWN: usize = 200;

const HEADER: [&str; 6] = ["MESSAGE", "TASK", "CELL", "RECEIVES", "AGE", "WHAT"];

/// A message of the dead-letter queue.
#[derive(Debug, Serialize)]
struct DeadLetter {
    message: String,
    task: Option<TaskId>,
    cell: Option<CellId>,
    ordinal: Option<u32>,
    receives: u32,
    sent_at: Option<String>,
    age_s: Option<i64>,
    /// The beginning of a message that is not a cell.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    /// Whether another version laid the message out, and must handle it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    other_layout: bool,
    /// What the drain did with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<String>,
}

impl DeadLetter {
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
            other_layout: cell.is_none() && is_of_another_layout(received),
            outcome: None,
        }
    }

    fn row(&self) -> Vec<String> {
        let or = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let what = match (&self.outcome, &self.body) {
            (Some(outcome), _) => outcome.clone(),
            (None, Some(_)) if self.other_layout => OTHER_LAYOUT.to_owned(),
            (None, Some(body)) => format!("not a cell: {}", body.escape_debug()),
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

/// Lists the messages or drains the queue.
pub(crate) async fn run(
    command: DlqCommand,
    global: &GlobalArgs,
    output: &mut Output,
) -> Result<Exit, ProducerError> {
    let fleet = FleetConnection::open(global).await?;
    let settings = global.fleet.settings()?;
    let queue = Queue::new(fleet.clients.sqs.clone(), settings.dead_letter_queue_url()?);
    let letters = match command {
        DlqCommand::List(DlqListArgs { limit }) => list(&queue, limit).await?,
        DlqCommand::Drain(DrainArgs { dry_run: true, .. }) => list(&queue, usize::MAX).await?,
        DlqCommand::Drain(DrainArgs { remove_others, .. }) => {
            let topic = Topic::new(fleet.clients.sns.clone(), settings.topic_arn()?);
            drain(&queue, &tracker(&fleet, topic), remove_others).await?
        }
    };
    output.rows(&HEADER, &letters, DeadLetter::row)?;
    fleet.print_calls(global);
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
    CellMessage::read(&received.body).ok()
}

/// Whether another version sent the message, which must drain it.
fn is_of_another_layout(received: &Received) -> bool {
    matches!(
        CellMessage::read(&received.body),
        Err(MessageError::Layout(_))
    )
}

async fn list(queue: &Queue, limit: usize) -> Result<Vec<DeadLetter>, ProducerError> {
    let (mut letters, mut held, mut seen) = (vec![], vec![], HashSet::new());
    let mut came_back = false;
    while letters.len() < limit && !came_back {
        let received = queue
            .receive_for(RECEIVE.min(limit - letters.len()), WAIT, Some(hidden()))
            .await?;
        if received.is_empty() {
            break;
        }
        for received in received {
            if seen.insert(received.id.clone()) {
                letters.push(DeadLetter::of(&received, cell_of(&received).as_ref()));
            } else {
                came_back = true;
            }
            held.push(received.receipt);
        }
    }
    make_visible(queue, held).await;
    if came_back {
        note("warning: listing took so long that messages came back; the list may not be complete");
    }
    Ok(letters)
}

/// Makes messages visible again that were only read.
async fn make_visible(queue: &Queue, held: Vec<String>) {
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
) -> Result<Vec<DeadLetter>, ProducerError> {
    let (mut letters, mut held, mut seen) = (vec![], vec![], HashSet::new());
    let mut came_back = false;
    while !came_back {
        // One at a time: nothing renews the visibility timeout of those that wait.
        let received = queue.receive_for(1, WAIT, Some(hidden())).await?;
        if received.is_empty() {
            break;
        }
        for received in received {
            // A message that comes back ends the drain.
            if !seen.insert(received.id.clone()) {
                came_back = true;
                held.push(received.receipt);
                continue;
            }
            // A cell fails; what is no cell stays, unless it is to be removed.
            let cell = cell_of(&received);
            let mut letter = DeadLetter::of(&received, cell.as_ref());
            let (outcome, done) = match &cell {
                Some(cell) => fail_dead_letter(tracker, cell, &received).await?,
                None if letter.other_layout => (OTHER_LAYOUT, false),
                None if remove_others => ("removed: not a cell", true),
                None => ("left: not a cell", false),
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
    make_visible(queue, held).await;
    if came_back {
        note("warning: draining took so long that messages came back; run it again for the rest");
    }
    Ok(letters)
}

/// Fails the cell of a dead letter and carries the message through the protocol. Returns the
/// outcome, and whether the message can be deleted.
async fn fail_dead_letter(
    tracker: &Tracker,
    message: &CellMessage,
    received: &Received,
) -> Result<(&'static str, bool), ProducerError> {
    let ticket = Ticket::of(message);
    let key = tracker.message_key(&message.task).await?;
    if key.is_some_and(|key| !message.is_signed_with(&key)) {
        return Ok(("left: not as the producer sent it", false));
    }
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
            Step::Defer(Deferral::Layout(_)) => return Ok((OTHER_LAYOUT, false)),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Format, printed};

    #[test]
    fn a_message_that_is_not_a_cell_shows_its_beginning() {
        let cell = || DeadLetter {
            message: "m-1".to_owned(),
            task: Some("rgb-1".parse().unwrap()),
            cell: Some("48RXT/2020-08-01/0".parse().unwrap()),
            ordinal: Some(7),
            receives: 10,
            sent_at: Some("2026-11-26T13:54:14Z".to_owned()),
            age_s: Some(90),
            body: None,
            other_layout: false,
            outcome: None,
        };
        let other = DeadLetter {
            message: "m-2".to_owned(),
            task: None,
            cell: None,
            ordinal: None,
            body: Some("hello\n".to_owned()),
            ..cell()
        };
        let drained = DeadLetter {
            message: "m-3".to_owned(),
            task: Some("rgb-1".parse().unwrap()),
            body: None,
            outcome: Some("failed: dead_lettered".to_owned()),
            ..cell()
        };
        let letters = [cell(), other, drained];
        let text = [Format::Table, Format::Ndjson]
            .map(|format| {
                printed(format, |output| {
                    output.rows(&HEADER, &letters, DeadLetter::row)
                })
            })
            .concat();
        insta::assert_snapshot!(text);
    }
}
