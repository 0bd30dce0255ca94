//! Which keys a recipe has, and what each may be. Every other key is an error.

use super::bands;
use super::canonical;
use super::digest::RecipeDigest;
use super::document::{Node, Table, Value};
use super::error::{Problem, RecipeError};
use super::value::{Output, PROBE, Recipe};

/// What a name may be that becomes part of keys and ids.
const NAME: &str = "1 to 40 of a-z, 0-9 and '-', the first not '-', such as \"false-color\"";
const TITLE: &str = "a text of 1 to 200 characters on one line";
const OUTPUTS: &str = "a list of tables, each of which starts with [[output]]";
const OUTPUT_NAME: &str = "1 to 40 letters, digits, '-' and '_', such as \"B04\"";

/// Reads a recipe from its tree. `source` names the text in error messages.
pub(super) fn read(source: &str, root: &Node, builtin: bool) -> Result<Recipe, RecipeError> {
    let keys = Keys::new(source, "a recipe", &["name", "title", "output"], root)?;
    let name = keys.text("name", "name = \"my-recipe\"", NAME, is_name)?;
    if name == PROBE {
        return Err(keys.error(keys.line_of("name"), Problem::Reserved(name)));
    }
    let title = keys.text("title", "title = \"What it is for\"", TITLE, is_title)?;
    let (inputs, outputs) = inputs_and_outputs(&keys)?;
    let canonical = canonical::text(root);
    Ok(Recipe {
        name,
        title,
        inputs,
        outputs,
        digest: RecipeDigest::of(&canonical),
        canonical,
        builtin,
    })
}

/// The inputs and the outputs. An input is added by the first output that names it.
fn inputs_and_outputs(recipe: &Keys<'_>) -> Result<(Vec<String>, Vec<Output>), RecipeError> {
    let node = recipe.node(
        "output",
        "[[output]] with name = \"B04\" and band = \"B04\"",
    )?;
    let list = match &node.value {
        Value::List(list) if !list.is_empty() => list,
        other => return Err(recipe.wrong("output", node.line, other, OUTPUTS)),
    };
    let (mut inputs, mut outputs): (Vec<String>, Vec<Output>) = (vec![], vec![]);
    for node in list {
        if !matches!(node.value, Value::Table(_)) {
            return Err(recipe.wrong("output", node.line, &node.value, OUTPUTS));
        }
        let keys = Keys::new(recipe.source, "an output", &["name", "band"], node)?;
        let name = keys.text("name", "name = \"B04\"", OUTPUT_NAME, is_output_name)?;
        let band = keys.text("band", "band = \"B04\"", bands::EXPECTED, bands::is_band)?;
        if outputs.iter().any(|output| output.name == name) {
            return Err(keys.error(keys.line_of("name"), Problem::Repeated(name)));
        }
        let known = inputs.iter().position(|input| *input == band);
        let input = known.unwrap_or(inputs.len());
        if known.is_none() {
            inputs.push(band);
        }
        outputs.push(Output { name, input });
    }
    Ok((inputs, outputs))
}

fn is_name(text: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=40).contains(&text.len()) && !text.starts_with('-') && text.bytes().all(inside)
}

fn is_title(text: &str) -> bool {
    (1..=200).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

fn is_output_name(text: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    (1..=40).contains(&text.len()) && text.bytes().all(inside)
}

/// The keys of one table, with the words for what is wrong with them.
struct Keys<'a> {
    source: &'a str,
    /// What has these keys, in an error message.
    owner: &'static str,
    known: &'static [&'static str],
    line: Option<usize>,
    table: &'a Table,
}

