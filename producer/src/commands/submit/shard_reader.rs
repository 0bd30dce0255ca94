//! A manifest, shard by shard.

use std::io::{BufRead, Lines};

use tilefleet_common::domain::{Cell, ordinals_of_shard};

use crate::error::ProducerError;

/// The shards of a manifest, in order: each number with its cells.
pub(super) struct ShardReader<R> {
    pub(super) lines: Lines<R>,
    pub(super) shard: u32,
    /// Cells of the task, and of a shard.
    pub(super) cells: (u32, u32),
}

impl<R: BufRead> Iterator for ShardReader<R> {
    type Item = Result<(u32, Vec<Cell>), ProducerError>;

    fn next(&mut self) -> Option<Self::Item> {
        let shard = self.shard;
        let ordinals = ordinals_of_shard(shard, self.cells.0, self.cells.1);
        if ordinals.is_empty() {
            return None;
        }
        self.shard += 1;
        let cells: Result<Vec<Cell>, ProducerError> = self
            .lines
            .by_ref()
            .take(ordinals.len())
            .map(|line| {
                let line = line.map_err(ProducerError::Spool)?;
                serde_json::from_str(&line).map_err(|error| ProducerError::Spool(error.into()))
            })
            .collect();
        Some(cells.map(|cells| (shard, cells)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_cut_as_the_ledger_numbers_them() {
        let line = r#"{"cell":"48RXT/2020-08-01/0","assets":{},"output":"s3://my-bucket/"}"#;
        let manifest = format!("{line}\n").repeat(5);
        let shards = ShardReader {
            lines: manifest.as_bytes().lines(),
            shard: 0,
            cells: (5, 2),
        };
        let cut: Vec<(u32, usize)> = shards
            .map(|shard| shard.map(|(shard, cells)| (shard, cells.len())).unwrap())
            .collect();
        assert_eq!(cut, [(0, 2), (1, 2), (2, 1)]);
    }
}
