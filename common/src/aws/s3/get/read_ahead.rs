//! Which ranges of an object are in memory, which are asked for next, and which may go. Moves no
//! bytes itself.

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;

use super::range::RANGE;

/// A window of at most `most` ranges of [`RANGE`] bytes, numbered from the beginning of the object,
/// that moves on as the reader does.
///
/// A range goes when all of its bytes were read, or when the reader is a whole range ahead of it;
/// but, where the object has a digest, not before it was digested, which happens in the order of
/// the file.
#[derive(Debug)]
pub(super) struct Window {
    total: u64,
    most: usize,
    held: BTreeMap<u64, Held>,
    /// The next range to ask for; `None` until reading ahead begins.
    next: Option<u64>,
    /// Where the reader is, in bytes: the furthest that it has read or asked for inside the window.
    front: u64,
    /// Ranges from the beginning that are digested; `None` where there is nothing to digest for.
    digested: Option<u64>,
    /// Ranges were passed over, so that the digest has to wait for the end.
    skipped: bool,
    /// Nobody reads any more: all that is left goes through the digest only.
    draining: bool,
}

#[derive(Debug)]
enum Held {
    OnItsWay,
    Here { bytes: Bytes, read: Coverage },
}

/// Where a range is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Here it is.
    Here(Bytes),
    /// In the window; it will come.
    Coming,
    /// Behind the window or far ahead of it.
    Outside,
}

impl Window {
    /// A window on an object of `total` bytes, whose first range is there.
    pub(super) fn new(total: u64, first: Bytes, most: usize, digest: bool) -> Self {
        let held = BTreeMap::from([(
            0,
            Held::Here {
                bytes: first,
                read: Coverage::default(),
            },
        )]);
        // With two there is always one that may go when the reader needs another.
        let most = most.max(2);
        let digested = digest.then_some(0);
        Self {
            total,
            most,
            held,
            next: None,
            front: 0,
            digested,
            skipped: false,
            draining: false,
        }
    }

    /// How many ranges the object has.
    pub(super) fn ranges(&self) -> u64 {
        self.total.div_ceil(RANGE)
    }

    /// The bytes of a range, in bytes of the object.
    pub(super) fn bytes_of(&self, index: u64) -> Range<u64> {
        let start = (index * RANGE).min(self.total);
        start..(start + RANGE).min(self.total)
    }

    /// Begins to read ahead, if that has not begun.
    pub(super) fn read_ahead(&mut self) {
        self.next.get_or_insert(1);
    }

    /// Where the range is that the reader wants next. One just ahead of the window moves the window
    /// on.
    pub(super) fn look(&mut self, index: u64) -> Place {
        match self.held.get(&index) {
            Some(Held::Here { bytes, .. }) => return Place::Here(bytes.clone()),
            Some(Held::OnItsWay) => {}
            None => match self.next {
                None => {
                    self.skipped = index > 1;
                    self.next = Some(index);
                }
                Some(next) if (next..next + self.most as u64).contains(&index) => {}
                Some(_) => return Place::Outside,
            },
        }
        self.front = self.front.max(index * RANGE);
        self.let_go();
        Place::Coming
    }

    /// Notes that the reader has these bytes of the object.
    pub(super) fn was_read(&mut self, range: &Range<u64>) {
        for index in range.start / RANGE..range.end.div_ceil(RANGE) {
            if let Some(Held::Here { read, .. }) = self.held.get_mut(&index) {
                let start = index * RANGE;
                read.add(range.start.max(start)..range.end.min(start + RANGE));
                self.front = self.front.max(range.end.min(start + RANGE));
            }
        }
        self.let_go();
    }

    /// The next range to ask for, which is then on its way; `None` when the window is full or the
    /// object is at its end.
    pub(super) fn ask(&mut self) -> Option<u64> {
        let mut index = self.next?;
        while self.held.contains_key(&index) {
            index += 1;
        }
        self.next = Some(index);
        if self.held.len() >= self.most || index >= self.ranges() {
            return None;
        }
        self.held.insert(index, Held::OnItsWay);
        self.next = Some(index + 1);
        Some(index)
    }

    /// Takes what arrived.
    pub(super) fn arrived(&mut self, index: u64, bytes: Bytes) {
        if let Some(held @ Held::OnItsWay) = self.held.get_mut(&index) {
            *held = Held::Here {
                bytes,
                read: Coverage::default(),
            };
        }
        self.let_go();
    }

    /// The range whose turn it is to be digested, if it is there.
    pub(super) fn to_digest(&self) -> Option<Bytes> {
        match self.held.get(&self.digested?)? {
            Held::Here { bytes, .. } => Some(bytes.clone()),
            Held::OnItsWay => None,
        }
    }

