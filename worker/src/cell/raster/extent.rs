//! Which part of a cell is made.

use std::sync::Arc;

use tilefleet_common::domain::{Area, Cell, Scope};
use tilefleet_common::ledger::NoRaster;
use tilefleet_common::ledger::transition::Success;
use tilefleet_fuse::area::{self, Place, PolygonArea};
use tilefleet_fuse::kernel::Area as _;
use tilefleet_fuse::{Cog, FuseError, Prepared};

use super::plan::RasterPlan;

/// Which part of a cell is made, and how much of it must be valid.
#[derive(Debug, Clone, Default)]
pub struct Extent {
    /// As the message says.
    pub scope: Scope,
    /// The area that the scope names.
    pub area: Option<Arc<Area>>,
}

/// What of a cell the area has.
#[derive(Debug)]
pub(crate) enum Part {
    /// All of it.
    Whole,
    /// These pixels, and not all.
    Inside(Arc<PolygonArea>),
    /// Nothing.
    Outside,
}

impl Extent {
    /// The same bands with the part of them that is in the area; `None` when there is none.
    ///
    /// Blocks the calling thread.
    ///
    /// # Errors
    /// See [`FuseError`]; also when files and metadata do not agree on the scale of a band.
    pub(crate) fn cut(
        &self,
        prepared: Prepared,
        plan: &RasterPlan,
    ) -> Result<Option<(Prepared, Part)>, FuseError> {
        plan.confirm(&prepared)?;
        let part = self.part_at(&prepared.place())?;
        match &part {
            Part::Outside => Ok(None),
            Part::Whole => Ok(Some((prepared, part))),
            Part::Inside(area) => {
                let (area, crop) = (Arc::clone(area), area.bounds());
                let kernel = plan.clipped(Some(area))?;
                Ok(Some((prepared.with_kernel(kernel, Some(crop))?, part)))
            }
        }
    }

    /// What of the cell is in the area, on this grid.
    fn part_at(&self, place: &Place) -> Result<Part, FuseError> {
        let Some(area) = &self.area else {
            return Ok(Part::Whole);
        };
        let inside = area::on_grid(&area.polygons(), area.all_touched(), place)?;
        let (columns, rows) = place.size;
        let all = u64::from(columns) * u64::from(rows);
        Ok(match inside {
            None => Part::Outside,
            Some(inside) if inside.pixels() == all => Part::Whole,
            Some(inside) => Part::Inside(Arc::new(inside)),
        })
    }

    /// Whether a raster has fewer valid pixels than the task asks for. The output band with the most
    /// valid pixels counts, of the pixels in the area if there is one.
    pub(super) fn is_too_few(&self, cog: &Cog, part: &Part) -> bool {
        let valid = cog.bands.iter().map(|band| band.valid_pixels).max();
        let pixels = match part {
            Part::Inside(area) => area.pixels(),
            Part::Whole | Part::Outside => u64::from(cog.width) * u64::from(cog.height),
        };
        let share = self.scope.min_valid;
        share.is_some_and(|share| !share.is_met(valid.unwrap_or(0), pixels))
    }
}

/// The end of a cell without a raster, after so many milliseconds.
pub(super) fn without_raster(cell: &Cell, end: NoRaster, fetch_ms: u64, fuse_ms: u64) -> Success {
    Success {
        output: cell.output.clone(),
        artefacts: vec![],
        without_raster: Some(end),
        fetch_ms,
        fuse_ms,
        publish_ms: 0,
    }
}
