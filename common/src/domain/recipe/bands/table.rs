//! The bands of each sensor, with all names by which catalogues call them.
//!
//! Letters, and centre wavelengths of the first satellite with the sensor, are those of
//! awesome-spectral-indices (spyndex 0.12.0). Names are those of the STAC catalogues of Element 84,
//! of the Copernicus Data Space Ecosystem, of USGS and of Earth Engine.

use super::super::resolve::BandKind;
use super::super::sensor::Sensor;

/// A band of a sensor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band {
    /// Its name, which is the key of a cell's assets.
    pub key: &'static str,
    /// The letter that formulas of indices have for it.
    pub letter: Option<&'static str>,
    /// Its other names, in lower case.
    pub(super) names: &'static [&'static str],
    /// What its numbers are.
    pub kind: BandKind,
    /// The size of its pixels in the sensor's finest product, in metres.
    pub metres: f64,
    /// The centre of its wavelengths, in nanometres, if it has one.
    pub centre_nm: Option<f64>,
}

const fn reflectance(
    key: &'static str,
    letter: Option<&'static str>,
    metres: f64,
    centre_nm: f64,
    names: &'static [&'static str],
) -> Band {
    Band {
        key,
        letter,
        names,
        kind: BandKind::Reflectance,
        metres,
        centre_nm: Some(centre_nm),
    }
}

const fn other(
    key: &'static str,
    kind: BandKind,
    metres: f64,
    names: &'static [&'static str],
) -> Band {
    Band {
        key,
        letter: None,
        names,
        kind,
        metres,
        centre_nm: None,
    }
}

/// `rededge` alone is the common name of three bands in older catalogues, so it names none.
const SENTINEL_2: [Band; 17] = [
    reflectance("B01", Some("A"), 60.0, 442.7, &["b1", "coastal"]),
    reflectance("B02", Some("B"), 10.0, 492.4, &["b2", "blue"]),
    reflectance("B03", Some("G"), 10.0, 559.8, &["b3", "green"]),
    reflectance("B04", Some("R"), 10.0, 664.6, &["b4", "red"]),
    reflectance(
        "B05",
        Some("RE1"),
        20.0,
        704.1,
        &["b5", "rededge1", "rededge071"],
    ),
    reflectance(
        "B06",
        Some("RE2"),
        20.0,
        740.5,
        &["b6", "rededge2", "rededge075"],
    ),
    reflectance(
        "B07",
        Some("RE3"),
        20.0,
        782.8,
        &["b7", "rededge3", "rededge078"],
    ),
    reflectance("B08", Some("N"), 10.0, 832.8, &["b8", "nir"]),
    reflectance("B8A", Some("N2"), 20.0, 864.7, &["nir08"]),
    reflectance("B09", Some("WV"), 60.0, 945.1, &["b9", "nir09"]),
    reflectance("B10", None, 60.0, 1373.5, &["cirrus"]),
    reflectance("B11", Some("S1"), 20.0, 1613.7, &["swir16"]),
    reflectance("B12", Some("S2"), 20.0, 2202.4, &["swir22"]),
    other("SCL", BandKind::Class, 20.0, &[]),
    other("CLD", BandKind::Probability, 20.0, &["msk_cldprb", "cloud"]),
    other("AOT", BandKind::Other, 10.0, &[]),
    other("WVP", BandKind::Other, 10.0, &[]),
];

/// `B02`, `B03`, `B04` and `B08` are Sentinel-2's names of blue, green, red and near infrared. No
/// Landsat band is written so. They stand for the same colours here, so that the built-in `rgb`
/// and `false-color`, whose texts are older than Landsat's bands, can be made.
const LANDSAT_OLI: [Band; 10] = [
    reflectance("SR_B1", Some("A"), 30.0, 440.0, &["coastal"]),
    reflectance("SR_B2", Some("B"), 30.0, 480.0, &["blue", "b02"]),
    reflectance("SR_B3", Some("G"), 30.0, 560.0, &["green", "b03"]),
    reflectance("SR_B4", Some("R"), 30.0, 655.0, &["red", "b04"]),
    reflectance("SR_B5", Some("N"), 30.0, 865.0, &["nir08", "nir", "b08"]),
    reflectance("SR_B6", Some("S1"), 30.0, 1610.0, &["swir16"]),
    reflectance("SR_B7", Some("S2"), 30.0, 2200.0, &["swir22"]),
    other("QA_PIXEL", BandKind::Bits, 30.0, &[]),
    other("QA_RADSAT", BandKind::Bits, 30.0, &[]),
    other("SR_QA_AEROSOL", BandKind::Bits, 30.0, &["qa_aerosol"]),
];

const LANDSAT_TM: [Band; 9] = [
    reflectance("SR_B1", Some("B"), 30.0, 485.0, &["blue", "b02"]),
    reflectance("SR_B2", Some("G"), 30.0, 560.0, &["green", "b03"]),
    reflectance("SR_B3", Some("R"), 30.0, 660.0, &["red", "b04"]),
    reflectance("SR_B4", Some("N"), 30.0, 830.0, &["nir08", "nir", "b08"]),
    reflectance("SR_B5", Some("S1"), 30.0, 1650.0, &["swir16"]),
    reflectance("SR_B7", Some("S2"), 30.0, 2215.0, &["swir22"]),
    other("QA_PIXEL", BandKind::Bits, 30.0, &[]),
    other("QA_RADSAT", BandKind::Bits, 30.0, &[]),
    other("SR_CLOUD_QA", BandKind::Bits, 30.0, &["cloud_qa"]),
];

/// The bands of a sensor.
pub fn bands_of(sensor: Sensor) -> &'static [Band] {
    match sensor {
        Sensor::Sentinel2 => &SENTINEL_2,
        Sensor::LandsatOli => &LANDSAT_OLI,
        Sensor::LandsatTm => &LANDSAT_TM,
    }
}
