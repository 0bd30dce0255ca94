//! Polygons in longitude and latitude on a grid.

use gdal::errors::GdalError;
use gdal::spatial_ref::{AxisMappingStrategy, CoordTransform, SpatialRef};

use super::cut::{Bounds, cut};
use super::fill::fill;
use super::outline::{LonLatPolygon, PixelRing, ToPixels};
use super::place::Place;
use super::polygon_area::PolygonArea;
use super::spans::SpanSet;
use super::surroundings;
use super::touch::touch;
use crate::error::FuseError;
use crate::gdal::Session;

/// The pixels of a grid that are inside of any of the polygons; `None` when there is none.
///
/// Edges are straight in longitude and latitude (RFC 7946, 3.1.1), and right on the grid within a
/// tenth of a pixel. A pixel is inside when its centre is, and with `all_touched` also when the
/// outline passes through it. Polygons may lie on either side of the antimeridian.
///
/// Blocks the calling thread, on which it configures GDAL until it returns.
///
/// # Errors
/// [`FuseError::Internal`] when PROJ cannot go from longitude and latitude to the grid's system.
pub fn on_grid(
    polygons: &[LonLatPolygon],
    all_touched: bool,
    place: &Place,
) -> Result<Option<PolygonArea>, FuseError> {
    let session = Session::start()?;
    rasterize(polygons, all_touched, place)
        .map_err(|error| session.internal("carry an area over to the raster", &error))
}

fn rasterize(
    polygons: &[LonLatPolygon],
    all_touched: bool,
    place: &Place,
) -> Result<Option<PolygonArea>, GdalError> {
    // Both systems with the longitude, or what goes to the east, first.
    let lon_lat = SpatialRef::from_definition("OGC:CRS84")?;
    let mut system = SpatialRef::from_definition(&place.system)?;
    system.set_axis_mapping_strategy(AxisMappingStrategy::TraditionalGisOrder);
    let around = CoordTransform::new(&system, &lon_lat)?;
    let around = surroundings::of_grid(place.transform, place.size, &around)?;
    let to_system = CoordTransform::new(&lon_lat, &system)?;
    let to_pixels = ToPixels {
        to_system: &to_system,
        transform: place.transform,
    };
    // Each polygon near the grid, in whichever turn round the Earth that is.
    let mut spans = SpanSet::new(place.size);
    for polygon in polygons {
        for turn in [-360.0, 0.0, 360.0] {
            let near = near(polygon, turn, around);
            let rings = near.iter().map(|ring| to_pixels.ring(ring));
            let rings: Vec<PixelRing> = rings.collect::<Result<_, _>>()?;
            fill(&rings, &mut spans);
            if all_touched {
                touch(&rings, &mut spans);
            }
        }
    }
    Ok(PolygonArea::new(spans))
}

/// The rings of the polygon within the bounds, moved by `turn` degrees of longitude; none if its
/// outline is not there.
fn near(polygon: &LonLatPolygon, turn: f64, bounds: Bounds) -> LonLatPolygon {
    let bounds = Bounds {
        west: bounds.west - turn,
        east: bounds.east - turn,
        ..bounds
    };
    let mut near = vec![];
    for ring in polygon {
        let inside = cut(ring, bounds);
        if inside.is_empty() && near.is_empty() {
            return near;
        }
        near.push(inside.iter().map(|(lon, lat)| (lon + turn, *lat)).collect());
    }
    near
}
