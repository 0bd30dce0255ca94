//! The part of `CloudWatch`'s metric math that the scaling uses, point by point.
//!
//! Semantics are those of "Using math expressions with `CloudWatch` metrics" (Amazon `CloudWatch`
//! User Guide, section Metric math syntax and functions): an operation on a missing point gives a
//! missing point, a comparison gives 1 or 0, and only `FILL` replaces missing points. Unknown
//! syntax is an error, never a guess.

use crate::cloudwatch::metrics::Metric;
use crate::cloudwatch::token::{Token, split};
use crate::error::Error;

/// An expression that can be evaluated for one moment at a time.
#[derive(Debug, Clone)]
pub struct Expression {
    root: Node,
}

#[derive(Debug, Clone)]
enum Node {
    Number(f64),
    Metric(Metric),
    Negative(Box<Node>),
    Binary(&'static str, Box<Node>, Box<Node>),
    Rounded(fn(f64) -> f64, Box<Node>),
    /// `FILL` with a constant.
    Filled(Box<Node>, f64),
    If(Box<Node>, Box<Node>, Box<Node>),
    /// `MAX` or `MIN` of an array of series, which is taken at each moment.
    Extreme(fn(f64, f64) -> f64, Vec<Node>),
}

impl Expression {
    /// Parses an expression.
    ///
    /// # Errors
    /// [`Error::Expression`] when it is not of the known part of metric math, [`Error::Metric`]
    /// when it names a metric that the fleet does not have.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let failed = |(at, why): (usize, String)| Error::Expression {
            expression: text.to_owned(),
            at,
            why,
        };
        let tokens = split(text).map_err(failed)?;
        let mut parser = Parser {
            text,
            tokens: &tokens,
            next: 0,
        };
        let root = parser.binary(0)?;
        if parser.next < tokens.len() {
            return Err(parser.error("nothing was expected here any more"));
        }
        Ok(Self { root })
    }

    /// Its value at a moment, from the metrics that are known then; `None` when the result is
    /// missing.
    pub fn evaluate(&self, known: &dyn Fn(Metric) -> Option<f64>) -> Option<f64> {
        self.root.evaluate(known)
    }
}

impl Node {
    fn evaluate(&self, known: &dyn Fn(Metric) -> Option<f64>) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Metric(metric) => known(*metric),
            Self::Negative(inner) => Some(-inner.evaluate(known)?),
            Self::Binary(sign, left, right) => {
                apply(sign, left.evaluate(known)?, right.evaluate(known)?)
            }
            Self::Rounded(round, inner) => Some(round(inner.evaluate(known)?)),
            Self::Filled(inner, constant) => Some(inner.evaluate(known).unwrap_or(*constant)),
            Self::If(condition, yes, no) => {
                if condition.evaluate(known)? == 0.0 {
                    no.evaluate(known)
                } else {
                    yes.evaluate(known)
                }
            }
            Self::Extreme(choose, all) => all
                .iter()
                .filter_map(|node| node.evaluate(known))
                .reduce(choose),
        }
    }
}

fn apply(sign: &str, left: f64, right: f64) -> Option<f64> {
    let truth = |holds: bool| Some(f64::from(u8::from(holds)));
    match sign {
        "+" => Some(left + right),
        "-" => Some(left - right),
        "*" => Some(left * right),
        // "Division by zero: the point is missing" is how the console draws it; an infinite value
        // must not order machines.
        "/" => Some(left / right).filter(|value| value.is_finite()),
        "<" => truth(left < right),
        ">" => truth(left > right),
        "<=" => truth(left <= right),
        ">=" => truth(left >= right),
        "==" => truth((left - right).abs() < f64::EPSILON),
        "!=" => truth((left - right).abs() >= f64::EPSILON),
        "&&" | "AND" => truth(left != 0.0 && right != 0.0),
        "||" | "OR" => truth(left != 0.0 || right != 0.0),
        _ => None,
    }
}

/// Operators, those that bind least first.
const LEVELS: [&[&str]; 5] = [
    &["||", "OR"],
    &["&&", "AND"],
    &["<", ">", "<=", ">=", "==", "!="],
    &["+", "-"],
    &["*", "/"],
];

struct Parser<'a> {
    text: &'a str,
    tokens: &'a [(usize, Token)],
    next: usize,
}

