//! Chunks: squares of the output that fill with decoded tiles, and the rule for opening a new part.
//!
//! A job says which parts of its band it touches before it starts. It waits while too many parts
//! are open, or while a chunk far back is not complete ([`Limits`]). That cannot lead to a
//! standstill: a job waits only while another one is at work. Once none is, the open parts are
//! those of the dry run at this job, and that is within the limits.
//!
//! A chunk is handed on when its windows of all bands are complete. A part stays open until all
//! chunks that see it have been handed on: with a margin, about two or three rows of chunks.

use std::iter::Peekable;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::error::FuseError;
use crate::grid::{BandWindow, TileGrid};
use crate::input::fit;
use crate::pipeline::chunk::{Chunk, SharedPart, copy};
use crate::pipeline::layout::{BandLayout, Layout};
use crate::pipeline::lifecycle::Lifecycle;
use crate::pipeline::limits::Limits;
use crate::pipeline::order::{Order, TileJob};
use crate::pipeline::spare::Spare;

/// The jobs that are left, the parts that are open, and the first error.
pub(crate) struct Chunks<'a> {
    layout: &'a Layout,
    limits: Limits,
    state: Mutex<State<'a>>,
    changed: Condvar,
}

struct State<'a> {
    order: Peekable<Order<'a>>,
    /// Of each band the samples of each part that is open. Their number is right once the first
    /// samples have come.
    open: Vec<Vec<Option<SharedPart>>>,
    open_bytes: u64,
    lifecycle: Lifecycle<'a>,
    spare: Spare,
    at_work: usize,
    failure: Option<FuseError>,
    #[cfg(test)]
    most_open: u64,
}

