//! The rules for products of Sentinel-2 as ESA makes them.

use std::collections::BTreeMap;

use super::baseline::Baseline;
use super::error::RadiometryError;
use super::product_info::ProductInfo;
use super::product_xml::ProductMetadata;
use super::value::Radiometry;
use crate::domain::recipe::ScaleOffset;

/// The number that means reflectance 1 in all products so far, beside an offset.
const QUANTIFICATION: f64 = 10_000.0;
/// The offset of all products from baseline 04.00 on, in numbers.
const OFFSET: f64 = -1000.0;

/// The scale and offset of the baseline, where no document has the values.
pub(super) fn of_baseline(has_offset: bool) -> ScaleOffset {
    ScaleOffset {
        scale: 1.0 / QUANTIFICATION,
        offset: if has_offset {
            OFFSET / QUANTIFICATION
        } else {
            0.0
        },
    }
}

/// The radiometry of `bands` in a scene bucket: the values of the product's own metadata. Only if
/// these are `missing`, the baseline of `productInfo.json` says it.
///
/// # Errors
/// [`RadiometryError::Unknown`] when neither says it, [`RadiometryError::Disagree`] when both do and
/// do not agree.
pub fn radiometry_of_tile(
    info: &ProductInfo,
    product: Option<&ProductMetadata>,
    bands: &[&str],
) -> Result<Radiometry, RadiometryError> {
    if let Some(product) = product {
        let baseline = info
            .baseline
            .map(|baseline| (baseline, info.place.as_str()));
        return of_metadata(product, baseline, bands);
    }
    let place = &info.place;
    let Some(baseline) = info.baseline else {
        let looked = format!("{place} names no processing baseline, and no product metadata exist");
        return Err(RadiometryError::unknown(bands, looked));
    };
    let Some(has_offset) = baseline.has_offset() else {
        let looked = format!("{place} names {baseline}, a test run, and no product metadata exist");
        return Err(RadiometryError::unknown(bands, looked));
    };
    let why = format!("processing baseline {baseline} of {}", name(place));
    let value = of_baseline(has_offset);
    Ok(Radiometry::of_all(
        bands,
        value,
        Some(baseline.to_string()),
        why,
    ))
}

/// The radiometry of `bands` in a product as it is delivered, by its own metadata.
///
/// # Errors
/// [`RadiometryError`] when the metadata contradict themselves, or lack a band.
pub fn radiometry_of_product(
    product: &ProductMetadata,
    bands: &[&str],
) -> Result<Radiometry, RadiometryError> {
    of_metadata(product, None, bands)
}

fn of_metadata(
    product: &ProductMetadata,
    elsewhere: Option<(Baseline, &str)>,
    bands: &[&str],
) -> Result<Radiometry, RadiometryError> {
    let place = &product.place;
    let has_offset = product.offsets.values().any(|&offset| offset != 0.0);

    // What baselines say of an offset must be what the metadata have.
    let own = product.baseline.map(|baseline| (baseline, place.as_str()));
    for (baseline, from) in own.into_iter().chain(elsewhere) {
        if baseline
            .has_offset()
            .is_some_and(|expected| expected != has_offset)
        {
            let found = if has_offset { "an offset" } else { "no offset" };
            return Err(RadiometryError::disagree(
                format!("processing baseline {baseline} of {from}"),
                format!("{found} in {place}"),
            ));
        }
    }

    // The value of each band.
    let mut values = BTreeMap::new();
    for &band in bands {
        let offset = match product.offsets.get(band) {
            Some(&offset) => offset,
            None if product.offsets.is_empty() => 0.0,
            None => {
                let looked = format!("{place} has offsets, but none for {band}");
                return Err(RadiometryError::unknown(&[band], looked));
            }
        };
        let value = ScaleOffset {
            scale: 1.0 / product.quantification,
            offset: offset / product.quantification,
        };
        values.insert(band.to_owned(), value);
    }
    let offset = if has_offset { "offset" } else { "no offset" };
    let why = format!("quantification and {offset} in {}", name(place));
    let baseline = product.baseline.or(elsewhere.map(|(baseline, _)| baseline));
    Radiometry::new(values, baseline.map(|baseline| baseline.to_string()), why)
}

