//! A recipe's tree as the text of a TOML file.

use std::fmt::Write as _;

use super::canonical;
use super::document::{Node, Table, Value};

/// The tables of a recipe that come last, in this order; a user's own names are the very last.
const LAST: [&str; 6] = [
    "output",
    "grid",
    "mask",
    "filter",
    "radiometry",
    "constants",
];

/// The order of keys in their tables. Others follow.
const FIRST: [&str; 8] = [
    "name",
    "title",
    "overviews",
    "file",
    "band",
    "expression",
    "dtype",
    "scale",
];

/// The text of a file that says what the tree says.
pub(in super::super) fn text(root: &Node) -> String {
    let mut text = String::new();
    let Value::Table(table) = &root.value else {
        return text;
    };
    pairs(table, &mut text);
    for key in LAST {
        match table.get(key).map(|node| &node.value) {
            Some(Value::List(list)) => {
                for entry in list {
                    let _ = write!(text, "\n[[{key}]]\n");
                    if let Value::Table(table) = &entry.value {
                        pairs(table, &mut text);
                    }
                }
            }
            Some(Value::Table(table)) => {
                let _ = write!(text, "\n[{key}]\n");
                pairs(table, &mut text);
            }
            _ => {}
        }
    }
    text
}

/// One line a key, without the tables that have a place of their own.
fn pairs(table: &Table, text: &mut String) {
    let rank = |key: &str| {
        let found = FIRST.iter().position(|first| *first == key);
        found.unwrap_or(FIRST.len())
    };
    let mut keys: Vec<(&String, &Node)> = table.iter().collect();
    keys.sort_by_key(|(key, _)| rank(key));
    for (key, node) in keys {
        if !LAST.contains(&key.as_str()) {
            let _ = writeln!(text, "{key} = {}", value(node));
        }
    }
}

fn value(node: &Node) -> String {
    match &node.value {
        // The canonical text has no NaN of its own.
        Value::Text(text) if text == "nan" => text.clone(),
        Value::List(list) => {
            let list: Vec<String> = list.iter().map(value).collect();
            format!("[{}]", list.join(", "))
        }
        Value::Table(table) => {
            let pairs = table
                .iter()
                .map(|(key, node)| format!("{key} = {}", value(node)));
            format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", "))
        }
        // JSON's strings and numbers are TOML's too.
        _ => canonical::text(node),
    }
}

#[cfg(test)]
mod tests {
    use super::super::document;
    use super::*;

    #[test]
    fn a_written_file_says_the_same() {
        let canonical = r#"{"constants":{"L":0.5},"filter":{"median":3},"grid":{"resolution":20},"mask":[{"band":"SCL","dilate":2,"values":[3,8]}],"name":"a","output":[{"expression":"\"N\\","name":"a","nodata":"nan","scale":1e-4}],"radiometry":{"assume":{"offset":-0.1,"scale":1e-4}},"title":"é"}"#;
        let toml = text(&document::from_json("a test", canonical).unwrap());
        assert_eq!(
            canonical::text(&document::from_toml("a test", &toml).unwrap()),
            canonical
        );
        let head = "name = \"a\"\ntitle = \"é\"\n\n[[output]]\nname = \"a\"\nexpression = ";
        assert!(toml.starts_with(head), "{toml}");
        assert!(toml.contains("\nnodata = nan\n"), "{toml}");
    }
}
