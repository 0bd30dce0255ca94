//! Long functions, and the comments that explain their plan.
//!
//! The text is read as rustfmt writes it: a function ends with the brace that is indented as its
//! `fn` is.

/// A function of a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    /// The line of its `fn`, from 1.
    pub(crate) line: usize,
    /// Its lines, from `fn` to the last brace.
    pub(crate) lines: usize,
    /// The comments in it. Comments on successive lines are one.
    pub(crate) comments: usize,
}

/// The functions of a file without its tests.
pub(crate) fn functions(text: &str) -> Vec<Function> {
    let product = text.split("\n#[cfg(test)]\nmod ").next().unwrap_or(text);
    let lines: Vec<&str> = product.lines().collect();
    let mut functions = vec![];
    for (index, line) in lines.iter().enumerate() {
        if !begins_function(line) {
            continue;
        }
        let indent = &line[..line.len() - line.trim_start().len()];
        let end = format!("{indent}}}");
        let Some(length) = lines[index..].iter().position(|line| *line == end) else {
            continue;
        };
        let body = &lines[index..index + length];
        let is_comment = |line: &&str| line.trim_start().starts_with("//");
        let begins = |pair: &[&str]| !is_comment(&pair[0]) && is_comment(&pair[1]);
        functions.push(Function {
            line: index + 1,
            lines: length + 1,
            comments: body.windows(2).filter(|pair| begins(pair)).count(),
        });
    }
    functions
}

/// Whether the line begins a function with a body.
fn begins_function(line: &str) -> bool {
    let mut words = line.split_whitespace().take_while(|word| *word != "fn");
    let is_modifier =
        |word: &str| matches!(word, "async" | "const" | "unsafe") || word.starts_with("pub");
    let is_function = line.split_whitespace().any(|word| word == "fn");
    is_function && words.all(is_modifier) && !line.ends_with([';', '}'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_and_the_comments_of_a_function_are_counted() {
        let text = "\
pub(crate) async fn run(
    a: u8,
) {
    // One.
    // Still one.
    a
    // Two.
}

impl A {
    fn short() {
    }
}

#[cfg(test)]
mod tests {
    fn test() {
    }
}
";
        let function = |line, lines, comments| Function {
            line,
            lines,
            comments,
        };
        assert_eq!(functions(text), [function(1, 8, 2), function(11, 2, 0)]);
    }
}
