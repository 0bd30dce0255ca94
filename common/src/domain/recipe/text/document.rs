//! A recipe's text as a tree of values that know their lines, whether it was TOML or JSON.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::super::error::{Problem, RecipeError};

/// A value and the line on which it stands, from 1; `None` in a canonical text.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct Node {
    pub(in super::super) line: Option<usize>,
    pub(in super::super) value: Value,
}

/// What recipes are made of.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) enum Value {
    Text(String),
    Integer(i64),
    Float(f64),
    Flag(bool),
    List(Vec<Node>),
    Table(Table),
}

/// Values by key; the line of each is that of its key.
pub(in super::super) type Table = BTreeMap<String, Node>;

impl Value {
    /// The value in the words of an error message.
    pub(in super::super) fn describe(&self) -> String {
        match self {
            Self::Text(text) => format!("\"{text}\""),
            Self::Integer(number) => number.to_string(),
            Self::Float(number) => number.to_string(),
            Self::Flag(flag) => flag.to_string(),
            Self::List(_) => "a list".to_owned(),
            Self::Table(_) => "a table".to_owned(),
        }
    }
}

/// Reads a TOML file; `source` is its name in error messages.
pub(in super::super) fn from_toml(source: &str, text: &str) -> Result<Node, RecipeError> {
    let syntax = |line, cause: String| RecipeError {
        source: source.to_owned(),
        line,
        problem: Problem::Syntax {
            expected: "TOML",
            cause,
        },
    };
    let line_at = |offset: usize| {
        let before = text.get(..offset).unwrap_or(text);
        before.matches('\n').count() + 1
    };
    let table = DeTable::parse(text).map_err(|error| {
        let line = error.span().map(|span| line_at(span.start));
        syntax(line, error.message().to_owned())
    })?;
    let lines = Lines {
        line_at: &line_at,
        syntax: &syntax,
    };
    Ok(Node {
        line: Some(1),
        value: Value::Table(lines.table(table.get_ref())?),
    })
}

/// What turns TOML's tree into ours.
struct Lines<'a> {
    line_at: &'a dyn Fn(usize) -> usize,
    syntax: &'a dyn Fn(Option<usize>, String) -> RecipeError,
}

impl Lines<'_> {
    fn table(&self, table: &DeTable<'_>) -> Result<Table, RecipeError> {
        table
            .iter()
            .map(|(key, value)| {
                let line = (self.line_at)(key.span().start);
                Ok((key.get_ref().to_string(), self.node(line, value)?))
            })
            .collect()
    }

    fn node(&self, line: usize, value: &Spanned<DeValue<'_>>) -> Result<Node, RecipeError> {
        let wrong = |cause: &str| (self.syntax)(Some(line), cause.to_owned());
        let value = match value.get_ref() {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(number) => Value::Integer(
                i64::from_str_radix(number.as_str(), number.radix())
                    .map_err(|_| wrong("the whole number has more than 64 bits"))?,
            ),
            DeValue::Float(number) => Value::Float(
                number
                    .as_str()
                    .parse()
                    .map_err(|_| wrong("this is not a number"))?,
            ),
            DeValue::Boolean(flag) => Value::Flag(*flag),
            DeValue::Datetime(_) => return Err(wrong("a recipe has no dates or times")),
            DeValue::Array(list) => Value::List(
                list.iter()
                    .map(|entry| self.node((self.line_at)(entry.span().start), entry))
                    .collect::<Result<_, _>>()?,
            ),
            DeValue::Table(table) => Value::Table(self.table(table)?),
        };
        Ok(Node {
            line: Some(line),
            value,
        })
    }
}

/// Reads a canonical text; `source` is its name in error messages.
pub(in super::super) fn from_json(source: &str, text: &str) -> Result<Node, RecipeError> {
    let syntax = |cause: String| RecipeError {
        source: source.to_owned(),
        line: None,
        problem: Problem::Syntax {
            expected: "a recipe's canonical text",
            cause,
        },
    };
    let value: serde_json::Value =
        serde_json::from_str(text).map_err(|error| syntax(error.to_string()))?;
    json_node(value).ok_or_else(|| syntax("it holds null, which no recipe does".to_owned()))
}

fn json_node(value: serde_json::Value) -> Option<Node> {
    use serde_json::Value as Json;
    let value = match value {
        Json::Null => return None,
        Json::Bool(flag) => Value::Flag(flag),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Value::Integer(whole),
            None => Value::Float(number.as_f64()?),
        },
        Json::String(text) => Value::Text(text),
        Json::Array(list) => Value::List(list.into_iter().map(json_node).collect::<Option<_>>()?),
        Json::Object(fields) => Value::Table(
            fields
                .into_iter()
                .map(|(key, value)| Some((key, json_node(value)?)))
                .collect::<Option<_>>()?,
        ),
    };
    Some(Node { line: None, value })
}
