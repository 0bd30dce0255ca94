//! `productInfo.json`, which the scene buckets of Sentinel-2 keep beside the bands of a tile.

use serde::Deserialize;

use super::baseline::Baseline;
use super::error::RadiometryError;

/// What a `productInfo.json` says of the product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductInfo {
    /// Its address or path.
    pub place: String,
    /// The processing baseline, from the product's name or the data take.
    pub baseline: Option<Baseline>,
    /// Where the product's own metadata are, from the root of the bucket:
    /// `products/2018/6/17/S2B_MSIL1C_…`.
    pub path: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    name: Option<String>,
    path: Option<String>,
    datatake_identifier: Option<String>,
}

impl ProductInfo {
    /// Parses the document at `place`.
    ///
    /// # Errors
    /// [`RadiometryError`] when it is another document, or names two baselines of which one has an
    /// offset.
    pub fn parse(place: &str, json: &[u8]) -> Result<Self, RadiometryError> {
        let wrong = |cause: String| RadiometryError::Document {
            document: place.to_owned(),
            cause,
        };
        let fields: Fields =
            serde_json::from_slice(json).map_err(|error| wrong(error.to_string()))?;
        let in_name = fields.name.as_deref().and_then(Baseline::in_name);
        let datatake = fields.datatake_identifier.as_deref();
        let in_datatake = datatake.and_then(Baseline::in_name);
        // The data take of a product of level 2A can have the baseline of its level 1C.
        if let (Some(name), Some(datatake)) = (in_name, in_datatake)
            && name.has_offset() != datatake.has_offset()
        {
            return Err(RadiometryError::disagree(
                format!("processing baseline {name} of the name in {place}"),
                format!("{datatake} of its datatakeIdentifier"),
            ));
        }
        if let Some(path) = &fields.path
            && !is_inside(path)
        {
            return Err(wrong(format!(
                "its path {path:?} is not one below products/"
            )));
        }
        Ok(Self {
            place: place.to_owned(),
            baseline: in_name.or(in_datatake),
            path: fields.path,
        })
    }
}

/// Whether a path stays below `products/`.
fn is_inside(path: &str) -> bool {
    let plain = |part: &str| {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        !part.is_empty() && part != "." && part != ".." && part.bytes().all(letter)
    };
    path.starts_with("products/") && path.split('/').all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(name: &str, datatake: &str, path: &str) -> Result<ProductInfo, RadiometryError> {
        let json = serde_json::json!({"name": name, "datatakeIdentifier": datatake, "path": path});
        ProductInfo::parse("productInfo.json", json.to_string().as_bytes())
    }

    #[test]
    fn the_baseline_and_the_place_of_the_product_are_read() {
        let name = "S2B_MSIL1C_20180617T001109_N0206_R073_T55JGF_20180617T013729";
        let path = format!("products/2018/6/17/{name}");
        let info = info(name, "GS2B_20180617T001109_006677_N02.06", &path).unwrap();
        assert_eq!(info.baseline.unwrap().to_string(), "02.06");
        assert_eq!(info.path, Some(path));
    }

    #[test]
    fn two_baselines_are_refused_only_if_one_of_them_has_an_offset() {
        let path = "products/2018/6/17/x";
        let older = info("S2A_MSIL2A_20180409T1_N0207_R1", "GS2A_1_1_N02.06", path).unwrap();
        assert_eq!(older.baseline.unwrap().to_string(), "02.07");
        let error = info("S2A_MSIL2A_20180409T1_N0500_R1", "GS2A_1_1_N02.06", path).unwrap_err();
        assert!(
            error.to_string().starts_with(
                "processing baseline 05.00 of the name in productInfo.json does not agree with 02.06 of its datatakeIdentifier"
            ),
            "{error}"
        );
    }

    #[test]
    fn a_path_that_leaves_the_products_is_refused() {
        for path in [
            "/etc",
            "products/../x",
            "tiles/1",
            "products//x",
            "products/x y",
        ] {
            assert!(info("x", "y", path).is_err(), "{path}");
        }
        assert!(ProductInfo::parse("x", b"[]").is_err());
    }
}
