//! The bands of a cell side by side in memory, with their overviews and statistics.

use gdal::raster::{Buffer, ColorInterpretation};
use gdal::{Dataset, DriverManager, Metadata};

use super::decode::{Block, Sample};
use super::error::FuseError;
use super::georeference::Georeference;
use super::header::Header;
use super::session::Session;
use super::statistics::{BandStatistics, Histogram};
use super::{Cancel, overviews};

/// Sentinel-2 marks pixels without data with 0, though its files do not say so.
pub(super) const NODATA: u16 = 0;

/// A raster in GDAL's memory that is filled block by block.
pub(super) struct Canvas {
    dataset: Dataset,
    histograms: Vec<Histogram>,
}

/// A raster that is ready to be written.
pub(super) struct Assembled {
    pub(super) dataset: Dataset,
    pub(super) statistics: Vec<BandStatistics>,
    pub(super) overviews: Vec<u32>,
}

impl Canvas {
    pub(super) fn new<T: Sample>(
        session: &Session,
        header: &Header,
        bands: usize,
    ) -> Result<Self, FuseError> {
        let driver = DriverManager::get_driver_by_name("MEM")
            .map_err(|error| session.internal("find its driver MEM", &error))?;
        let needed =
            header.pixels().saturating_mul(header.sample_type().bytes()).saturating_mul(bands as u64);
        let no_memory = |detail| FuseError::Memory { needed, detail };
        let size = usize::try_from(header.width).ok().zip(usize::try_from(header.height).ok());
        let (width, height) = size.ok_or_else(|| no_memory("the image is too large".into()))?;
        let dataset = driver
            .create_with_band_type::<T, _>("", width, height, bands)
            .map_err(|error| no_memory(session.reason(&error)))?;
        let histograms = std::iter::repeat_with(Histogram::new).take(bands).collect();
        Ok(Self { dataset, histograms })
    }

    /// Puts a block of the band `index`, counted from 0, into its place.
    pub(super) fn put<T: Sample>(
        &mut self,
        session: &Session,
        index: usize,
        block: Block<T>,
    ) -> Result<(), FuseError> {
        let Block { origin, size, samples } = block;
        if let Some(histogram) = self.histograms.get_mut(index) {
            histogram.add(samples.iter().map(|&sample| sample.into()));
        }
        let window = (origin.0.cast_signed(), origin.1.cast_signed());
        self.dataset
            .rasterband(index.saturating_add(1))
            .and_then(|mut band| band.write(window, size, &mut Buffer::new(size, samples)))
            .map_err(|error| session.internal("keep decoded samples", &error))
    }

    /// Adds all that is not pixels, and the overviews.
    pub(super) fn finish<'a, T: Sample>(
        mut self,
        session: &Session,
        georeference: &Georeference,
        names: impl Iterator<Item = &'a str>,
        metadata: &[(String, String)],
        cancel: &Cancel,
    ) -> Result<Assembled, FuseError> {
        let statistics: Vec<_> = self.histograms.iter().map(|counts| counts.statistics(NODATA)).collect();
        self.describe(georeference, names, metadata, &statistics)
            .map_err(|error| session.internal("describe the output", &error))?;
        let (width, height) = self.dataset.raster_size();
        let factors = overviews::factors(width.min(height));
        overviews::build::<T>(&mut self.dataset, &factors, NODATA.into(), cancel)
            .map_err(|error| error.explain(session))?;
        if let Some(detail) = session.heard() {
            return Err(FuseError::Internal { step: "assemble the bands", detail });
        }
        Ok(Assembled { dataset: self.dataset, statistics, overviews: factors })
    }

    fn describe<'a>(
        &mut self,
        georeference: &Georeference,
        names: impl Iterator<Item = &'a str>,
        metadata: &[(String, String)],
        statistics: &[BandStatistics],
    ) -> gdal::errors::Result<()> {
        self.dataset.set_spatial_ref(&georeference.system)?;
        self.dataset.set_geo_transform(&georeference.transform)?;
        for (key, value) in metadata {
            self.dataset.set_metadata_item(key, value, "")?;
        }
        let bands = statistics.len();
        for (index, (name, statistics)) in names.zip(statistics).enumerate() {
            let mut band = self.dataset.rasterband(index + 1)?;
            band.set_description(name)?;
            // Before the overviews are built: they leave out what is nodata by then.
            band.set_no_data_value(Some(NODATA.into()))?;
            if let Some(colour) = colour(index, bands) {
                band.set_color_interpretation(colour)?;
            }
            for (key, value) in statistics.items() {
                band.set_metadata_item(key, &value, "")?;
            }
        }
        Ok(())
    }
}

/// Three bands are a colour image, whatever their wavelengths: that is how viewers open them.
fn colour(index: usize, bands: usize) -> Option<ColorInterpretation> {
    match (index, bands) {
        (0, 3) => Some(ColorInterpretation::RedBand),
        (1, 3) => Some(ColorInterpretation::GreenBand),
        (2, 3) => Some(ColorInterpretation::BlueBand),
        _ => None,
    }
}
