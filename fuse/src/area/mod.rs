//! Areas on a grid: which pixels lie inside of polygons in longitude and latitude.
//!
//! `on_grid` carries the polygons over to the grid: rings are cut to the surroundings of the grid
//! (`surroundings`, `cut`), and their edges, which are straight in longitude and latitude, become
//! polylines of pixels (`outline`). `fill` finds the pixels whose centre is inside, `touch` those that
//! an outline passes through; the rules are those of GDAL's rasterize. What comes out is a
//! [`PolygonArea`]: the columns of each row.

mod cut;
mod fill;
mod on_grid;
mod outline;
mod place;
mod polygon_area;
mod spans;
mod surroundings;
#[cfg(test)]
mod tests;
mod touch;

pub use on_grid::on_grid;
pub use outline::LonLatPolygon;
pub use place::Place;
pub use polygon_area::PolygonArea;
