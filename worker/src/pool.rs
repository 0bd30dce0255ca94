//! The loop: receive what can be started, hold it, stop when told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tilefleet_common::aws::{AwsError, Queue, Received, full_jitter};
use tilefleet_common::deployment::RECEIVE_WAIT_S;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::machine::health::{HealthFile, INTERVAL, Pulse};
use crate::machine::{Machine, Shutdown};
use crate::message::{Holder, Source};

/// When the loop ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Never.
    Stopped,
    /// When the queue has nothing to give and no cell is held.
    Empty,
    /// After one message, or when there is none.
    Once,
}

/// How long a receive waits when an empty queue ends the loop.
const SHORT_WAIT: Duration = Duration::from_secs(1);
/// How long a receive under way may still answer once the process has to end. Otherwise it is
/// waited for: what it was about to bring would stay hidden.
const LAST_WORD: Duration = Duration::from_secs(1);
/// Waits between receives that fail.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Messages that one receive brings at most (Amazon SQS API reference, `ReceiveMessage`).
const MOST_RECEIVED: usize = 10;

/// How many messages are received together, of a worker that holds `ahead` cells beyond those being
/// fused: half of these, so that none of the slots is idle for it.
pub fn batch(ahead: usize) -> usize {
    (ahead / 2).clamp(1, MOST_RECEIVED)
}

/// A worker's loop and all that it needs.
#[derive(Debug)]
pub struct Pool {
    /// The queue of cells.
    pub queue: Queue,
    /// Its visibility timeout.
    pub timeout: Duration,
    /// The dead-letter queue and its visibility timeout, if it is to be drained.
    pub dead_letters: Option<(Queue, Duration)>,
    /// Brings messages to their end.
    pub holder: Arc<Holder>,
    /// Cells held at a time: those being fused and some more.
    pub most: usize,
    /// Receive when there is room for so many.
    pub batch: usize,
    /// When to stop.
    pub shutdown: Shutdown,
    /// When to end unasked.
    pub until: Until,
    /// Tells that the loop is alive.
    pub health: HealthFile,
    /// The machine it runs on.
    pub machine: Machine,
}

impl Pool {
    /// Runs until the loop ends, and everything held has come to its end.
    ///
    /// # Errors
    /// [`AwsError`] when the queue cannot be used at all; what was held has come to its end by
    /// then.
    pub async fn run(self) -> Result<(), AwsError> {
        let ended = Arc::new(AtomicU64::new(0));
        let mut held = JoinSet::new();
        if let Some((queue, timeout)) = self
            .dead_letters
            .clone()
            .filter(|_| self.until == Until::Stopped)
        {
            let (holder, shutdown) = (Arc::clone(&self.holder), self.shutdown.clone());
            tokio::spawn(async move {
                while !shutdown.stop.is_cancelled() {
                    drain(
                        &queue,
                        timeout,
                        &holder,
                        &shutdown,
                        Duration::from_secs(RECEIVE_WAIT_S.into()),
                    )
                    .await;
                }
            });
        }
        let received = self.receive(&mut held, &ended).await;
        while !held.is_empty() {
            self.wait_for_one(&mut held, &ended).await;
        }
        if let Some((queue, timeout)) = self
            .dead_letters
            .as_ref()
            .filter(|_| self.until == Until::Empty)
        {
            drain(
                queue,
                *timeout,
                &self.holder,
                &self.shutdown,
                Duration::ZERO,
            )
            .await;
        }
        self.machine.drained();
        if received.is_ok() && self.until == Until::Stopped {
            self.wait_for_the_end(ended.load(Ordering::Relaxed)).await;
        }
        self.machine.end().await;
        self.health.remove();
        received
    }

