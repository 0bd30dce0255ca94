//! From the words of an expression to a tree.
//!
//! The grammar is Python's, as the formulas of spyndex have it: from the weakest, comparisons,
//! which do not chain; `+` and `-`; `*` and `/`; a sign; and `**`, whose exponent may have a sign
//! and which is grouped from the right. So `-a ** b` is `-(a ** b)`.

use super::error::{ExpressionError, ExpressionProblem};
use super::function::{self, Function};
use super::op::Op;
use super::token::{Token, Word, words};

/// The longest expression, in bytes.
const MOST_BYTES: usize = 4096;
/// The most operations, names and numbers: each is a pass over the pixels of a chunk.
const MOST_NODES: usize = 1000;
/// How deep parentheses, signs and exponents may be nested.
const MOST_DEPTH: usize = 50;

const VALUE: &str = "a band, a number, a function or \"(\"";

/// A part of an expression, and where its operation, name or number stands, in bytes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tree {
    pub(super) at: usize,
    pub(super) part: Part,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
    Number(f64),
    Name(String),
    /// An operation and its operands.
    Apply(Op, Vec<Tree>),
}

/// Reads an expression. Names are not looked up.
pub(super) fn parse(text: &str) -> Result<Tree, ExpressionError> {
    if text.len() > MOST_BYTES {
        let problem = ExpressionProblem::TooLong(MOST_BYTES);
        return Err(ExpressionError::new(text, 0, problem));
    }
    let mut parser = Parser {
        text,
        words: words(text)?,
        next: 0,
        depth: 0,
        nodes: 0,
    };
    let tree = parser.comparison()?;
    match parser.peek() {
        Token::End => Ok(tree),
        _ => Err(parser.expected("an operator or the end")),
    }
}

struct Parser<'a> {
    text: &'a str,
    words: Vec<Word>,
    next: usize,
    depth: usize,
    nodes: usize,
}

