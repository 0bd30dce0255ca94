//! The canonical form of a recipe: one JSON text for all files that say the same.
//!
//! Keys are sorted. Only what was written is in it: defaults stay out, so that a key with a default
//! that a later version adds changes no digest. Numbers are as short as they can be (`1.0` is `1`),
//! and NaN, which JSON does not have, is the text `"nan"`.

use super::document::{Node, Value};

/// Whole numbers up to this are the same as an `f64` and as an `i64`.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The canonical text of the tree.
pub(in super::super) fn text(node: &Node) -> String {
    let mut text = String::new();
    write(&node.value, &mut text);
    text
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Text(string) => quote(string, text),
        Value::Integer(number) => text.push_str(&number.to_string()),
        Value::Float(number) => write_float(*number, text),
        Value::Flag(flag) => text.push_str(&flag.to_string()),
        Value::List(list) => {
            text.push('[');
            for (index, node) in list.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write(&node.value, text);
            }
            text.push(']');
        }
        Value::Table(table) => {
            text.push('{');
            for (index, (key, node)) in table.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                quote(key, text);
                text.push(':');
                write(&node.value, text);
            }
            text.push('}');
        }
    }
}

fn quote(string: &str, text: &mut String) {
    text.push_str(&serde_json::Value::from(string).to_string());
}

fn write_float(number: f64, text: &mut String) {
    if number.is_nan() {
        text.push_str("\"nan\"");
    } else if number.is_infinite() {
        text.push_str(if number > 0.0 { "\"inf\"" } else { "\"-inf\"" });
    } else if number.fract() == 0.0 && number.abs() <= EXACT {
        // Also makes -0 a 0.
        #[expect(
            clippy::cast_possible_truncation,
            reason = "whole, and within the numbers that both types have"
        )]
        let whole = number as i64;
        text.push_str(&whole.to_string());
    } else {
        // Both forms have the fewest digits that read back as the same number. They are the standard
        // library's, so that no other crate can change a digest.
        let (plain, scientific) = (number.to_string(), format!("{number:e}"));
        text.push_str(if plain.len() <= scientific.len() {
            &plain
        } else {
            &scientific
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::document;
    use super::*;

    fn of_toml(toml: &str) -> String {
        text(&document::from_toml("a test", toml).unwrap())
    }

    #[test]
    fn the_order_of_keys_and_the_layout_of_the_file_do_not_matter() {
        let one = of_toml("b = 1 # why\na = \"x\"\n[[list]]\nz = true\ny = [1, 2]\n");
        let two = of_toml("list = [{y = [1,2], z = true}]\na = 'x'\nb = 0x1");
        assert_eq!(one, r#"{"a":"x","b":1,"list":[{"y":[1,2],"z":true}]}"#);
        assert_eq!(two, one);
    }

    #[test]
    fn numbers_are_as_short_as_they_can_be_and_nan_is_a_text() {
        for (written, canonical) in [
            ("1.0", "1"),
            ("1e3", "1000"),
            ("-0.0", "0"),
            ("0.00010", "1e-4"),
            ("12.50", "12.5"),
            ("1e-7", "1e-7"),
            ("0.1", "0.1"),
            ("1e300", "1e300"),
            ("-32768", "-32768"),
            ("9007199254740993", "9007199254740993"),
            ("nan", "\"nan\""),
            ("-inf", "\"-inf\""),
        ] {
            assert_eq!(
                of_toml(&format!("n = {written}")),
                format!("{{\"n\":{canonical}}}"),
                "{written}"
            );
        }
    }

    #[test]
    fn a_canonical_text_is_its_own_canonical_text() {
        let once = of_toml("n = [0.1, 1e300, nan, 5]\nt = \"line\\n\\\"é\\\"\"");
        let again = text(&document::from_json("a test", &once).unwrap());
        assert_eq!(again, once);
    }
}
