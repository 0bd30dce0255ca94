//! Which keys a recipe has, and what each may be. Every other key is an error.

use super::super::digest::RecipeDigest;
use super::super::error::{Problem, RecipeError};
use super::super::resolve::ResolveError;
use super::super::sensor::Sensor;
use super::super::settings::{DataType, Overviews};
use super::super::text::canonical;
use super::super::text::document::Node;
use super::super::value::{Output, PROBE, Recipe, Source};
use super::output::{is_of_classes, outputs};
use super::setting;
use super::table::Keys;

/// What a name may be that becomes part of keys and ids.
const NAME: &str = "1 to 40 of a-z, 0-9 and '-', the first not '-', such as \"false-color\"";
const TITLE: &str = "a text of 1 to 200 characters on one line";

const KNOWN: [&str; 9] = [
    "name",
    "title",
    "overviews",
    "output",
    "grid",
    "mask",
    "filter",
    "radiometry",
    "constants",
];

/// Reads a recipe from its tree. `source` names the text in error messages.
pub(in super::super) fn read(
    source: &str,
    root: &Node,
    builtin: bool,
) -> Result<Recipe, RecipeError> {
    // Each key alone. Constants come before the expressions that name them.
    let keys = Keys::new(source, "a recipe", &KNOWN, root)?;
    let name = keys.text("name", "name = \"my-recipe\"", NAME, is_name)?;
    if name == PROBE {
        return Err(keys.error(keys.line_of("name"), Problem::Reserved(name)));
    }
    let title = keys.text("title", "title = \"What it is for\"", TITLE, is_title)?;
    let overviews = setting::overviews(&keys)?.unwrap_or_default();
    let constants = setting::constants(&keys)?;
    let outputs = outputs(&keys, &constants)?;
    let grid = setting::grid(&keys)?;
    let masks = setting::masks(&keys)?;
    let median = setting::median(&keys)?;
    let radiometry = setting::radiometry(&keys)?;
    let canonical = canonical::text(root);
    let recipe = Recipe {
        name,
        title,
        outputs,
        masks,
        grid,
        median,
        radiometry,
        overviews,
        constants,
        digest: RecipeDigest::of(&canonical),
        canonical,
        builtin,
    };
    // What only several of them together can get wrong.
    means_of_classes(&keys, &recipe)?;
    has_a_sensor(&keys, &recipe)?;
    Ok(recipe)
}

fn is_name(text: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=40).contains(&text.len()) && !text.starts_with('-') && text.bytes().all(inside)
}

fn is_title(text: &str) -> bool {
    (1..=200).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

/// Refuses a mean of classes and the most frequent of values that are no classes.
fn means_of_classes(keys: &Keys<'_>, recipe: &Recipe) -> Result<(), RecipeError> {
    let class = |key: &str, what, instead| {
        Err(keys.error(keys.line_of(key), Problem::Class { what, instead }))
    };
    let has_classes = recipe.outputs.iter().any(is_of_classes);
    if has_classes && recipe.overviews == Overviews::Average {
        let instead = "write overviews = \"mode\" where an output is a band of classes or flags";
        return class("overviews", "average", instead);
    }
    if has_classes && recipe.median.is_some() {
        return class("filter", "median", "remove the filter");
    }
    let is_float = |output: &Output| match &output.source {
        Source::Expression { encoding, .. } => encoding.data_type == DataType::Float32,
        Source::Band(_) => false,
    };
    if recipe.overviews == Overviews::Mode && recipe.outputs.iter().any(is_float) {
        let instead = "so mode needs whole numbers; write dtype = \"uint8\", or another overviews";
        return class("overviews", "fraction", instead);
    }
    Ok(())
}

/// Refuses a recipe whose bands no sensor has all.
fn has_a_sensor(keys: &Keys<'_>, recipe: &Recipe) -> Result<(), RecipeError> {
    let mut lacks = vec![];
    for sensor in Sensor::ALL {
        lacks.push(match recipe.resolve(sensor) {
            Ok(_) => return Ok(()),
            Err(ResolveError::NoBand { band, .. }) => format!("{sensor} lacks {band}"),
            Err(ResolveError::NoMask { masks, .. }) => format!("{sensor} lacks {masks}"),
            Err(other) => other.to_string(),
        });
    }
    let lacks = lacks.join("; ");
    Err(keys.error(keys.line_of("output"), Problem::NoSensor(lacks)))
}
