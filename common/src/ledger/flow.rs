//! The order of the ledger's steps for the holder of a message: which step follows which answer.
//!
//! Steps and numbers are those of `docs/ARCHITECTURE.md`. The flow is a value that knows nothing of
//! AWS: a worker and the model test both run `loop { answer = carry out step.operation(); step =
//! step.next(answer) }`.

use super::item::{Item, Key, Value, attribute};
use super::records::{CellState, NoRaster, RecipeTrouble, TaskState, task_recipe};
use super::transition::{self, Failure, Notice, Success, Ticket};
use super::write::{Transaction, Write};
use crate::domain::{Job, JobId, is_known_layout};

/// How the work on a cell ended for good.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The raster is published, or there is none and nobody has failed.
    Ok(Success),
    /// There will be none.
    Failed(Failure),
}

/// Why a message is left in the queue for later.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Deferral {
    /// The task is not in the ledger: another fleet's message, or this worker looks at the wrong
    /// table.
    UnknownTask,
    /// Another worker is sending the notice; the message is the duty to see that it goes out.
    NoticeHeld {
        /// Unix second at which that worker's time is up.
        until: i64,
    },
    /// The notice could not be sent.
    NoticeFailed,
    /// This worker cannot use the task's recipe. Nothing has been said of the cell yet.
    Recipe(RecipeTrouble),
    /// The task or its message has this layout, which this version does not know: another version
    /// is to handle it.
    Layout(u32),
}

/// What the holder of a message does next.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Step {
    /// Step 4: is the task cancelled?
    ReadTask,
    /// Step 4: is the cell pending?
    ReadShard,
    /// Step 4, for a cell that failed: has somebody succeeded since?
    ReadCell {
        /// Whether the shard had no pending cell.
        settled: bool,
    },
    /// Step 4: what is to be done with the cell? A probe skips this.
    ReadRecipe,
    /// Step 4: begin.
    Start(Job),
    /// Step 4: begin a cell that was made pending again.
    Restart(Job),
    /// Step 5: fetch, fuse, publish. The worker's own; it goes on with [`Step::Record`].
    Work(Job),
    /// Step 6.
    Record(Outcome),
    /// Between 6 and 7: publish that a cell has failed. The worker's own; it goes on with
    /// [`Step::CloseFailed`].
    Announce(Failure),
    /// Step 7, success, and why there is no raster if there is none.
    CloseOk(Option<NoRaster>),
    /// Step 7, failure.
    CloseFailed,
    /// Step 8.
    CloseShard,
    /// Between 8 and 8b: is another shard of the group open? A transaction does not answer with the
    /// item, and a read costs less than a transaction that is mostly refused.
    ReadGroup,
    /// Step 8b.
    CloseGroup,
    /// Step 9: mark complete.
    Complete,
    /// After step 7, failure: the header counts the failed cell, if the task has a limit.
    CountFailed {
        /// Whether the shard has no pending cell.
        settled: bool,
    },
    /// As many cells have failed as this limit of the task says: it is stopped.
    Stop(u32),
    /// Step 9: have the notice to oneself.
    ClaimNotice(Notice),
    /// Step 9: count the cells, write the results and send the notice, as far as the count stands
    /// ([`super::counted()`]). The worker's own; it goes on with [`Step::MarkNotified`] or
    /// [`Step::ReleaseNotice`], or with [`Step::Delete`] when the task has left the epoch.
    Publish {
        /// Which.
        notice: Notice,
        /// Unix second at which this worker's time is up.
        until: i64,
    },
    /// Step 9: remember that the notice went out.
    MarkNotified(Notice),
    /// Step 9: remember why the notice did not go out, and let the next one try.
    ReleaseNotice {
        /// Which.
        notice: Notice,
        /// The claim that is given back, by its end.
        until: i64,
        /// Why.
        why: String,
    },
    /// Step 10. The end.
    Delete,
    /// Leave the message for later. The end.
    Defer(Deferral),
}

/// What a step does in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// A strongly consistent read.
    Read(Key),
    /// A conditional write that answers with the item.
    Write(Write),
    /// A transaction.
    Transact(Transaction),
}

