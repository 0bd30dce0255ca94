//! What the producer's commands do to ledger and queue, one call after the other: `submit` and `retry`.

use tilefleet_common::domain::{TaskId, ordinals_of_shard, shard_count};
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

    /// Sends the first of `cells` and returns the others.
    fn send(&mut self, cells: Cells) -> Cells {
        self.queue.send(u8::try_from(cells.trailing_zeros()).unwrap_or(u8::MAX));
        cells & cells.wrapping_sub(1)
    }
}

/// The next call of `submit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Submit {
    CreateTask,
    CreateShard(u8),
    Send(u8, Cells),
    MarkEnqueued(u8),
    MarkSubmitted,
    Done,
}

impl Submit {
    /// Makes the call and returns the one after it.
    pub(crate) fn call(self, desk: &mut Desk<'_>) -> Self {
        match self {
            Self::CreateTask => {
                desk.write(transition::create_task(desk.new));
                let submitted = desk.table.view(desk.items).task.is_some_and(|task| task.submitted);
                if submitted { Self::Done } else { Self::CreateShard(0) }
            }
            Self::CreateShard(shard) => {
                let number = u32::from(shard);
                let ordinals = ordinals_of_shard(number, desk.new.cells, desk.new.shard_size);
                desk.write(transition::create_shard(desk.task(), number, ordinals));
                match desk.table.view(desk.items).shards[usize::from(shard)] {
                    Some(there) if !there.enqueued => Self::send_or_mark(shard, there.pending),
                    _ => Self::after(shard, desk),
                }
            }
            Self::Send(shard, cells) => Self::send_or_mark(shard, desk.send(cells)),
            Self::MarkEnqueued(shard) => {
                desk.write(transition::mark_enqueued(desk.task(), u32::from(shard)));
                Self::after(shard, desk)
            }
            Self::MarkSubmitted => {
                desk.write(transition::mark_submitted(desk.task(), "now"));
                Self::Done
            }
            Self::Done => self,
        }
    }

    fn send_or_mark(shard: u8, cells: Cells) -> Self {
        if cells == 0 { Self::MarkEnqueued(shard) } else { Self::Send(shard, cells) }
    }

    fn after(shard: u8, desk: &Desk<'_>) -> Self {
        if shard + 1 < desk.shards() { Self::CreateShard(shard + 1) } else { Self::MarkSubmitted }
    }
}

/// The next call of `retry`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Retry {
    /// Nobody has asked for it yet.
    Unasked,
    /// Reads the task, before this shard.
    ReadTask(u8),
    /// Reads this shard; the task was complete or running in this epoch.
    ReadShard(u8, bool, u8),
    /// Reopens this shard with these failures.
    Reopen(u8, bool, u8, Cells),
    /// Reads what is pending in this shard, when all shards are reopened.
    ReadPending(u8),
    Send(u8, Cells),
    Done,
}

impl Retry {
    /// Makes the call and returns the one after it.
    pub(crate) fn call(self, desk: &mut Desk<'_>) -> Self {
        match self {
            Self::ReadTask(shard) => match desk.table.view(desk.items).task {
                Some(task) => {
                    let epoch = u8::try_from(task.epoch).unwrap_or(u8::MAX);
                    Self::ReadShard(shard, task.state == TaskState::Complete, epoch)
                }
                None => Self::Done,
            },
            Self::ReadShard(shard, complete, epoch) => {
                match desk.table.view(desk.items).shards[usize::from(shard)] {
                    Some(there) if there.failed != 0 => Self::Reopen(shard, complete, epoch, there.failed),
                    _ => Self::after_reopening(shard, complete, epoch, desk),
                }
            }
            Self::Reopen(shard, complete, epoch, failed) => {
                let state = if complete { TaskState::Complete } else { TaskState::Running };
                let ordinals = (0..u32::from(u8::MAX))
                    .filter(|&ordinal| u32::from(failed) >> ordinal.min(31) & 1 == 1)
                    .collect();
                let retry =
                    transition::retry_shard(desk.task(), state, epoch.into(), shard.into(), &ordinals);
                let operation = Flaw::retry(desk.flaw, Operation::Transact(retry));
                match desk.table.execute(desk.items, &operation) {
                    Answer::Refused(_) => Self::ReadTask(shard),
                    _ => Self::after_reopening(shard, false, epoch + u8::from(complete), desk),
                }
            }
            // Everything pending, of every shard: the command cannot know whether an earlier one died before it sent.
            Self::ReadPending(shard) => {
                let pending =
                    desk.table.view(desk.items).shards[usize::from(shard)].map_or(0, |there| there.pending);
                Self::send_or_go_on(shard, pending, desk)
            }
            Self::Send(shard, cells) => {
                let rest = desk.send(cells);
                Self::send_or_go_on(shard, rest, desk)
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

    fn send_or_go_on(shard: u8, cells: Cells, desk: &Desk<'_>) -> Self {
        if cells != 0 {
            Self::Send(shard, cells)
        } else if shard + 1 < desk.shards() {
            Self::ReadPending(shard + 1)
        } else {
            Self::Done
        }
    }
}
