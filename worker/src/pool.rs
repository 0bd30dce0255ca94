//! The worker's main loop: receives as many messages as it can start, handles them side by side,
//! and stops on request.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tilefleet_common::aws::{AwsError, Received};
use tilefleet_common::deployment::RECEIVE_WAIT_S;
use tilefleet_common::fault;
use tilefleet_common::tracker::Sweep;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

use crate::machine::health::{HEARTBEAT_INTERVAL, HealthFile, Heartbeat};
use crate::machine::{Machine, Shutdown};
use crate::message::{self, Inbox, MessageHandler};
use crate::trouble::{self, Breakers};

/// When the loop ends without a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunMode {
    /// Never.
    Continuous,
    /// When the queue is empty and no message is held.
    UntilEmpty,
    /// After one message, or when there is none.
    Once,
}

/// How long a receive waits for a message.
const LONG_POLL: Duration = Duration::from_secs(RECEIVE_WAIT_S as u64);
/// How long a receive waits when an empty queue ends the loop.
const SHORT_POLL: Duration = Duration::from_secs(1);
/// How long a pending receive can still answer after a signal. Without a signal the loop waits for
/// its answer: the messages in it would stay hidden.
const PENDING_RECEIVE_GRACE: Duration = Duration::from_secs(1);
/// The least time between two looks at the dead-letter queue.
const DEAD_LETTER_INTERVAL: Duration = Duration::from_mins(1);
/// The least time between two sweeps of one worker.
const SWEEP_INTERVAL: Duration = Duration::from_mins(5);
/// The time that the last sweep of a worker has.
const LAST_SWEEP_TIMEOUT: Duration = Duration::from_secs(5);

/// Messages that one receive returns at most (Amazon SQS API reference, `ReceiveMessage`).
const MAX_RECEIVED: usize = 10;

/// How many messages a worker receives together that holds `ahead` cells beyond those being fused:
/// half of these, so that no slot is idle meanwhile.
pub fn receive_batch(ahead: usize) -> usize {
    (ahead / 2).clamp(1, MAX_RECEIVED)
}

/// The main loop and all that it needs.
#[derive(Debug)]
pub struct Pool {
    /// The queue of cells.
    pub cells: Inbox,
    /// The dead-letter queue, if it is to be drained.
    pub dead_letters: Option<Inbox>,
    /// Looks for tasks that nobody moves.
    pub sweep: Arc<Sweep>,
    /// What does not work at the moment.
    pub breakers: Arc<Breakers>,
    /// Brings messages to their end.
    pub handler: Arc<MessageHandler>,
    /// Messages held at a time: those whose cells are being fused and some more.
    pub max_held: usize,
    /// Receive when there is room for so many messages.
    pub batch: usize,
    /// When to stop.
    pub shutdown: Shutdown,
    /// When to end without a signal.
    pub mode: RunMode,
    /// Shows that the loop is alive.
    pub health: HealthFile,
    /// The machine that the worker runs on.
    pub machine: Machine,
}

/// The deployment is wrong: something that every cell needs is denied or does not exist.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unusable(String);

/// What an idle worker does in the background, at most every so often.
struct Chore {
    interval: Duration,
    began: Option<Instant>,
    task: Option<JoinHandle<()>>,
}

impl Chore {
    fn every(interval: Duration) -> Self {
        Self {
            interval: fault::shortened(interval),
            began: None,
            task: None,
        }
    }

    /// Begins it, if it is due and not going on.
    fn begin(&mut self, chore: impl Future<Output = ()> + Send + 'static) {
        let is_due = self
            .began
            .is_none_or(|began| began.elapsed() >= self.interval);
        if is_due && self.task.as_ref().is_none_or(JoinHandle::is_finished) {
            self.began = Some(Instant::now());
            self.task = Some(tokio::spawn(chore));
        }
    }
}

/// The messages that the loop holds, and how many it has finished with.
#[derive(Default)]
struct Held {
    tasks: JoinSet<()>,
    ended: u64,
}

impl Held {
    /// Counts the messages that have ended meanwhile.
    fn reap(&mut self) {
        while self.tasks.try_join_next().is_some() {
            self.ended += 1;
        }
    }
}

