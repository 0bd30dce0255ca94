//! What the producer's commands do to ledger and queue, one call after the other: `submit`,
//! `retry`, a repair that sends again, and `resume`. `cancel` is a single write.

use tilefleet_common::domain::{
    Recipe, TaskId, group_of, ordinals_of_shard, shard_count, shards_of_group,
};
use tilefleet_common::ledger::flow::{Answer, Operation};
use tilefleet_common::ledger::transition::{self, NewTask};
use tilefleet_common::ledger::{TaskState, Write};

use crate::flaw::Flaw;
use crate::queue::Queue;
use crate::table::{Cells, Items, Table};

/// What a command reads and changes.
pub(crate) struct World<'a> {
    pub(crate) table: &'a Table,
    pub(crate) new: &'a NewTask,
    pub(crate) recipe: &'a Recipe,
    pub(crate) flaw: Option<Flaw>,
    pub(crate) items: &'a mut Items,
    pub(crate) queue: &'a mut Queue,
    /// Collects what the command does to the ledger, for a trace.
    pub(crate) log: Option<&'a mut Vec<Operation>>,
}

impl World<'_> {
    fn task(&self) -> &TaskId {
        &self.new.task
    }

    fn shards(&self) -> u8 {
        u8::try_from(shard_count(self.new.cells, self.new.shard_size)).unwrap_or(u8::MAX)
    }

    fn group_of(&self, shard: u8) -> u32 {
        group_of(shard.into(), self.new.group_size)
    }

    /// The shards of a group, as bits.
    fn shards_of(&self, group: u32) -> u8 {
        let shards = shards_of_group(group, self.shards().into(), self.new.group_size);
        shards.map(|shard| 1 << shard).sum()
    }

    /// Whether the shard is the first of its group.
    fn is_first(&self, shard: u8) -> bool {
        self.shards_of(self.group_of(shard)).trailing_zeros() == u32::from(shard)
    }

    fn create_group_of(&mut self, shard: u8) {
        let group = self.group_of(shard);
        let shards = shards_of_group(group, self.shards().into(), self.new.group_size);
        self.write(transition::create_group(
            self.task(),
            group,
            shards,
            Some(self.new.expires_at),
        ));
    }

    /// The shards that the task waits for: open ones, and the first of a group that is not closed
    /// although none of its shards is open. The header and its groups are read one after the other;
    /// what is closed meanwhile gets a message too many.
    fn open(&self) -> u8 {
        let view = self.table.view(self.items);
        let open_groups = view.task.map_or(0, |task| task.open_groups);
        let mut open = 0;
        for (group, there) in (0_u32..).zip(view.groups) {
            let shards = self.shards_of(group);
            if open_groups >> group & 1 == 1 {
                open |= match there {
                    None => shards,
                    Some(0) => shards & shards.wrapping_neg(),
                    Some(there) => there,
                };
            }
        }
        open
    }

    fn execute(&mut self, operation: Operation) -> Answer {
        let answer = self.table.execute(self.items, &operation);
        if let Some(log) = &mut self.log {
            log.push(operation);
        }
        answer
    }

    fn write(&mut self, write: Write) {
        self.execute(Operation::Write(write));
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
    /// Creates the group of which this shard is the first.
    CreateGroup(u8),
    CreateShard(u8),
    /// Sends these cells of this shard, which was reopened so often.
    Send(u8, Cells, u8),
    MarkEnqueued(u8, u8),
    MarkSubmitted,
    Done,
}

