//! A machine and the worker on it.

use std::collections::VecDeque;

/// Where a machine is between its order and its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// Ordered; it counts for the group, and costs nothing yet.
    Pending,
    /// Running, though its worker may not have begun.
    InService,
    /// It has the notice of a Spot interruption; the group has replaced it already (capacity
    /// rebalancing).
    Interrupted,
    /// Chosen by scale-in, and waiting for its worker to be done.
    Terminating,
}

/// A machine and the worker on it.
#[derive(Debug)]
pub struct Machine {
    /// Where it is.
    pub life: Life,
    /// Second from which it is in service, and paid for.
    pub in_service_at: u64,
    /// Whether its worker receives cells.
    pub ready: bool,
    /// The tasks of the cells being fused.
    pub running: Vec<usize>,
    /// The tasks of the cells held besides.
    pub buffered: VecDeque<usize>,
    /// Second at which the first of the cells it holds came; from then on it is busy.
    pub busy_since: Option<u64>,
    /// Second at which it had finished all cells that it held.
    pub busy_until: Option<u64>,
    /// Seconds that it was busy before.
    pub busy_seconds: u64,
}

impl Machine {
    /// A machine that has just been ordered.
    pub fn ordered(in_service_at: u64) -> Self {
        Self {
            life: Life::Pending,
            in_service_at,
            ready: false,
            running: Vec::new(),
            buffered: VecDeque::new(),
            busy_since: None,
            busy_until: None,
            busy_seconds: 0,
        }
    }

    /// Whether the group counts it.
    pub fn counts(&self) -> bool {
        matches!(self.life, Life::Pending | Life::InService)
    }

    /// Whether it may take cells.
    pub fn takes(&self) -> bool {
        self.ready && self.counts()
    }

    /// Cells that it holds.
    pub fn held(&self) -> usize {
        self.running.len() + self.buffered.len()
    }

    /// Whether it still warms up (`estimated_instance_warmup`).
    pub fn warming(&self, now: u64, warmup: u64) -> bool {
        self.counts() && now < self.in_service_at + warmup
    }

    /// Whether it held cells at any time since a second.
    pub fn worked_since(&self, second: u64) -> bool {
        self.held() > 0 || self.busy_until.is_some_and(|until| until > second)
    }

    /// Notes whether it has anything to do.
    pub fn settle(&mut self, now: u64) {
        match (self.busy_since, self.held()) {
            (None, 1..) => self.busy_since = Some(now),
            (Some(since), 0) => {
                self.busy_seconds += now - since;
                self.busy_since = None;
                self.busy_until = Some(now);
            }
            _ => {}
        }
    }

    /// Hands back all cells that it holds; the task of each.
    pub fn drop_cells(&mut self, now: u64) -> Vec<usize> {
        let mut held = std::mem::take(&mut self.running);
        held.extend(self.buffered.drain(..));
        self.settle(now);
        held
    }
}
