//! What the producer's commands do to ledger and queue, one call after the other: `submit`,
//! `retry`, a repair that sends again, and `resume`. `cancel` is a single write.

use tilefleet_common::domain::{Recipe, TaskId, ordinals_of_shard, shard_count};
use tilefleet_common::ledger::flow::{Answer, Operation};
use tilefleet_common::ledger::transition::{self, NewTask};
use tilefleet_common::ledger::{TaskState, Write};

use crate::flaw::Flaw;
use crate::queue::Queue;
use crate::table::{Cells, Items, Table};

/// What a command works on.
pub(crate) struct Desk<'a> {
    pub(crate) table: &'a Table,
    pub(crate) new: &'a NewTask,
    pub(crate) recipe: &'a Recipe,
    pub(crate) flaw: Option<Flaw>,
    pub(crate) items: &'a mut Items,
    pub(crate) queue: &'a mut Queue,
}

impl Desk<'_> {
    fn task(&self) -> &TaskId {
        &self.new.task
    }

    fn shards(&self) -> u8 {
        u8::try_from(shard_count(self.new.cells, self.new.shard_size)).unwrap_or(u8::MAX)
    }

    fn write(&mut self, write: Write) {
        self.table.execute(self.items, &Operation::Write(write));
    }

    fn mark_enqueued(&mut self, shard: u8, reopened: u8) {
        let mark = transition::mark_enqueued(self.task(), shard.into(), reopened.into());
        self.write(Flaw::mark_enqueued(self.flaw, mark));
    }

    /// Sends the first of `cells` and returns the others.
    fn send(&mut self, cells: Cells) -> Cells {
        self.queue
            .send(u8::try_from(cells.trailing_zeros()).unwrap_or(u8::MAX));
        cells & cells.wrapping_sub(1)
    }
}

fn small(number: u32) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

/// The next call of `submit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Submit {
    ReadTask,
    CreateRecipe,
    CreateTask,
    CreateShard(u8),
    /// Sends these cells of this shard, which was reopened so often.
    Send(u8, Cells, u8),
    MarkEnqueued(u8, u8),
    MarkSubmitted,
    Done,
}

impl Submit {
    /// Makes the call and returns the one after it.
    pub(crate) fn call(self, desk: &mut Desk<'_>) -> Self {
        match self {
            Self::ReadTask => match desk.table.view(desk.items).task {
                Some(task) if task.submitted => Self::Done,
                Some(_) => Self::CreateShard(0),
                None if desk.flaw == Some(Flaw::TaskBeforeRecipe) => Self::CreateTask,
                None => Self::CreateRecipe,
            },
            Self::CreateRecipe => {
                desk.write(transition::create_recipe(desk.task(), desk.recipe));
                if desk.flaw == Some(Flaw::TaskBeforeRecipe) {
                    Self::CreateShard(0)
                } else {
                    Self::CreateTask
                }
            }
            Self::CreateTask => {
                desk.write(transition::create_task(desk.new));
                if desk.flaw == Some(Flaw::TaskBeforeRecipe) {
                    Self::CreateRecipe
                } else {
                    Self::CreateShard(0)
                }
            }
            Self::CreateShard(shard) => {
                let number = u32::from(shard);
                let ordinals = ordinals_of_shard(number, desk.new.cells, desk.new.shard_size);
                desk.write(transition::create_shard(desk.task(), number, ordinals));
                match desk.table.view(desk.items).shards[usize::from(shard)] {
                    Some(there) if !there.enqueued => {
                        Self::send_or_mark(shard, there.pending, small(there.reopened))
                    }
                    _ => Self::after(shard, desk),
                }
            }
            Self::Send(shard, cells, reopened) => {
                Self::send_or_mark(shard, desk.send(cells), reopened)
            }
            Self::MarkEnqueued(shard, reopened) => {
                desk.mark_enqueued(shard, reopened);
                Self::after(shard, desk)
            }
            Self::MarkSubmitted => {
                desk.write(transition::mark_submitted(desk.task(), "now"));
                Self::Done
            }
            Self::Done => self,
        }
    }