/// What the ledger answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// To a read: the item, if there is one.
    Found(Option<Item>),
    /// To a write: it happened, and this is the item now. To a transaction: it happened, and the
    /// item is empty.
    Applied(Item),
    /// To a write: its condition did not hold of this item. To a transaction: a condition did not
    /// hold.
    Refused(Option<Item>),
}

/// Who takes a step, and when.
#[derive(Debug, Clone, Copy)]
pub struct StepContext<'a> {
    /// The worker's name.
    pub worker: &'a str,
    /// Now (RFC 3339).
    pub now: &'a str,
    /// Now, in Unix seconds.
    pub second: i64,
    /// How long the notice is one worker's own, in seconds.
    pub notice_claim_s: i64,
}

impl StepContext<'_> {
    /// The end of a claim of the notice that begins now.
    fn claim_end(&self) -> i64 {
        self.second.saturating_add(self.notice_claim_s)
    }
}

impl Step {
    /// What the step does in the ledger, or `None` for the worker's own steps and the ends.
    pub fn operation(&self, ticket: &Ticket, context: &StepContext<'_>) -> Option<Operation> {
        let task = &ticket.task;
        Some(match self {
            // Step 4: reads, and the cell begins.
            Self::ReadTask => Operation::Read(Key::Header(task.clone())),
            Self::ReadShard => Operation::Read(Key::Shard(task.clone(), ticket.shard)),
            Self::ReadCell { .. } => {
                Operation::Read(Key::Cell(task.clone(), ticket.shard, ticket.ordinal))
            }
            Self::ReadRecipe => Operation::Read(Key::Recipe(task.clone())),
            Self::Start(_) => {
                Operation::Write(transition::start_cell(ticket, context.worker, context.now))
            }
            Self::Restart(_) => Operation::Write(transition::restart_cell(
                ticket,
                context.worker,
                context.now,
            )),
            // Steps 6 to 8b: the outcome goes up from the cell to the header.
            Self::Record(Outcome::Ok(success)) => Operation::Write(transition::record_ok(
                ticket,
                success,
                context.worker,
                context.now,
            )),
            Self::Record(Outcome::Failed(failure)) => Operation::Write(transition::record_failed(
                ticket,
                failure,
                context.worker,
                context.now,
            )),
            Self::CloseOk(end) => Operation::Write(match end {
                None => transition::close_ok(ticket),
                Some(end) => transition::close_without_raster(ticket, *end),
            }),
            Self::CloseFailed => Operation::Write(transition::close_failed(ticket)),
            Self::CloseShard => {
                Operation::Transact(transition::close_shard(task, ticket.group, ticket.shard))
            }
            Self::ReadGroup => Operation::Read(Key::Group(task.clone(), ticket.group)),
            Self::CloseGroup => Operation::Transact(transition::close_group(task, ticket.group)),
            // Step 9: the task's end and its notice.
            Self::Complete => Operation::Write(transition::complete_task(task, context.now)),
            Self::CountFailed { .. } => Operation::Write(transition::count_failed(task)),
            Self::Stop(limit) => Operation::Write(transition::stop_task(
                task,
                *limit,
                context.now,
                context.claim_end(),
            )),
            Self::ClaimNotice(notice) => Operation::Write(transition::claim_notice(
                task,
                *notice,
                context.second,
                context.claim_end(),
            )),
            Self::MarkNotified(notice) => {
                Operation::Write(transition::mark_notified(task, *notice))
            }
            Self::ReleaseNotice { notice, until, why } => {
                Operation::Write(transition::release_notice(task, *notice, *until, why))
            }
            Self::Work(_)
            | Self::Announce(_)
            | Self::Publish { .. }
            | Self::Delete
            | Self::Defer(_) => {
                return None;
            }
        })
    }

