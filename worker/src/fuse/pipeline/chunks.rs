//! Chunks: squares of all bands that fill up with decoded tiles, and who may begin a new one.
//!
//! A unit of work says which chunks it touches before it is begun, and waits while too many are
//! open, or while a chunk far back is not complete. The limits are what the order of the units
//! takes when they are done one after the other, and a little more for each thread. They cannot
//! lead to a standstill: a unit waits only while another one is at work, and once none is, all open
//! chunks are those of the one-after-the-other order, which is within the limits.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::cog::CHUNK;
use super::error::FuseError;
use super::grid::{Grid, Rect};
use super::input::fit;
use super::order::{Order, Unit};

/// A chunk that is complete.
pub(super) struct Chunk {
    pub(super) column: u32,
    pub(super) row: u32,
    /// Of each band, row by row without gaps.
    pub(super) planes: Vec<Vec<u16>>,
}

/// How an image is cut into chunks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) bands: usize,
}

impl Layout {
    fn columns(self) -> u32 {
        self.width.div_ceil(CHUNK)
    }

    fn count(self) -> usize {
        self.columns() as usize * self.height.div_ceil(CHUNK) as usize
    }

    fn rect(self, column: u32, row: u32) -> Rect {
        let whole = Rect {
            x: column * CHUNK,
            y: row * CHUNK,
            width: CHUNK,
            height: CHUNK,
        };
        whole.intersection(Rect {
            x: 0,
            y: 0,
            width: self.width,
            height: self.height,
        })
    }

    /// Samples that a chunk needs to be complete.
    fn samples(self, index: usize) -> u64 {
        let columns = self.columns() as usize;
        let place = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
        let rect = self.rect(place(index % columns.max(1)), place(index / columns.max(1)));
        rect.area().saturating_mul(self.bands as u64)
    }

    fn index(self, (column, row): (u32, u32)) -> usize {
        row as usize * self.columns() as usize + column as usize
    }

    /// How far the units go ahead when they are done one after the other.
    fn in_order(self, grids: &[&Grid]) -> Ahead {
        let mut missing: Vec<u64> = (0..self.count()).map(|index| self.samples(index)).collect();
        let (mut open, mut oldest, mut most) = (0_usize, 0_usize, Ahead::default());
        for unit in Order::new(grids) {
            let mut completed = 0;
            let first = touched(unit.rect)
                .next()
                .map_or(0, |place| self.index(place));
            most.distance = most.distance.max(first.saturating_sub(oldest));
            for place in touched(unit.rect) {
                let index = self.index(place);
                let Some(missing) = missing.get_mut(index) else {
                    continue;
                };
                open += usize::from(*missing == self.samples(index));
                *missing = missing
                    .saturating_sub(unit.rect.intersection(self.rect(place.0, place.1)).area());
                completed += usize::from(*missing == 0);
            }
            most.open = most.open.max(open);
            open = open.saturating_sub(completed);
            while missing.get(oldest) == Some(&0) {
                oldest += 1;
            }
        }
        most
    }

    /// How far so many threads may go ahead.
    fn limits(self, grids: &[&Grid], threads: usize) -> Ahead {
        let Ahead { open, distance } = self.in_order(grids);
        // One that a thread is at, and some that it may complete while another thread waits for the
        // output; no row more.
        let further = threads.saturating_mul(4).min(self.columns() as usize);
        let distance = distance.saturating_add(further);
        Ahead {
            open: open.saturating_add(threads).min(self.count()),
            distance,
        }
    }

    /// Chunks that may be open at a time with so many threads.
    pub(super) fn limit(self, grids: &[&Grid], threads: usize) -> usize {
        self.limits(grids, threads).open
    }

    /// Bytes of a whole chunk.
    pub(super) fn chunk_bytes(self) -> u64 {
        let side = u64::from(CHUNK);
        let area = side.min(self.width.into()) * side.min(self.height.into());
        area.saturating_mul(2).saturating_mul(self.bands as u64)
    }
}