    fn send_or_mark(shard: u8, cells: Cells, reopened: u8) -> Self {
        if cells == 0 {
            Self::MarkEnqueued(shard, reopened)
        } else {
            Self::Send(shard, cells, reopened)
        }
    }

    fn after(shard: u8, desk: &Desk<'_>) -> Self {
        if shard + 1 < desk.shards() {
            Self::CreateShard(shard + 1)
        } else {
            Self::MarkSubmitted
        }
    }
}

/// The next call of `retry`, or of a repair, which ends as a retry does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Retry {
    /// Nobody has asked for it yet.
    Unasked,
    /// The repair marks this shard as not enqueued.
    Unmark(u8),
    /// Reads the task, before this shard.
    ReadTask(u8),
    /// Reads this shard; the task was complete or running in this epoch.
    ReadShard(u8, bool, u8),
    /// Reopens this shard with these failures.
    Reopen(u8, bool, u8, Cells),
    /// Reads what is pending in this shard, when all shards are reopened.
    ReadPending(u8),
    /// Sends these cells of this shard, which was reopened so often.
    Send(u8, Cells, u8),
    MarkEnqueued(u8, u8),
    Done,
}

impl Retry {
    /// Makes the call and returns the one after it.
    pub(crate) fn call(self, desk: &mut Desk<'_>) -> Self {
        match self {
            Self::Unmark(shard) => {
                desk.write(transition::unmark_enqueued(desk.task(), shard.into()));
                if shard + 1 < desk.shards() {
                    Self::Unmark(shard + 1)
                } else {
                    Self::ReadPending(0)
                }
            }
            Self::ReadTask(shard) => match desk.table.view(desk.items).task {
                // Refused with the advice to resume it first.
                Some(task) if task.state == TaskState::Cancelled => Self::Done,
                Some(task) => {
                    let epoch = u8::try_from(task.epoch).unwrap_or(u8::MAX);
                    Self::ReadShard(shard, task.state == TaskState::Complete, epoch)
                }
                None => Self::Done,
            },
            Self::ReadShard(shard, complete, epoch) => {
                match desk.table.view(desk.items).shards[usize::from(shard)] {
                    Some(there) if there.failed != 0 => {
                        Self::Reopen(shard, complete, epoch, there.failed)
                    }
                    _ => Self::after_reopening(shard, complete, epoch, desk),
                }
            }
            Self::Reopen(shard, complete, epoch, failed) => {
                let state = if complete {
                    TaskState::Complete
                } else {
                    TaskState::Running
                };
                let ordinals = (0..u32::from(u8::MAX))
                    .filter(|&ordinal| u32::from(failed) >> ordinal.min(31) & 1 == 1)
                    .collect();
                let retry = transition::retry_shard(
                    desk.task(),
                    (state, epoch.into()),
                    shard.into(),
                    &ordinals,
                    &ordinals,
                );
                let operation = Flaw::retry(desk.flaw, Operation::Transact(retry));
                match desk.table.execute(desk.items, &operation) {
                    Answer::Refused(_) => Self::ReadTask(shard),
                    _ => Self::after_reopening(shard, false, epoch + u8::from(complete), desk),
                }
            }
            // Of every shard that is not marked, whoever reopened it: an earlier command may have
            // died before it sent.
            Self::ReadPending(shard) => {
                match desk.table.view(desk.items).shards[usize::from(shard)] {
                    Some(there) if !there.enqueued => {
                        Self::send_or_mark(shard, there.pending, small(there.reopened))
                    }
                    _ => Self::after_sending(shard, desk),
                }
            }
            Self::Send(shard, cells, reopened) => {
                Self::send_or_mark(shard, desk.send(cells), reopened)
            }
            Self::MarkEnqueued(shard, reopened) => {
                desk.mark_enqueued(shard, reopened);
                Self::after_sending(shard, desk)
            }
            Self::Unasked | Self::Done => self,
        }
    }

    fn after_reopening(shard: u8, complete: bool, epoch: u8, desk: &Desk<'_>) -> Self {
        if shard + 1 < desk.shards() {
            Self::ReadShard(shard + 1, complete, epoch)
        } else {
            Self::ReadPending(0)
        }
    }

