//! Recipes that are made on the command line: of an expression, and with a mask of clouds.

use std::collections::BTreeMap;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use super::error::{Problem, RecipeError};
use super::keys;
use super::text::document::{self, Node, Value};
use super::value::Recipe;
use crate::hex;

/// The classes of Sentinel-2's SCL that are no clear view of the ground: no data, saturated, cloud
/// shadow, cloud of medium and of high probability, and thin cirrus. Snow (11) is clear.
const CLOUDS_OF_SCL: [i64; 6] = [0, 1, 3, 8, 9, 10];
/// The flags of Landsat's `QA_PIXEL` (Collection 2): dilated cloud, cirrus, cloud, cloud shadow.
const CLOUDS_OF_QA_PIXEL: [i64; 4] = [1, 2, 3, 4];

/// Characters of an expression that its title has.
const TITLE: usize = 200;

/// A mask as the command line names it: `clouds`, or `clouds:2` for one that grows by two pixels of
/// its own grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CloudMask {
    /// How far it grows, in pixels of its own grid.
    pub dilate: u32,
}

impl FromStr for CloudMask {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let dilate = match text.split_once(':') {
            None if text == "clouds" => Some(0),
            Some(("clouds", dilate)) => dilate
                .parse()
                .ok()
                .filter(|dilate| i64::from(*dilate) <= keys::MOST_DILATION),
            _ => None,
        };
        let expected =
            "expected clouds, or clouds:N to let the mask grow by 1 to 100 of its pixels";
        dilate.map(|dilate| Self { dilate }).ok_or(expected)
    }
}

impl Recipe {
    /// The recipe of one output, float32, whose values are those of `expression`. Its name is `expr-`
    /// and eight digits of the SHA-256 of the text.
    ///
    /// # Errors
    /// [`RecipeError`] with the expression and a caret.
    pub fn of_expression(expression: &str) -> Result<Self, RecipeError> {
        let expression = expression.trim();
        let digits: String = hex::encode(&Sha256::digest(expression))
            .chars()
            .take(8)
            .collect();
        let blank = |sign: char| if sign.is_control() { ' ' } else { sign };
        let title: String = expression.chars().map(blank).take(TITLE).collect();
        let title = if title.is_empty() { "empty" } else { &title };
        let output = table([("name", text("expr")), ("expression", text(expression))]);
        let root = table([
            ("name", text(&format!("expr-{digits}"))),
            ("title", text(title)),
            ("output", list([output])),
        ]);
        keys::read("the expression", &root, false)
    }

    /// The same recipe with the usual mask of clouds: by SCL, or else by `QA_PIXEL`. It is another
    /// recipe, with another digest, and is not built in. `dilate` is how far the mask grows, in
    /// pixels of its own grid.
    ///
    /// # Errors
    /// [`RecipeError`] when the recipe has masks already.
    pub fn with_cloud_mask(&self, dilate: u32) -> Result<Self, RecipeError> {
        let source = format!("recipe {}", self.name);
        let mut root = document::from_json(&source, &self.canonical)?;
        let mask = |band, key, numbers: &[i64]| {
            let numbers = numbers.iter().map(|number| node(Value::Integer(*number)));
            let mut keys = vec![("band", text(band)), (key, list(numbers))];
            if dilate > 0 {
                keys.push(("dilate", node(Value::Integer(i64::from(dilate)))));
            }
            table(keys)
        };
        let masks = list([
            mask("SCL", "values", &CLOUDS_OF_SCL),
            mask("QA_PIXEL", "bits", &CLOUDS_OF_QA_PIXEL),
        ]);
        let Value::Table(keys) = &mut root.value else {
            return Ok(self.clone());
        };
        if keys.insert("mask".to_owned(), masks).is_some() {
            return Err(RecipeError {
                source,
                line: None,
                problem: Problem::HasMasks,
            });
        }
        keys::read(&source, &root, false)
    }
}

fn node(value: Value) -> Node {
    Node { line: None, value }
}

fn text(text: &str) -> Node {
    node(Value::Text(text.to_owned()))
}

fn list(entries: impl IntoIterator<Item = Node>) -> Node {
    node(Value::List(entries.into_iter().collect()))
}

fn table<'a>(keys: impl IntoIterator<Item = (&'a str, Node)>) -> Node {
    let keys = keys.into_iter().map(|(key, node)| (key.to_owned(), node));
    node(Value::Table(keys.collect::<BTreeMap<_, _>>()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{MaskTest, ResolvedSource, Sensor};

    #[test]
    fn an_expression_is_a_recipe_of_float32_named_by_its_text() {
        let recipe = Recipe::of_expression(" (N-R)/(N+R)").unwrap();
        assert_eq!(recipe.name().len(), 13);
        assert!(recipe.name().starts_with("expr-"));
        assert_eq!(recipe, Recipe::of_expression("(N-R)/(N+R)").unwrap());
        assert_ne!(recipe, Recipe::of_expression("(N-R)").unwrap());
        let resolved = recipe.resolve(Sensor::Sentinel2).unwrap();
        assert_eq!(resolved.bands(), ["B08", "B04"]);
        let nodata = resolved.files[0].nodata.unwrap();
        assert!(nodata.is_nan());
        let source = &resolved.files[0].outputs[0].source;
        assert!(matches!(source, ResolvedSource::Expression { .. }));
        let empty = Recipe::of_expression("").unwrap_err().to_string();
        assert!(
            empty.starts_with("the expression: found the end, but expected"),
            "{empty}"
        );
    }

    #[test]
    fn a_mask_of_clouds_makes_another_recipe_for_every_sensor() {
        let rgb = Recipe::builtin("rgb").unwrap();
        let masked = rgb.with_cloud_mask(2).unwrap();
        assert_ne!(masked.digest(), rgb.digest());
        assert_ne!(masked.digest(), rgb.with_cloud_mask(0).unwrap().digest());
        assert!(!masked.is_builtin());
        let canonical = Recipe::from_canonical("a test", masked.canonical(), false);
        assert_eq!(canonical.unwrap(), masked);
        let mask = masked.resolve(Sensor::Sentinel2).unwrap().mask.unwrap();
        assert_eq!((mask.input, mask.dilate), (3, 2));
        assert_eq!(mask.test, MaskTest::Values(vec![0, 1, 3, 8, 9, 10]));
        let resolved = masked.resolve(Sensor::LandsatTm).unwrap();
        assert_eq!(resolved.bands(), ["SR_B3", "SR_B2", "SR_B1", "QA_PIXEL"]);
        assert!(!resolved.inputs[3].is_of_output);
        assert_eq!(
            masked.with_cloud_mask(0).unwrap_err().to_string(),
            "recipe rgb: the recipe has masks already; remove them from it, or leave out --mask"
        );
    }
}