impl Pool {
    /// Runs until the loop ends, and every held message has come to its end.
    ///
    /// # Errors
    /// [`Unusable`] when the loop would end with the queue, and the deployment is wrong; by then
    /// every held message has come to its end.
    pub async fn run(self) -> Result<(), Unusable> {
        let mut held = Held::default();
        let received = self.receive_all(&mut held).await;
        while !held.tasks.is_empty() {
            self.wait_for_one(&mut held).await;
        }

        // One that ends with the queue drains them last, without waiting for more.
        if let Some(inbox) = &self.dead_letters
            && self.mode == RunMode::UntilEmpty
        {
            message::drain(inbox, &self.handler, &self.shutdown).await;
        }

        // The last worker of a fleet that goes to sleep looks once more for what is left.
        if self.mode == RunMode::Continuous {
            let last = tokio::time::timeout(LAST_SWEEP_TIMEOUT, swept(&self.sweep));
            let _ = last.await;
        }

        // Nothing is held any more: the group need not wait for this machine.
        self.machine.set_drained();
        if received.is_ok() && self.mode == RunMode::Continuous {
            self.wait_for_termination(held.ended).await;
        }
        self.machine.end().await;
        self.health.remove();
        received
    }

    /// Drains the dead letters. Cells come first: this is for a worker whose receive brought none.
    fn look_at_dead_letters(&self, chore: &mut Chore) {
        let Some(inbox) = self.dead_letters.clone() else {
            return;
        };
        let (handler, shutdown) = (Arc::clone(&self.handler), self.shutdown.clone());
        chore.begin(async move { message::drain(&inbox, &handler, &shutdown).await });
    }

    /// Looks for tasks that nobody moves.
    fn look_for_tasks(&self, chore: &mut Chore) {
        let sweep = Arc::clone(&self.sweep);
        chore.begin(async move {
            swept(&sweep).await;
        });
    }

    /// Receives until the loop is to end.
    async fn receive_all(&self, held: &mut Held) -> Result<(), Unusable> {
        let mut draining = Chore::every(DEAD_LETTER_INTERVAL);
        let mut sweeping = Chore::every(SWEEP_INTERVAL);
        let mut breaker_changes = self.breakers.changes();
        while !self.shutdown.stop.is_cancelled() {
            self.report(held.tasks.len(), held.ended);
            // During a pause, or without room for a batch, the messages that are held go on.
            if let Some(until) = self.shutdown.paused_until() {
                tokio::select! {
                    () = self.wait_for_one(held) => {}
                    () = tokio::time::sleep_until(until) => {}
                    () = self.shutdown.stop.cancelled() => {}
                }
                continue;
            }
            // While something that every cell needs does not work, nothing is received.
            if self.breakers.stop_receiving() {
                if self.mode != RunMode::Continuous
                    && let Some(error) = self.breakers.deployment_error()
                {
                    return Err(Unusable(error));
                }
                tokio::select! {
                    () = self.wait_for_one(held) => {}
                    _ = breaker_changes.changed() => {}
                    () = self.shutdown.stop.cancelled() => {}
                }
                if self.breakers.replace_machine() {
                    self.machine.replace();
                }
                continue;
            }
            let room = self.max_held.saturating_sub(held.tasks.len());
            if room < self.batch {
                self.wait_for_one(held).await;
                continue;
            }

            let Some(messages) = self.receive(room, held).await else {
                continue;
            };
            held.reap();
            match messages {
                Ok(messages) => {
                    let is_idle = messages.is_empty() && held.tasks.is_empty();
                    let is_over = match self.mode {
                        RunMode::Continuous => false,
                        // A sweep may find cells that nobody has sent.
                        RunMode::UntilEmpty => is_idle && swept(&self.sweep).await == 0,
                        // No message is held before the first one.
                        RunMode::Once => true,
                    };
                    if messages.is_empty() && self.mode == RunMode::Continuous {
                        self.look_at_dead_letters(&mut draining);
                        self.look_for_tasks(&mut sweeping);
                    }
                    self.spawn_handlers(messages, held);
                    if is_over {
                        return Ok(());
                    }
                }
                Err(error) => {
                    self.breakers.trip(&trouble::of_queue(&error));
                }
            }
        }
        Ok(())
    }