    fn send_or_mark(shard: u8, cells: Cells, reopened: u8) -> Self {
        if cells == 0 {
            Self::MarkEnqueued(shard, reopened)
        } else {
            Self::Send(shard, cells, reopened)
        }
    }

    fn after_sending(shard: u8, desk: &Desk<'_>) -> Self {
        if shard + 1 < desk.shards() {
            Self::ReadPending(shard + 1)
        } else {
            Self::Done
        }
    }
}

/// The next call of `resume`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Resume {
    /// Nobody has asked for it yet.
    Unasked,
    ReadTask,
    /// The task was cancelled.
    Run,
    /// Reads the open shards.
    ReadOpen,
    /// Creates this shard if it is not there and reads it; these are open.
    ReadShard(u8, u8),
    /// Sends these cells of this shard, which was reopened so often.
    Send(u8, Cells, u8, u8),
    MarkEnqueued(u8, u8, u8),
    MarkSubmitted,
    /// Sends one message to whoever completes the task and sends its notice.
    SendDuty,
    /// As [`Flaw::SendBeforeRunning`] has it.
    RunAtLast,
    Done,
}

impl Resume {
    /// Makes the call and returns the one after it.
    pub(crate) fn call(self, desk: &mut Desk<'_>) -> Self {
        match self {
            Self::ReadTask => match desk.table.view(desk.items).task {
                Some(task) if task.state == TaskState::Cancelled => {
                    if desk.flaw == Some(Flaw::SendBeforeRunning) {
                        Self::ReadOpen
                    } else {
                        Self::Run
                    }
                }
                Some(task) if task.state == TaskState::Running => Self::ReadOpen,
                Some(task) if task.notified_epoch < task.epoch => Self::SendDuty,
                _ => Self::Done,
            },
            Self::Run => {
                desk.write(transition::resume_task(desk.task()));
                Self::ReadOpen
            }
            Self::ReadOpen => match desk
                .table
                .view(desk.items)
                .task
                .map_or(0, |task| task.open_shards)
            {
                0 => Self::SendDuty,
                open => Self::ReadShard(0, open),
            },
            Self::ReadShard(shard, open) => {
                let number = u32::from(shard);
                let ordinals = ordinals_of_shard(number, desk.new.cells, desk.new.shard_size);
                let first = Cells::from(1_u8) << ordinals.start;
                desk.write(transition::create_shard(desk.task(), number, ordinals));
                let Some(there) = desk.table.view(desk.items).shards[usize::from(shard)] else {
                    return Self::Done;
                };
                let duty = if open >> shard & 1 == 1 { first } else { 0 };
                let cells = if there.pending == 0 {
                    duty
                } else {
                    there.pending
                };
                Self::send_or_mark(shard, cells, small(there.reopened), open)
            }
            Self::Send(shard, cells, reopened, open) => {
                let rest = desk.send(cells);
                Self::send_or_mark(shard, rest, reopened, open)
            }
            Self::MarkEnqueued(shard, reopened, open) => {
                desk.mark_enqueued(shard, reopened);
                if shard + 1 < desk.shards() {
                    Self::ReadShard(shard + 1, open)
                } else {
                    Self::MarkSubmitted
                }
            }
            Self::MarkSubmitted => {
                desk.write(transition::mark_submitted(desk.task(), "now"));
                if desk.flaw == Some(Flaw::SendBeforeRunning) {
                    Self::RunAtLast
                } else {
                    Self::Done
                }
            }
            Self::SendDuty => {
                desk.send(1);
                if desk.flaw == Some(Flaw::SendBeforeRunning) {
                    Self::RunAtLast
                } else {
                    Self::Done
                }
            }
            Self::RunAtLast => {
                desk.write(transition::resume_task(desk.task()));
                Self::Done
            }
            Self::Unasked | Self::Done => self,
        }
    }

    fn send_or_mark(shard: u8, cells: Cells, reopened: u8, open: u8) -> Self {
        if cells == 0 {
            Self::MarkEnqueued(shard, reopened, open)
        } else {
            Self::Send(shard, cells, reopened, open)
        }
    }
}

/// What `cancel` does to the ledger; its notice is no part of the model.
pub(crate) fn cancel(desk: &mut Desk<'_>) {
    desk.write(transition::cancel_task(desk.task(), "why", "now"));
}