    /// The step that follows on `answer`. Steps without an operation stay where they are.
    #[must_use]
    pub fn next(self, ticket: &Ticket, answer: &Answer) -> Self {
        match self {
            Self::ReadTask => match item(answer) {
                None => Self::Defer(Deferral::UnknownTask),
                Some(task) if !is_known_layout(layout(task)) => {
                    Self::Defer(Deferral::Layout(layout(task)))
                }
                Some(task) if is_state(task, TaskState::Cancelled.name()) => due(task),
                // The worker that counted the last of these failures may have died before it
                // stopped the task.
                Some(task) => limit_reached(task).map_or(Self::ReadShard, Self::Stop),
            },
            Self::ReadShard => match item(answer) {
                None => Self::Defer(Deferral::UnknownTask),
                Some(shard) if contains(shard, attribute::PENDING, ticket.ordinal) => {
                    match ticket.job {
                        JobId::Raster { .. } => Self::ReadRecipe,
                        JobId::Probe => Self::Start(Job::Probe),
                    }
                }
                Some(shard) if contains(shard, attribute::FAILED, ticket.ordinal) => {
                    Self::ReadCell {
                        settled: is_settled(shard),
                    }
                }
                Some(shard) => settle(shard),
            },
            Self::ReadCell { settled } => match item(answer) {
                Some(cell) if is_state(cell, CellState::Ok.name()) => close_as(cell),
                _ if settled => Self::CloseShard,
                _ => Self::Delete,
            },
            Self::ReadRecipe => {
                match task_recipe::job_of(&ticket.task, &ticket.job, item(answer)) {
                    Ok(job) => Self::Start(job),
                    Err(trouble) => Self::Defer(Deferral::Recipe(trouble)),
                }
            }
            Self::Start(job) => begun(job, answer, Self::Restart),
            // A message that is older than the counters begins the cell and is not counted.
            Self::Restart(job) => begun(job, answer, Self::Work),
            Self::Record(Outcome::Ok(success)) => Self::CloseOk(success.without_raster),
            // Refused: somebody succeeded while this worker failed. The success may not be closed
            // yet, and its worker may be dead, so this one carries it on; without that the cell
            // stays pending for ever.
            Self::Record(Outcome::Failed(failure)) => match answer {
                Answer::Refused(cell) => cell.as_ref().map_or(Self::CloseOk(None), close_as),
                _ => Self::Announce(failure),
            },
            Self::CloseFailed => match answer {
                Answer::Applied(shard) => Self::CountFailed {
                    settled: is_settled(shard),
                },
                Answer::Refused(Some(shard)) => settle(shard),
                _ => Self::Defer(Deferral::UnknownTask),
            },
            Self::CountFailed { settled } => after_count(settled, answer),
            Self::Stop(_) => after_stop(answer),
            Self::CloseOk(_) => match item(answer) {
                Some(shard) => settle(shard),
                None => Self::Defer(Deferral::UnknownTask),
            },
            Self::CloseShard => match answer {
                Answer::Refused(_) => Self::Delete,
                _ => Self::ReadGroup,
            },
            // While a shard of the group is open, the group is open in the header, and the task
            // cannot be complete.
            Self::ReadGroup => match item(answer) {
                Some(group) if group.contains_key(attribute::OPEN_SHARDS) => Self::Delete,
                Some(_) => Self::CloseGroup,
                None => Self::Defer(Deferral::UnknownTask),
            },
            Self::CloseGroup => match answer {
                Answer::Refused(_) => Self::Delete,
                _ => Self::Complete,
            },
            Self::Complete => match item(answer) {
                Some(task) => due(task),
                None => Self::Defer(Deferral::UnknownTask),
            },
            Self::ClaimNotice(claimed) => after_claim(claimed, answer),
            Self::MarkNotified(_) => Self::Delete,
            Self::ReleaseNotice { .. } => Self::Defer(Deferral::NoticeFailed),
            Self::Work(_)
            | Self::Announce(_)
            | Self::Publish { .. }
            | Self::Delete
            | Self::Defer(_) => self,
        }
    }
}

/// Step 4, last: the cell begins, unless it is ok already. `refused` follows if the item's counters
/// are those of other messages.
fn begun(job: Job, answer: &Answer, refused: fn(Job) -> Step) -> Step {
    match answer {
        Answer::Refused(Some(cell)) if is_state(cell, CellState::Ok.name()) => close_as(cell),
        Answer::Refused(_) => refused(job),
        _ => Step::Work(job),
    }
}

