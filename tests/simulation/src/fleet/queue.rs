//! The queue, as scaling sees it: waiting cells, held cells, and when SQS publishes these numbers.

use crate::fleet::conditions::Delivery;
use crate::fleet::fairness::Waiting;

/// Seconds without any call after which SQS stops publishing ("Monitoring Amazon SQS queues using
/// `CloudWatch`").
const ACTIVE_SECONDS: u64 = 6 * 3600;

/// Cells that wait and cells that are held.
#[derive(Debug)]
pub struct Queue {
    /// Cells that wait.
    pub visible: u64,
    /// Cells that workers hold.
    pub inflight: u64,
    waiting: Waiting,
    last_call: Option<u64>,
    silent_seconds: u64,
    tells_from: u64,
}

impl Queue {
    /// An empty queue. If it was idle before, SQS publishes nothing for this many seconds after its
    /// first call.
    pub fn new(delivery: Delivery, idle_before: bool, silent_seconds: u64) -> Self {
        Self {
            visible: 0,
            inflight: 0,
            waiting: Waiting::new(delivery),
            last_call: if idle_before { None } else { Some(0) },
            silent_seconds,
            tells_from: 0,
        }
    }

    /// A call of any kind, polls included.
    pub fn called(&mut self, now: u64) {
        if !self.active(now) {
            self.tells_from = now + self.silent_seconds;
        }
        self.last_call = Some(now);
    }

    /// Sends cells of a task.
    pub fn send(&mut self, task: usize, cells: u64, now: u64) {
        self.called(now);
        self.waiting.send(task, cells, now);
        self.visible += cells;
    }

    /// Hands cells to a worker, at most as many as it receives at once. Returns the task of each.
    pub fn receive(&mut self, wanted: usize, now: u64) -> Vec<usize> {
        self.called(now);
        let given: Vec<usize> = (0..wanted).map_while(|_| self.waiting.next(now)).collect();
        self.visible -= given.len() as u64;
        self.inflight += given.len() as u64;
        given
    }

    /// A cell of a task is done.
    pub fn delete(&mut self, task: usize, now: u64) {
        self.called(now);
        self.waiting.delete(task);
        self.inflight -= 1;
    }

    /// Cells are handed back undone; the task of each.
    pub fn hand_back(&mut self, tasks: &[usize], now: u64) {
        self.called(now);
        for task in tasks {
            self.waiting.hand_back(*task);
        }
        self.inflight -= tasks.len() as u64;
        self.visible += tasks.len() as u64;
    }

    /// Whether a point is published at this second.
    pub fn publishes(&self, now: u64) -> bool {
        self.active(now) && now >= self.tells_from
    }

    fn active(&self, now: u64) -> bool {
        self.last_call
            .is_some_and(|last| now < last + ACTIVE_SECONDS)
    }
}
