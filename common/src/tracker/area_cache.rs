//! Areas by digest, so that a cell costs no read of its task's area.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::{Area, AreaDigest};

/// Areas kept, of at most 1 MB each; a worker seldom sees more than a few.
const MOST: usize = 16;

/// Areas that were read once. They never change, so none of them grows old.
#[derive(Debug, Default)]
pub(super) struct AreaCache(Mutex<HashMap<AreaDigest, Arc<Area>>>);

impl AreaCache {
    /// The area of this digest, if it was read.
    pub(super) fn get(&self, digest: &AreaDigest) -> Option<Arc<Area>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(digest).cloned()
    }

    /// Keeps an area that was read.
    pub(super) fn keep(&self, digest: &AreaDigest, area: &Arc<Area>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST {
            kept.clear();
        }
        kept.insert(digest.clone(), Arc::clone(area));
    }
}
