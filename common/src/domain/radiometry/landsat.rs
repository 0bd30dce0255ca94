//! The rule for Landsat Collection 2, level 2.

use std::collections::BTreeMap;

use super::error::RadiometryError;
use super::mtl::Mtl;
use super::sentinel2::name;
use super::value::Radiometry;
use crate::domain::recipe::ScaleOffset;
use crate::domain::{LandsatLevel, LandsatProduct};

/// Surface reflectance of all products of Collection 2 (USGS, "How do I use a scale factor with
/// Landsat Level-2 science products?").
const COLLECTION_2: ScaleOffset = ScaleOffset {
    scale: 2.75e-5,
    offset: -0.2,
};

/// The radiometry of `bands` of a Landsat product: the values of its `MTL`. Only if that is missing,
/// the product's name, which says collection and level, does it.
///
/// # Errors
/// [`RadiometryError::Level1`] for a product without surface reflectance,
/// [`RadiometryError::Disagree`] when the `MTL` is of another product, and
/// [`RadiometryError::Unknown`] when it lacks a band.
pub fn radiometry_of_landsat(
    product: &LandsatProduct,
    mtl: Option<&Mtl>,
    bands: &[&str],
) -> Result<Radiometry, RadiometryError> {
    if product.level == LandsatLevel::Level1 {
        return Err(RadiometryError::Level1 {
            product: product.name.clone(),
            level: "L1".to_owned(),
        });
    }
    let Some(mtl) = mtl else {
        let why = "Collection 2, level 2, by the product's name".to_owned();
        return Ok(Radiometry::of_all(bands, COLLECTION_2, None, why));
    };
    if let Some(of_mtl) = mtl
        .product
        .as_ref()
        .filter(|of_mtl| **of_mtl != product.name)
    {
        return Err(RadiometryError::disagree(
            format!("product {}", product.name),
            format!("{of_mtl} in {}", mtl.place),
        ));
    }
    let mut values = BTreeMap::new();
    for &band in bands {
        let value = mtl.bands.get(band).ok_or_else(|| {
            RadiometryError::unknown(&[band], format!("{} has no values of it", mtl.place))
        })?;
        values.insert(band.to_owned(), *value);
    }
    let why = format!("surface reflectance parameters in {}", name(&mtl.place));
    Radiometry::new(values, None, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(level: &str) -> LandsatProduct {
        let name = format!("LC08_{level}_008059_20191201_20200825_02_T1");
        LandsatProduct::from_name(&name).unwrap()
    }

    fn mtl() -> Mtl {
        let value = ScaleOffset {
            scale: 2.75e-5,
            offset: -0.2,
        };
        Mtl {
            place: "x/x_MTL.json".to_owned(),
            product: Some(product("L2SP").name),
            level: "L2SP".to_owned(),
            bands: ["SR_B4", "SR_B5"]
                .map(|band| (band.to_owned(), value))
                .into(),
        }
    }

    #[test]
    fn the_mtl_counts_and_the_name_only_without_it() {
        let bands = ["SR_B4", "SR_B5"];
        let known = radiometry_of_landsat(&product("L2SP"), Some(&mtl()), &bands).unwrap();
        assert_eq!(known.of_band("SR_B5"), Some(COLLECTION_2));
        assert_eq!(known.why, "surface reflectance parameters in x_MTL.json");
        let known = radiometry_of_landsat(&product("L2SR"), None, &bands).unwrap();
        assert_eq!(known.of_cell(), Some(COLLECTION_2));
    }

    #[test]
    fn level_1_another_product_and_missing_bands_are_refused() {
        let code = |product: &LandsatProduct, mtl: Option<&Mtl>, band: &str| {
            let known = radiometry_of_landsat(product, mtl, &[band]);
            known.unwrap_err().code()
        };
        assert_eq!(code(&product("L1TP"), None, "SR_B4"), "wrong_level");
        assert_eq!(
            code(&product("L2SR"), Some(&mtl()), "SR_B4"),
            "radiometry_disagrees"
        );
        assert_eq!(
            code(&product("L2SP"), Some(&mtl()), "SR_B9"),
            "unknown_radiometry"
        );
    }
}
