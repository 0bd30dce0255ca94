//! The radiometry of a cell as a value.

use std::collections::BTreeMap;

use super::error::RadiometryError;
use crate::domain::recipe::ScaleOffset;

/// How the stored numbers of a cell's bands become reflectance: `number * scale + offset`.
///
/// All bands have the same scale and offset: bands that differ are refused.
#[derive(Debug, Clone, PartialEq)]
pub struct Radiometry {
    /// By the name of a band in the cell's assets.
    bands: BTreeMap<String, ScaleOffset>,
    /// The processing baseline of a product of Sentinel-2, as `04.00`.
    pub baseline: Option<String>,
    /// Which document says it, for the item and the raster: one line.
    pub why: String,
}

impl Radiometry {
    /// The radiometry of `bands`, which `why` says.
    ///
    /// # Errors
    /// [`RadiometryError::Disagree`] when two bands differ.
    pub fn new(
        bands: BTreeMap<String, ScaleOffset>,
        baseline: Option<String>,
        why: String,
    ) -> Result<Self, RadiometryError> {
        if let Some((first, value)) = bands.first_key_value() {
            let differs = |(_, other): &(&String, &ScaleOffset)| !same(**other, *value);
            if let Some((other, other_value)) = bands.iter().find(differs) {
                let one = format!("{} of band {first}", show(*value));
                return Err(RadiometryError::disagree(
                    one,
                    format!("{} of band {other}", show(*other_value)),
                ));
            }
        }
        Ok(Self {
            bands,
            baseline,
            why,
        })
    }

    /// The radiometry that a recipe assumes, whatever documents say.
    pub fn assumed(bands: &[&str], value: ScaleOffset) -> Self {
        Self::of_all(bands, value, None, "assumed by the recipe".to_owned())
    }

    /// One scale and offset for all `bands`.
    pub(super) fn of_all(
        bands: &[&str],
        value: ScaleOffset,
        baseline: Option<String>,
        why: String,
    ) -> Self {
        let bands = bands.iter().map(|band| ((*band).to_owned(), value));
        Self {
            bands: bands.collect(),
            baseline,
            why,
        }
    }

    /// Scale and offset of a band.
    pub fn of_band(&self, band: &str) -> Option<ScaleOffset> {
        self.bands.get(band).copied()
    }

    /// Scale and offset of all bands; `None` if there are no bands.
    pub fn of_cell(&self) -> Option<ScaleOffset> {
        self.bands.values().next().copied()
    }

    /// The radiometry of the bands of both.
    ///
    /// # Errors
    /// [`RadiometryError::Disagree`] when they have different values or baselines.
    pub fn and(self, other: Self) -> Result<Self, RadiometryError> {
        if self.bands.is_empty() {
            return Ok(other);
        }
        let Self {
            mut bands,
            baseline,
            why,
        } = self;
        bands.extend(other.bands);
        if let (Some(one), Some(two)) = (&baseline, &other.baseline)
            && one != two
        {
            let one = format!("processing baseline {one} of one band");
            let two = format!("{two} of another");
            return Err(RadiometryError::disagree(one, two));
        }
        Self::new(bands, baseline.or(other.baseline), why)
    }

    /// Compares with what the file of `band` says itself. It cannot tell the radiometry: an offset
    /// that is already in the numbers is often named all the same.
    ///
    /// # Errors
    /// [`RadiometryError::Disagree`] when the file says something else.
    pub fn confirm(&self, band: &str, of_file: ScaleOffset) -> Result<(), RadiometryError> {
        match self.bands.get(band) {
            Some(known) if !same(*known, of_file) => Err(RadiometryError::disagree(
                format!("{} in the file of band {band}", show(of_file)),
                format!("{} ({})", show(*known), self.why),
            )),
            _ => Ok(()),
        }
    }
}

/// Whether both make the same reflectance: within a millionth of the scale, and a thousandth of a
/// step of the offset. Files keep them as text or as binary32.
fn same(one: ScaleOffset, other: ScaleOffset) -> bool {
    let step = one.scale.abs().max(other.scale.abs());
    (one.scale - other.scale).abs() <= step * 1e-6
        && (one.offset - other.offset).abs() <= step * 1e-3
}

fn show(value: ScaleOffset) -> String {
    format!("scale {} and offset {}", value.scale, value.offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    const APPLIED: ScaleOffset = ScaleOffset {
        scale: 0.0001,
        offset: 0.0,
    };
    const ESA: ScaleOffset = ScaleOffset {
        scale: 0.0001,
        offset: -0.1,
    };

    #[test]
    fn bands_of_one_cell_that_differ_are_refused() {
        let bands = [("B04".to_owned(), ESA), ("B08".to_owned(), APPLIED)];
        let refused = Radiometry::new(bands.into(), None, String::new());
        assert_eq!(
            refused.unwrap_err().to_string(),
            "scale 0.0001 and offset -0.1 of band B04 does not agree with scale 0.0001 and offset 0 of band B08; say scale and offset in the recipe with assume under [radiometry]"
        );
        let one = Radiometry::assumed(&["B04"], ESA);
        let other = Radiometry::assumed(&["B08"], APPLIED);
        assert!(one.clone().and(other).is_err());
        let both = one.and(Radiometry::assumed(&["B08"], ESA)).unwrap();
        assert_eq!(both.of_band("B08"), Some(ESA));
        assert_eq!(both.of_band("B11"), None);
    }

    #[test]
    fn bands_of_two_baselines_are_refused() {
        let of = |baseline: &str| {
            let baseline = Some(baseline.to_owned());
            Radiometry::of_all(&["B04"], ESA, baseline, String::new())
        };
        assert!(of("04.00").and(of("05.09")).is_err());
        assert!(of("04.00").and(of("04.00")).is_ok());
    }

    #[test]
    fn a_file_may_confirm_and_must_not_contradict() {
        let known = Radiometry::assumed(&["B04"], ESA);
        let rounded = ScaleOffset {
            scale: f64::from(0.0001_f32),
            offset: f64::from(-0.1_f32),
        };
        assert_eq!(known.confirm("B04", rounded), Ok(()));
        assert_eq!(known.confirm("SCL", APPLIED), Ok(()));
        assert_eq!(
            known.confirm("B04", APPLIED).unwrap_err().code(),
            "radiometry_disagrees"
        );
    }
}
