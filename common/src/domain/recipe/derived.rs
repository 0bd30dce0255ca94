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

/// How far a mask may grow, in pixels of its own grid.
const MOST_DILATION: u32 = 100;

/// The mask of clouds that `--mask clouds[:DILATE]` adds to a recipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CloudMask {
    /// How far the mask grows, in pixels of its own grid.
    pub dilate: u32,
}

/// A text is no [`CloudMask`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is no mask: expected clouds, or clouds:N with the pixels by which it grows, from 0 to 100"
)]
pub struct NoCloudMask(String);

impl FromStr for CloudMask {
    type Err = NoCloudMask;

    fn from_str(text: &str) -> Result<Self, NoCloudMask> {
        let wrong = || NoCloudMask(text.to_owned());
        let dilate = match text.strip_prefix("clouds").ok_or_else(wrong)? {
            "" => 0,
            more => {
                let digits = more.strip_prefix(':').ok_or_else(wrong)?;
                digits.parse().map_err(|_| wrong())?
            }
        };
        if dilate > MOST_DILATION {
            return Err(wrong());
        }
        Ok(Self { dilate })
    }
}

/// Characters of an expression that its title has.
const TITLE: usize = 200;

impl Recipe {
    /// The recipe of one output, float32, whose values are those of `expression`. Its name is
    /// `expr-` and eight digits of the SHA-256 of the text.
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
    /// recipe, with another digest, and is not built in.
    ///
    /// # Errors
    /// [`RecipeError`] when the recipe has masks already.
    pub fn with_cloud_mask(&self, clouds: CloudMask) -> Result<Self, RecipeError> {
        let source = format!("recipe {}", self.name);
        let mut root = document::from_json(&source, &self.canonical)?;
        let mask = |band, key, numbers: &[i64]| {
            let numbers = numbers.iter().map(|number| node(Value::Integer(*number)));
            let mut keys = vec![("band", text(band)), (key, list(numbers))];
            if clouds.dilate > 0 {
                keys.push(("dilate", node(Value::Integer(i64::from(clouds.dilate)))));
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
        let masked = rgb.with_cloud_mask(CloudMask { dilate: 2 }).unwrap();
        assert_ne!(masked.digest(), rgb.digest());
        assert_ne!(
            masked.digest(),
            rgb.with_cloud_mask(CloudMask { dilate: 0 })
                .unwrap()
                .digest()
        );
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
            masked
                .with_cloud_mask(CloudMask { dilate: 0 })
                .unwrap_err()
                .to_string(),
            "recipe rgb: the recipe has masks already; remove them from it, or leave out --mask"
        );
    }

    #[test]
    fn a_mask_on_the_command_line_is_clouds_and_how_far_they_grow() {
        let dilate = |text: &str| text.parse::<CloudMask>().map(|mask| mask.dilate);
        assert_eq!((dilate("clouds"), dilate("clouds:2")), (Ok(0), Ok(2)));
        for text in [
            "",
            "cloud",
            "clouds:",
            "clouds:-1",
            "clouds:101",
            "clouds2",
            "CLOUDS",
        ] {
            let words = format!("\"{text}\" is no mask: expected clouds, or clouds:N");
            assert!(
                dilate(text).unwrap_err().to_string().starts_with(&words),
                "{text}"
            );
        }
    }
}