/// How far units of work are ahead of chunks.
#[derive(Clone, Copy, Debug, Default)]
struct Ahead {
    /// Chunks that are open at a time.
    open: usize,
    /// From the first chunk that has not been handed on to the first one of a unit, chunk by chunk.
    /// Compressed tiles wait for those before them.
    distance: usize,
}

/// Columns and rows of the chunks that have a part of `rect`.
fn touched(rect: Rect) -> impl Iterator<Item = (u32, u32)> {
    let steps = |range: Range<u32>| range.start / CHUNK..range.end.div_ceil(CHUNK);
    let (columns, rows) = (steps(rect.columns()), steps(rect.rows()));
    rows.flat_map(move |row| columns.clone().map(move |column| (column, row)))
}

/// The units that are left, the chunks that are open, and the first error.
pub(super) struct Chunks<'a> {
    layout: Layout,
    limits: Ahead,
    state: Mutex<State<'a>>,
    changed: Condvar,
}

struct State<'a> {
    order: Peekable<Order<'a>>,
    open: BTreeMap<usize, Open>,
    /// Samples that are missing, by chunk.
    missing: Vec<u64>,
    /// Chunks before this one have been handed on.
    oldest: usize,
    handed_on: Vec<bool>,
    /// Buffers of a band of a chunk that are no longer needed.
    spare: Vec<Vec<u16>>,
    at_work: usize,
    failure: Option<FuseError>,
    #[cfg(test)]
    most_open: usize,
}

#[derive(Default)]
struct Open {
    /// Of each band, without samples before the first of them have come.
    planes: Arc<Mutex<Vec<Vec<u16>>>>,
}

