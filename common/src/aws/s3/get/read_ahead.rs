//! Which ranges of an object are in memory, which is requested next, and which may go. Moves no
//! bytes itself.

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;

use super::range::RANGE;

/// A window of at most `capacity` ranges of [`RANGE`] bytes, numbered from the start of the object,
/// that moves on with the reader.
///
/// A range is evicted when all of its bytes were read, or when the reader is a whole range ahead of
/// it. Where the object has a digest, a range also stays until it is digested, which happens in the
/// order of the file.
#[derive(Debug)]
pub(super) struct ReadAhead {
    /// Length of the object in bytes.
    total: u64,
    capacity: usize,
    slots: BTreeMap<u64, Slot>,
    /// The next range to request; `None` until reading ahead begins.
    next: Option<u64>,
    /// The furthest byte that the reader has read, or wants, inside the window.
    position: u64,
    /// Ranges from the start that are digested; `None` where there is no digest to compare with.
    digested: Option<u64>,
    /// Ranges were skipped, so the digest waits for [`ReadAhead::drain`].
    skipped: bool,
    /// Nobody reads any more: what is left only passes the digest.
    draining: bool,
}

/// A range in the window.
#[derive(Debug)]
enum Slot {
    Requested,
    Filled { bytes: Bytes, read: Coverage },
}

/// What the window has of a range.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Lookup {
    /// The bytes.
    Ready(Bytes),
    /// The range is in the window, or comes into it; its bytes will arrive.
    Pending,
    /// The range is behind the window or far ahead of it.
    Miss,
}

impl ReadAhead {
    /// A window on an object of `total` bytes, whose first range is there. `digest` says whether
    /// all ranges have to pass a digest.
    pub(super) fn new(total: u64, first: Bytes, capacity: usize, digest: bool) -> Self {
        let first = Slot::Filled {
            bytes: first,
            read: Coverage::default(),
        };
        Self {
            total,
            // With two slots there is always one to evict when the reader needs another range.
            capacity: capacity.max(2),
            slots: BTreeMap::from([(0, first)]),
            next: None,
            position: 0,
            digested: digest.then_some(0),
            skipped: false,
            draining: false,
        }
    }

    /// The number of ranges of the object.
    fn range_count(&self) -> u64 {
        self.total.div_ceil(RANGE)
    }

    /// The bytes of the object that the range `index` covers.
    pub(super) fn byte_range(&self, index: u64) -> Range<u64> {
        let start = (index * RANGE).min(self.total);
        start..(start + RANGE).min(self.total)
    }

    /// Begins to read ahead, if that has not begun.
    pub(super) fn start(&mut self) {
        self.next.get_or_insert(1);
    }

    /// Looks for the range that the reader wants next. A range just ahead of the window moves the
    /// window on.
    pub(super) fn lookup(&mut self, index: u64) -> Lookup {
        match self.slots.get(&index) {
            Some(Slot::Filled { bytes, .. }) => return Lookup::Ready(bytes.clone()),
            Some(Slot::Requested) => {}
            None => match self.next {
                None => {
                    self.skipped = index > 1;
                    self.next = Some(index);
                }
                Some(next) if (next..next + self.capacity as u64).contains(&index) => {}
                Some(_) => return Lookup::Miss,
            },
        }
        self.position = self.position.max(index * RANGE);
        self.evict();
        Lookup::Pending
    }

    /// Marks these bytes of the object as read.
    pub(super) fn mark_read(&mut self, range: &Range<u64>) {
        for index in range.start / RANGE..range.end.div_ceil(RANGE) {
            if let Some(Slot::Filled { read, .. }) = self.slots.get_mut(&index) {
                let start = index * RANGE;
                read.add(range.start.max(start)..range.end.min(start + RANGE));
                self.position = self.position.max(range.end.min(start + RANGE));
            }
        }
        self.evict();
    }

    /// The next range to request; it counts as requested from now on. `None` when the window is
    /// full or the object ends.
    pub(super) fn next_request(&mut self) -> Option<u64> {
        let mut index = self.next?;
        while self.slots.contains_key(&index) {
            index += 1;
        }
        self.next = Some(index);
        if self.slots.len() >= self.capacity || index >= self.range_count() {
            return None;
        }
        self.slots.insert(index, Slot::Requested);
        self.next = Some(index + 1);
        Some(index)
    }

    /// Inserts the bytes of a range that was requested.
    pub(super) fn insert(&mut self, index: u64, bytes: Bytes) {
        if let Some(slot @ Slot::Requested) = self.slots.get_mut(&index) {
            *slot = Slot::Filled {
                bytes,
                read: Coverage::default(),
            };
        }
        self.evict();
    }

    /// The range to digest next, if it has arrived.
    pub(super) fn next_to_digest(&self) -> Option<Bytes> {
        match self.slots.get(&self.digested?)? {
            Slot::Filled { bytes, .. } => Some(bytes.clone()),
            Slot::Requested => None,
        }
    }

    /// Marks the range of [`ReadAhead::next_to_digest`] as digested; `true` when it was the last.
    pub(super) fn mark_digested(&mut self) -> bool {
        if let Some(digested) = &mut self.digested {
            *digested += 1;
        }
        self.evict();
        self.digested == Some(self.range_count())
    }

