//! The keys of one table, with the words for what is wrong with them.

use std::ops::RangeInclusive;

use super::super::error::{Problem, RecipeError};
use super::super::text::document::{Node, Table, Value};

/// The keys of one table.
pub(super) struct Keys<'a> {
    pub(super) source: &'a str,
    /// What has these keys, in an error message.
    owner: &'static str,
    pub(super) line: Option<usize>,
    pub(super) table: &'a Table,
}

impl<'a> Keys<'a> {
    /// The keys of `node`. Unknown ones are found first: what they mean may be why a known one is
    /// missing.
    pub(super) fn new(
        source: &'a str,
        owner: &'static str,
        known: &[&str],
        node: &'a Node,
    ) -> Result<Self, RecipeError> {
        let keys = Self::any(source, owner, node)?;
        keys.nothing_but(known)?;
        Ok(keys)
    }

    /// The keys of `node`, whatever they are.
    pub(super) fn any(
        source: &'a str,
        owner: &'static str,
        node: &'a Node,
    ) -> Result<Self, RecipeError> {
        let line = node.line;
        match &node.value {
            Value::Table(table) => Ok(Self {
                source,
                owner,
                line,
                table,
            }),
            other => Err(RecipeError {
                source: source.to_owned(),
                line,
                problem: Problem::Wrong {
                    key: owner,
                    found: other.describe(),
                    expected: "a table of keys and values",
                },
            }),
        }
    }

    pub(super) fn error(&self, line: Option<usize>, problem: Problem) -> RecipeError {
        RecipeError {
            source: self.source.to_owned(),
            line,
            problem,
        }
    }

    /// The line of a key, or that of the table if it has no such key.
    pub(super) fn line_of(&self, key: &str) -> Option<usize> {
        let node = self.table.get(key);
        node.map_or(self.line, |node| node.line)
    }

    /// The value of a key that the table must have.
    pub(super) fn node(
        &self,
        key: &'static str,
        example: &'static str,
    ) -> Result<&'a Node, RecipeError> {
        let owner = self.owner;
        self.table.get(key).ok_or_else(|| {
            let problem = Problem::Missing {
                key,
                owner,
                example,
            };
            self.error(self.line, problem)
        })
    }

    pub(super) fn wrong(
        &self,
        key: &'static str,
        node: &Node,
        expected: &'static str,
    ) -> RecipeError {
        let found = node.value.describe();
        let problem = Problem::Wrong {
            key,
            found,
            expected,
        };
        self.error(node.line, problem)
    }

    /// A text that the table must have.
    pub(super) fn text(
        &self,
        key: &'static str,
        example: &'static str,
        expected: &'static str,
        fits: fn(&str) -> bool,
    ) -> Result<String, RecipeError> {
        self.node(key, example)?;
        let text = self.optional_text(key, expected, fits)?;
        Ok(text.unwrap_or_default())
    }

    /// A text that the table may have.
    pub(super) fn optional_text(
        &self,
        key: &'static str,
        expected: &'static str,
        fits: fn(&str) -> bool,
    ) -> Result<Option<String>, RecipeError> {
        self.optional(key, expected, |node| match &node.value {
            Value::Text(text) if fits(text) => Some(text.clone()),
            _ => None,
        })
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(
        &self,
        key: &'static str,
        expected: &'static str,
        words: &[(&str, T)],
    ) -> Result<Option<T>, RecipeError> {
        self.optional(key, expected, |node| {
            let Value::Text(text) = &node.value else {
                return None;
            };
            let found = words.iter().find(|(word, _)| word == text);
            found.map(|(_, meaning)| *meaning)
        })
    }

    /// A number.
    pub(super) fn number(
        &self,
        key: &'static str,
        expected: &'static str,
        fits: impl Fn(f64) -> bool,
    ) -> Result<Option<f64>, RecipeError> {
        self.optional(key, expected, |node| {
            number_of(&node.value).filter(|number| fits(*number))
        })
    }

    /// A whole number.
    pub(super) fn whole<T: TryFrom<i64>>(
        &self,
        key: &'static str,
        expected: &'static str,
        range: RangeInclusive<i64>,
    ) -> Result<Option<T>, RecipeError> {
        self.optional(key, expected, |node| whole_of(node, &range))
    }

    /// A list of at least one whole number, none of them twice.
    pub(super) fn wholes<T: TryFrom<i64> + PartialEq>(
        &self,
        key: &'static str,
        expected: &'static str,
        range: RangeInclusive<i64>,
    ) -> Result<Option<Vec<T>>, RecipeError> {
        self.optional(key, expected, |node| {
            let Value::List(list) = &node.value else {
                return None;
            };
            let mut numbers = vec![];
            for node in list {
                let number = whole_of(node, &range)?;
                if numbers.contains(&number) {
                    return None;
                }
                numbers.push(number);
            }
            (!numbers.is_empty()).then_some(numbers)
        })
    }

    /// A table that the table may have.
    pub(super) fn inner(
        &self,
        key: &str,
        owner: &'static str,
        known: &[&str],
    ) -> Result<Option<Self>, RecipeError> {
        let node = self.table.get(key);
        node.map(|node| Self::new(self.source, owner, known, node))
            .transpose()
    }

    fn optional<T>(
        &self,
        key: &'static str,
        expected: &'static str,
        read: impl FnOnce(&Node) -> Option<T>,
    ) -> Result<Option<T>, RecipeError> {
        let Some(node) = self.table.get(key) else {
            return Ok(None);
        };
        match read(node) {
            Some(value) => Ok(Some(value)),
            None => Err(self.wrong(key, node, expected)),
        }
    }

    /// The first unknown key of the file is an error.
    fn nothing_but(&self, known: &[&str]) -> Result<(), RecipeError> {
        let unknown = self
            .table
            .iter()
            .filter(|(key, _)| !known.contains(&key.as_str()))
            .min_by_key(|(_, node)| node.line);
        let Some((key, node)) = unknown else {
            return Ok(());
        };
        Err(self.error(
            node.line,
            Problem::UnknownKey {
                key: key.clone(),
                owner: self.owner,
                known: known.join(", "),
            },
        ))
    }
}

/// The number of a value; a canonical text writes NaN as a text.
pub(super) fn number_of(value: &Value) -> Option<f64> {
    match value {
        Value::Float(number) => Some(*number),
        #[expect(
            clippy::cast_precision_loss,
            reason = "what JSON and TOML call a number is one of float64"
        )]
        Value::Integer(number) => Some(*number as f64),
        Value::Text(text) if text == "nan" => Some(f64::NAN),
        _ => None,
    }
}

fn whole_of<T: TryFrom<i64>>(node: &Node, range: &RangeInclusive<i64>) -> Option<T> {
    match &node.value {
        Value::Integer(number) if range.contains(number) => T::try_from(*number).ok(),
        _ => None,
    }
}
