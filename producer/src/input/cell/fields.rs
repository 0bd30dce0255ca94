//! A cell's JSON object, field by field.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::Deserialize as _;
use serde_json::{Map, Value};
use tilefleet_common::domain::{CellId, DomainError, JobId, S3Url, SceneDate, Tile};

use super::error::CellError;

/// All fields that a cell can have. `ledger` is what the ledger said of the cell when `cells`
/// printed it. Only the recipe counts, so that printed cells can be submitted.
const KNOWN: [&str; 11] = [
    "files",
    "assets",
    "cell",
    "tile",
    "date",
    "number",
    "output",
    "output_bucket",
    "region_name",
    "request_payer",
    "ledger",
];

/// The fields that a cell has, each in its own type. A field that is null counts as missing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields {
    pub(crate) cell: Option<CellId>,
    pub(crate) tile: Option<Tile>,
    pub(crate) date: Option<SceneDate>,
    pub(crate) number: Option<u32>,
    pub(crate) files: Option<S3Url>,
    pub(crate) assets: Option<BTreeMap<String, S3Url>>,
    pub(crate) output: Option<S3Url>,
    pub(crate) region: Option<String>,
    pub(crate) request_payer: Option<bool>,
    /// What is done with the cell in the task of which `cells` printed it.
    pub(crate) job: Option<JobId>,
}

impl Fields {
    /// The fields of a cell's JSON value.
    pub(crate) fn of(value: Value) -> Result<Self, CellError> {
        let Value::Object(object) = value else {
            return Err(CellError::NotAnObject {
                found: json_type(&value),
            });
        };
        let mut fields = Self::default();
        let mut output_bucket = None;
        // Each field is checked alone first, so that an error can name it.
        for (name, value) in object {
            if value.is_null() && KNOWN.contains(&name.as_str()) {
                continue;
            }
            match name.as_str() {
                "cell" => {
                    fields.cell = Some(parsed(
                        &name,
                        "a string such as \"48RXT/2020-08-01/0\"",
                        &value,
                    )?);
                }
                "tile" => fields.tile = Some(parsed(&name, "a string such as \"48RXT\"", &value)?),
                "date" => {
                    fields.date = Some(parsed(&name, "a string such as \"20200801\"", &value)?);
                }
                "number" => fields.number = Some(number(&name, &value)?),
                "files" => fields.files = Some(parsed(&name, ADDRESS, &value)?),
                "assets" => fields.assets = Some(assets(&name, value)?),
                "output" => fields.output = Some(parsed(&name, ADDRESS, &value)?),
                "output_bucket" => {
                    output_bucket = Some(bucket(text(&name, "a bucket's name", &value)?)?);
                }
                "region_name" => {
                    fields.region = Some(region(text(
                        &name,
                        "a string such as \"eu-central-1\"",
                        &value,
                    )?)?);
                }
                "request_payer" => fields.request_payer = Some(flag(&name, &value)?),
                "ledger" => fields.job = job(&value)?,
                _ => {
                    return Err(CellError::UnknownField {
                        name,
                        known: KNOWN.join(", "),
                    });
                }
            }
        }
        // Then the fields that exclude each other.
        match (&fields.output, output_bucket) {
            (Some(_), Some(_)) => {
                return Err(CellError::Both {
                    one: "output",
                    other: "output_bucket",
                });
            }
            (None, bucket) => fields.output = bucket,
            (Some(_), None) => {}
        }
        if fields.files.is_some() && fields.assets.is_some() {
            return Err(CellError::Both {
                one: "files",
                other: "assets",
            });
        }
        Ok(fields)
    }

    /// The tile that the fields name.
    pub(super) fn tile(&self) -> Option<Tile> {
        self.cell.map(|cell| cell.tile).or(self.tile)
    }
}

const ADDRESS: &str = "a string such as \"s3://bucket/prefix/\"";

fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn wrong_type(field: &str, expected: &'static str, value: &Value) -> CellError {
    CellError::Type {
        field: field.to_owned(),
        expected,
        found: json_type(value),
    }
}

fn text<'a>(field: &str, expected: &'static str, value: &'a Value) -> Result<&'a str, CellError> {
    value
        .as_str()
        .ok_or_else(|| wrong_type(field, expected, value))
}

fn parsed<T: FromStr<Err = DomainError>>(
    field: &str,
    expected: &'static str,
    value: &Value,
) -> Result<T, CellError> {
    text(field, expected, value)?
        .parse()
        .map_err(|cause| CellError::Value {
            field: field.to_owned(),
            cause,
        })
}

fn number(field: &str, value: &Value) -> Result<u32, CellError> {
    let expected = "a whole number from 0";
    value
        .as_u64()
        .and_then(|number| u32::try_from(number).ok())
        .ok_or_else(|| match value {
            Value::Number(_) => CellError::Type {
                field: field.to_owned(),
                expected,
                found: "another number",
            },
            _ => wrong_type(field, expected, value),
        })
}

fn flag(field: &str, value: &Value) -> Result<bool, CellError> {
    value
        .as_bool()
        .ok_or_else(|| wrong_type(field, "true or false", value))
}

fn bucket(text: &str) -> Result<S3Url, CellError> {
    S3Url::new(text, "").map_err(|_| CellError::Bucket {
        text: text.to_owned(),
    })
}

fn region(text: &str) -> Result<String, CellError> {
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (1..=32).contains(&text.len()) && text.bytes().all(inside) {
        Ok(text.to_owned())
    } else {
        Err(CellError::Region {
            text: text.to_owned(),
        })
    }
}

fn job(ledger: &Value) -> Result<Option<JobId>, CellError> {
    // Cells that version 0.1.0 printed do not say it.
    if ledger.get("recipe").is_none() {
        return Ok(None);
    }
    let job = JobId::deserialize(ledger).map_err(|cause| CellError::Ledger {
        cause: cause.to_string(),
    })?;
    Ok(Some(job))
}

