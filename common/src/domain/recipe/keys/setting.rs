//! The keys of grid, masks, filter, radiometry and constants.

use std::collections::BTreeMap;

use super::super::bands::{find_band, kind_of, list_all};
use super::super::error::{Problem, RecipeError};
use super::super::expression::{is_float32, is_function};
use super::super::resolve::BandKind;
use super::super::sensor::Sensor;
use super::super::settings::{
    Downsample, GridRule, MaskRule, MaskTest, Negative, Overviews, RadiometryRule, Resolution,
    ScaleOffset, Upsample,
};
use super::super::text::document::Value;
use super::table::{Keys, number_of};

/// The largest pixel of a result, in metres: a tile has 110 km.
const COARSEST: f64 = 10_000.0;
/// The largest growth of a mask, in pixels of its own grid.
pub(in super::super) const MOST_DILATION: i64 = 100;
/// The largest side of a median filter's square, in pixels.
const LARGEST_MEDIAN: i64 = 15;

/// How overviews are made, if the recipe says it.
pub(super) fn overviews(recipe: &Keys<'_>) -> Result<Option<Overviews>, RecipeError> {
    let words = [
        ("average", Overviews::Average),
        ("nearest", Overviews::Nearest),
        ("mode", Overviews::Mode),
    ];
    let expected = "\"average\", \"nearest\" or, for classes, \"mode\"";
    recipe.choice("overviews", expected, &words)
}

/// The table `[grid]`.
pub(super) fn grid(recipe: &Keys<'_>) -> Result<GridRule, RecipeError> {
    let known = ["resolution", "upsample", "downsample"];
    let Some(keys) = recipe.inner("grid", "grid", &known)? else {
        return Ok(GridRule::default());
    };
    let resolution = match keys.table.get("resolution").map(|node| &node.value) {
        Some(Value::Text(text)) if text == "finest" => Some(Resolution::Finest),
        _ => {
            let expected = "\"finest\", or a number of metres up to 10000";
            let fits = |metres: f64| metres > 0.0 && metres <= COARSEST;
            let metres = keys.number("resolution", expected, fits)?;
            metres.map(Resolution::Metres)
        }
    };
    let words = [
        ("nearest", Upsample::Nearest),
        ("bilinear", Upsample::Bilinear),
    ];
    let upsample = keys.choice("upsample", "\"nearest\" or \"bilinear\"", &words)?;
    let words = [
        ("average", Downsample::Average),
        ("nearest", Downsample::Nearest),
        ("wavelet", Downsample::Wavelet),
    ];
    let downsample = keys.choice("downsample", "\"average\" or \"nearest\"", &words)?;
    if downsample == Some(Downsample::Wavelet) {
        return Err(keys.error(keys.line_of("downsample"), Problem::Wavelet));
    }
    Ok(GridRule {
        resolution: resolution.unwrap_or_default(),
        upsample: upsample.unwrap_or_default(),
        downsample: downsample.unwrap_or_default(),
    })
}

/// The masks, each a table `[[mask]]`.
pub(super) fn masks(recipe: &Keys<'_>) -> Result<Vec<MaskRule>, RecipeError> {
    let Some(node) = recipe.table.get("mask") else {
        return Ok(vec![]);
    };
    let expected = "a list of tables, each of which starts with [[mask]]";
    let Value::List(list) = &node.value else {
        return Err(recipe.wrong("mask", node, expected));
    };
    let mut masks: Vec<MaskRule> = vec![];
    for node in list {
        let known = ["band", "values", "bits", "above", "dilate"];
        let keys = Keys::new(recipe.source, "a mask", &known, node)?;
        let mask = mask(&keys)?;
        if let Some((sensor, first)) = before(&masks, &mask) {
            let (first, second) = (first.to_owned(), mask.band);
            let problem = Problem::MaskedTwice {
                sensor,
                first,
                second,
            };
            return Err(keys.error(keys.line, problem));
        }
        masks.push(mask);
    }
    Ok(masks)
}

/// The sensor for which one of these masks is used, so that `mask` never is.
fn before<'m>(masks: &'m [MaskRule], mask: &MaskRule) -> Option<(Sensor, &'m str)> {
    Sensor::ALL.into_iter().find_map(|sensor| {
        find_band(sensor, &mask.band)?;
        let mut masks = masks.iter();
        let first = masks.find(|first| find_band(sensor, &first.band).is_some())?;
        Some((sensor, first.band.as_str()))
    })
}

