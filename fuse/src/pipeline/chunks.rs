//! Chunks: squares of all bands that fill with decoded tiles, and the rule for opening a new one.
//!
//! A job says which chunks it touches before it starts. It waits while too many chunks are open, or
//! while a chunk far back is not complete ([`Limits`]). That cannot lead to a standstill: a job
//! waits only while another one is at work. Once none is, the open chunks are those of the dry run
//! at this job, and that is within the limits.
//!
//! With a margin a chunk is handed on when its neighbours are complete too, and stays open until
//! they have been handed on: about three rows of chunks are open at a time.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::error::FuseError;
use crate::grid::TileGrid;
use crate::input::fit;
use crate::pipeline::chunk::{Chunk, SharedPlanes, copy};
use crate::pipeline::layout::{Layout, touched};
use crate::pipeline::lifecycle::Lifecycle;
use crate::pipeline::limits::Limits;
use crate::pipeline::order::{Order, TileJob};

/// The jobs that are left, the chunks that are open, and the first error.
pub(crate) struct Chunks<'a> {
    layout: Layout,
    limits: Limits,
    state: Mutex<State<'a>>,
    changed: Condvar,
}

struct State<'a> {
    order: Peekable<Order<'a>>,
    /// Planes of each band. They have no samples before the first ones have come.
    open: BTreeMap<usize, SharedPlanes>,
    lifecycle: Lifecycle,
    /// Buffers of a band of a chunk that are no longer needed.
    spare: Vec<Vec<u16>>,
    at_work: usize,
    failure: Option<FuseError>,
    #[cfg(test)]
    most_open: usize,
}

