//! From a postfix expression to steps that each compute a row.

use super::functions;
use super::op::Op;
use super::step::{Binary, Operand, Step, Unary, Work};
use crate::kernel::error::KernelError;

/// An expression that is ready to be evaluated.
///
/// Constants are folded, powers with a constant exponent become multiplications or a square root,
/// and each intermediate result has a row that is used again as soon as it is free.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    /// In their order. The last one makes the result.
    pub(super) steps: Vec<Step>,
    /// The result, if there are no steps.
    pub(super) result: Operand,
    /// Rows for intermediate results.
    pub(super) rows: usize,
    /// The inputs, in ascending order.
    inputs: Vec<usize>,
    /// Whether the result may be a number where an input is NaN, if nothing is done about it.
    pub(super) forgets_nodata: bool,
}

impl Program {
    /// Plans an expression in postfix order.
    ///
    /// # Errors
    /// If an operation lacks operands, or if not exactly one value is left.
    pub fn new(ops: impl IntoIterator<Item = Op>) -> Result<Self, KernelError> {
        let mut plan = Plan::default();
        for op in ops {
            plan.add(op)?;
        }
        let (Some(result), true) = (plan.stack.pop(), plan.stack.is_empty()) else {
            let detail = "an expression leaves one value, and this one leaves none or several";
            return Err(KernelError::new(detail));
        };
        plan.inputs.sort_unstable();
        plan.inputs.dedup();
        Ok(Self {
            steps: plan.steps,
            result,
            rows: plan.rows,
            inputs: plan.inputs,
            forgets_nodata: plan.forgets_nodata,
        })
    }

    /// Indices of the inputs that the expression names, in ascending order.
    pub fn inputs(&self) -> &[usize] {
        &self.inputs
    }
}

#[derive(Default)]
struct Plan {
    stack: Vec<Operand>,
    steps: Vec<Step>,
    inputs: Vec<usize>,
    /// Rows that hold nothing which is still needed.
    free: Vec<usize>,
    rows: usize,
    forgets_nodata: bool,
}

impl Plan {
    fn add(&mut self, op: Op) -> Result<(), KernelError> {
        let arity = op.arity();
        let Some(first) = self.stack.len().checked_sub(arity) else {
            let detail = format!("an operation {op:?} of an expression has too few operands");
            return Err(KernelError::new(detail));
        };
        let operands = self.stack.split_off(first);
        let result = match (op, operands.as_slice()) {
            (Op::Input(input), _) => {
                self.inputs.push(input);
                Operand::Input(input)
            }
            (Op::Number(number), _) => Operand::Number(number),
            (Op::Power, &[a, Operand::Number(exponent)]) => self.power(a, exponent),
            (Op::Where, &[condition, a, b]) => self.choose(condition, a, b),
            (Op::Clamp, &[a, low, high]) => {
                let raised = self.binary(Binary::Greatest, a, low);
                self.binary(Binary::Least, raised, high)
            }
            (Op::Min(_), &[first, ref others @ ..]) => self.fold(Binary::Least, first, others),
            (Op::Max(_), &[first, ref others @ ..]) => self.fold(Binary::Greatest, first, others),
            (_, &[a]) => self.unary(unary_of(op)?, a),
            (_, &[a, b]) => self.binary(binary_of(op)?, a, b),
            _ => return Err(not_known(op)),
        };
        self.stack.push(result);
        Ok(())
    }

    fn fold(&mut self, function: Binary, first: Operand, others: &[Operand]) -> Operand {
        others
            .iter()
            .fold(first, |value, &other| self.binary(function, value, other))
    }

