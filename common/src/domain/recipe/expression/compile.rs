//! From an expression to operations in postfix order, with its names looked up.

use super::constant::fold;
use super::error::{ExpressionError, ExpressionProblem};
use super::op::Op;
use super::parse::{Part, Tree, parse};
use super::token::is_float32;

/// An expression whose names are not yet looked up.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    text: String,
    tree: Tree,
}

/// What a name of an expression is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in super::super) enum Meaning {
    /// A band, by its index among the inputs.
    Input(usize),
    /// A constant.
    Constant(f64),
}

/// Operations that leave a value, or that value if it is known.
enum Compiled {
    Constant(f64),
    Ops(Vec<Op>),
}

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    /// [`ExpressionError`] with the place and what was expected there.
    pub(in super::super) fn parse(text: &str) -> Result<Self, ExpressionError> {
        let tree = parse(text)?;
        let text = text.to_owned();
        Ok(Self { text, tree })
    }

    /// The expression as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The names in it, from left to right, each as often as it stands there.
    pub(in super::super) fn names(&self) -> Vec<&str> {
        fn collect<'a>(tree: &'a Tree, names: &mut Vec<(usize, &'a str)>) {
            match &tree.part {
                Part::Number(_) => {}
                Part::Name(name) => names.push((tree.at, name)),
                Part::Apply(_, operands) => {
                    for operand in operands {
                        collect(operand, names);
                    }
                }
            }
        }
        let mut names = vec![];
        collect(&self.tree, &mut names);
        names.sort_unstable();
        names.into_iter().map(|(_, name)| name).collect()
    }

    /// The operations in postfix order. `meaning` looks a name up; its error says what there is
    /// instead. Operations on constants are computed here.
    ///
    /// # Errors
    /// [`ExpressionError`] when a name has no meaning, the constants have no finite value, or no
    /// band is read.
    pub(in super::super) fn compile(
        &self,
        meaning: &mut dyn FnMut(&str) -> Result<Meaning, String>,
    ) -> Result<Vec<Op>, ExpressionError> {
        match self.part(&self.tree, meaning)? {
            Compiled::Ops(ops) if ops.iter().any(|op| matches!(op, Op::Input(_))) => Ok(ops),
            Compiled::Ops(_) | Compiled::Constant(_) => {
                Err(self.error(0, ExpressionProblem::NoBand))
            }
        }
    }

    fn error(&self, at: usize, problem: ExpressionProblem) -> ExpressionError {
        ExpressionError::new(&self.text, at, problem)
    }

    fn part(
        &self,
        tree: &Tree,
        meaning: &mut dyn FnMut(&str) -> Result<Meaning, String>,
    ) -> Result<Compiled, ExpressionError> {
        match &tree.part {
            Part::Number(number) => Ok(Compiled::Constant(*number)),
            Part::Name(name) => match meaning(name) {
                Ok(Meaning::Input(input)) => Ok(Compiled::Ops(vec![Op::Input(input)])),
                Ok(Meaning::Constant(number)) => Ok(Compiled::Constant(number)),
                Err(hint) => {
                    let name = name.clone();
                    Err(self.error(tree.at, ExpressionProblem::Name { name, hint }))
                }
            },
            Part::Apply(op, operands) => {
                let compiled = operands.iter().map(|operand| self.part(operand, meaning));
                let compiled: Vec<Compiled> = compiled.collect::<Result<_, _>>()?;
                self.apply(tree.at, *op, compiled)
            }
        }
    }

    /// An operation and its operands: a constant if they all are.
    fn apply(
        &self,
        at: usize,
        op: Op,
        operands: Vec<Compiled>,
    ) -> Result<Compiled, ExpressionError> {
        let constants: Option<Vec<f64>> = operands
            .iter()
            .map(|operand| match operand {
                Compiled::Constant(number) => Some(*number),
                Compiled::Ops(_) => None,
            })
            .collect();
        if let Some(value) = constants.and_then(|constants| fold(op, &constants)) {
            if !is_float32(value) {
                return Err(self.error(at, ExpressionProblem::NotFinite));
            }
            return Ok(Compiled::Constant(value));
        }
        let mut ops = vec![];
        for operand in operands {
            match operand {
                Compiled::Ops(operand) => ops.extend(operand),
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "the machine computes in float32; that it is finite was checked"
                )]
                Compiled::Constant(number) => ops.push(Op::Number(number as f32)),
            }
        }
        ops.push(op);
        Ok(Compiled::Ops(ops))
    }
}