impl<'a> Chunks<'a> {
    pub(crate) fn new(layout: Layout, grids: &[&'a TileGrid], threads: usize) -> Self {
        let state = State {
            order: Order::new(grids).peekable(),
            open: BTreeMap::new(),
            lifecycle: Lifecycle::new(layout),
            spare: Vec::new(),
            at_work: 0,
            failure: None,
            #[cfg(test)]
            most_open: 0,
        };
        Self {
            layout,
            limits: Limits::new(layout, grids, threads),
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State<'a>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next job, once there is room for its chunks; nothing when all are taken or something has
    /// failed. Its samples go to `samples`, which gets a used buffer if it has none.
    pub(crate) fn take(&self, samples: &mut Vec<u16>) -> Option<TileJob> {
        let mut state = self.state();
        loop {
            if state.failure.is_some() {
                return None;
            }
            let job = *state.order.peek()?;
            if state.at_work == 0 || self.has_room(&state, job) {
                state.order.next();
                state.at_work += 1;
                if samples.is_empty() {
                    *samples = state.spare.pop().unwrap_or_default();
                }
                for place in touched(job.rect) {
                    state.open.entry(self.layout.index(place)).or_default();
                }
                #[cfg(test)]
                {
                    state.most_open = state.most_open.max(state.open.len());
                }
                return Some(job);
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn has_room(&self, state: &State<'_>, job: TileJob) -> bool {
        let places = || touched(job.rect).map(|place| self.layout.index(place));
        let new = places()
            .filter(|index| !state.open.contains_key(index))
            .count();
        let horizon = state
            .lifecycle
            .oldest()
            .saturating_add(self.limits.distance);
        state.open.len().saturating_add(new) <= self.limits.open && places().next() <= Some(horizon)
    }

    /// Puts the samples of a job into its chunks; returns the chunks that can be handed on now.
    ///
    /// The contents of `samples` are unspecified afterwards: where they are all that a chunk has of
    /// the band, the chunk keeps them.
    pub(crate) fn put(
        &self,
        job: TileJob,
        samples: &mut Vec<u16>,
    ) -> Result<Vec<Chunk>, FuseError> {
        let mut ready = Vec::new();
        for place in touched(job.rect) {
            // Open the chunk, unless it is open.
            let index = self.layout.index(place);
            let rect = self.layout.rect(place);
            let common = job.rect.intersection(rect);
            let mut state = self.state();
            let planes = Arc::clone(state.open.entry(index).or_default());
            let spare = if job.rect == rect {
                None
            } else {
                state.spare.pop()
            };
            drop(state);

            // The samples are copied outside of the lock that all threads need.
            let mut chunk = planes.write().unwrap_or_else(PoisonError::into_inner);
            chunk.resize_with(self.layout.bands, Vec::new);
            let Some(plane) = chunk.get_mut(job.band) else {
                continue;
            };
            let unused = if job.rect == rect {
                *plane = std::mem::take(samples);
                None
            } else if plane.is_empty() {
                *plane = spare.unwrap_or_default();
                fit(plane, rect.area())?;
                copy((samples, job.rect), (plane, rect), common);
                None
            } else {
                copy((samples, job.rect), (plane, rect), common);
                spare
            };
            drop(chunk);

            // Count the pixels; the last ones of a window make its chunk ready.
            let mut state = self.state();
            state.spare.extend(unused);
            for index in state.lifecycle.add(index, common.area()) {
                ready.push(self.ready(&state, index));
            }
        }
        Ok(ready)
    }

    /// A chunk whose window is complete: with its planes, or with those that its window needs.
    fn ready(&self, state: &State<'_>, index: usize) -> Chunk {
        let (column, row) = self.layout.place(index);
        let mut chunk = Chunk {
            column,
            row,
            rect: self.layout.rect((column, row)),
            window: self.layout.window((column, row)),
            planes: Vec::new(),
            parts: Vec::new(),
        };
        if self.layout.margin == 0 {
            if let Some(planes) = state.open.get(&index) {
                let mut planes = planes.write().unwrap_or_else(PoisonError::into_inner);
                chunk.planes = std::mem::take(&mut *planes);
            }
        } else {
            for index in self.layout.neighbourhood(index) {
                if let Some(planes) = state.open.get(&index) {
                    let rect = self.layout.rect(self.layout.place(index));
                    chunk.parts.push((rect, Arc::clone(planes)));
                }
            }
        }
        chunk
    }

    /// A chunk has been handed on. Chunks that no window needs any more are closed. Returns the
    /// planes, if they are a copy.
    pub(crate) fn handed_on(&self, chunk: Chunk) -> Vec<Vec<u16>> {
        let index = self.layout.index((chunk.column, chunk.row));
        let (mut freed, mut copied) = (Vec::new(), Vec::new());
        if self.layout.margin == 0 {
            freed = chunk.planes;
        } else {
            copied = chunk.planes;
        }
        let mut state = self.state();
        for index in state.lifecycle.hand_on(index) {
            if let Some(planes) = state.open.remove(&index) {
                let mut planes = planes.write().unwrap_or_else(PoisonError::into_inner);
                freed.append(&mut planes);
            }
        }
        let room = self
            .limits
            .open
            .saturating_sub(state.open.len())
            .saturating_mul(self.layout.bands);
        let room = room.saturating_sub(state.spare.len());
        state.spare.extend(freed.into_iter().take(room));
        drop(state);
        self.changed.notify_all();
        copied
    }

    /// A job that was taken has been put into its chunks, and those that could be were handed on.
    pub(crate) fn done(&self) {
        let mut state = self.state();
        state.at_work = state.at_work.saturating_sub(1);
        drop(state);
        self.changed.notify_all();
    }

    /// Lets no thread begin anything more. The first error is kept.
    pub(crate) fn fail(&self, error: FuseError) {
        let mut state = self.state();
        state.failure.get_or_insert(error);
        drop(state);
        self.changed.notify_all();
    }

    /// The first error, if there was one.
    pub(crate) fn into_result(self) -> Result<(), FuseError> {
        let state = self
            .state
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        state.failure.map_or(Ok(()), Err)
    }

    /// The most chunks that were open, and the limit.
    #[cfg(test)]
    pub(crate) fn most_open(&self) -> (usize, usize) {
        (self.state().most_open, self.limits.open)
    }
}