    fn power(&mut self, a: Operand, exponent: f32) -> Operand {
        // Further exponents are so large that the result is 0, 1 or nothing in any case.
        let is_whole = exponent.fract() == 0.0 && exponent.abs() < 1e9;
        if is_whole {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "whole and small: checked above"
            )]
            let whole = exponent as i32;
            self.forgets_nodata |= whole == 0;
            self.unary(Unary::Whole(whole), a)
        } else if exponent.to_bits() == 0.5_f32.to_bits() {
            self.unary(Unary::SquareRoot, a)
        } else {
            self.binary(Binary::Power, a, Operand::Number(exponent))
        }
    }

    fn choose(&mut self, condition: Operand, a: Operand, b: Operand) -> Operand {
        self.forgets_nodata = true;
        if let Operand::Number(condition) = condition {
            return match condition {
                _ if condition.is_nan() => Operand::Number(condition),
                0.0 => b,
                _ => a,
            };
        }
        self.step(Work::Where(condition, a, b), &[condition, a, b])
    }

    fn unary(&mut self, function: Unary, a: Operand) -> Operand {
        if let Operand::Number(a) = a {
            return Operand::Number(functions::unary(function, a));
        }
        self.step(Work::Unary(function, a), &[a])
    }

    fn binary(&mut self, function: Binary, a: Operand, b: Operand) -> Operand {
        if let (Operand::Number(a), Operand::Number(b)) = (a, b) {
            return Operand::Number(functions::binary(function, a, b));
        }
        self.step(Work::Binary(function, a, b), &[a, b])
    }

    /// The step writes to a row that none of its operands is in; their rows are free after it.
    fn step(&mut self, work: Work, operands: &[Operand]) -> Operand {
        let row = self.free.pop().unwrap_or_else(|| {
            self.rows += 1;
            self.rows - 1
        });
        self.steps.push(Step { work, row });
        for operand in operands {
            if let Operand::Row(row) = *operand {
                self.free.push(row);
            }
        }
        Operand::Row(row)
    }
}

fn unary_of(op: Op) -> Result<Unary, KernelError> {
    match op {
        Op::Negate => Ok(Unary::Negate),
        Op::Absolute => Ok(Unary::Absolute),
        Op::SquareRoot => Ok(Unary::SquareRoot),
        Op::Exponential => Ok(Unary::Exponential),
        Op::Logarithm => Ok(Unary::Logarithm),
        _ => Err(not_known(op)),
    }
}

fn binary_of(op: Op) -> Result<Binary, KernelError> {
    match op {
        Op::Add => Ok(Binary::Add),
        Op::Subtract => Ok(Binary::Subtract),
        Op::Multiply => Ok(Binary::Multiply),
        Op::Divide => Ok(Binary::Divide),
        Op::Power => Ok(Binary::Power),
        Op::Less => Ok(Binary::Less),
        Op::LessEqual => Ok(Binary::LessEqual),
        Op::Greater => Ok(Binary::Greater),
        Op::GreaterEqual => Ok(Binary::GreaterEqual),
        Op::Equal => Ok(Binary::Equal),
        Op::NotEqual => Ok(Binary::NotEqual),
        _ => Err(not_known(op)),
    }
}

fn not_known(op: Op) -> KernelError {
    KernelError::new(format!("an expression cannot have an operation {op:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_folded() {
        let ops = [Op::Number(2.0), Op::Number(3.0), Op::Power, Op::Negate];
        let program = Program::new(ops).unwrap();
        assert_eq!(program.result, Operand::Number(-8.0));
        assert!(program.steps.is_empty() && program.inputs().is_empty());
    }

    #[test]
    fn rows_of_intermediate_results_are_used_again() {
        // (a + b) * (a - b) + (a * b) needs two rows for its operands and one for the result.
        let (a, b) = (Op::Input(4), Op::Input(1));
        let ops = [
            a,
            b,
            Op::Add,
            a,
            b,
            Op::Subtract,
            Op::Multiply,
            a,
            b,
            Op::Multiply,
            Op::Add,
        ];
        let program = Program::new(ops).unwrap();
        assert_eq!((program.rows, program.steps.len()), (3, 5));
        assert_eq!(program.inputs(), [1, 4]);
    }

    #[test]
    fn an_expression_that_is_not_whole_is_refused() {
        for ops in [
            vec![],
            vec![Op::Add],
            vec![Op::Input(0), Op::Add],
            vec![Op::Input(0), Op::Input(1)],
            vec![Op::Min(0)],
        ] {
            assert!(Program::new(ops.clone()).is_err(), "{ops:?}");
        }
    }
}
