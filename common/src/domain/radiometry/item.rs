//! The STAC item of a scene, as far as it tells the radiometry.

use std::collections::BTreeMap;

use serde_json::Value;

use super::baseline::Baseline;
use super::error::RadiometryError;

/// What an item says of its numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Its address or path.
    pub place: String,
    /// The processing baseline.
    pub baseline: Option<Baseline>,
    /// Whether the offset of baseline 04.00 is already in the numbers of the COGs, which Earth
    /// Search adds to its items.
    pub offset_applied: Option<bool>,
    /// Whether the item is of a collection of Earth Search in whose COGs the offset is applied or
    /// not, so that only the flag can tell it.
    pub needs_flag: bool,
    /// What is said of the assets, by the name of the asset's object.
    pub assets: BTreeMap<String, AssetValues>,
}

/// Scale and offset of an asset; one that is not given is `None`.
type AssetValues = (Option<f64>, Option<f64>);

impl Item {
    /// Parses the item at `place`.
    ///
    /// # Errors
    /// [`RadiometryError::Document`] when it is not an item.
    pub fn parse(place: &str, json: &[u8]) -> Result<Self, RadiometryError> {
        let wrong = |cause: String| RadiometryError::Document {
            document: place.to_owned(),
            cause,
        };
        let item: Value = serde_json::from_slice(json).map_err(|error| wrong(error.to_string()))?;
        let (Some(Value::Object(properties)), Some(Value::Object(assets))) =
            (item.get("properties"), item.get("assets"))
        else {
            return Err(wrong("it is not a STAC item".to_owned()));
        };
        let first = |names: [&str; 3]| names.iter().find_map(|name| properties.get(*name));
        let baseline = first([
            "s2:processing_baseline",
            "processing:version",
            "sentinel:processing_baseline",
        ]);
        let applied = first([
            "earthsearch:boa_offset_applied",
            "sentinel:boa_offset_applied",
            "s2:boa_offset_applied",
        ]);
        // Planetary Computer has a collection of the same name, and no properties of this form.
        let of_earth_search =
            |name: &String| name.starts_with("earthsearch:") || name.starts_with("sentinel:");
        let collection = item.get("collection").and_then(Value::as_str);
        let mixed = matches!(collection, Some("sentinel-2-l2a" | "sentinel-s2-l2a-cogs"));
        Ok(Self {
            place: place.to_owned(),
            needs_flag: mixed && properties.keys().any(of_earth_search),
            baseline: baseline.and_then(|text| Baseline::parse(text.as_str()?)),
            offset_applied: applied.and_then(Value::as_bool),
            assets: assets.values().filter_map(asset).collect(),
        })
    }

    /// Scale and offset of the object called `name`.
    pub(super) fn of_object(&self, name: &str) -> AssetValues {
        self.assets.get(name).copied().unwrap_or_default()
    }
}

/// The name of an asset's object, with its scale and offset: in `raster:bands` (raster extension
/// v1), in `bands` or in the asset (v2).
fn asset(asset: &Value) -> Option<(String, AssetValues)> {
    let href = asset.get("href")?.as_str()?;
    let name = href.rsplit('/').next()?.to_owned();
    let first = |list: &str| asset.get(list)?.get(0);
    let number = |name: &str| {
        let old = first("raster:bands").and_then(|band| band.get(name));
        let key = format!("raster:{name}");
        let new = first("bands").and_then(|band| band.get(&key));
        old.or(new).or_else(|| asset.get(&key))?.as_f64()
    };
    Some((name, (number("scale"), number("offset"))))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn flag_baseline_and_values_are_read_by_the_names_of_objects() {
        let json = json!({
            "type": "Feature",
            "properties": {"s2:processing_baseline": "05.09", "earthsearch:boa_offset_applied": true},
            "assets": {
                "red": {"href": "https://x/S2A/B04.tif", "raster:bands": [{"scale": 0.0001, "offset": -0.1}]},
                "red-jp2": {"href": "s3://x/0/B04.jp2", "raster:bands": [{"scale": 0.0001, "offset": -0.1}]},
                "nir": {"href": "B08.tif", "bands": [{"raster:scale": 0.0001, "raster:offset": 0}]},
                "blue": {"href": "B02.tif", "raster:scale": 0.0001},
                "scl": {"href": "SCL.tif"}
            }
        });
        let item = Item::parse("x.json", json.to_string().as_bytes()).unwrap();
        assert_eq!(item.baseline, Baseline::parse("05.09"));
        assert_eq!(item.offset_applied, Some(true));
        assert_eq!(item.of_object("B04.tif"), (Some(0.0001), Some(-0.1)));
        assert_eq!(item.of_object("B08.tif"), (Some(0.0001), Some(0.0)));
        assert_eq!(item.of_object("B02.tif"), (Some(0.0001), None));
        assert_eq!(item.of_object("SCL.tif"), (None, None));
        assert!(!item.needs_flag);
        assert!(Item::parse("x.json", b"{}").is_err());
    }

    #[test]
    fn only_mixed_collections_of_earth_search_need_the_flag() {
        let needs = |collection: &str, property: &str| {
            let json =
                json!({"collection": collection, "properties": {property: "x"}, "assets": {}});
            let item = Item::parse("x.json", json.to_string().as_bytes()).unwrap();
            item.needs_flag
        };
        assert!(needs("sentinel-2-l2a", "earthsearch:s3_path"));
        assert!(needs("sentinel-s2-l2a-cogs", "sentinel:sequence"));
        assert!(!needs("sentinel-2-c1-l2a", "earthsearch:s3_path"));
        assert!(!needs("sentinel-2-l2a", "s2:mgrs_tile"));
    }
}