fn mask(keys: &Keys<'_>) -> Result<MaskRule, RecipeError> {
    let expected = "the name of a band, such as \"SCL\"";
    let band = keys.text("band", "band = \"SCL\"", expected, |_| true)?;
    let Some(kind) = kind_of(&band) else {
        let known = list_all();
        let problem = Problem::UnknownBand { name: band, known };
        return Err(keys.error(keys.line_of("band"), problem));
    };
    let expected = "a list of whole numbers from 0 to 65535, none of them twice";
    let values = keys.wholes("values", expected, 0..=i64::from(u16::MAX))?;
    let expected = "a list of bits from 0 to 15, none of them twice";
    let bits = keys.wholes("bits", expected, 0..=15)?;
    let expected = "a whole number from 0 to 65535";
    let above = keys.whole("above", expected, 0..=i64::from(u16::MAX))?;
    let (key, test) = match (values, bits, above) {
        (Some(values), None, None) => ("values", MaskTest::Values(values)),
        (None, Some(bits), None) => ("bits", MaskTest::Bits(bits)),
        (None, None, Some(above)) => ("above", MaskTest::Above(above)),
        _ => return Err(keys.error(keys.line, Problem::OneTest)),
    };
    if let Some((holds, instead)) = unfit(kind, &test) {
        let problem = Problem::Test {
            band,
            holds,
            test: key,
            instead,
        };
        return Err(keys.error(keys.line_of(key), problem));
    }
    let expected = "a whole number of pixels from 0 to 100";
    let dilate = keys.whole("dilate", expected, 0..=MOST_DILATION)?;
    Ok(MaskRule {
        band,
        test,
        dilate: dilate.unwrap_or(0),
    })
}

/// What a band holds that the test does not fit, and what fits.
fn unfit(kind: BandKind, test: &MaskTest) -> Option<(&'static str, &'static str)> {
    match (kind, test) {
        (BandKind::Reflectance, _) => {
            Some(("reflectance", "an expression such as where(B01 > 0.2, …)"))
        }
        (BandKind::Class, MaskTest::Bits(_) | MaskTest::Above(_)) => {
            Some(("classes", "values = [3, 8, 9, 10]"))
        }
        (BandKind::Bits, MaskTest::Values(_) | MaskTest::Above(_)) => {
            Some(("flags", "bits = [1, 2, 3, 4]"))
        }
        (BandKind::Probability | BandKind::Other, MaskTest::Bits(_)) => {
            Some(("a quantity", "above = 40"))
        }
        _ => None,
    }
}

/// The side of the median filter's square, from the table `[filter]`.
pub(super) fn median(recipe: &Keys<'_>) -> Result<Option<u32>, RecipeError> {
    let Some(keys) = recipe.inner("filter", "filter", &["median"])? else {
        return Ok(None);
    };
    let expected = "an odd number of pixels from 3 to 15";
    let median = keys.whole::<u32>("median", expected, 3..=LARGEST_MEDIAN)?;
    if let (Some(node), Some(side)) = (keys.table.get("median"), median)
        && side % 2 == 0
    {
        return Err(keys.wrong("median", node, expected));
    }
    Ok(median)
}

/// The table `[radiometry]`.
pub(super) fn radiometry(recipe: &Keys<'_>) -> Result<RadiometryRule, RecipeError> {
    let known = ["negative", "assume"];
    let Some(keys) = recipe.inner("radiometry", "radiometry", &known)? else {
        return Ok(RadiometryRule::default());
    };
    let words = [("clamp", Negative::Clamp), ("keep", Negative::Keep)];
    let negative = keys.choice("negative", "\"clamp\" or \"keep\"", &words)?;
    let known = ["scale", "offset"];
    let assume = match keys.inner("assume", "assume", &known)? {
        None => None,
        Some(assume) => {
            assume.node("scale", "scale = 0.0001")?;
            assume.node("offset", "offset = -0.1")?;
            let fits = |scale: f64| scale.is_finite() && scale > 0.0;
            let scale = assume.number("scale", "a number above 0", fits)?;
            let offset = assume.number("offset", "a finite number", f64::is_finite)?;
            scale
                .zip(offset)
                .map(|(scale, offset)| ScaleOffset { scale, offset })
        }
    };
    Ok(RadiometryRule {
        negative: negative.unwrap_or_default(),
        assume,
    })
}

/// The table `[constants]`, whose keys are names of the user's own.
pub(super) fn constants(recipe: &Keys<'_>) -> Result<BTreeMap<String, f64>, RecipeError> {
    let Some(node) = recipe.table.get("constants") else {
        return Ok(BTreeMap::new());
    };
    let keys = Keys::any(recipe.source, "constants", node)?;
    let mut constants = BTreeMap::new();
    for (name, node) in keys.table {
        let taken = if !is_constant_name(name) {
            Some("nothing: a name has 1 to 32 letters, digits and '_', and begins with a letter")
        } else if is_function(name) {
            Some("a function")
        } else if is_band(name) {
            Some("a band")
        } else {
            None
        };
        if let Some(taken) = taken {
            let problem = Problem::ConstantName(name.to_owned(), taken);
            return Err(keys.error(node.line, problem));
        }
        match number_of(&node.value).filter(|number| is_float32(*number)) {
            Some(number) => constants.insert(name.clone(), number),
            None => return Err(keys.wrong("a constant", node, "a finite number of float32")),
        };
    }
    Ok(constants)
}

fn is_constant_name(name: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let begins = name
        .bytes()
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic());
    (1..=32).contains(&name.len()) && begins && name.bytes().all(inside)
}

/// Whether an expression would read the name as a band. Lower-case letters are constants.
fn is_band(name: &str) -> bool {
    let is_small = name.len() == 1 && name.bytes().all(|byte| byte.is_ascii_lowercase());
    !is_small && kind_of(name).is_some()
}
