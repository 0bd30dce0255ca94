//! Which results are already spoken for.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use sha2::{Digest as _, Sha256};
use tilefleet_common::domain::S3Url;

/// The places of all cells by digests of their output objects: 28 bytes a cell, so that millions
/// fit.
#[derive(Debug, Default)]
pub(crate) struct Seen(HashMap<[u8; 16], ([u8; 8], u32)>);

/// What is known of a cell's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sight {
    /// Nobody else writes it.
    New,
    /// The cell at this place is the same cell.
    Repeats(u32),
    /// The cell at this place writes the same object from other sources.
    Collides(u32),
}

impl Seen {
    /// Notes that the cell at `place` writes `output` from `sources`.
    pub(crate) fn look(&mut self, output: &S3Url, sources: &[u8], place: u32) -> Sight {
        let sources = digest(sources);
        match self.0.entry(digest(output.to_string().as_bytes())) {
            Entry::Vacant(entry) => {
                entry.insert((sources, place));
                Sight::New
            }
            Entry::Occupied(entry) => {
                let &(first_sources, first) = entry.get();
                if first_sources == sources {
                    Sight::Repeats(first)
                } else {
                    Sight::Collides(first)
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
        let mut seen = Seen::default();
        let (one, other) = (
            "s3://bucket/1".parse().unwrap(),
            "s3://bucket/2".parse().unwrap(),
        );
        assert_eq!(seen.look(&one, b"a", 1), Sight::New);
        assert_eq!(seen.look(&other, b"a", 2), Sight::New);
        assert_eq!(seen.look(&one, b"a", 3), Sight::Repeats(1));
        assert_eq!(seen.look(&one, b"b", 4), Sight::Collides(1));
    }
}