/// The step after a failed cell was counted, in a shard that has no pending cells if it is `settled`.
fn after_count(settled: bool, answer: &Answer) -> Step {
    let reached = match answer {
        Answer::Applied(task) => limit_reached(task),
        _ => None,
    };
    match reached {
        Some(limit) => Step::Stop(limit),
        None if settled => Step::CloseShard,
        None => Step::Delete,
    }
}

/// The step after the task was stopped: the worker has the notice to itself.
fn after_stop(answer: &Answer) -> Step {
    match answer {
        Answer::Applied(task) => Step::Publish {
            notice: Notice::Cancelled(small(task, attribute::CANCELS)),
            until: number(task, attribute::NOTIFY_UNTIL),
        },
        Answer::Refused(Some(task)) if is_state(task, TaskState::Cancelled.name()) => due(task),
        // It is complete, or a retry or resume has reset the count.
        _ => Step::ReadShard,
    }
}

/// The step after the notice was claimed, or not.
fn after_claim(claimed: Notice, answer: &Answer) -> Step {
    match answer {
        Answer::Refused(Some(task)) if notice_due(task) == Some(claimed) => {
            Step::Defer(Deferral::NoticeHeld {
                until: number(task, attribute::NOTIFY_UNTIL),
            })
        }
        Answer::Refused(_) => Step::Delete,
        _ => Step::Publish {
            notice: claimed,
            until: item(answer).map_or(0, |task| number(task, attribute::NOTIFY_UNTIL)),
        },
    }
}

/// Step 7, for a cell that ended well before: as its item says, because only the item knows whether
/// there is a raster.
fn close_as(cell: &Item) -> Step {
    Step::CloseOk(NoRaster::of_cell(cell))
}

/// Step 8, first half: a shard without pending cells is closed; otherwise somebody else will do it.
fn settle(shard: &Item) -> Step {
    if is_settled(shard) {
        Step::CloseShard
    } else {
        Step::Delete
    }
}

fn is_settled(shard: &Item) -> bool {
    !shard.contains_key(attribute::PENDING)
}

fn item(answer: &Answer) -> Option<&Item> {
    match answer {
        Answer::Applied(item) => Some(item),
        Answer::Found(item) | Answer::Refused(item) => item.as_ref(),
    }
}

fn is_state(item: &Item, state: &str) -> bool {
    matches!(item.get(attribute::STATE), Some(Value::Text(text)) if text == state)
}

fn contains(item: &Item, set: &'static str, element: u32) -> bool {
    matches!(item.get(set), Some(Value::Numbers(numbers)) if numbers.contains(&element))
}

fn layout(task: &Item) -> u32 {
    u32::try_from(number(task, attribute::LAYOUT)).unwrap_or(0)
}

fn number(item: &Item, name: &'static str) -> i64 {
    if let Some(Value::Number(number)) = item.get(name) {
        *number
    } else {
        0
    }
}

fn small(item: &Item, name: &'static str) -> u32 {
    u32::try_from(number(item, name)).unwrap_or(0)
}

/// The task's limit of failed cells, if as many have failed.
fn limit_reached(task: &Item) -> Option<u32> {
    let limit = small(task, attribute::MAX_FAILED);
    (limit > 0 && small(task, attribute::FAILURES) >= limit).then_some(limit)
}

/// The notice that a task owes.
fn notice_due(task: &Item) -> Option<Notice> {
    let (epoch, cancels) = (
        small(task, attribute::EPOCH),
        small(task, attribute::CANCELS),
    );
    if is_state(task, TaskState::Complete.name()) {
        (small(task, attribute::NOTIFIED_EPOCH) < epoch).then_some(Notice::Complete(epoch))
    } else if is_state(task, TaskState::Cancelled.name()) {
        (small(task, attribute::CANCELS_NOTIFIED) < cancels).then_some(Notice::Cancelled(cancels))
    } else {
        None
    }
}

/// The step of a task that has ended or does not end yet: the notice that it owes, if there is one.
fn due(task: &Item) -> Step {
    notice_due(task).map_or(Step::Delete, Step::ClaimNotice)
}