    /// One receive of at most `room` messages; nothing when a stop or a pause came meanwhile.
    ///
    /// A receive is never dropped for a cell that ends meanwhile: the messages in its answer would
    /// stay hidden for a whole visibility timeout.
    async fn receive(
        &self,
        room: usize,
        held: &mut Held,
    ) -> Option<Result<Vec<Received>, AwsError>> {
        let (room, wait) = match self.mode {
            RunMode::Continuous => (room, fault::shortened(LONG_POLL)),
            RunMode::UntilEmpty => (room, SHORT_POLL),
            RunMode::Once => (1, SHORT_POLL),
        };
        let receive = self.cells.queue.receive(room, wait);
        tokio::pin!(receive);
        loop {
            tokio::select! {
                messages = &mut receive => return Some(messages),
                () = self.shutdown.stopped_or_paused() => break,
                // Messages that are held come to their end meanwhile.
                () = tokio::time::sleep(HEARTBEAT_INTERVAL) => {
                    held.reap();
                    self.report(held.tasks.len(), held.ended);
                }
            }
        }
        let grace_over = async {
            self.shutdown.signalled.cancelled().await;
            tokio::time::sleep(PENDING_RECEIVE_GRACE).await;
        };
        tokio::select! {
            messages = receive => self.hand_back(&messages.unwrap_or_default()).await,
            () = grace_over => {}
        }
        None
    }

    fn spawn_handlers(&self, messages: Vec<Received>, held: &mut Held) {
        let since = Instant::now();
        for message in messages {
            let (handler, inbox) = (Arc::clone(&self.handler), self.cells.clone());
            held.tasks
                .spawn(async move { handler.handle(&inbox, message, since).await });
        }
    }

    /// Waits for the machine's end, if that is near: a worker that ended before it would be started
    /// again and receive cells.
    async fn wait_for_termination(&self, ended: u64) {
        while self.machine.is_terminating() && !self.shutdown.signalled.is_cancelled() {
            self.report(0, ended);
            tokio::select! {
                () = self.shutdown.signalled.cancelled() => {}
                () = tokio::time::sleep(HEARTBEAT_INTERVAL) => {}
            }
        }
    }

    /// Makes messages visible again that arrived too late to begin them.
    async fn hand_back(&self, messages: &[Received]) {
        let all = messages.iter().map(|message| async {
            let hidden = self.cells.queue.hide(&message.receipt, Duration::ZERO);
            if let Err(error) = hidden.await {
                tracing::warn!(%error, message = message.id, "not handed back; it is delivered again after its timeout");
            }
        });
        futures::future::join_all(all).await;
    }

    /// Waits until a message has ended, but at most until the next heartbeat is due.
    async fn wait_for_one(&self, held: &mut Held) {
        tokio::select! {
            Some(_) = held.tasks.join_next(), if !held.tasks.is_empty() => held.ended += 1,
            () = tokio::time::sleep(HEARTBEAT_INTERVAL) => {}
        }
        self.report(held.tasks.len(), held.ended);
    }

    /// Reports to the machine's watcher and to the health file.
    fn report(&self, held: usize, ended: u64) {
        self.machine.set_held(held);
        self.health.write(&Heartbeat {
            worker: self.handler.worker.clone(),
            pid: std::process::id(),
            held,
            ended,
            poison: self.handler.poison.kept(),
            recipe_refusals: self.handler.recipe_refusals.load(Ordering::Relaxed),
            stalled: self.handler.activities.stalled(),
            breakers: self.breakers.open_names(),
        });
    }
}

/// Looks for tasks that nobody moves. Returns how many cells were sent.
async fn swept(sweep: &Sweep) -> u32 {
    match sweep.run().await {
        Ok(sent) => sent,
        Err(error) => {
            tracing::warn!(%error, "the look for tasks that nobody moves broke off; it is taken again later");
            0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receive_waits_for_no_slot_to_be_idle() {
        assert_eq!(
            [1, 2, 3, 4, 16, 20, 1000].map(receive_batch),
            [1, 1, 1, 2, 8, 10, 10]
        );
    }
}
