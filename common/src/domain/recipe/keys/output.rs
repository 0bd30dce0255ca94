//! The keys of an output.

use std::collections::BTreeMap;

use super::super::bands::{kind_of, list_all};
use super::super::error::{Problem, RecipeError};
use super::super::expression::{Expression, Meaning, is_float32};
use super::super::resolve::{BandKind, Found, look_up};
use super::super::sensor::Sensor;
use super::super::settings::{DataType, Encoding};
use super::super::text::document::{Node, Value};
use super::super::value::{Output, Source};
use super::table::Keys;

const OUTPUTS: &str = "a list of tables, each of which starts with [[output]]";
const OUTPUT_NAME: &str = "1 to 40 letters, digits, '-' and '_', such as \"B04\"";
const BAND: &str = "the name of a band, such as \"B04\"";
const EXPRESSION: &str = "a text such as \"(N - R) / (N + R)\"";
const DATA_TYPE: &str = "\"uint8\", \"uint16\", \"int16\" or \"float32\"";
const SCALE: &str = "a number from 1e-30 to 1e30";
const OFFSET: &str = "a number from -1e30 to 1e30";
const NODATA: &str = "a number of the dtype; nan is one of float32 alone";

/// The keys that say how the values of an expression are stored.
const ENCODING: [&str; 4] = ["dtype", "scale", "offset", "nodata"];

/// Reads the outputs of a recipe.
pub(super) fn outputs(
    recipe: &Keys<'_>,
    constants: &BTreeMap<String, f64>,
) -> Result<Vec<Output>, RecipeError> {
    let node = recipe.node(
        "output",
        "[[output]] with name = \"B04\" and band = \"B04\"",
    )?;
    let list = match &node.value {
        Value::List(list) if !list.is_empty() => list,
        _ => return Err(recipe.wrong("output", node, OUTPUTS)),
    };
    let mut outputs: Vec<Output> = vec![];
    for node in list {
        if !matches!(node.value, Value::Table(_)) {
            return Err(recipe.wrong("output", node, OUTPUTS));
        }
        let (output, keys) = output(recipe.source, node, constants)?;
        if outputs.iter().any(|known| known.name == output.name) {
            return Err(keys.error(keys.line_of("name"), Problem::Repeated(output.name)));
        }
        let beside = outputs.iter().find(|known| known.file == output.file);
        if let Some(what) = beside.and_then(|beside| difference(&beside.source, &output.source)) {
            let one = beside.map(|beside| beside.name.clone()).unwrap_or_default();
            let other = output.name;
            return Err(keys.error(keys.line, Problem::Differ { one, other, what }));
        }
        outputs.push(output);
    }
    Ok(outputs)
}

fn output<'a>(
    source: &'a str,
    node: &'a Node,
    constants: &BTreeMap<String, f64>,
) -> Result<(Output, Keys<'a>), RecipeError> {
    let known = [
        "name",
        "file",
        "band",
        "expression",
        "dtype",
        "scale",
        "offset",
        "nodata",
    ];
    let keys = Keys::new(source, "an output", &known, node)?;
    let name = keys.text("name", "name = \"B04\"", OUTPUT_NAME, is_output_name)?;
    let file = keys.optional_text("file", OUTPUT_NAME, is_output_name)?;
    let band = keys.optional_text("band", BAND, |_| true)?;
    let expression = keys.optional_text("expression", EXPRESSION, |_| true)?;
    let source = match (band, expression) {
        (Some(band), None) => {
            if kind_of(&band).is_none() {
                let known = list_all();
                let problem = Problem::UnknownBand { name: band, known };
                return Err(keys.error(keys.line_of("band"), problem));
            }
            if let Some(key) = ENCODING.iter().find(|key| keys.table.contains_key(**key)) {
                return Err(keys.error(keys.line_of(key), Problem::BesideBand(key)));
            }
            Source::Band(band)
        }
        (None, Some(text)) => Source::Expression {
            expression: expression_of(&keys, &text, constants)?,
            encoding: encoding(&keys)?,
        },
        _ => return Err(keys.error(keys.line, Problem::OneSource)),
    };
    Ok((Output { name, file, source }, keys))
}

