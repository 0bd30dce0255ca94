//! Where a raster lies on the map.

/// Where a raster lies: square pixels, north up, WGS 84 / UTM.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Georeference {
    /// EPSG code of the coordinate reference system.
    pub epsg: u16,
    /// Easting of the left *edge* of the first pixel, in metres.
    pub west: f64,
    /// Northing of the upper *edge* of the first pixel, in metres.
    pub north: f64,
    /// Width of a pixel, in metres.
    pub pixel: f64,
}

impl Georeference {
    /// The six numbers as GDAL orders them.
    pub fn geo_transform(&self) -> [f64; 6] {
        [self.west, self.pixel, 0.0, self.north, 0.0, -self.pixel]
    }
}