    /// Sends everything through the digest that has not passed it yet.
    pub(super) fn drain(&mut self) {
        if self.draining {
            return;
        }
        self.draining = true;
        if self.skipped {
            // The reader is far ahead of the digest, so the window goes back to the digest.
            self.slots.clear();
            self.next = self.digested;
        }
        self.start();
        self.evict();
    }

    /// Removes the ranges that nobody needs any more.
    fn evict(&mut self) {
        let (position, total, draining) = (self.position, self.total, self.draining);
        let digested = if self.skipped && !draining {
            None
        } else {
            self.digested
        };
        self.slots.retain(|index, slot| {
            let Slot::Filled { bytes, read } = slot else {
                return true;
            };
            let waits_for_digest = digested.is_some_and(|digested| digested <= *index);
            let end = (index * RANGE + bytes.len() as u64).min(total);
            let is_read = draining || read.has(index * RANGE..end) || position >= end + RANGE;
            waits_for_digest || !is_read
        });
    }
}

/// The parts of a range that were read: disjoint, with a gap between any two.
#[derive(Debug, Default)]
struct Coverage(Vec<Range<u64>>);

impl Coverage {
    fn add(&mut self, mut new: Range<u64>) {
        self.0.retain(|old| {
            let is_apart = old.end < new.start || new.end < old.start;
            if !is_apart {
                new = old.start.min(new.start)..old.end.max(new.end);
            }
            is_apart
        });
        self.0.push(new);
    }

    fn has(&self, range: Range<u64>) -> bool {
        self.0
            .iter()
            .any(|old| old.start <= range.start && range.end <= old.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOTAL: u64 = 10 * RANGE;

    fn bytes(length: u64) -> Bytes {
        vec![0; usize::try_from(length).unwrap()].into()
    }

    fn window(digest: bool) -> ReadAhead {
        ReadAhead::new(TOTAL, bytes(RANGE), 3, digest)
    }

    fn requested(window: &mut ReadAhead) -> Vec<u64> {
        std::iter::from_fn(|| window.next_request()).collect()
    }

    #[test]
    fn the_window_never_holds_more_than_its_capacity() {
        let mut window = window(false);
        assert!(
            requested(&mut window).is_empty(),
            "nothing is requested before it is wanted"
        );
        window.start();
        assert_eq!(requested(&mut window), [1, 2]);
        window.mark_read(&(0..RANGE));
        assert_eq!(requested(&mut window), [3], "what was read makes room");
        window.mark_read(&(RANGE..2 * RANGE));
        assert!(
            requested(&mut window).is_empty(),
            "but what is still in flight does not"
        );
    }

    #[test]
    fn a_range_stays_until_its_last_byte_is_read_in_any_order() {
        let mut window = window(false);
        window.start();
        requested(&mut window);
        window.mark_read(&(RANGE / 2..RANGE));
        window.mark_read(&(0..4));
        window.mark_read(&(0..4));
        assert!(matches!(window.lookup(0), Lookup::Ready(_)));
        window.mark_read(&(4..RANGE / 2));
        assert_eq!(window.lookup(0), Lookup::Miss);
    }

    #[test]
    fn bytes_that_nobody_reads_do_not_stop_a_reader_that_is_past_them() {
        let mut window = window(false);
        window.start();
        requested(&mut window);
        for index in 1..3 {
            window.insert(index, bytes(RANGE));
        }
        assert_eq!(
            window.lookup(4),
            Lookup::Pending,
            "just ahead of the window"
        );
        assert_eq!(
            requested(&mut window),
            [3, 4, 5],
            "three are evicted unread"
        );
        assert_eq!(window.lookup(9), Lookup::Miss, "far ahead of it");
    }

    #[test]
    fn a_range_that_is_not_digested_stays() {
        let mut window = window(true);
        window.start();
        requested(&mut window);
        window.insert(2, bytes(RANGE));
        window.mark_read(&(0..RANGE));
        window.mark_read(&(2 * RANGE..3 * RANGE));
        assert!(requested(&mut window).is_empty());
        assert!(window.next_to_digest().is_some());
        assert!(!window.mark_digested());
        assert!(
            window.next_to_digest().is_none(),
            "the second has not arrived"
        );
        assert_eq!(requested(&mut window), [3]);
    }

    #[test]
    fn reading_begins_where_the_reader_begins_and_the_digest_goes_back_for_the_rest() {
        let mut window = window(true);
        assert_eq!(window.lookup(4), Lookup::Pending);
        assert_eq!(
            requested(&mut window),
            [4, 5, 6],
            "the digest does not hold the window back"
        );
        window.insert(4, bytes(RANGE));
        window.drain();
        assert_eq!(requested(&mut window), [0, 1, 2]);
    }

    #[test]
    fn draining_ends_with_the_last_range() {
        let mut window = window(true);
        window.drain();
        let mut order = vec![0];
        loop {
            for index in requested(&mut window) {
                order.push(index);
                let length = window.byte_range(index);
                window.insert(index, bytes(length.end - length.start));
            }
            assert!(window.next_to_digest().is_some());
            if window.mark_digested() {
                break;
            }
        }
        assert_eq!(order, (0..10).collect::<Vec<_>>());
    }
}