impl<'a> Chunks<'a> {
    pub(crate) fn new(layout: &'a Layout, grids: &[&'a TileGrid], threads: usize) -> Self {
        let state = State {
            order: Order::new(layout, grids).peekable(),
            open: vec![vec![None; layout.count()]; layout.bands().len()],
            open_bytes: 0,
            lifecycle: Lifecycle::new(layout),
            spare: Spare::default(),
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

    fn band(&self, job: TileJob) -> Option<&'a BandLayout> {
        self.layout.bands().get(job.band)
    }

    /// The next job, once there is room for its parts; nothing when all are taken or something has
    /// failed.
    pub(crate) fn take(&self) -> Option<TileJob> {
        let mut state = self.state();
        loop {
            if state.failure.is_some() {
                return None;
            }
            let job = *state.order.peek()?;
            if state.at_work == 0 || self.has_room(&state, job) {
                state.order.next();
                state.at_work += 1;
                self.open(&mut state, job);
                let room = self.limits.open.saturating_sub(state.open_bytes);
                let given_up = state.spare.shrink(room);
                drop(state);
                drop(given_up);
                return Some(job);
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn has_room(&self, state: &State<'_>, job: TileJob) -> bool {
        let (Some(band), Some(open)) = (self.band(job), state.open.get(job.band)) else {
            return true;
        };
        let parts = band.parts(job.rect);
        let new = parts.filter(|part| open.get(*part).is_some_and(Option::is_none));
        let new: u64 = new.map(|part| band.part_bytes(part)).sum();
        let horizon = state
            .lifecycle
            .oldest()
            .saturating_add(self.limits.distance);
        state.open_bytes.saturating_add(new) <= self.limits.open && job.chunk <= horizon
    }

    /// Opens the parts of a job that are not open yet.
    fn open(&self, state: &mut State<'_>, job: TileJob) {
        let (Some(band), Some(open)) = (self.band(job), state.open.get_mut(job.band)) else {
            return;
        };
        for part in band.parts(job.rect) {
            if let Some(open @ None) = open.get_mut(part) {
                let buffer = state.spare.take(band.part(part).area());
                *open = Some(Arc::new(buffer.into()));
                state.open_bytes = state.open_bytes.saturating_add(band.part_bytes(part));
            }
        }
        #[cfg(test)]
        {
            state.most_open = state.most_open.max(state.open_bytes);
        }
    }

    /// Puts the samples of a job into its parts; returns the chunks that can be handed on now.
    ///
    /// The contents of `samples` are unspecified afterwards: where they are all that a part has,
    /// the part keeps them.
    pub(crate) fn put(
        &self,
        job: TileJob,
        samples: &mut Vec<u16>,
    ) -> Result<Vec<Chunk>, FuseError> {
        let Some(band) = self.band(job) else {
            return Ok(Vec::new());
        };
        let state = self.state();
        let open = state.open.get(job.band);
        let part = |part| Some((band.part(part), open?.get(part)?.clone()?));
        let parts: Vec<_> = band.parts(job.rect).filter_map(part).collect();
        drop(state);

        // The samples are copied outside of the lock that all threads need.
        for (rect, part) in parts {
            let mut part = part.write().unwrap_or_else(PoisonError::into_inner);
            if job.rect == rect && Spare::fits(samples, rect.area()) {
                std::mem::swap(&mut *part, samples);
                continue;
            }
            if part.len() as u64 != rect.area() {
                fit(&mut part, rect.area())?;
            }
            copy(
                (samples, job.rect),
                (&mut part, rect),
                job.rect.intersection(rect),
            );
        }

        // The last samples of its windows make a chunk ready.
        let mut state = self.state();
        let ready = state.lifecycle.add(job.band, job.rect);
        Ok(ready
            .into_iter()
            .map(|chunk| self.ready(&state, chunk))
            .collect())
    }

    /// A chunk whose windows are complete: with the parts that are all that it sees and that no
    /// other chunk does, and with references to the others.
    fn ready(&self, state: &State<'_>, chunk: usize) -> Chunk {
        let (column, row) = self.layout.place(chunk);
        let (mut bands, mut all_parts) = (Vec::new(), Vec::new());
        for (band, open) in self.layout.bands().iter().zip(&state.open) {
            let part = |part: usize| {
                let open = open.get(part)?.as_ref()?;
                Some((band.part(part), Arc::clone(open)))
            };
            let rect = band.window(chunk);
            let mut parts: Vec<_> = band.parts(rect).filter_map(part).collect();
            let mut samples = Vec::new();
            if let [(part, shared)] = &*parts
                && *part == rect
                && band.seeing(rect).count() == 1
            {
                let mut part = shared.write().unwrap_or_else(PoisonError::into_inner);
                samples = std::mem::take(&mut *part);
                drop(part);
                parts.clear();
            }
            bands.push(BandWindow {
                rect,
                size: band.size(),
                samples,
            });
            all_parts.push(parts);
        }
        Chunk {
            column,
            row,
            rect: self.layout.chunk(chunk),
            window: self.layout.window(chunk),
            bands,
            parts: all_parts,
        }
    }

    /// A chunk has been handed on. Parts that no window needs any more are closed. The thread's
    /// `buffers` get back what was put together in them.
    pub(crate) fn handed_on(&self, chunk: Chunk, buffers: &mut [Vec<u16>]) {
        let index = chunk.row as usize * self.layout.columns() + chunk.column as usize;
        let mut freed = chunk.dissolve(buffers);
        let mut state = self.state();
        for part in state.lifecycle.hand_on(index) {
            let open = state.open.get_mut(part.band);
            let closed = open.and_then(|open| open.get_mut(part.chunk)?.take());
            let Some(closed) = closed else { continue };
            let mut closed = closed.write().unwrap_or_else(PoisonError::into_inner);
            freed.push(std::mem::take(&mut *closed));
            let bytes = self.layout.part_bytes(part);
            state.open_bytes = state.open_bytes.saturating_sub(bytes);
        }
        for buffer in freed {
            state.spare.give(buffer);
        }
        let room = self.limits.open.saturating_sub(state.open_bytes);
        let given_up = state.spare.shrink(room);
        drop(state);
        drop(given_up);
        self.changed.notify_all();
    }

    /// A job that was taken has been put into its parts, and the chunks that could be were handed
    /// on.
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

    /// The most bytes of parts that were open, and the limit.
    #[cfg(test)]
    pub(crate) fn most_open(&self) -> (u64, u64) {
        (self.state().most_open, self.limits.open)
    }
}
