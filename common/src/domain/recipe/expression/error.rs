//! What is wrong with an expression, shown with a caret below the place.

use std::fmt;

/// The most characters of an expression that a message shows around the caret.
const SHOWN: usize = 90;

/// What is wrong with an expression, and where.
///
/// It is displayed on three lines: what is wrong, the expression, and a caret.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ExpressionError {
    text: String,
    /// The offset of the place, in bytes of `text`.
    at: usize,
    problem: ExpressionProblem,
}

impl std::error::Error for ExpressionError {}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
pub(super) enum ExpressionProblem {
    #[error("the expression is longer than {0} bytes; split it into several outputs")]
    TooLong(usize),
    #[error("more than {0} operations; split the expression into several outputs")]
    TooManyOperations(usize),
    #[error("parentheses are nested more than {0} deep; split the expression into several outputs")]
    TooDeep(usize),
    #[error("found {found}, but expected {expected}")]
    Expected {
        found: String,
        expected: &'static str,
    },
    #[error("\"{found}\" is not a sign of an expression; {hint}")]
    Sign { found: char, hint: &'static str },
    #[error("\"{0}\" is not a number of float32")]
    Number(String),
    #[error("\"{name}\" is neither a band nor a constant; {hint}")]
    Name { name: String, hint: String },
    #[error("\"{name}\" is not a function; functions are {known}")]
    Function { name: String, known: String },
    #[error("{name} is a function; write {usage}")]
    NotCalled {
        name: &'static str,
        usage: &'static str,
    },
    #[error("{name} takes {takes}, not {given}; write {usage}")]
    Arity {
        name: &'static str,
        takes: &'static str,
        given: usize,
        usage: &'static str,
    },
    #[error("comparisons do not chain; compare two at a time, as in where(a < b, b < c, 0)")]
    Chain,
    #[error("the constants here give no finite number")]
    NotFinite,
    #[error("the expression reads no band, so it is the same everywhere; name one, such as N")]
    NoBand,
}

impl ExpressionError {
    pub(super) fn new(text: &str, at: usize, problem: ExpressionProblem) -> Self {
        Self {
            text: text.to_owned(),
            at,
            problem,
        }
    }
}

impl fmt::Display for ExpressionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let column = self
            .text
            .get(..self.at)
            .unwrap_or(&self.text)
            .chars()
            .count();
        let skipped = column.saturating_sub(SHOWN / 2);
        let blank = |sign: char| if sign.is_control() { ' ' } else { sign };
        let shown: String = self
            .text
            .chars()
            .skip(skipped)
            .take(SHOWN)
            .map(blank)
            .collect();
        let width = column - skipped;
        write!(
            f,
            "{}\n  {}\n  {:width$}^",
            self.problem,
            shown.trim_end(),
            ""
        )
    }
}