impl Parser<'_> {
    fn peek(&self) -> &Token {
        let word = self.words.get(self.next);
        word.map_or(&Token::End, |word| &word.token)
    }

    /// Where the next word begins.
    fn at(&self) -> usize {
        let word = self.words.get(self.next);
        word.map_or(self.text.len(), |word| word.at)
    }

    /// Takes the next word if it is this symbol.
    fn takes(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek(), Token::Symbol(next) if *next == symbol);
        self.next += usize::from(found);
        found
    }

    /// Takes the next word if it is one of these operators; gives its operation and place.
    fn operator(&mut self, operators: &[(&str, Op)]) -> Option<(usize, Op)> {
        let at = self.at();
        let (_, op) = operators.iter().find(|(symbol, _)| self.takes(symbol))?;
        Some((at, *op))
    }

    fn error(&self, at: usize, problem: ExpressionProblem) -> ExpressionError {
        ExpressionError::new(self.text, at, problem)
    }

    fn expected(&self, expected: &'static str) -> ExpressionError {
        let found = self.peek().describe();
        self.error(self.at(), ExpressionProblem::Expected { found, expected })
    }

    fn tree(&mut self, at: usize, part: Part) -> Result<Tree, ExpressionError> {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            return Err(self.error(at, ExpressionProblem::TooManyOperations(MOST_NODES)));
        }
        Ok(Tree { at, part })
    }

    /// Reads something one level deeper.
    fn deeper(
        &mut self,
        read: fn(&mut Self) -> Result<Tree, ExpressionError>,
    ) -> Result<Tree, ExpressionError> {
        if self.depth == MOST_DEPTH {
            return Err(self.error(self.at(), ExpressionProblem::TooDeep(MOST_DEPTH)));
        }
        self.depth += 1;
        let tree = read(self);
        self.depth -= 1;
        tree
    }

    fn comparison(&mut self) -> Result<Tree, ExpressionError> {
        const COMPARISONS: [(&str, Op); 6] = [
            ("<=", Op::LessEqual),
            (">=", Op::GreaterEqual),
            ("==", Op::Equal),
            ("!=", Op::NotEqual),
            ("<", Op::Less),
            (">", Op::Greater),
        ];
        let left = self.sum()?;
        let Some((at, op)) = self.operator(&COMPARISONS) else {
            return Ok(left);
        };
        let right = self.sum()?;
        let again = self.at();
        if self.operator(&COMPARISONS).is_some() {
            return Err(self.error(again, ExpressionProblem::Chain));
        }
        self.tree(at, Part::Apply(op, vec![left, right]))
    }

    fn sum(&mut self) -> Result<Tree, ExpressionError> {
        let mut left = self.product()?;
        while let Some((at, op)) = self.operator(&[("+", Op::Add), ("-", Op::Subtract)]) {
            let right = self.product()?;
            left = self.tree(at, Part::Apply(op, vec![left, right]))?;
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<Tree, ExpressionError> {
        let mut left = self.signed()?;
        while let Some((at, op)) = self.operator(&[("*", Op::Multiply), ("/", Op::Divide)]) {
            let right = self.signed()?;
            left = self.tree(at, Part::Apply(op, vec![left, right]))?;
        }
        Ok(left)
    }

    fn signed(&mut self) -> Result<Tree, ExpressionError> {
        let at = self.at();
        if self.takes("-") {
            let operand = self.deeper(Self::signed)?;
            return self.tree(at, Part::Apply(Op::Negate, vec![operand]));
        }
        if self.takes("+") {
            return self.deeper(Self::signed);
        }
        self.power()
    }

    fn power(&mut self) -> Result<Tree, ExpressionError> {
        let base = self.value()?;
        let at = self.at();
        if !self.takes("**") {
            return Ok(base);
        }
        let exponent = self.deeper(Self::signed)?;
        self.tree(at, Part::Apply(Op::Power, vec![base, exponent]))
    }

    fn value(&mut self) -> Result<Tree, ExpressionError> {
        let at = self.at();
        match self.peek().clone() {
            Token::Number(number) => {
                self.next += 1;
                self.tree(at, Part::Number(number))
            }
            Token::Name(name) => {
                self.next += 1;
                self.name_or_call(at, name)
            }
            Token::Symbol("(") => {
                self.next += 1;
                let inner = self.deeper(Self::comparison)?;
                if self.takes(")") {
                    Ok(inner)
                } else {
                    Err(self.expected("an operator or \")\""))
                }
            }
            _ => Err(self.expected(VALUE)),
        }
    }

    fn name_or_call(&mut self, at: usize, name: String) -> Result<Tree, ExpressionError> {
        let function = function::find(&name);
        match (self.takes("("), function) {
            (true, Some(function)) => self.call(at, function),
            (true, None) => {
                let known = function::list();
                Err(self.error(at, ExpressionProblem::Function { name, known }))
            }
            (false, Some(Function { name, usage, .. })) => {
                Err(self.error(at, ExpressionProblem::NotCalled { name, usage }))
            }
            (false, None) => self.tree(at, Part::Name(name)),
        }
    }

    /// Reads the arguments of a function, behind its parenthesis.
    fn call(&mut self, at: usize, function: &Function) -> Result<Tree, ExpressionError> {
        let mut arguments = vec![];
        if !self.takes(")") {
            loop {
                arguments.push(self.deeper(Self::comparison)?);
                if self.takes(")") {
                    break;
                }
                if !self.takes(",") {
                    return Err(self.expected("an operator, \",\" or \")\""));
                }
            }
        }
        match (function.op)(arguments.len()) {
            Some(op) => self.tree(at, Part::Apply(op, arguments)),
            None => Err(self.error(
                at,
                ExpressionProblem::Arity {
                    name: function.name,
                    takes: function.takes,
                    given: arguments.len(),
                    usage: function.usage,
                },
            )),
        }
    }
}
