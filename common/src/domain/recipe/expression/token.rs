//! The words of an expression.

use super::error::{ExpressionError, ExpressionProblem};

/// A word and where it begins, in bytes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Word {
    pub(super) at: usize,
    pub(super) token: Token,
}

/// What a word is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Number(f64),
    Name(String),
    /// One of [`SYMBOLS`].
    Symbol(&'static str),
    End,
}

impl Token {
    /// The word in an error message.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Name(name) => format!("\"{name}\""),
            Self::Symbol(symbol) => format!("\"{symbol}\""),
            Self::End => "the end".to_owned(),
        }
    }
}

/// The longer ones first.
const SYMBOLS: [&str; 14] = [
    "**", "<=", ">=", "==", "!=", "+", "-", "*", "/", "<", ">", "(", ")", ",",
];

/// Cuts an expression into words, of which the last is [`Token::End`].
pub(super) fn words(text: &str) -> Result<Vec<Word>, ExpressionError> {
    let mut words = vec![];
    let mut at = 0;
    while let Some(rest) = text.get(at..)
        && let Some(first) = rest.chars().next()
    {
        let (length, token) = if first.is_whitespace() {
            (first.len_utf8(), None)
        } else if first.is_ascii_alphabetic() || first == '_' {
            let name = leading(rest, |byte| byte.is_ascii_alphanumeric() || byte == b'_');
            (name.len(), Some(Token::Name(name.to_owned())))
        } else if first.is_ascii_digit() || first == '.' {
            let digits = number(rest);
            let wrong = || {
                let problem = ExpressionProblem::Number(digits.to_owned());
                ExpressionError::new(text, at, problem)
            };
            let value: f64 = digits.parse().map_err(|_| wrong())?;
            if !is_float32(value) {
                return Err(wrong());
            }
            (digits.len(), Some(Token::Number(value)))
        } else if let Some(symbol) = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
            (symbol.len(), Some(Token::Symbol(symbol)))
        } else {
            let problem = ExpressionProblem::Sign {
                found: first,
                hint: hint(first),
            };
            return Err(ExpressionError::new(text, at, problem));
        };
        words.extend(token.map(|token| Word { at, token }));
        at += length;
    }
    words.push(Word {
        at: text.trim_end().len(),
        token: Token::End,
    });
    Ok(words)
}

/// Whether a number is finite as float32.
#[expect(
    clippy::cast_possible_truncation,
    reason = "whether it becomes infinite is the question"
)]
pub(in super::super) fn is_float32(number: f64) -> bool {
    (number as f32).is_finite()
}

/// What to write instead of a sign that other languages have.
fn hint(sign: char) -> &'static str {
    match sign {
        '^' => "a power is written a ** b",
        '=' => "equality is written a == b",
        '&' | '|' | '!' | '?' | ':' => "conditions are written where(c, a, b)",
        '%' => "there is no remainder",
        '[' | ']' | '{' | '}' => "parentheses are round",
        _ => "it has names, numbers, parentheses, commas, + - * / ** and comparisons",
    }
}

/// The bytes at the beginning that are `inside`.
fn leading(text: &str, inside: impl Fn(u8) -> bool) -> &str {
    let length = text.bytes().take_while(|byte| inside(*byte)).count();
    text.get(..length).unwrap_or(text)
}

/// The number at the beginning, with its exponent; letters directly behind it belong to it, so that
/// `2x` is an error.
fn number(text: &str) -> &str {
    let mut before = b' ';
    let length = text.bytes().take_while(|byte| {
        let sign = matches!(byte, b'+' | b'-') && matches!(before, b'e' | b'E');
        let inside = byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_') || sign;
        before = *byte;
        inside
    });
    let length = length.count();
    text.get(..length).unwrap_or(text)
}
