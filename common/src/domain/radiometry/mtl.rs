//! The metadata of a Landsat product, `…_MTL.json` or `…_MTL.txt`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::error::RadiometryError;
use crate::domain::recipe::ScaleOffset;

/// The group of the values of surface reflectance. Another group, of level 1, has the same names
/// with other values.
const REFLECTANCE: &str = "LEVEL2_SURFACE_REFLECTANCE_PARAMETERS";

/// What an `MTL` says of the numbers of its product (USGS, "Landsat 8-9 Collection 2 Level 2
/// Science Product Guide").
#[derive(Debug, Clone, PartialEq)]
pub struct Mtl {
    /// Its address or path.
    pub place: String,
    /// The product's name, if it is told.
    pub product: Option<String>,
    /// The level: `L2SP`, `L2SR`.
    pub level: String,
    /// Scale and offset of a band of surface reflectance, by its name: `SR_B4`.
    pub bands: BTreeMap<String, ScaleOffset>,
}

/// The keys of each group.
type Groups = BTreeMap<String, BTreeMap<String, String>>;

impl Mtl {
    /// Parses the document at `place`, in JSON or as text.
    ///
    /// # Errors
    /// [`RadiometryError::Document`] when it is another document, [`RadiometryError::Level1`] when
    /// its product has no surface reflectance.
    pub fn parse(place: &str, document: &[u8]) -> Result<Self, RadiometryError> {
        let wrong = |cause: String| RadiometryError::Document {
            document: place.to_owned(),
            cause,
        };
        let groups = if document.trim_ascii_start().starts_with(b"{") {
            groups_of_json(document)
        } else {
            groups_of_text(document)
        };
        let groups = groups.map_err(wrong)?;
        let contents = groups.get("PRODUCT_CONTENTS");
        let get = |key: &str| contents.and_then(|group| group.get(key)).cloned();
        let level = get("PROCESSING_LEVEL")
            .ok_or_else(|| wrong("it has no PROCESSING_LEVEL in PRODUCT_CONTENTS".to_owned()))?;
        if level.starts_with("L1") {
            return Err(RadiometryError::Level1 {
                product: get("LANDSAT_PRODUCT_ID").unwrap_or_else(|| place.to_owned()),
                level,
            });
        }
        let reflectance = groups
            .get(REFLECTANCE)
            .ok_or_else(|| wrong(format!("it has no group {REFLECTANCE}")))?;
        Ok(Self {
            place: place.to_owned(),
            product: get("LANDSAT_PRODUCT_ID"),
            level,
            bands: bands(reflectance).map_err(wrong)?,
        })
    }
}

/// The bands of the group of surface reflectance.
fn bands(group: &BTreeMap<String, String>) -> Result<BTreeMap<String, ScaleOffset>, String> {
    let number = |key: &str| -> Result<f64, String> {
        let text = group.get(key).ok_or_else(|| format!("it has no {key}"))?;
        let number = text.parse().ok().filter(|number: &f64| number.is_finite());
        number.ok_or_else(|| format!("its {key} is {text:?}"))
    };
    let mut bands = BTreeMap::new();
    for key in group.keys() {
        let Some(band) = key.strip_prefix("REFLECTANCE_MULT_BAND_") else {
            continue;
        };
        let value = ScaleOffset {
            scale: number(key)?,
            offset: number(&format!("REFLECTANCE_ADD_BAND_{band}"))?,
        };
        if value.scale <= 0.0 {
            return Err(format!("its {key} is {}", value.scale));
        }
        bands.insert(format!("SR_B{band}"), value);
    }
    Ok(bands)
}

fn groups_of_json(document: &[u8]) -> Result<Groups, String> {
    let json: Value = serde_json::from_slice(document).map_err(|error| error.to_string())?;
    let Some(Value::Object(file)) = json.get("LANDSAT_METADATA_FILE") else {
        return Err("it has no LANDSAT_METADATA_FILE".to_owned());
    };
    let keys = |group: &serde_json::Map<String, Value>| {
        let keys = group.iter().filter_map(|(key, value)| {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                _ => return None,
            };
            Some((key.clone(), text))
        });
        keys.collect()
    };
    let groups = file.iter().filter_map(|(name, group)| {
        let group = group.as_object()?;
        Some((name.clone(), keys(group)))
    });
    Ok(groups.collect())
}