impl Parser<'_> {
    fn error(&self, why: impl Into<String>) -> Error {
        let at = self
            .tokens
            .get(self.next)
            .map_or(self.text.len(), |(at, _)| *at);
        Error::Expression {
            expression: self.text.to_owned(),
            at,
            why: why.into(),
        }
    }

    /// Steps over a sign, if it comes next.
    fn take(&mut self, sign: &str) -> bool {
        let found =
            matches!(self.tokens.get(self.next), Some((_, Token::Sign(next))) if *next == sign);
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &str) -> Result<(), Error> {
        if self.take(sign) {
            Ok(())
        } else {
            Err(self.error(format!("{sign:?} was expected")))
        }
    }

    fn binary(&mut self, level: usize) -> Result<Node, Error> {
        let Some(signs) = LEVELS.get(level) else {
            return self.unary();
        };
        let mut left = self.binary(level + 1)?;
        loop {
            let word = match self.tokens.get(self.next) {
                Some((_, Token::Sign(sign))) => sign,
                Some((_, Token::Name(name))) => name.as_str(),
                _ => return Ok(left),
            };
            let Some(sign) = signs.iter().find(|sign| **sign == word) else {
                return Ok(left);
            };
            self.next += 1;
            left = Node::Binary(sign, Box::new(left), Box::new(self.binary(level + 1)?));
        }
    }

    fn unary(&mut self) -> Result<Node, Error> {
        if self.take("-") {
            return Ok(Node::Negative(Box::new(self.unary()?)));
        }
        if self.take("(") {
            let inner = self.binary(0)?;
            self.expect(")")?;
            return Ok(inner);
        }
        match self.tokens.get(self.next).cloned() {
            Some((_, Token::Number(number))) => {
                self.next += 1;
                Ok(Node::Number(number))
            }
            Some((_, Token::Name(name))) => {
                let begin = self.next;
                self.next += 1;
                if self.take("(") {
                    self.call(&name, begin)
                } else {
                    self.metric(name)
                }
            }
            _ => Err(self.error("a metric, a number or a function was expected")),
        }
    }

    fn metric(&self, name: String) -> Result<Node, Error> {
        Metric::named(&name)
            .map(Node::Metric)
            .ok_or_else(|| Error::Metric {
                expression: self.text.to_owned(),
                name,
            })
    }

    fn call(&mut self, name: &str, begin: usize) -> Result<Node, Error> {
        let node = match name {
            "CEIL" => Node::Rounded(f64::ceil, Box::new(self.binary(0)?)),
            "FLOOR" => Node::Rounded(f64::floor, Box::new(self.binary(0)?)),
            "ABS" => Node::Rounded(f64::abs, Box::new(self.binary(0)?)),
            "FILL" => {
                let inner = self.binary(0)?;
                self.expect(",")?;
                let Node::Number(constant) = self.binary(0)? else {
                    return Err(self.error("FILL is known with a constant only"));
                };
                Node::Filled(Box::new(inner), constant)
            }
            "IF" => {
                let condition = self.binary(0)?;
                self.expect(",")?;
                let yes = self.binary(0)?;
                self.expect(",")?;
                Node::If(
                    Box::new(condition),
                    Box::new(yes),
                    Box::new(self.binary(0)?),
                )
            }
            "MAX" => Node::Extreme(f64::max, self.array()?),
            "MIN" => Node::Extreme(f64::min, self.array()?),
            _ => {
                self.next = begin;
                return Err(self.error(format!(
                    "{name} is not among the functions that the simulation knows"
                )));
            }
        };
        self.expect(")")?;
        Ok(node)
    }

    /// `MAX` of a single series is its maximum over time, and of constants nothing at all: only
    /// arrays of series will do.
    fn array(&mut self) -> Result<Vec<Node>, Error> {
        self.expect("[")?;
        let mut all = Vec::new();
        loop {
            match self.binary(0)? {
                Node::Number(_) => return Err(self.error("an array holds series, not constants")),
                node => all.push(node),
            }
            if !self.take(",") {
                break;
            }
        }
        self.expect("]")?;
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(
        text: &str,
        visible: Option<f64>,
        inflight: Option<f64>,
        desired: Option<f64>,
    ) -> Option<f64> {
        Expression::parse(text)
            .unwrap()
            .evaluate(&|metric| match metric {
                Metric::Visible => visible,
                Metric::Inflight => inflight,
                Metric::Desired => desired,
            })
    }

    #[test]
    fn operators_bind_as_in_arithmetic() {
        assert_eq!(value("1 + 2 * 3 - 8 / 4", None, None, None), Some(5.0));
        assert_eq!(value("(1 + 2) * -3", None, None, None), Some(-9.0));
        assert_eq!(value("10 - 3 - 2", None, None, None), Some(5.0));
        assert_eq!(value("1 + 1 > 1 && 2 <= 2", None, None, None), Some(1.0));
    }

    #[test]
    fn a_missing_point_makes_the_outcome_missing_unless_filled() {
        assert_eq!(value("visible + inflight", Some(3.0), None, None), None);
        assert_eq!(
            value("visible + FILL(inflight, 0)", Some(3.0), None, None),
            Some(3.0)
        );
        assert_eq!(value("IF(visible > 1, 5, 7)", None, None, None), None);
        assert_eq!(
            value("MAX([visible, inflight])", Some(3.0), None, None),
            Some(3.0)
        );
    }

    #[test]
    fn the_branch_not_taken_may_be_missing() {
        assert_eq!(
            value("IF(desired > 1, desired, visible)", None, None, Some(2.0)),
            Some(2.0)
        );
    }

    #[test]
    fn a_part_of_a_worker_is_a_worker() {
        assert_eq!(
            value(
                "CEIL((visible + inflight) / 20)",
                Some(20.0),
                Some(1.0),
                None
            ),
            Some(2.0)
        );
        assert_eq!(
            value(
                "CEIL((visible + inflight) / 20)",
                Some(0.0),
                Some(0.0),
                None
            ),
            Some(0.0)
        );
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for text in [
            "visible +",
            "MAX(visible)",
            "MAX([1, visible])",
            "RATE(visible)",
            "a + 1",
            "1 2",
            "FILL(visible, REPEAT)",
            "§",
        ] {
            assert!(Expression::parse(text).is_err(), "{text}");
        }
    }
}