fn assets(field: &str, value: Value) -> Result<BTreeMap<String, S3Url>, CellError> {
    let expected = "an object of bands such as {\"B04\":\"s3://…\"}";
    let Value::Object(bands) = value else {
        return Err(wrong_type(field, expected, &value));
    };
    let bands: Map<String, Value> = bands;
    bands
        .into_iter()
        .map(|(band, value)| {
            Ok((
                band.clone(),
                parsed(&format!("assets.{band}"), ADDRESS, &value)?,
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn error(value: Value) -> String {
        Fields::of(value).unwrap_err().to_string()
    }

    #[test]
    fn a_cell_of_the_walk_through_is_understood() {
        let fields = Fields::of(json!({
            "files": "s3://sentinel-s2-l2a/tiles/48/R/XT/2020/8/1/0/R10m/", "date": "20200801",
            "output_bucket": "my-bucket", "region_name": "ap-northeast-1",
        }))
        .unwrap();
        assert_eq!(fields.output.unwrap().to_string(), "s3://my-bucket/");
        assert_eq!(fields.date.unwrap().to_string(), "2020-08-01");
        assert_eq!(fields.region.as_deref(), Some("ap-northeast-1"));
    }

    #[test]
    fn of_the_ledger_field_of_a_printed_cell_only_the_recipe_counts_and_null_counts_as_missing() {
        let fields = Fields::of(json!({
            "ledger": {"state": "failed", "recipe": "probe"}, "region_name": null, "number": null,
        }));
        let job = Some(JobId::Probe);
        assert_eq!(
            fields,
            Ok(Fields {
                job,
                ..Fields::default()
            })
        );
        let fields = Fields::of(json!({"ledger": {"state": "failed"}}));
        assert_eq!(fields, Ok(Fields::default()));
        assert_eq!(
            error(json!({"ledger": {"recipe": "mine"}})),
            "field \"ledger\" names no recipe (recipe mine is named without its recipe_digest; was it sent by an older version?); list the cells again, or remove the field"
        );
    }

    #[test]
    fn an_unknown_field_is_named_with_the_known_ones() {
        assert_eq!(
            error(json!({"file": "s3://bucket/x"})),
            "unknown field \"file\"; known are files, assets, cell, tile, date, number, output, output_bucket, \
             region_name, request_payer, ledger"
        );
        assert_eq!(
            error(json!({"Ledger": null})).split(';').next(),
            Some("unknown field \"Ledger\"")
        );
    }

    #[test]
    fn wrong_types_say_what_was_expected() {
        let cases = [
            (
                json!(7),
                "a number is not a cell; expected an object such as {\"files\":\"s3://…\",\"date\":\"20200801\",\"output_bucket\":\"…\"}",
            ),
            (
                json!({"files": 7}),
                "field \"files\" must be a string such as \"s3://bucket/prefix/\", not a number",
            ),
            (
                json!({"date": 20_200_801}),
                "field \"date\" must be a string such as \"20200801\", not a number",
            ),
            (
                json!({"tile": ["48RXT"]}),
                "field \"tile\" must be a string such as \"48RXT\", not an array",
            ),
            (
                json!({"cell": {}}),
                "field \"cell\" must be a string such as \"48RXT/2020-08-01/0\", not an object",
            ),
            (
                json!({"number": "0"}),
                "field \"number\" must be a whole number from 0, not a string",
            ),
            (
                json!({"number": -1}),
                "field \"number\" must be a whole number from 0, not another number",
            ),
            (
                json!({"request_payer": "yes"}),
                "field \"request_payer\" must be true or false, not a string",
            ),
            (
                json!({"assets": "s3://b"}),
                "field \"assets\" must be an object of bands such as {\"B04\":\"s3://…\"}, not a string",
            ),
            (
                json!({"assets": {"B04": 4}}),
                "field \"assets.B04\" must be a string such as \"s3://bucket/prefix/\", not a number",
            ),
        ];
        for (value, words) in cases {
            assert_eq!(error(value), words);
        }
    }

    #[test]
    fn wrong_values_are_named() {
        let cases = [
            (
                json!({"date": "20200230"}),
                "field \"date\": \"20200230\" is not a date: expected YYYYMMDD or YYYY-MM-DD, such as 20200801",
            ),
            (
                json!({"files": "/data/48RXT"}),
                "field \"files\": \"/data/48RXT\" is not an s3 address: expected s3://bucket/key",
            ),
            (
                json!({"assets": {"B04": "https://x/B04.jp2"}}),
                "field \"assets.B04\": \"https://x/B04.jp2\" is not an s3 address: expected s3://bucket/key",
            ),
            (
                json!({"tile": "48rxt"}),
                "field \"tile\": \"48rxt\" is not a tile: expected zone, band and square as in 48RXT, or path and row of Landsat as in 033032",
            ),
            (
                json!({"cell": "48RXT"}),
                "field \"cell\": \"48RXT\" is not a cell: expected tile/date/number as in 48RXT/2020-08-01/0",
            ),
            (
                json!({"output_bucket": "s3://my-bucket/x"}),
                "field \"output_bucket\": \"s3://my-bucket/x\" is not a bucket's name; for a prefix give \"output\":\"s3://bucket/prefix\"",
            ),
            (
                json!({"region_name": "Frankfurt"}),
                "field \"region_name\": \"Frankfurt\" is not a region; expected one such as eu-central-1",
            ),
            (
                json!({"output": "s3://bucket/x", "output_bucket": "bucket"}),
                "fields \"output\" and \"output_bucket\" exclude each other; remove one",
            ),
            (
                json!({"files": "s3://bucket/x", "assets": {}}),
                "fields \"files\" and \"assets\" exclude each other; remove one",
            ),
        ];
        for (value, words) in cases {
            assert_eq!(error(value), words);
        }
    }
}