impl<'a> Chunks<'a> {
    pub(super) fn new(layout: Layout, grids: &[&'a Grid], threads: usize) -> Self {
        let count = layout.count();
        let state = State {
            order: Order::new(grids).peekable(),
            open: BTreeMap::new(),
            missing: (0..count).map(|index| layout.samples(index)).collect(),
            oldest: 0,
            handed_on: vec![false; count],
            spare: Vec::new(),
            at_work: 0,
            failure: None,
            #[cfg(test)]
            most_open: 0,
        };
        Self {
            layout,
            limits: layout.limits(grids, threads),
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State<'a>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next unit, once there is room for its chunks; nothing when all are taken or something
    /// has failed. Its samples may go to `samples`, which gets a buffer that was used before if it
    /// has none.
    pub(super) fn take(&self, samples: &mut Vec<u16>) -> Option<Unit> {
        let mut state = self.state();
        loop {
            if state.failure.is_some() {
                return None;
            }
            let unit = *state.order.peek()?;
            if state.at_work == 0 || self.has_room(&state, unit) {
                state.order.next();
                state.at_work += 1;
                if samples.is_empty() {
                    *samples = state.spare.pop().unwrap_or_default();
                }
                for place in touched(unit.rect) {
                    state.open.entry(self.layout.index(place)).or_default();
                }
                #[cfg(test)]
                {
                    state.most_open = state.most_open.max(state.open.len());
                }
                return Some(unit);
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn has_room(&self, state: &State<'_>, unit: Unit) -> bool {
        let places = || touched(unit.rect).map(|place| self.layout.index(place));
        let new = places()
            .filter(|index| !state.open.contains_key(index))
            .count();
        let horizon = state.oldest.saturating_add(self.limits.distance);
        state.open.len().saturating_add(new) <= self.limits.open && places().next() <= Some(horizon)
    }

    /// Puts the samples of a unit into its chunks; returns the chunks that it completes. `samples`
    /// are of no meaning afterwards: where they are all that a chunk has of the band, the chunk
    /// keeps them.
    pub(super) fn put(&self, unit: Unit, samples: &mut Vec<u16>) -> Result<Vec<Chunk>, FuseError> {
        let mut complete = Vec::new();
        for (column, row) in touched(unit.rect) {
            let index = self.layout.index((column, row));
            let rect = self.layout.rect(column, row);
            let common = unit.rect.intersection(rect);
            let mut state = self.state();
            let planes = Arc::clone(&state.open.entry(index).or_default().planes);
            let spare = if unit.rect == rect {
                None
            } else {
                state.spare.pop()
            };
            drop(state);

            let mut chunk = planes.lock().unwrap_or_else(PoisonError::into_inner);
            chunk.resize_with(self.layout.bands, Vec::new);
            let Some(plane) = chunk.get_mut(unit.band) else {
                continue;
            };
            let unused = if unit.rect == rect {
                *plane = std::mem::take(samples);
                None
            } else if plane.is_empty() {
                *plane = spare.unwrap_or_default();
                fit(plane, rect.area())?;
                copy(unit, samples, common, rect, plane);
                None
            } else {
                copy(unit, samples, common, rect, plane);
                spare
            };
            drop(chunk);

            let mut state = self.state();
            state.spare.extend(unused);
            let Some(missing) = state.missing.get_mut(index) else {
                continue;
            };
            *missing = missing.saturating_sub(common.area());
            if *missing == 0 {
                let planes =
                    std::mem::take(&mut *planes.lock().unwrap_or_else(PoisonError::into_inner));
                complete.push(Chunk {
                    column,
                    row,
                    planes,
                });
            }
        }
        Ok(complete)
    }

    /// A complete chunk has been handed on and takes no more room.
    pub(super) fn handed_on(&self, chunk: Chunk) {
        let index = self.layout.index((chunk.column, chunk.row));
        let mut state = self.state();
        state.open.remove(&index);
        if let Some(done) = state.handed_on.get_mut(index) {
            *done = true;
        }
        while state
            .handed_on
            .get(state.oldest)
            .copied()
            .unwrap_or_default()
        {
            state.oldest += 1;
        }
        let bands = self.layout.bands;
        let room = self
            .limits
            .open
            .saturating_sub(state.open.len())
            .saturating_mul(bands);
        let room = room.saturating_sub(state.spare.len());
        state.spare.extend(chunk.planes.into_iter().take(room));
        drop(state);
        self.changed.notify_all();
    }

    /// A unit that was taken has been put into its chunks and they have been handed on.
    pub(super) fn done(&self) {
        let mut state = self.state();
        state.at_work = state.at_work.saturating_sub(1);
        drop(state);
        self.changed.notify_all();
    }

    /// Lets nobody begin anything more. The first error is kept.
    pub(super) fn fail(&self, error: FuseError) {
        let mut state = self.state();
        state.failure.get_or_insert(error);
        drop(state);
        self.changed.notify_all();
    }

    /// The first error, if there was one.
    pub(super) fn into_result(self) -> Result<(), FuseError> {
        let state = self
            .state
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        state.failure.map_or(Ok(()), Err)
    }

    #[cfg(test)]
    pub(super) fn most_open(&self) -> (usize, usize) {
        (self.state().most_open, self.limits.open)
    }
}

/// Copies what a unit and a chunk have in `common` to the chunk's plane of the band.
fn copy(unit: Unit, samples: &[u16], common: Rect, chunk: Rect, plane: &mut [u16]) {
    let (skip, width) = ((common.x - unit.rect.x) as usize, common.width as usize);
    let from = samples
        .chunks_exact(unit.rect.width as usize)
        .skip((common.y - unit.rect.y) as usize);
    let to = plane
        .chunks_exact_mut(chunk.width as usize)
        .skip((common.y - chunk.y) as usize);
    let column = (common.x - chunk.x) as usize;
    for (from, to) in from.zip(to).take(common.height as usize) {
        if let (Some(from), Some(to)) = (
            from.get(skip..skip + width),
            to.get_mut(column..column + width),
        ) {
            to.copy_from_slice(from);
        }
    }
}
