//! Items that come in any order from several threads and are consumed one at a time in theirs.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::cog::error::CogError;

/// The thread that brings an item that makes others ready consumes them, outside of the lock. So no
/// thread waits for another's consuming, unless more than `limit` bytes are ready
/// and waiting: that is the back pressure.
pub(crate) struct InOrder<T> {
    state: Mutex<State<T>>,
    consumed: Condvar,
    limit: usize,
}

struct State<T> {
    /// Items whose predecessors have not all come.
    early: BTreeMap<usize, (T, usize)>,
    ready: VecDeque<(T, usize)>,
    ready_bytes: usize,
    /// Index of the next item that becomes ready.
    next: usize,
    consuming: bool,
    failed: bool,
}

impl<T> InOrder<T> {
    pub(crate) fn new(limit: usize) -> Self {
        let state = State {
            early: BTreeMap::new(),
            ready: VecDeque::new(),
            ready_bytes: 0,
            next: 0,
            consuming: false,
            failed: false,
        };
        Self {
            state: Mutex::new(state),
            consumed: Condvar::new(),
            limit,
        }
    }

    /// Adds the item `index`, counted from 0, which keeps `bytes` bytes of memory occupied until it
    /// is consumed.
    ///
    /// # Errors
    /// What `consume` returned, to the caller that it was running for, and [`CogError::Abandoned`]
    /// to all others.
    pub(crate) fn put(
        &self,
        index: usize,
        item: T,
        bytes: usize,
        mut consume: impl FnMut(T) -> Result<(), CogError>,
    ) -> Result<(), CogError> {
        let mut state = self.lock();
        state.early.insert(index, (item, bytes));
        while let Some((item, bytes)) = state.take_next() {
            state.ready_bytes = state.ready_bytes.saturating_add(bytes);
            state.ready.push_back((item, bytes));
        }
        while state.consuming && state.ready_bytes > self.limit && !state.failed {
            state = self
                .consumed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if state.failed {
            return Err(CogError::Abandoned);
        }
        if state.consuming {
            return Ok(());
        }
        state.consuming = true;
        // Also when `consume` panics: no thread must wait for this one then.
        let mut turn = Turn {
            queue: self,
            complete: false,
        };
        while let Some((item, bytes)) = state.ready.pop_front() {
            drop(state);
            consume(item)?;
            state = self.lock();
            state.ready_bytes = state.ready_bytes.saturating_sub(bytes);
            self.consumed.notify_all();
        }
        // Under the same lock under which nothing more was ready, so that no item is left behind.
        state.consuming = false;
        turn.complete = true;
        Ok(())
    }

    /// Number of items that were consumed or are about to be.
    pub(crate) fn reached(&self) -> usize {
        self.lock().next
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    fn take_next(&mut self) -> Option<(T, usize)> {
        let entry = self.early.remove(&self.next)?;
        self.next = self.next.saturating_add(1);
        Some(entry)
    }
}

struct Turn<'a, T> {
    queue: &'a InOrder<T>,
    complete: bool,
}

impl<T> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        if !self.complete {
            let mut state = self.queue.lock();
            state.failed = true;
            state.consuming = false;
            state.ready.clear();
            state.early.clear();
            self.queue.consumed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn items_are_consumed_in_order_whatever_order_they_come_in() {
        let queue = InOrder::new(0);
        let mut seen = Vec::new();
        for index in [3, 1, 0, 2, 4] {
            queue
                .put(index, index, 1, |item| {
                    seen.push(item);
                    Ok(())
                })
                .unwrap();
        }
        assert_eq!(seen, [0, 1, 2, 3, 4]);
        assert_eq!(queue.reached(), 5);
    }

    #[test]
    fn an_early_item_is_never_held_up_and_a_ready_one_only_above_the_limit() {
        let queue = InOrder::new(1);
        let (entered, is_inside) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        thread::scope(|scope| {
            let (queue, done) = (&queue, mpsc::channel());
            scope.spawn(move || {
                let consume = |()| {
                    entered.send(()).unwrap();
                    released.recv().map_err(|_| CogError::Abandoned)
                };
                queue.put(0, (), 1, consume)
            });
            is_inside.recv().unwrap();
            // Item 0 is being consumed and fills the limit. Item 2 is not ready and goes in at
            // once.
            queue.put(2, (), 100, |()| Ok(())).unwrap();
            scope.spawn(move || {
                let result = queue.put(1, (), 1, |()| Ok(()));
                done.0.send(result.is_ok()).unwrap();
            });
            while queue.reached() < 3 {
                thread::yield_now();
            }
            assert!(
                done.1.try_recv().is_err(),
                "101 ready bytes are above the limit"
            );
            for _ in 0..3 {
                release.send(()).unwrap();
            }
            assert!(done.1.recv().unwrap());
        });
    }

    #[test]
    fn after_a_failure_every_call_fails() {
        let queue = InOrder::new(0);
        let cause = std::io::Error::other("full");
        let mut cause = Some(cause);
        let failed = queue.put(0, (), 1, |()| Err(CogError::Output(cause.take().unwrap())));
        assert!(matches!(failed, Err(CogError::Output(_))));
        assert!(matches!(
            queue.put(1, (), 1, |()| Ok(())),
            Err(CogError::Abandoned)
        ));
    }
}
