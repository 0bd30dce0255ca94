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
mod layout;
mod message;
mod radiometry;
mod recipe;
mod s3_url;
mod scene;
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
pub use layout::{LAYOUT, LAYOUT_OF_SCOPE, is_known_layout};
pub use message::{CellMessage, MessageError};
pub use radiometry::{
    Baseline, DocumentPlaces, Item, Mtl, ProductInfo, ProductMetadata, Radiometry, RadiometryError,
    radiometry_of_item, radiometry_of_landsat, radiometry_of_product, radiometry_of_tile,
};
pub use recipe::indices;
pub use recipe::{
    Band, BandKind, CloudMask, DataType, Downsample, Encoding, Expression, ExpressionError,
    GridRule, InputBand, Job, JobId, MAX_RECIPE_BYTES, MaskRule, MaskTest, Negative, NoCloudMask,
    Op, Output, Overviews, RadiometryRule, RasterFile, Recipe, RecipeDigest, RecipeError,
    RecipeFileError, Resolution, ResolveError, ResolvedMask, ResolvedOutput, ResolvedRecipe,
    ResolvedSource, ScaleOffset, Sensor, Source, Upsample, bands_of, builtin_names, find_band,
};
pub use s3_url::S3Url;
pub use scene::{
    LandsatLevel, LandsatProduct, SceneLayout, ScenePath, band_in_object_name,
    other_band_in_object_name, sensor_of_addresses, tile_and_date_in_object_name,
};
pub use signature::MessageKey;
pub use task::{
    ContentDigest, DigestBuilder, GROUP_SIZE, SHARD_SIZE, TaskId, group_count, group_of,
    ordinals_of_shard, shard_count, shard_of, shards_of_group,
};
pub use tile::{MgrsTile, Tile, Wrs2Tile};
