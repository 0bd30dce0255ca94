//! The terms of the project as types: cell, tile, recipe, area, task, message, event.
//!
//! Nothing here does input or output. Parsing is strict, so that every value of these types is
//! valid.

mod area;
mod artefact;
mod cell;
mod date;
mod error;
mod event;
mod message;
mod recipe;
mod s3_url;
mod scene_path;
mod signature;
mod task;
mod tile;

pub use area::{
    Area, AreaDigest, AreaError, AreaProblem, BoundingBox, LonLatPolygon, MAX_AREA_BYTES, MinValid,
    NotABox, NotAShare, Scope,
};
pub use artefact::{Artefact, Role};
pub use cell::{Cell, CellId};
pub use date::SceneDate;
pub use error::DomainError;
pub use event::{CellFailed, Event, TaskCancelled, TaskEnded, TaskOutcome, TaskStalled};
pub use message::{CellMessage, MessageError};
pub use recipe::{
    Job, JobId, MAX_RECIPE_BYTES, Output, Recipe, RecipeDigest, RecipeError, RecipeFileError,
    builtin_names,
};
pub use s3_url::S3Url;
pub use scene_path::{ScenePath, band_in_object_name, tile_and_date_in_object_name};
pub use signature::MessageKey;
pub use task::{
    ContentDigest, DigestBuilder, GROUP_SIZE, LAYOUT, SHARD_SIZE, TaskId, group_count, group_of,
    ordinals_of_shard, shard_count, shard_of, shards_of_group,
};
pub use tile::Tile;
