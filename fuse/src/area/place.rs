//! Where a raster lies.

/// Where a raster lies.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// The coordinate reference system, as WKT or as anything else that GDAL understands, such as
    /// `EPSG:32629`.
    pub system: String,
    /// x of the upper left corner, pixel width, 0, y, 0, negative pixel height, in units of the
    /// system (GDAL raster data model, "Affine `GeoTransform`").
    pub transform: [f64; 6],
    /// Columns and rows.
    pub size: (u32, u32),
}