impl Submit {
    /// Makes the call and returns the one after it.
    pub(crate) fn call(self, world: &mut World<'_>) -> Self {
        match self {
            Self::ReadTask => match world.table.view(world.items).task {
                Some(task) if task.submitted => Self::Done,
                Some(_) => Self::CreateGroup(0),
                None if world.flaw == Some(Flaw::TaskBeforeRecipe) => Self::CreateTask,
                None => Self::CreateRecipe,
            },
            Self::CreateRecipe => {
                world.write(transition::create_recipe(
                    world.task(),
                    world.recipe,
                    Some(world.new.expires_at),
                ));
                if world.flaw == Some(Flaw::TaskBeforeRecipe) {
                    Self::CreateGroup(0)
                } else {
                    Self::CreateTask
                }
            }
            Self::CreateTask => {
                world.write(transition::create_header(world.new));
                if world.flaw == Some(Flaw::TaskBeforeRecipe) {
                    Self::CreateRecipe
                } else {
                    Self::CreateGroup(0)
                }
            }
            Self::CreateGroup(shard) => {
                world.create_group_of(shard);
                Self::CreateShard(shard)
            }
            Self::CreateShard(shard) => {
                let number = u32::from(shard);
                let ordinals = ordinals_of_shard(number, world.new.cells, world.new.shard_size);
                world.write(transition::create_shard(
                    world.task(),
                    number,
                    ordinals,
                    Some(world.new.expires_at),
                ));
                match world.table.view(world.items).shards[usize::from(shard)] {
                    Some(there) if !there.enqueued => {
                        Self::send_or_mark(shard, there.pending, small(there.reopened))
                    }
                    _ => Self::after(shard, world),
                }
            }
            Self::Send(shard, cells, reopened) => {
                Self::send_or_mark(shard, world.send(cells), reopened)
            }
            Self::MarkEnqueued(shard, reopened) => {
                world.mark_enqueued(shard, reopened);
                Self::after(shard, world)
            }
            Self::MarkSubmitted => {
                world.write(transition::mark_submitted(world.task(), "now"));
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

    fn after(shard: u8, world: &World<'_>) -> Self {
        let next = shard + 1;
        if next >= world.shards() {
            Self::MarkSubmitted
        } else if world.is_first(next) {
            Self::CreateGroup(next)
        } else {
            Self::CreateShard(next)
        }
    }
}

/// The next call of `retry`, or of a repair, which ends as a retry does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Retry {
    /// The command is not started yet.
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
    pub(crate) fn call(self, world: &mut World<'_>) -> Self {
        match self {
            Self::Unmark(shard) => {
                world.write(transition::unmark_enqueued(world.task(), shard.into()));
                if shard + 1 < world.shards() {
                    Self::Unmark(shard + 1)
                } else {
                    Self::ReadPending(0)
                }
            }
            Self::ReadTask(shard) => match world.table.view(world.items).task {
                // Refused with the advice to resume it first.
                Some(task) if task.state == TaskState::Cancelled => Self::Done,
                Some(task) => {
                    let epoch = u8::try_from(task.epoch).unwrap_or(u8::MAX);
                    Self::ReadShard(shard, task.state == TaskState::Complete, epoch)
                }
                None => Self::Done,
            },
            Self::ReadShard(shard, complete, epoch) => {
                match world.table.view(world.items).shards[usize::from(shard)] {
                    Some(there) if there.failed != 0 => {
                        Self::Reopen(shard, complete, epoch, there.failed)
                    }
                    _ => Self::after_reopening(shard, complete, epoch, world),
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
                    world.task(),
                    (state, epoch.into()),
                    (world.group_of(shard), shard.into()),
                    &ordinals,
                    &ordinals,
                );
                match world.execute(Flaw::retry(world.flaw, Operation::Transact(retry))) {
                    Answer::Refused(_) => Self::ReadTask(shard),
                    _ => Self::after_reopening(shard, false, epoch + u8::from(complete), world),
                }
            }
            // Every shard that is not marked, also one that another command reopened: that command
            // may have died before it sent.
            Self::ReadPending(shard) => {
                match world.table.view(world.items).shards[usize::from(shard)] {
                    Some(there) if !there.enqueued => {
                        Self::send_or_mark(shard, there.pending, small(there.reopened))
                    }
                    _ => Self::after_sending(shard, world),
                }
            }
            Self::Send(shard, cells, reopened) => {
                Self::send_or_mark(shard, world.send(cells), reopened)
            }
            Self::MarkEnqueued(shard, reopened) => {
                world.mark_enqueued(shard, reopened);
                Self::after_sending(shard, world)
            }
            Self::Unasked | Self::Done => self,
        }
    }

    fn after_reopening(shard: u8, complete: bool, epoch: u8, world: &World<'_>) -> Self {
        if shard + 1 < world.shards() {
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

    fn after_sending(shard: u8, world: &World<'_>) -> Self {
        if shard + 1 < world.shards() {
            Self::ReadPending(shard + 1)
        } else {
            Self::Done
        }
    }
}

/// The next call of `resume`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Resume {
    /// The command is not started yet.
    Unasked,
    ReadTask,
    /// The task was cancelled.
    Run,
    /// Reads the open groups and their open shards.
    ReadOpen,
    /// Creates the group of which this shard is the first; these shards are open.
    CreateGroup(u8, u8),
    /// Creates this shard if it is not there and reads it; these are open.
    ReadShard(u8, u8),
    /// Sends these cells of this shard, which was reopened so often.
    Send(u8, Cells, u8, u8),
    MarkEnqueued(u8, u8, u8),
    MarkSubmitted,
    /// Sends one message, so that a worker completes the task and sends its notice.
    SendDuty,
    /// As [`Flaw::SendBeforeRunning`] has it.
    RunAtLast,
    Done,
}

impl Resume {
    /// Makes the call and returns the one after it.
    pub(crate) fn call(self, world: &mut World<'_>) -> Self {
        match self {
            Self::ReadTask => match world.table.view(world.items).task {
                Some(task) if task.state == TaskState::Cancelled => {
                    if world.flaw == Some(Flaw::SendBeforeRunning) {
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
                world.write(transition::resume_task(world.task()));
                Self::ReadOpen
            }
            Self::ReadOpen => match world.open() {
                0 => Self::SendDuty,
                open => Self::shard(0, open, world),
            },
            Self::CreateGroup(shard, open) => {
                world.create_group_of(shard);
                Self::ReadShard(shard, open)
            }
            Self::ReadShard(shard, open) => {
                let number = u32::from(shard);
                let ordinals = ordinals_of_shard(number, world.new.cells, world.new.shard_size);
                let first = Cells::from(1_u8) << ordinals.start;
                world.write(transition::create_shard(
                    world.task(),
                    number,
                    ordinals,
                    Some(world.new.expires_at),
                ));
                let Some(there) = world.table.view(world.items).shards[usize::from(shard)] else {
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
                let rest = world.send(cells);
                Self::send_or_mark(shard, rest, reopened, open)
            }
            Self::MarkEnqueued(shard, reopened, open) => {
                world.mark_enqueued(shard, reopened);
                if shard + 1 < world.shards() {
                    Self::shard(shard + 1, open, world)
                } else {
                    Self::MarkSubmitted
                }
            }
            Self::MarkSubmitted => {
                world.write(transition::mark_submitted(world.task(), "now"));
                if world.flaw == Some(Flaw::SendBeforeRunning) {
                    Self::RunAtLast
                } else {
                    Self::Done
                }
            }
            Self::SendDuty => {
                world.send(1);
                if world.flaw == Some(Flaw::SendBeforeRunning) {
                    Self::RunAtLast
                } else {
                    Self::Done
                }
            }
            Self::RunAtLast => {
                world.write(transition::resume_task(world.task()));
                Self::Done
            }
            Self::Unasked | Self::Done => self,
        }
    }

    /// The first call for a shard.
    fn shard(shard: u8, open: u8, world: &World<'_>) -> Self {
        let group = usize::try_from(world.group_of(shard)).unwrap_or(0);
        if world.is_first(shard) && world.table.view(world.items).groups[group].is_none() {
            Self::CreateGroup(shard, open)
        } else {
            Self::ReadShard(shard, open)
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

/// What `cancel` does to the ledger. It dies before it has sent its notice, so a worker has to.
pub(crate) fn cancel(world: &mut World<'_>) {
    world.write(transition::cancel_task(world.task(), "why", "now", 1));
}