fn is_output_name(text: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    (1..=40).contains(&text.len()) && text.bytes().all(inside)
}

/// Reads an expression, each of whose names must be a constant, or a band of some sensor.
fn expression_of(
    keys: &Keys<'_>,
    text: &str,
    constants: &BTreeMap<String, f64>,
) -> Result<Expression, RecipeError> {
    let wrong = |cause| {
        let problem = Problem::Expression(Box::new(cause));
        keys.error(keys.line_of("expression"), problem)
    };
    let expression = Expression::parse(text).map_err(wrong)?;
    let compiled = expression.compile(&mut |name| {
        let of_sensor = |sensor: &Sensor| look_up(constants, *sensor, name);
        match Sensor::ALL.iter().find_map(of_sensor) {
            Some(Found::Constant(value)) => Ok(Meaning::Constant(value)),
            Some(Found::Band(_)) => Ok(Meaning::Input(0)),
            None => Err(hint(name)),
        }
    });
    compiled.map_err(wrong)?;
    Ok(expression)
}

/// What to write instead of a name that means nothing.
fn hint(name: &str) -> String {
    if name.eq_ignore_ascii_case("rededge") {
        return "rededge alone is three bands; write RE1, RE2 or RE3".to_owned();
    }
    let upper = name.to_ascii_uppercase();
    if upper != name && kind_of(&upper).is_some() {
        return format!("the band is {upper}, in upper case");
    }
    format!(
        "define a constant in [constants], or name a band: {}",
        list_all()
    )
}

/// How the values of an expression are stored; without `dtype` as they are.
fn encoding(keys: &Keys<'_>) -> Result<Encoding, RecipeError> {
    let types = [
        DataType::UInt8,
        DataType::UInt16,
        DataType::Int16,
        DataType::Float32,
    ];
    let types = types.map(|data_type| (data_type.name(), data_type));
    let data_type = keys.choice("dtype", DATA_TYPE, &types)?;
    let data_type = data_type.unwrap_or(DataType::Float32);
    let scale = keys.number("scale", SCALE, |scale| (1e-30..=1e30).contains(&scale))?;
    let offset = keys.number("offset", OFFSET, |offset| offset.abs() <= 1e30)?;
    let nodata = keys.number("nodata", NODATA, |nodata| is_of(data_type, nodata))?;
    Ok(Encoding {
        data_type,
        scale: scale.unwrap_or(1.0),
        offset: offset.unwrap_or(0.0),
        nodata: nodata.unwrap_or_else(|| data_type.default_nodata()),
    })
}

fn is_of(data_type: DataType, number: f64) -> bool {
    let (least, largest) = data_type.range();
    match data_type {
        DataType::Float32 => number.is_nan() || is_float32(number),
        _ => (least..=largest).contains(&number) && number.fract() == 0.0,
    }
}

/// In what two outputs differ that keeps them out of one raster.
fn difference(one: &Source, other: &Source) -> Option<&'static str> {
    let (one, other) = match (one, other) {
        (Source::Band(_), Source::Band(_)) => return None,
        (
            Source::Expression { encoding: one, .. },
            Source::Expression {
                encoding: other, ..
            },
        ) => (one, other),
        _ => return Some("kind: one is a band, the other an expression"),
    };
    if one.data_type != other.data_type {
        return Some("dtype");
    }
    let both_nan = one.nodata.is_nan() && other.nodata.is_nan();
    let same = both_nan || one.nodata.total_cmp(&other.nodata).is_eq();
    (!same).then_some("nodata")
}

/// Whether an output's numbers are classes or flags, of which there is no mean.
pub(super) fn is_of_classes(output: &Output) -> bool {
    let Source::Band(band) = &output.source else {
        return false;
    };
    matches!(kind_of(band), Some(BandKind::Class | BandKind::Bits))
}