/// The groups of the text form: `GROUP = X`, `KEY = VALUE`, `END_GROUP = X`.
fn groups_of_text(document: &[u8]) -> Result<Groups, String> {
    let text = std::str::from_utf8(document).map_err(|error| error.to_string())?;
    let (mut groups, mut open): (Groups, Vec<&str>) = (Groups::new(), vec![]);
    for line in text.lines() {
        let line = line.trim();
        let Some((key, value)) = line.split_once('=') else {
            if line == "END" {
                break;
            }
            continue;
        };
        let (key, value) = (key.trim(), value.trim());
        match key {
            "GROUP" => open.push(value),
            "END_GROUP" => {
                if open.pop() != Some(value) {
                    return Err(format!("its group {value} ends where another does"));
                }
            }
            _ => {
                let [.., group] = open.as_slice() else {
                    return Err(format!("its {key} is in no group"));
                };
                let keys = groups.entry((*group).to_owned()).or_default();
                keys.insert(key.to_owned(), value.trim_matches('"').to_owned());
            }
        }
    }
    if !open.is_empty() {
        return Err("it is cut off".to_owned());
    }
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NAME: &str = "LC08_L2SP_008059_20191201_20200825_02_T1";

    fn json(level: &str) -> String {
        json!({"LANDSAT_METADATA_FILE": {
            "PRODUCT_CONTENTS": {"LANDSAT_PRODUCT_ID": NAME, "PROCESSING_LEVEL": level},
            "LEVEL2_SURFACE_REFLECTANCE_PARAMETERS": {
                "REFLECTANCE_MULT_BAND_4": "2.75e-05", "REFLECTANCE_ADD_BAND_4": "-0.2"},
            "LEVEL1_RADIOMETRIC_RESCALING": {
                "REFLECTANCE_MULT_BAND_4": "2.0000E-05", "REFLECTANCE_ADD_BAND_4": "-0.100000"}
        }})
        .to_string()
    }

    const TEXT: &str = "GROUP = LANDSAT_METADATA_FILE
  GROUP = PRODUCT_CONTENTS
    LANDSAT_PRODUCT_ID = \"LC08_L2SP_008059_20191201_20200825_02_T1\"
    PROCESSING_LEVEL = \"L2SP\"
  END_GROUP = PRODUCT_CONTENTS
  GROUP = LEVEL1_RADIOMETRIC_RESCALING
    REFLECTANCE_MULT_BAND_4 = 2.0000E-05
    REFLECTANCE_ADD_BAND_4 = -0.100000
  END_GROUP = LEVEL1_RADIOMETRIC_RESCALING
  GROUP = LEVEL2_SURFACE_REFLECTANCE_PARAMETERS
    REFLECTANCE_MULT_BAND_4 = 2.75e-05
    REFLECTANCE_ADD_BAND_4 = -0.2
  END_GROUP = LEVEL2_SURFACE_REFLECTANCE_PARAMETERS
END_GROUP = LANDSAT_METADATA_FILE
END
";

    #[test]
    fn only_the_group_of_surface_reflectance_counts_in_both_forms() {
        let expected = ScaleOffset {
            scale: 2.75e-5,
            offset: -0.2,
        };
        for document in [json("L2SP"), TEXT.to_owned()] {
            let mtl = Mtl::parse("x_MTL", document.as_bytes()).unwrap();
            assert_eq!(mtl.bands, [("SR_B4".to_owned(), expected)].into());
            assert_eq!(mtl.product.as_deref(), Some(NAME));
            assert_eq!(mtl.level, "L2SP");
        }
    }

    #[test]
    fn level_1_and_other_documents_are_refused() {
        let error = |document: &str| Mtl::parse("x_MTL", document.as_bytes()).unwrap_err();
        assert_eq!(error(&json("L1TP")).code(), "wrong_level");
        for (document, cause) in [
            ("{}".to_owned(), "it has no LANDSAT_METADATA_FILE"),
            (
                json("L2SP").replace("LEVEL2_SURF", "OTHER"),
                "it has no group LEVEL2_SURFACE",
            ),
            (
                json("L2SP").replace("-0.2\"", "x\""),
                "its REFLECTANCE_ADD_BAND_4 is \"x\"",
            ),
            (
                json("L2SP").replace("2.75e-05", "0"),
                "its REFLECTANCE_MULT_BAND_4 is 0",
            ),
            (
                TEXT.replace("END_GROUP = LANDSAT_METADATA_FILE", ""),
                "it is cut off",
            ),
            (
                TEXT.replace("END_GROUP = PRODUCT", "END_GROUP = OTHER"),
                "its group OTHER_CONTENTS",
            ),
            ("A = 1".to_owned(), "its A is in no group"),
        ] {
            let shown = error(&document).to_string();
            assert!(shown.contains(cause), "{shown}");
        }
    }
}
