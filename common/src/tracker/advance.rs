//! The tracker: carries out one step of the ledger's flow after the other.

use std::time::Duration;

use jiff::Timestamp;

use crate::aws::{ObjectStore, Topic};
use crate::domain::{MessageKey, TaskId};
use crate::fault::{self, Point};
use crate::ledger::flow::{Answer, Operation, Step, StepContext};
use crate::ledger::transition::Ticket;
use crate::ledger::{Key, Ledger, LedgerError, Value, Write, attribute, fault_points};

use super::area_cache::AreaCache;
use super::clock::rfc3339;
use super::notice::{Notices, Publication};
use super::recipe_cache::RecipeCache;
use super::task_cache::TaskCache;

/// How long one worker has a notice to itself. Writing the results of a million cells takes about a
/// minute; a worker that dies meanwhile delays the notice by no more than this.
pub const NOTICE_CLAIM: Duration = Duration::from_mins(5);

/// Carries messages through the protocol.
#[derive(Debug)]
pub struct Tracker {
    ledger: Ledger,
    notices: Notices,
    worker: String,
    tasks: TaskCache,
    recipes: RecipeCache,
    areas: AreaCache,
}

impl Tracker {
    /// A tracker that speaks as `worker`.
    pub fn new(ledger: Ledger, objects: ObjectStore, topic: Topic, worker: String) -> Self {
        let notices = Notices {
            ledger: ledger.clone(),
            objects,
            topic,
        };
        Self {
            ledger,
            notices,
            worker,
            tasks: TaskCache::default(),
            recipes: RecipeCache::default(),
            areas: AreaCache::default(),
        }
    }

    /// The ledger that it keeps.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// S3, for what is beside the manifests.
    pub(super) fn objects(&self) -> &ObjectStore {
        &self.notices.objects
    }

    /// The areas that were read.
    pub(super) fn areas(&self) -> &AreaCache {
        &self.areas
    }

    /// The key with which the messages of `task` are signed, or nothing if there is no such task. It
    /// comes from the same header as the step that reads the task, so it costs no call.
    ///
    /// # Errors
    /// [`LedgerError`] when the ledger gave no answer.
    pub async fn message_key(&self, task: &TaskId) -> Result<Option<MessageKey>, LedgerError> {
        let header = self.tasks.read(&self.ledger, task).await?;
        Ok(
            match header
                .as_ref()
                .and_then(|item| item.get(attribute::MESSAGE_KEY))
            {
                Some(Value::Text(key)) => key.parse().ok(),
                _ => None,
            },
        )
    }

    /// Carries out `step` and returns the step that follows. [`Step::Work`] and the two ends are
    /// the caller's and stay as they are.
    ///
    /// # Errors
    /// [`LedgerError`] when the ledger gave no answer; the same step can be carried out again.
    pub async fn advance(&self, ticket: &Ticket, step: Step) -> Result<Step, LedgerError> {
        let now = Timestamp::now();
        let context = StepContext {
            worker: &self.worker,
            now: &rfc3339(now),
            second: now.as_second(),
            notice_claim_s: fault::shortened(NOTICE_CLAIM).as_secs().cast_signed(),
        };
        match (step.operation(ticket, &context), step) {
            // Two kinds of items change seldom or never, and are cached.
            (Some(Operation::Read(Key::Header(task))), step) => {
                let item = self.tasks.read(&self.ledger, &task).await?;
                Ok(step.next(ticket, &Answer::Found(item)))
            }
            (Some(Operation::Read(Key::Recipe(task))), step) => {
                let item = self.recipes.read(&self.ledger, &task, &ticket.job).await?;
                Ok(step.next(ticket, &Answer::Found(item)))
            }
            // Without a limit there is nothing to count, so that a failed cell costs no write of the
            // header.
            (Some(_), step @ Step::CountFailed { .. })
                if self.tasks.is_without_limit(&ticket.task) =>
            {
                Ok(step.next(ticket, &Answer::Refused(None)))
            }
            (Some(operation), step) => {
                let answer = self.ledger.answer(&operation).await?;
                self.learn(&operation, &answer);
                fault_points::after(&step, ticket);
                Ok(step.next(ticket, &answer))
            }
            // Publishing is the tracker's own.
            (None, Step::Announce(failure)) => {
                self.notices.announce(ticket, &failure).await;
                fault::point_of(Point::Announce, &ticket.cell);
                Ok(Step::CloseFailed)
            }
            (None, Step::Publish { notice, until }) => {
                Ok(match self.notices.publish(ticket, notice).await {
                    Ok(Publication::Sent) => Step::MarkNotified(notice),
                    Ok(Publication::Moved) => Step::Delete,
                    Err(error) => {
                        tracing::error!(%error, "the task has ended but its notice is not sent; it will be tried again");
                        Step::ReleaseNotice {
                            notice,
                            until,
                            why: error.to_string(),
                        }
                    }
                })
            }
            (None, step) => Ok(step),
        }
    }

    /// Remembers the header that a write of it has answered with.
    fn learn(&self, operation: &Operation, answer: &Answer) {
        let Operation::Write(Write {
            key: Key::Header(task),
            ..
        }) = operation
        else {
            return;
        };
        let item = match answer {
            Answer::Applied(item) => Some(item),
            Answer::Found(item) | Answer::Refused(item) => item.as_ref(),
        };
        if item.is_some() {
            self.tasks.learn(task, item);
        }
    }
}
