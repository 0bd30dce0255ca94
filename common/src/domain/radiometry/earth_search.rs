//! The rule for files with a STAC item: COGs of Earth Search, and files as ESA makes them.

use std::collections::BTreeMap;

use super::baseline::Baseline;
use super::error::RadiometryError;
use super::item::Item;
use super::sentinel2::{name, of_baseline};
use super::value::Radiometry;
use crate::domain::recipe::ScaleOffset;

/// The offset of a number that says "none", in reflectance: less than a tenth of a step.
const NO_OFFSET: f64 = 1e-5;

/// The radiometry of `bands`, each with the name of its object, by their STAC `item`.
///
/// In the COGs of Earth Search's collection `sentinel-2-l2a` the offset is already applied where
/// the flag `earthsearch:boa_offset_applied` says so; `raster:bands` has the offset all the same.
/// The JPEG 2000 files of the same item still need it. An item without the flag describes files as
/// ESA makes them, unless its collection needs one. A flag that is false does so too.
///
/// # Errors
/// [`RadiometryError::Unknown`] when neither the item's values nor its baseline say it,
/// [`RadiometryError::Disagree`] when they do not agree.
pub fn radiometry_of_item(
    item: &Item,
    bands: &[(&str, &str)],
) -> Result<Radiometry, RadiometryError> {
    let mut values = BTreeMap::new();
    let mut applied = false;
    for &(band, object) in bands {
        let is_applied = item.offset_applied == Some(true) && !is_jpeg2000(object);
        applied |= is_applied;
        values.insert(band.to_owned(), of_object(item, band, object, is_applied)?);
    }
    let document = name(&item.place);
    let has_values = |&(_, object): &(&str, &str)| item.of_object(object).1.is_some();
    let why = match item.baseline {
        _ if applied => {
            format!("the offset is already applied, by boa_offset_applied in {document}")
        }
        Some(baseline) if !bands.iter().any(has_values) => {
            format!("processing baseline {baseline} in {document}")
        }
        _ => format!("scale and offset in {document}"),
    };
    let baseline = item.baseline.map(|baseline| baseline.to_string());
    Radiometry::new(values, baseline, why)
}

fn of_object(
    item: &Item,
    band: &str,
    object: &str,
    is_applied: bool,
) -> Result<ScaleOffset, RadiometryError> {
    let place = &item.place;
    let (scale, offset) = item.of_object(object);
    // Only the flag tells it in collections where some COGs have the offset and others do not.
    let is_old = item.baseline.and_then(Baseline::has_offset) == Some(false);
    if item.needs_flag && item.offset_applied.is_none() && !is_jpeg2000(object) && !is_old {
        let looked = format!("{place} lacks earthsearch:boa_offset_applied");
        return Err(RadiometryError::unknown(&[band], looked));
    }
    let of_baseline = item.baseline.and_then(|baseline| {
        let has_offset = baseline.has_offset()?;
        Some((has_offset, of_baseline(has_offset), baseline))
    });
    // The scale, which is the same for all products so far.
    let scale = match (scale, of_baseline) {
        (Some(scale), _) if scale > 0.0 && scale.is_finite() => scale,
        (Some(scale), _) => {
            return Err(RadiometryError::Document {
                document: place.clone(),
                cause: format!("its scale of {object} is {scale}"),
            });
        }
        (None, Some((_, value, _))) => value.scale,
        (None, None) => {
            let looked = format!("{place} has no scale of {object} and no processing baseline");
            return Err(RadiometryError::unknown(&[band], looked));
        }
    };
    // The offset: none where it is applied, else the item's, on which the baseline must agree.
    let offset = match (offset, of_baseline) {
        _ if is_applied => 0.0,
        (Some(offset), Some((has_offset, _, baseline)))
            if (offset.abs() > NO_OFFSET) != has_offset =>
        {
            return Err(RadiometryError::disagree(
                format!("processing baseline {baseline}"),
                format!("offset {offset} of {object} in {place}"),
            ));
        }
        (Some(offset), _) => offset,
        (None, Some((_, value, _))) => value.offset,
        (None, None) => {
            let looked = format!("{place} has no offset of {object} and no processing baseline");
            return Err(RadiometryError::unknown(&[band], looked));
        }
    };
    Ok(ScaleOffset { scale, offset })
}

