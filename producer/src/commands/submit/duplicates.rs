//! Cells of one input that would write the same object.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use sha2::{Digest as _, Sha256};
use tilefleet_common::domain::S3Url;

/// The positions of all cells by digests of their output objects: 28 bytes a cell, so that millions
/// fit into memory.
#[derive(Debug, Default)]
pub(crate) struct OutputIndex(HashMap<[u8; 16], ([u8; 8], u32)>);

/// Whether an earlier cell writes the same object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overlap {
    /// None does.
    None,
    /// The cell at this position is the same cell.
    Repeat(u32),
    /// The cell at this position writes the same object from other sources.
    Collision(u32),
}

impl OutputIndex {
    /// Records that the cell at `position` writes `output` from `sources`.
    pub(crate) fn insert(&mut self, output: &S3Url, sources: &[u8], position: u32) -> Overlap {
        let sources = digest(sources);
        match self.0.entry(digest(output.to_string().as_bytes())) {
            Entry::Vacant(entry) => {
                entry.insert((sources, position));
                Overlap::None
            }
            Entry::Occupied(entry) => {
                let &(first_sources, first) = entry.get();
                if first_sources == sources {
                    Overlap::Repeat(first)
                } else {
                    Overlap::Collision(first)
                }
            }
        }
    }
}

fn digest<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let whole = Sha256::digest(bytes);
    let mut digest = [0; N];
    for (to, from) in digest.iter_mut().zip(whole) {
        *to = from;
    }
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_and_collisions_name_the_first() {
        let mut index = OutputIndex::default();
        let (one, other) = (
            "s3://bucket/1".parse().unwrap(),
            "s3://bucket/2".parse().unwrap(),
        );
        assert_eq!(index.insert(&one, b"a", 1), Overlap::None);
        assert_eq!(index.insert(&other, b"a", 2), Overlap::None);
        assert_eq!(index.insert(&one, b"a", 3), Overlap::Repeat(1));
        assert_eq!(index.insert(&one, b"b", 4), Overlap::Collision(1));
    }
}
