//! Many scenes at once, one band at a time on every core.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::error::Result;
use crate::jp2::encode::Coding;
use crate::landscape::spectrum::Band;
use crate::layout;
pub use crate::layout::Written;
use crate::scene::Scene;

/// One band file to make.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Job {
    /// The scene.
    pub scene: Scene,
    /// The band.
    pub band: Band,
}

/// Writes `bands` of every scene below `root` on `threads` threads and calls `progress` for each
/// file.
///
/// A thread holds one band at a time, 0.7 GB at full size. After the first failure no other band is
/// begun.
///
/// # Errors
///
/// The first failure of any band, as [`layout::write_scene`].
pub fn generate(
    root: &Path,
    scenes: &[Scene],
    bands: &[Band],
    coding: &Coding,
    threads: usize,
    progress: &(dyn Fn(&Job, &Written) + Sync),
) -> Result<()> {
    for scene in scenes {
        layout::write_metadata(root, scene)?;
    }
    let jobs: Vec<Job> = scenes
        .iter()
        .flat_map(|&scene| bands.iter().map(move |&band| Job { scene, band }))
        .collect();
    let next = AtomicUsize::new(0);
    let failure = Mutex::new(None);
    let work = || {
        while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            match layout::write_band(root, &job.scene, job.band, coding) {
                Ok(written) => progress(job, &written),
                Err(error) => {
                    next.store(jobs.len(), Ordering::Relaxed);
                    if let Ok(mut first) = failure.lock() {
                        first.get_or_insert(error);
                    }
                }
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..threads.clamp(1, jobs.len().max(1)) {
            scope.spawn(work);
        }
    });
    failure.into_inner().ok().flatten().map_or(Ok(()), Err)
}
