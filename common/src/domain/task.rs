//! A task: its id, its content's digest, and how its cells are cut into shards and groups.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{AreaDigest, Cell, DomainError, JobId, MinValid, RecipeDigest, S3Url, Scope};
use crate::hex;

/// Cells of a shard: 200 ordinals of a million-cell task fill a number set of about 1 KB, one
/// DynamoDB write unit.
pub const SHARD_SIZE: u32 = 200;

/// Shards of a group: 200 numbers of shards fill less than 1 KB, one DynamoDB write unit, and a task
/// of ten million cells has 250 groups.
pub const GROUP_SIZE: u32 = 200;

/// How many groups `shards` shards make.
pub fn group_count(shards: u32, group_size: u32) -> u32 {
    shards.div_ceil(group_size)
}

/// The group of a shard.
pub fn group_of(shard: u32, group_size: u32) -> u32 {
    shard / group_size
}

/// The shards in `group` of a task of `shards` shards; the last group may be shorter.
pub fn shards_of_group(group: u32, shards: u32, group_size: u32) -> Range<u32> {
    ordinals_of_shard(group, shards, group_size)
}

/// How many shards a task of `cells` cells has.
pub fn shard_count(cells: u32, shard_size: u32) -> u32 {
    cells.div_ceil(shard_size)
}

/// The shard of a cell, by its ordinal in the manifest.
pub fn shard_of(ordinal: u32, shard_size: u32) -> u32 {
    ordinal / shard_size
}

/// The ordinals of the cells in `shard`; the last shard of a task may be shorter.
pub fn ordinals_of_shard(shard: u32, cells: u32, shard_size: u32) -> Range<u32> {
    let start = shard.saturating_mul(shard_size).min(cells);
    start..start.saturating_add(shard_size).min(cells)
}

/// A task's name, part of every key of its items.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TaskId(String);

impl TaskId {
    /// The id that a task has when nobody names it: the recipe's name and the first 16 digits of
    /// the content's digest.
    pub fn of_content(job: &JobId, digest: &ContentDigest) -> Self {
        let digits: String = digest.0.chars().take(16).collect();
        Self(format!("{job}-{digits}"))
    }

    /// The id of the `run`-th task of the same content (`--again`), from 2.
    #[must_use]
    pub fn again(&self, run: u32) -> Self {
        Self(format!("{}-{run}", self.0))
    }

    /// Where the area of this digest is, `output` being the task's output: beside the manifest, under
    /// its SHA-256.
    pub fn area_object(&self, output: &S3Url, area: &AreaDigest) -> S3Url {
        output.join(&format!("tilefleet/{self}/area-{area}.geojson"))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TaskId {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Self, DomainError> {
        let inside =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
        let first = text
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if first && text.len() <= 64 && text.bytes().all(inside) {
            Ok(Self(text.to_owned()))
        } else {
            Err(DomainError::TaskId(text.to_owned()))
        }
    }
}

impl TryFrom<String> for TaskId {
    type Error = DomainError;

    fn try_from(text: String) -> Result<Self, DomainError> {
        text.parse()
    }
}

impl From<TaskId> for String {
    fn from(id: TaskId) -> Self {
        id.0
    }
}

/// SHA-256, in hexadecimal, of all that makes a task: its recipe, its area and its cells in their
/// order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentDigest(String);

impl fmt::Display for ContentDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Makes a [`ContentDigest`] cell by cell, so that a task of a million cells needs no memory for
/// it.
#[derive(Debug)]
pub struct DigestBuilder(Sha256);

impl DigestBuilder {
    /// Begins the digest of a task that does `job`: its name and its recipe's digest, which a
    /// probe does not have.
    pub fn new(job: &JobId) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"tilefleet task 2\n");
        hash.update(job.name());
        hash.update(b"\n");
        hash.update(job.digest().map_or("", RecipeDigest::as_str));
        hash.update(b"\n");
        Self(hash)
    }

    /// Adds the area to which the cells are cut, and the share of valid pixels that they must have,
    /// before the first cell. A task of whole cells has the digest that it had before there were
    /// areas.
    #[must_use]
    pub fn scope(mut self, scope: &Scope) -> Self {
        if scope.is_all() {
            return self;
        }
        // No line of a cell begins like this.
        self.0.update(b"area ");
        self.0
            .update(scope.area.as_ref().map_or("", AreaDigest::as_str));
        self.0.update(b"\nmin_valid ");
        let hundredths = scope.min_valid.map_or(0, MinValid::hundredths);
        self.0.update(hundredths.to_string());
        self.0.update(b"\n");
        self
    }

    /// Adds the next cell.
    ///
    /// # Errors
    /// Only if the cell has no JSON form, which its types rule out.
    pub fn add(&mut self, cell: &Cell) -> Result<(), serde_json::Error> {
        self.0.update(serde_json::to_vec(cell)?);
        self.0.update(b"\n");
        Ok(())
    }

    /// The digest of all that was added.
    pub fn finish(self) -> ContentDigest {
        ContentDigest(hex::encode(&self.0.finalize()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_cover_every_cell_once() {
        for cells in [1, 199, 200, 201, 1000] {
            let covered: Vec<u32> = (0..shard_count(cells, SHARD_SIZE))
                .flat_map(|shard| ordinals_of_shard(shard, cells, SHARD_SIZE))
                .collect();
            assert_eq!(covered, (0..cells).collect::<Vec<_>>());
            assert!((0..cells).all(|ordinal| {
                ordinals_of_shard(shard_of(ordinal, SHARD_SIZE), cells, SHARD_SIZE)
                    .contains(&ordinal)
            }));
        }
    }

    #[test]
    fn recipes_of_one_name_and_other_content_make_other_tasks() {
        let job = |digits: &str| JobId::Raster {
            name: "rgb".to_owned(),
            digest: digits.repeat(32).parse().unwrap(),
        };
        let task = |job: &JobId| TaskId::of_content(job, &DigestBuilder::new(job).finish());
        assert_eq!(task(&job("0a")), task(&job("0a")));
        assert_ne!(task(&job("0a")), task(&job("0b")));
        assert!(task(&job("0a")).as_str().starts_with("rgb-"));
    }

    #[test]
    fn areas_and_shares_make_other_tasks_and_whole_cells_the_same_as_ever() {
        let digest = |scope: &Scope| DigestBuilder::new(&JobId::Probe).scope(scope).finish();
        let plain = DigestBuilder::new(&JobId::Probe).finish();
        assert_eq!(digest(&Scope::default()), plain);
        let scopes = [
            ("0a", None),
            ("0b", None),
            ("0a", Some("80")),
            ("0a", Some("90")),
        ];
        let mut digests: Vec<String> = scopes
            .map(|(area, share)| {
                digest(&Scope {
                    area: Some(area.repeat(32).parse().unwrap()),
                    min_valid: share.map(|share| share.parse().unwrap()),
                })
                .to_string()
            })
            .into();
        digests.push(plain.to_string());
        digests.sort();
        digests.dedup();
        assert_eq!(digests.len(), 5);
    }

    #[test]
    fn ids_that_would_break_a_key_are_refused() {
        for text in ["", "-a", "a#b", "Task", "a/b", &"x".repeat(65)] {
            assert_eq!(
                text.parse::<TaskId>(),
                Err(DomainError::TaskId(text.to_owned()))
            );
        }
        assert!("summer-2020_v1.2".parse::<TaskId>().is_ok());
    }
}
