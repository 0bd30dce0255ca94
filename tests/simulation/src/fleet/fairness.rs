//! Fair queues: which task's cell SQS delivers next.
//!
//! The documented rules ("How Amazon SQS fair queues work", SQS developer guide), with a task as the
//! tenant. Where the page leaves room, the model takes the reading that helps least: the second
//! measure, the share of recent processing time, is left out, because the page does not say what
//! recent is; and a task that has become quiet because it sends nothing stays quiet.

use std::collections::VecDeque;

use crate::fleet::conditions::Delivery;

/// A noisy task has at least so many cells in flight.
const NOISY_INFLIGHT: u64 = 30;
/// And more than so many percent of all cells in flight.
const NOISY_PERCENT: u64 = 10;
/// A task that has sent nothing for so many seconds is not noisy.
const QUIET_SECONDS: u64 = 300;

/// What SQS knows of a task.
#[derive(Debug, Clone, Copy, Default)]
struct Share {
    waiting: u64,
    inflight: u64,
    last_sent: u64,
    noisy: bool,
}

/// The cells that wait, oldest first, and the share of each task.
#[derive(Debug)]
pub struct Waiting {
    delivery: Delivery,
    /// Neighbouring cells of one task: the task and how many.
    runs: VecDeque<(usize, u64)>,
    shares: Vec<Share>,
}

impl Waiting {
    /// No cells.
    pub fn new(delivery: Delivery) -> Self {
        Self {
            delivery,
            runs: VecDeque::new(),
            shares: Vec::new(),
        }
    }

    fn share(&mut self, task: usize) -> &mut Share {
        if self.shares.len() <= task {
            self.shares.resize(task + 1, Share::default());
        }
        &mut self.shares[task]
    }

    /// Cells of a task are sent.
    pub fn send(&mut self, task: usize, cells: u64, now: u64) {
        let share = self.share(task);
        share.waiting += cells;
        share.last_sent = now;
        match self.runs.back_mut() {
            Some((last, count)) if *last == task => *count += cells,
            _ => self.runs.push_back((task, cells)),
        }
    }

    /// Delivers the next cell and returns its task.
    pub fn next(&mut self, now: u64) -> Option<usize> {
        let position = match self.delivery {
            Delivery::Fair => self.fair_position(now)?,
            Delivery::OldestFirst => 0,
        };
        let (task, count) = self.runs.get_mut(position)?;
        let task = *task;
        *count -= 1;
        if *count == 0 {
            self.runs.remove(position);
        }
        let share = self.share(task);
        share.waiting -= 1;
        share.inflight += 1;
        Some(task)
    }

    /// The oldest run of a quiet task, else that of the noisy task with the fewest cells in flight.
    fn fair_position(&mut self, now: u64) -> Option<usize> {
        self.detect(now);
        let share = |&(task, _): &(usize, u64)| self.shares[task];
        let quiet = self.runs.iter().position(|run| !share(run).noisy);
        quiet.or_else(|| {
            let runs = self.runs.iter().enumerate();
            let least = runs.min_by_key(|(_, run)| share(run).inflight);
            least.map(|(position, _)| position)
        })
    }

    fn detect(&mut self, now: u64) {
        let all: u64 = self.shares.iter().map(|share| share.inflight).sum();
        for share in &mut self.shares {
            let many =
                share.inflight >= NOISY_INFLIGHT && share.inflight * 100 > all * NOISY_PERCENT;
            let quiet = share.waiting == 0 || now >= share.last_sent + QUIET_SECONDS;
            share.noisy = !quiet && (share.noisy || many);
        }
    }

    /// A delivered cell is done.
    pub fn delete(&mut self, task: usize) {
        self.share(task).inflight -= 1;
    }

    /// A delivered cell is handed back. It is older than those that wait.
    pub fn hand_back(&mut self, task: usize) {
        let share = self.share(task);
        share.inflight -= 1;
        share.waiting += 1;
        match self.runs.front_mut() {
            Some((first, count)) if *first == task => *count += 1,
            _ => self.runs.push_front((task, 1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Cells of task 1 among the next ten, when task 0 has sent 4,000 cells at second 0 and so many
    /// of them are in flight, and task 1 sends ten at `now`.
    fn of_the_small_task(delivery: Delivery, inflight: usize, now: u64) -> usize {
        let mut waiting = Waiting::new(delivery);
        waiting.send(0, 4_000, 0);
        for _ in 0..inflight {
            waiting.next(0);
        }
        waiting.send(1, 10, now);
        let next: Vec<_> = (0..10).filter_map(|_| waiting.next(now)).collect();
        next.into_iter().filter(|task| *task == 1).count()
    }

    #[test]
    fn a_quiet_task_comes_before_a_noisy_one() {
        assert_eq!(of_the_small_task(Delivery::Fair, 30, 60), 10);
        assert_eq!(of_the_small_task(Delivery::OldestFirst, 30, 60), 0);
    }

    #[test]
    fn a_task_with_few_cells_in_flight_is_not_noisy() {
        assert_eq!(
            of_the_small_task(Delivery::Fair, 19, 60),
            0,
            "29 in flight at the last"
        );
    }

    #[test]
    fn a_task_that_has_sent_nothing_for_five_minutes_is_not_noisy() {
        assert_eq!(of_the_small_task(Delivery::Fair, 30, 299), 10);
        assert_eq!(of_the_small_task(Delivery::Fair, 30, 300), 0);
    }

    #[test]
    fn a_task_with_a_tenth_of_the_cells_in_flight_is_not_noisy() {
        let mut waiting = Waiting::new(Delivery::Fair);
        for task in 0..10 {
            waiting.send(task, 40, 0);
        }
        for _ in 0..400 {
            waiting.next(0);
        }
        waiting.send(0, 1, 1);
        waiting.send(10, 1, 1);
        assert_eq!(waiting.next(1), Some(0), "40 of 400: the oldest is next");
    }

    #[test]
    fn of_two_noisy_tasks_the_one_with_fewer_cells_in_flight_is_next() {
        let mut waiting = Waiting::new(Delivery::Fair);
        waiting.send(0, 1_000, 0);
        for _ in 0..60 {
            waiting.next(0);
        }
        waiting.send(1, 1_000, 1);
        for _ in 0..60 {
            waiting.next(1);
        }
        let shares: Vec<_> = waiting.shares.iter().map(|share| share.inflight).collect();
        assert_eq!(shares, [60, 60]);
        let mut next = [0; 2];
        for _ in 0..100 {
            next[waiting.next(2).unwrap()] += 1;
        }
        assert_eq!(next, [50, 50]);
    }
}