impl<'a> Keys<'a> {
    /// The keys of `node`. Unknown ones are found first: what they mean may be why a known one is
    /// missing.
    fn new(
        source: &'a str,
        owner: &'static str,
        known: &'static [&'static str],
        node: &'a Node,
    ) -> Result<Self, RecipeError> {
        let Value::Table(table) = &node.value else {
            let found = node.value.describe();
            let expected = "a table of keys and values";
            return Err(RecipeError {
                source: source.to_owned(),
                line: node.line,
                problem: Problem::Wrong {
                    key: owner,
                    found,
                    expected,
                },
            });
        };
        let keys = Self {
            source,
            owner,
            known,
            line: node.line,
            table,
        };
        keys.nothing_else()?;
        Ok(keys)
    }

    fn error(&self, line: Option<usize>, problem: Problem) -> RecipeError {
        RecipeError {
            source: self.source.to_owned(),
            line,
            problem,
        }
    }

    fn line_of(&self, key: &str) -> Option<usize> {
        self.table.get(key).and_then(|node| node.line)
    }

    fn node(&self, key: &'static str, example: &'static str) -> Result<&'a Node, RecipeError> {
        let owner = self.owner;
        self.table.get(key).ok_or_else(|| {
            self.error(
                self.line,
                Problem::Missing {
                    key,
                    owner,
                    example,
                },
            )
        })
    }

    fn wrong(
        &self,
        key: &'static str,
        line: Option<usize>,
        found: &Value,
        expected: &'static str,
    ) -> RecipeError {
        let found = found.describe();
        self.error(
            line,
            Problem::Wrong {
                key,
                found,
                expected,
            },
        )
    }

    fn text(
        &self,
        key: &'static str,
        example: &'static str,
        expected: &'static str,
        fits: fn(&str) -> bool,
    ) -> Result<String, RecipeError> {
        let node = self.node(key, example)?;
        match &node.value {
            Value::Text(text) if fits(text) => Ok(text.clone()),
            other => Err(self.wrong(key, node.line, other, expected)),
        }
    }

    /// The first unknown key of the file is an error.
    fn nothing_else(&self) -> Result<(), RecipeError> {
        let unknown = self
            .table
            .iter()
            .filter(|(key, _)| !self.known.contains(&key.as_str()))
            .min_by_key(|(_, node)| node.line);
        let Some((key, node)) = unknown else {
            return Ok(());
        };
        Err(self.error(
            node.line,
            Problem::UnknownKey {
                key: key.clone(),
                owner: self.owner,
                known: self.known.join(", "),
            },
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        "name = \"blue\"\ntitle = \"Blue\"\n[[output]]\nname = \"b\"\nband = \"B02\"\n";

    fn complaint(text: &str) -> String {
        Recipe::from_toml("my.toml", text).unwrap_err().to_string()
    }

    #[test]
    fn a_recipe_is_what_its_file_says() {
        let recipe = Recipe::from_toml("my.toml", GOOD).unwrap();
        assert_eq!((recipe.name(), recipe.title()), ("blue", "Blue"));
        assert_eq!(recipe.inputs(), ["B02"]);
        assert_eq!(
            recipe.canonical(),
            r#"{"name":"blue","output":[{"band":"B02","name":"b"}],"title":"Blue"}"#
        );
        assert!(!recipe.is_builtin());
    }

    #[test]
    fn a_band_that_two_outputs_name_is_read_once() {
        let text = format!(
            "{GOOD}[[output]]\nname = \"a\"\nband = \"B8A\"\n[[output]]\nname = \"c\"\nband = \"B02\"\n"
        );
        let recipe = Recipe::from_toml("my.toml", &text).unwrap();
        assert_eq!(recipe.inputs(), ["B02", "B8A"]);
        let inputs: Vec<usize> = recipe.outputs().iter().map(|output| output.input).collect();
        assert_eq!(inputs, [0, 1, 0]);
    }

    #[test]
    fn every_other_key_is_refused_with_its_line() {
        assert_eq!(
            complaint(&format!("{GOOD}expression = \"B02\"\n")),
            "my.toml line 6: unknown key \"expression\"; an output has name, band"
        );
        assert_eq!(
            complaint(&format!("version = 2\n{GOOD}")),
            "my.toml line 1: unknown key \"version\"; a recipe has name, title, output"
        );
        assert_eq!(
            complaint(&format!("{GOOD}[filter]\nmedian = 3\n")),
            "my.toml line 6: unknown key \"filter\"; a recipe has name, title, output"
        );
    }

    #[test]
    fn what_is_missing_or_wrong_is_named_with_its_line_and_what_was_expected() {
        for (from, to, expected) in [
            (
                "name = \"blue\"",
                "name = \"Blue\"",
                "my.toml line 1: name is \"Blue\"; expected 1 to 40 of a-z, 0-9 and '-', the first not '-', such as \"false-color\"",
            ),
            (
                "name = \"blue\"",
                "name = \"probe\"",
                "my.toml line 1: the name \"probe\" is taken: --recipe probe reads no band; choose another",
            ),
            (
                "name = \"blue\"\n",
                "",
                "my.toml line 1: no name; a recipe has one, such as name = \"my-recipe\"",
            ),
            (
                "title = \"Blue\"",
                "title = 3",
                "my.toml line 2: title is 3; expected a text of 1 to 200 characters on one line",
            ),
            (
                "name = \"b\"",
                "name = \"\"",
                "my.toml line 4: name is \"\"; expected 1 to 40 letters, digits, '-' and '_', such as \"B04\"",
            ),
            (
                "band = \"B02\"",
                "band = \"../B02\"",
                "my.toml line 5: band is \"../B02\"; expected the name of a band as objects and assets have it, such as \"B04\": 1 to 32 letters, digits and '_'",
            ),
            (
                "band = \"B02\"\n",
                "",
                "my.toml line 3: no band; an output has one, such as band = \"B04\"",
            ),
            (
                "[[output]]",
                "[output]",
                "my.toml line 3: output is a table; expected a list of tables, each of which starts with [[output]]",
            ),
            (
                "title = \"Blue\"",
                "title = ",
                "my.toml line 2: not TOML: string values must be quoted, expected literal string",
            ),
        ] {
            assert_eq!(complaint(&GOOD.replacen(from, to, 1)), expected);
        }
        assert_eq!(
            complaint(&format!("{GOOD}[[output]]\nname = \"b\"\nband = \"B03\"\n")),
            "my.toml line 7: a second output is named \"b\"; give each output a name of its own"
        );
        assert_eq!(
            complaint(&format!("{GOOD}# {}", "x".repeat(16 * 1024))),
            "my.toml: the recipe is too long; at most 16384 bytes are read"
        );
    }
}