    async fn receive(
        &self,
        held: &mut JoinSet<()>,
        ended: &Arc<AtomicU64>,
    ) -> Result<(), AwsError> {
        let wait = match self.until {
            Until::Stopped => Duration::from_secs(RECEIVE_WAIT_S.into()),
            Until::Empty | Until::Once => SHORT_WAIT,
        };
        let mut failures = 0;
        while !self.shutdown.stop.is_cancelled() {
            self.beat(held, ended);
            if let Some(until) = self.shutdown.paused() {
                tokio::select! {
                    () = self.wait_for_one(held, ended) => {}
                    () = tokio::time::sleep_until(until) => {}
                    () = self.shutdown.stop.cancelled() => {}
                }
                continue;
            }
            let room = self.most.saturating_sub(held.len());
            if room < self.batch {
                self.wait_for_one(held, ended).await;
                continue;
            }
            let room = if self.until == Until::Once { 1 } else { room };
            let receive = self.queue.receive(room, wait);
            tokio::pin!(receive);
            // A receive is never dropped for a cell that ends meanwhile: what SQS was about to
            // answer would stay hidden for a whole visibility timeout.
            let messages = tokio::select! {
                messages = &mut receive => messages,
                () = self.shutdown.must_not_receive() => {
                    let last_word = async {
                        self.shutdown.signalled.cancelled().await;
                        tokio::time::sleep(LAST_WORD).await;
                    };
                    tokio::select! {
                        messages = receive => self.hand_back(&messages.unwrap_or_default()).await,
                        () = last_word => {}
                    }
                    continue;
                }
            };
            while held.try_join_next().is_some() {
                ended.fetch_add(1, Ordering::Relaxed);
            }
            match messages {
                Ok(messages) => {
                    let since = Instant::now();
                    failures = 0;
                    if messages.is_empty() && self.until != Until::Stopped && held.is_empty() {
                        return Ok(());
                    }
                    for message in messages {
                        let (holder, queue, timeout) =
                            (Arc::clone(&self.holder), self.queue.clone(), self.timeout);
                        held.spawn(async move {
                            holder
                                .hold(Source::Cells, &queue, timeout, message, since)
                                .await;
                        });
                        if self.until == Until::Once {
                            return Ok(());
                        }
                    }
                }
                Err(error) if error.is_retryable() => {
                    let wait = full_jitter(FIRST_WAIT, LONGEST_WAIT, failures);
                    failures += 1;
                    tracing::warn!(%error, failures, "nothing could be received; trying again");
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        () = self.shutdown.stop.cancelled() => {}
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// A worker whose machine is going waits for that: ended, it would be started again and take
    /// cells.
    async fn wait_for_the_end(&self, ended: u64) {
        while self.machine.is_leaving() && !self.shutdown.signalled.is_cancelled() {
            self.tell(0, ended);
            tokio::select! {
                () = self.shutdown.signalled.cancelled() => {}
                () = tokio::time::sleep(INTERVAL) => {}
            }
        }
    }

    /// Gives back what arrived when it was too late to begin it.
    async fn hand_back(&self, messages: &[Received]) {
        let all = messages.iter().map(|message| async {
            if let Err(error) = self.queue.hide(&message.receipt, Duration::ZERO).await {
                tracing::warn!(%error, message = message.id, "not handed back; it comes again after its timeout");
            }
        });
        futures::future::join_all(all).await;
    }

    async fn wait_for_one(&self, held: &mut JoinSet<()>, ended: &Arc<AtomicU64>) {
        tokio::select! {
            Some(_) = held.join_next(), if !held.is_empty() => {
                ended.fetch_add(1, Ordering::Relaxed);
            }
            () = tokio::time::sleep(INTERVAL) => {}
        }
        self.beat(held, ended);
    }

    fn beat(&self, held: &JoinSet<()>, ended: &AtomicU64) {
        self.tell(held.len(), ended.load(Ordering::Relaxed));
    }

    fn tell(&self, held: usize, ended: u64) {
        self.machine.holds(held);
        self.health.beat(&Pulse {
            worker: self.holder.worker.clone(),
            pid: std::process::id(),
            held,
            ended,
            poison: self.holder.poison.kept(),
            recipe_refusals: self.holder.recipe_refusals.load(Ordering::Relaxed),
        });
    }
}

/// Turns what a dead-letter queue has to give into failed cells, so that a task always ends.
async fn drain(
    queue: &Queue,
    timeout: Duration,
    holder: &Holder,
    shutdown: &Shutdown,
    wait: Duration,
) {
    loop {
        let messages = tokio::select! {
            // One at a time: they are held one after the other, and nobody renews those that wait.
            messages = queue.receive(1, wait) => messages,
            () = shutdown.stop.cancelled() => return,
        };
        match messages {
            Ok(messages) if messages.is_empty() => return,
            Ok(messages) => {
                let since = Instant::now();
                for message in messages {
                    holder
                        .hold(Source::DeadLetters, queue, timeout, message, since)
                        .await;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "the dead-letter queue cannot be read; trying again later");
                tokio::select! {
                    () = tokio::time::sleep(LONGEST_WAIT) => {}
                    () = shutdown.stop.cancelled() => {}
                }
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receive_waits_for_no_slot_to_be_idle() {
        assert_eq!(
            [1, 2, 3, 4, 16, 20, 1000].map(batch),
            [1, 1, 1, 2, 8, 10, 10]
        );
    }
}