fn is_jpeg2000(object: &str) -> bool {
    object
        .rsplit_once('.')
        .is_some_and(|(_, extension)| extension.eq_ignore_ascii_case("jp2"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(flag: Option<bool>, baseline: Option<&str>, offset: Option<f64>) -> Item {
        let values = (offset.map(|_| 0.0001), offset);
        Item {
            place: "x/S2A.json".to_owned(),
            baseline: baseline.and_then(Baseline::parse),
            offset_applied: flag,
            needs_flag: false,
            assets: ["B04.tif", "B04.jp2"]
                .map(|name| (name.to_owned(), values))
                .into(),
        }
    }

    fn outcome(item: &Item, object: &str) -> Result<f64, &'static str> {
        let known = radiometry_of_item(item, &[("B04", object)]).map_err(|error| error.code())?;
        let value = known.of_cell().unwrap();
        assert!((value.scale - 0.0001).abs() < 1e-12);
        Ok(value.offset)
    }

    /// What the metadata say (offset, baseline) × what the flag says, for the COG and the JP2.
    #[test]
    fn the_flag_counts_for_cogs_and_values_must_agree_with_the_baseline() {
        const YES: Option<bool> = Some(true);
        const NO: Option<bool> = Some(false);
        let (unknown, disagree) = (Err("unknown_radiometry"), Err("radiometry_disagrees"));
        let (old, new) = (Some("02.14"), Some("05.09"));
        let (esa, zero) = (Some(-0.1), Some(0.0));
        // (flag, baseline, offset, COG, JP2)
        let cases = [
            (YES, new, esa, Ok(0.0), Ok(-0.1)),
            (YES, new, zero, Ok(0.0), disagree),
            (YES, new, None, Ok(0.0), Ok(-0.1)),
            (YES, old, zero, Ok(0.0), Ok(0.0)),
            (YES, old, esa, Ok(0.0), disagree),
            (YES, None, esa, Ok(0.0), Ok(-0.1)),
            (NO, new, esa, Ok(-0.1), Ok(-0.1)),
            (NO, new, zero, disagree, disagree),
            (NO, new, None, Ok(-0.1), Ok(-0.1)),
            (NO, old, zero, Ok(0.0), Ok(0.0)),
            (NO, old, esa, disagree, disagree),
            (NO, old, None, Ok(0.0), Ok(0.0)),
            (NO, None, esa, Ok(-0.1), Ok(-0.1)),
            (NO, None, None, unknown, unknown),
            (None, new, esa, Ok(-0.1), Ok(-0.1)),
            (None, new, zero, disagree, disagree),
            (None, new, None, Ok(-0.1), Ok(-0.1)),
            (None, old, zero, Ok(0.0), Ok(0.0)),
            (None, None, zero, Ok(0.0), Ok(0.0)),
            (None, Some("99.99"), None, unknown, unknown),
            (None, None, None, unknown, unknown),
        ];
        for (flag, baseline, offset, cog, jp2) in cases {
            let item = item(flag, baseline, offset);
            assert_eq!(outcome(&item, "B04.tif"), cog, "COG of {item:?}");
            assert_eq!(outcome(&item, "B04.jp2"), jp2, "JP2 of {item:?}");
        }
    }

    #[test]
    fn a_collection_that_needs_the_flag_is_unknown_without_it() {
        let mut item = item(None, Some("05.09"), Some(-0.1));
        item.needs_flag = true;
        assert_eq!(outcome(&item, "B04.tif"), Err("unknown_radiometry"));
        assert_eq!(outcome(&item, "B04.jp2"), Ok(-0.1));
        item.baseline = Baseline::parse("02.14");
        item.assets
            .insert("B04.tif".to_owned(), (Some(0.0001), Some(0.0)));
        assert_eq!(outcome(&item, "B04.tif"), Ok(0.0));
    }

    #[test]
    fn the_reason_names_what_counted() {
        let why = |item: Item| {
            radiometry_of_item(&item, &[("B04", "B04.tif")])
                .unwrap()
                .why
        };
        assert_eq!(
            why(item(Some(true), Some("05.09"), Some(-0.1))),
            "the offset is already applied, by boa_offset_applied in S2A.json"
        );
        assert_eq!(
            why(item(None, Some("05.09"), None)),
            "processing baseline 05.09 in S2A.json"
        );
        assert_eq!(
            why(item(None, Some("05.09"), Some(-0.1))),
            "scale and offset in S2A.json"
        );
    }

    #[test]
    fn bands_of_which_one_is_applied_are_refused() {
        let item = item(Some(true), Some("05.09"), Some(-0.1));
        let known = radiometry_of_item(&item, &[("B04", "B04.tif"), ("B08", "B04.jp2")]);
        assert_eq!(known.unwrap_err().code(), "radiometry_disagrees");
    }

    #[test]
    fn an_item_that_lacks_an_asset_says_so_and_wrong_scales_are_refused() {
        let mut wrong = item(None, None, Some(-0.1));
        let known = radiometry_of_item(&wrong, &[("B08", "B08.tif")]);
        assert_eq!(
            known.unwrap_err().to_string(),
            "scale and offset of B08 are unknown: x/S2A.json has no scale of B08.tif and no processing baseline; say them in the recipe with assume under [radiometry]"
        );
        wrong
            .assets
            .insert("B04.tif".to_owned(), (Some(0.0), Some(0.0)));
        assert_eq!(outcome(&wrong, "B04.tif"), Err("bad_metadata"));
    }
}
