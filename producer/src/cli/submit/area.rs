//! The arguments of `submit` that cut cells to an area.

use std::path::PathBuf;

use clap::Args;
use tilefleet_common::domain::{Area, AreaError, BoundingBox, MinValid};

/// To which area cells are cut.
#[derive(Debug, Args)]
pub(crate) struct AreaArgs {
    /// Cut every cell to the polygons of a GeoJSON file, in longitude and latitude; a cell that they
    /// do not touch ends as `outside_area`, without a raster
    #[arg(long, value_name = "FILE", group = "area", help_heading = "Area")]
    clip: Option<PathBuf>,
    /// Cut every cell to a box in degrees of longitude and latitude; a west that is east of the east
    /// crosses the antimeridian
    #[arg(
        long,
        value_name = "W,S,E,N",
        group = "area",
        allow_hyphen_values = true,
        help_heading = "Area"
    )]
    bbox: Option<BoundingBox>,
    /// Keep all pixels that the area touches, and not only those whose centre is inside
    #[arg(long, requires = "area", help_heading = "Area")]
    all_touched: bool,
    /// Make no raster of a cell with a smaller share of valid pixels, of the whole cell or of its part
    /// in the area; it ends as `too_few_valid`
    #[arg(long, value_name = "PERCENT", help_heading = "Area")]
    pub(crate) min_valid: Option<MinValid>,
}

impl AreaArgs {
    /// The area that is named; `None` for whole cells.
    ///
    /// # Errors
    /// [`AreaError`] when the file is not an area.
    pub(crate) fn area(&self) -> Result<Option<Area>, AreaError> {
        match (&self.clip, self.bbox) {
            (Some(path), _) => {
                let path = path.to_string_lossy();
                Area::read(&path, self.all_touched).map(Some)
            }
            (None, Some(bounds)) => Area::of_box(bounds, self.all_touched).map(Some),
            (None, None) => Ok(None),
        }
    }
}