/// The name of a document without the folders of this machine or bucket: it goes into rasters.
pub(super) fn name(place: &str) -> &str {
    place.rsplit('/').next().unwrap_or(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BANDS: [&str; 2] = ["B04", "B08"];

    fn info(baseline: Option<&str>) -> ProductInfo {
        ProductInfo {
            place: "tiles/productInfo.json".to_owned(),
            baseline: baseline.map(|text| Baseline::parse(text).unwrap()),
            path: None,
        }
    }

    fn product(baseline: &str, offset: Option<f64>) -> ProductMetadata {
        let offsets = offset.map(|offset| BANDS.map(|band| (band.to_owned(), offset)));
        ProductMetadata {
            place: "products/metadata.xml".to_owned(),
            baseline: Baseline::parse(baseline),
            quantification: 10_000.0,
            offsets: offsets.into_iter().flatten().collect(),
        }
    }

    fn outcome(known: Result<Radiometry, RadiometryError>) -> Result<f64, &'static str> {
        let known = known.map_err(|error| error.code())?;
        assert!((known.of_band("B04").unwrap().scale - 0.0001).abs() < 1e-12);
        Ok(known.of_cell().unwrap().offset)
    }

    /// What `productInfo.json` says × what the product's metadata say.
    #[test]
    fn the_products_values_count_and_the_baseline_only_without_them() {
        let (unknown, disagree) = (Err("unknown_radiometry"), Err("radiometry_disagrees"));
        let (none, both) = (None::<ProductMetadata>, Some);
        let old = || both(product("02.14", None));
        let new = || both(product("04.00", Some(-1000.0)));
        let other = || both(product("05.11", Some(-1200.0)));
        let zeros = || both(product("02.14", Some(0.0)));
        let test_run = || both(product("99.99", Some(-1000.0)));
        let cases = [
            (None, none.clone(), unknown),
            (Some("02.14"), none.clone(), Ok(0.0)),
            (Some("03.01"), none.clone(), Ok(0.0)),
            (Some("04.00"), none.clone(), Ok(-0.1)),
            (Some("05.11"), none.clone(), Ok(-0.1)),
            (Some("99.99"), none, unknown),
            (None, old(), Ok(0.0)),
            (Some("02.14"), old(), Ok(0.0)),
            (Some("02.14"), zeros(), Ok(0.0)),
            (Some("04.00"), old(), disagree),
            (None, new(), Ok(-0.1)),
            (Some("02.14"), new(), disagree),
            (Some("04.00"), new(), Ok(-0.1)),
            (Some("05.11"), other(), Ok(-0.12)),
            (Some("99.99"), test_run(), Ok(-0.1)),
            (Some("04.00"), both(product("04.00", None)), disagree),
            (
                Some("02.14"),
                both(product("02.14", Some(-1000.0))),
                disagree,
            ),
        ];
        for (baseline, product, expected) in cases {
            let known = radiometry_of_tile(&info(baseline), product.as_ref(), &BANDS);
            assert_eq!(outcome(known), expected, "{baseline:?} {product:?}");
        }
    }

    #[test]
    fn a_band_without_an_offset_and_bands_with_several_are_refused() {
        let mut product = product("04.00", Some(-1000.0));
        let known = radiometry_of_product(&product, &["B04", "B11"]);
        assert_eq!(
            known.unwrap_err().to_string(),
            "scale and offset of B11 are unknown: products/metadata.xml has offsets, but none for B11; say them in the recipe with assume under [radiometry]"
        );
        product.offsets.insert("B08".to_owned(), -900.0);
        let known = radiometry_of_product(&product, &BANDS);
        assert_eq!(known.unwrap_err().code(), "radiometry_disagrees");
    }

    #[test]
    fn the_reason_names_the_document_without_its_folders() {
        let known = radiometry_of_tile(&info(Some("04.00")), None, &BANDS).unwrap();
        assert_eq!(known.why, "processing baseline 04.00 of productInfo.json");
        assert_eq!(known.baseline.as_deref(), Some("04.00"));
        let known = radiometry_of_product(&product("04.00", Some(-1000.0)), &BANDS).unwrap();
        assert_eq!(known.why, "quantification and offset in metadata.xml");
    }
}