    /// Notes that this range is digested; `true` when it was the last.
    pub(super) fn was_digested(&mut self) -> bool {
        if let Some(digested) = &mut self.digested {
            *digested += 1;
        }
        self.let_go();
        self.digested == Some(self.ranges())
    }

    /// Sends all that is not digested yet through the digest.
    pub(super) fn drain(&mut self) {
        if self.draining {
            return;
        }
        self.draining = true;
        if self.skipped {
            // What was read is far ahead of the digest; the window goes back to it.
            self.held.clear();
            self.next = self.digested;
        }
        self.read_ahead();
        self.let_go();
    }

    fn let_go(&mut self) {
        let (front, total, draining) = (self.front, self.total, self.draining);
        let digested = if self.skipped && !draining {
            None
        } else {
            self.digested
        };
        self.held.retain(|index, held| {
            let Held::Here { bytes, read } = held else {
                return true;
            };
            let waits = digested.is_some_and(|digested| digested <= *index);
            let end = (index * RANGE + bytes.len() as u64).min(total);
            let done = draining || read.has(index * RANGE..end) || front >= end + RANGE;
            waits || !done
        });
    }
}

/// What has been read of a range: stretches in order that do not touch.
#[derive(Debug, Default)]
struct Coverage(Vec<Range<u64>>);

impl Coverage {
    fn add(&mut self, mut new: Range<u64>) {
        self.0.retain(|old| {
            let apart = old.end < new.start || new.end < old.start;
            if !apart {
                new = old.start.min(new.start)..old.end.max(new.end);
            }
            apart
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

    fn window(digest: bool) -> Window {
        Window::new(TOTAL, bytes(RANGE), 3, digest)
    }

    fn asked(window: &mut Window) -> Vec<u64> {
        std::iter::from_fn(|| window.ask()).collect()
    }

    #[test]
    fn no_more_is_in_memory_than_the_window_takes() {
        let mut window = window(false);
        assert!(
            asked(&mut window).is_empty(),
            "nothing ahead before it is wanted"
        );
        window.read_ahead();
        assert_eq!(asked(&mut window), [1, 2]);
        window.was_read(&(0..RANGE));
        assert_eq!(asked(&mut window), [3], "what was read makes room");
        window.was_read(&(RANGE..2 * RANGE));
        assert!(
            asked(&mut window).is_empty(),
            "but not what is still on its way"
        );
    }

    #[test]
    fn a_range_stays_until_its_last_byte_is_read_in_whatever_order() {
        let mut window = window(false);
        window.read_ahead();
        asked(&mut window);
        window.was_read(&(RANGE / 2..RANGE));
        window.was_read(&(0..4));
        window.was_read(&(0..4));
        assert!(matches!(window.look(0), Place::Here(_)));
        window.was_read(&(4..RANGE / 2));
        assert_eq!(window.look(0), Place::Outside);
    }

    #[test]
    fn bytes_that_nobody_reads_do_not_stop_a_reader_that_is_past_them() {
        let mut window = window(false);
        window.read_ahead();
        asked(&mut window);
        for index in 1..3 {
            window.arrived(index, bytes(RANGE));
        }
        assert_eq!(window.look(4), Place::Coming, "just ahead of the window");
        assert_eq!(
            asked(&mut window),
            [3, 4, 5],
            "three are gone, unread as they are"
        );
        assert_eq!(window.look(9), Place::Outside, "far ahead of it");
    }

    #[test]
    fn what_is_not_digested_stays() {
        let mut window = window(true);
        window.read_ahead();
        asked(&mut window);
        window.arrived(2, bytes(RANGE));
        window.was_read(&(0..RANGE));
        window.was_read(&(2 * RANGE..3 * RANGE));
        assert!(asked(&mut window).is_empty());
        assert!(window.to_digest().is_some());
        assert!(!window.was_digested());
        assert!(window.to_digest().is_none(), "the second has not arrived");
        assert_eq!(asked(&mut window), [3]);
    }

    #[test]
    fn reading_begins_where_the_reader_begins_and_the_digest_goes_back_for_the_rest() {
        let mut window = window(true);
        assert_eq!(window.look(4), Place::Coming);
        assert_eq!(
            asked(&mut window),
            [4, 5, 6],
            "the digest holds nothing back"
        );
        window.arrived(4, bytes(RANGE));
        window.drain();
        assert_eq!(asked(&mut window), [0, 1, 2]);
    }

    #[test]
    fn draining_ends_with_the_last_range() {
        let mut window = window(true);
        window.drain();
        let mut order = vec![0];
        loop {
            for index in asked(&mut window) {
                order.push(index);
                let length = window.bytes_of(index);
                window.arrived(index, bytes(length.end - length.start));
            }
            assert!(window.to_digest().is_some());
            if window.was_digested() {
                break;
            }
        }
        assert_eq!(order, (0..10).collect::<Vec<_>>());
    }
}
