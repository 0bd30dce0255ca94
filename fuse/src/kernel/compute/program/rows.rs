//! The evaluation of a program over a row of pixels.

use std::mem;
use std::ops::Range;

use super::functions::{choose, compared, divide, greatest, least, power, whole_power};
use super::program::Program;
use super::step::{Binary, Operand, Step, Unary, Work};

/// Pixels that go through all steps together, so that intermediate results stay in the first level
/// of the cache.
const BLOCK: usize = 256;

/// Rows for intermediate results. A thread keeps them from row to row.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProgramRows {
    rows: Vec<Vec<f32>>,
}

/// The values of an operand in a block.
#[derive(Clone, Copy)]
enum Values<'a> {
    Row(&'a [f32]),
    Number(f32),
}

impl Program {
    /// Computes `out` from the rows of the inputs, by index. Those that the program names are at
    /// least as long as `out`. Nodata is NaN.
    pub(crate) fn evaluate(&self, inputs: &[Vec<f32>], scratch: &mut ProgramRows, out: &mut [f32]) {
        let rows = &mut scratch.rows;
        if rows.len() < self.rows {
            rows.resize_with(self.rows, || vec![0.0; BLOCK]);
        }
        let mut start = 0;
        for out in out.chunks_mut(BLOCK) {
            let block = start..start + out.len();
            start = block.end;
            // All steps but the last write to rows of their own.
            if let Some((last, steps)) = self.steps.split_last() {
                for step in steps {
                    let mut target = mem::take(&mut rows[step.row]);
                    run(step, inputs, rows, &block, &mut target[..out.len()]);
                    rows[step.row] = target;
                }
                run(last, inputs, rows, &block, out);
            } else {
                copy(values(self.result, inputs, &[], &block), out);
            }
            // Some functions give a number although an input of the program has none.
            if self.forgets_nodata {
                for &input in self.inputs() {
                    for (value, input) in out.iter_mut().zip(&inputs[input][block.clone()]) {
                        *value = if input.is_nan() { f32::NAN } else { *value };
                    }
                }
            }
        }
    }
}

fn values<'a>(
    operand: Operand,
    inputs: &'a [Vec<f32>],
    rows: &'a [Vec<f32>],
    block: &Range<usize>,
) -> Values<'a> {
    match operand {
        Operand::Input(input) => Values::Row(&inputs[input][block.clone()]),
        Operand::Row(row) => Values::Row(&rows[row][..block.len()]),
        Operand::Number(number) => Values::Number(number),
    }
}

fn copy(values: Values<'_>, out: &mut [f32]) {
    match values {
        Values::Row(row) => out.copy_from_slice(row),
        Values::Number(number) => out.fill(number),
    }
}

#[expect(clippy::float_cmp, reason = "the expression asks for it")]
fn run(step: &Step, inputs: &[Vec<f32>], rows: &[Vec<f32>], block: &Range<usize>, out: &mut [f32]) {
    let values = |operand| values(operand, inputs, rows, block);
    // Each function has a loop of its own, which the compiler makes for it.
    match step.work {
        Work::Unary(function, a) => {
            let a = values(a);
            match function {
                Unary::Negate => one(a, out, |a| -a),
                Unary::Absolute => one(a, out, f32::abs),
                Unary::SquareRoot => one(a, out, f32::sqrt),
                Unary::Exponential => one(a, out, libm::expf),
                Unary::Logarithm => one(a, out, libm::logf),
                Unary::Whole(2) => one(a, out, |a| a * a),
                Unary::Whole(3) => one(a, out, |a| a * (a * a)),
                Unary::Whole(exponent) => one(a, out, |a| whole_power(a, exponent)),
            }
        }
        Work::Binary(function, a, b) => {
            let (a, b) = (values(a), values(b));
            match function {
                Binary::Add => two(a, b, out, |a, b| a + b),
                Binary::Subtract => two(a, b, out, |a, b| a - b),
                Binary::Multiply => two(a, b, out, |a, b| a * b),
                Binary::Divide => two(a, b, out, divide),
                Binary::Power => two(a, b, out, power),
                Binary::Less => two(a, b, out, |a, b| compared(a, b, a < b)),
                Binary::LessEqual => two(a, b, out, |a, b| compared(a, b, a <= b)),
                Binary::Greater => two(a, b, out, |a, b| compared(a, b, a > b)),
                Binary::GreaterEqual => two(a, b, out, |a, b| compared(a, b, a >= b)),
                Binary::Equal => two(a, b, out, |a, b| compared(a, b, a == b)),
                Binary::NotEqual => two(a, b, out, |a, b| compared(a, b, a != b)),
                Binary::Least => two(a, b, out, least),
                Binary::Greatest => two(a, b, out, greatest),
            }
        }
        Work::Where(condition, a, b) => three(values(condition), values(a), values(b), out),
    }
}

#[inline]
fn one(a: Values<'_>, out: &mut [f32], function: impl Fn(f32) -> f32) {
    match a {
        Values::Row(a) => {
            for (out, &a) in out.iter_mut().zip(a) {
                *out = function(a);
            }
        }
        Values::Number(a) => out.fill(function(a)),
    }
}

#[inline]
fn two(a: Values<'_>, b: Values<'_>, out: &mut [f32], function: impl Fn(f32, f32) -> f32) {
    match (a, b) {
        (Values::Row(a), Values::Row(b)) => {
            for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
                *out = function(a, b);
            }
        }
        (Values::Row(a), Values::Number(b)) => one(Values::Row(a), out, |a| function(a, b)),
        (Values::Number(a), b) => one(b, out, |b| function(a, b)),
    }
}

fn three(condition: Values<'_>, a: Values<'_>, b: Values<'_>, out: &mut [f32]) {
    // The values lie in `out` in between: first those if the condition holds not.
    copy(b, out);
    let Values::Row(condition) = condition else {
        return;
    };
    match a {
        Values::Row(a) => {
            for ((out, &condition), &a) in out.iter_mut().zip(condition).zip(a) {
                *out = choose(condition, a, *out);
            }
        }
        Values::Number(a) => {
            for (out, &condition) in out.iter_mut().zip(condition) {
                *out = choose(condition, a, *out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::compute::program::Op;

    fn evaluated(ops: &[Op], inputs: &[Vec<f32>]) -> Vec<f32> {
        let program = Program::new(ops.iter().copied()).unwrap();
        let mut out = vec![-1.0; inputs[0].len()];
        program.evaluate(inputs, &mut ProgramRows::default(), &mut out);
        out
    }

    fn bits(values: &[f32]) -> Vec<u32> {
        values.iter().map(|value| value.to_bits()).collect()
    }

    #[test]
    fn a_row_longer_than_a_block_has_the_value_of_each_pixel() {
        let red: Vec<f32> = (1_u16..700).map(|x| f32::from(x) * 0.001).collect();
        let infrared: Vec<f32> = (1_u16..700).map(|x| f32::from(x % 97) * 0.01).collect();
        let (n, r) = (Op::Input(1), Op::Input(0));
        let ops = [n, r, Op::Subtract, n, r, Op::Add, Op::Divide];
        let expected: Vec<f32> = infrared
            .iter()
            .zip(&red)
            .map(|(n, r)| (n - r) / (n + r))
            .collect();
        let values = evaluated(&ops, &[red, infrared]);
        assert_eq!(bits(&values), bits(&expected));
    }

    #[test]
    fn where_guards_a_division_but_not_a_nodata_input() {
        let (a, b) = (Op::Input(0), Op::Input(1));
        // where(b > 0, a / b, 7)
        let ops = [
            b,
            Op::Number(0.0),
            Op::Greater,
            a,
            b,
            Op::Divide,
            Op::Number(7.0),
            Op::Where,
        ];
        let nan = f32::NAN;
        let values = evaluated(&ops, &[vec![1.0, 1.0, nan, 3.0], vec![2.0, 0.0, 0.0, nan]]);
        assert_eq!(values[..2], [0.5, 7.0]);
        assert!(values[2].is_nan() && values[3].is_nan());
        let zeroth = evaluated(&[a, Op::Number(0.0), Op::Power], &[vec![nan, 5.0]]);
        assert!(zeroth[0].is_nan());
        assert_eq!(zeroth[1..], [1.0]);
    }

    #[test]
    fn functions_with_several_operands_take_them_in_their_order() {
        let inputs = [vec![5.0, -2.0], vec![1.0, 9.0]];
        let (a, b) = (Op::Input(0), Op::Input(1));
        let number = Op::Number;
        assert_eq!(
            evaluated(&[a, b, number(3.0), Op::Min(3)], &inputs),
            [1.0, -2.0]
        );
        assert_eq!(
            evaluated(&[a, b, number(3.0), Op::Max(3)], &inputs),
            [5.0, 9.0]
        );
        assert_eq!(
            evaluated(&[a, number(-1.0), number(4.0), Op::Clamp], &inputs),
            [4.0, -1.0]
        );
        assert_eq!(evaluated(&[a, b, Op::Subtract], &inputs), [4.0, -11.0]);
        assert_eq!(
            evaluated(&[number(1.0), a, Op::Subtract], &inputs),
            [-4.0, 3.0]
        );
        assert_eq!(
            evaluated(&[a, number(3.0), Op::Power], &inputs),
            [125.0, -8.0]
        );
        assert_eq!(evaluated(&[b, number(0.5), Op::Power], &inputs), [1.0, 3.0]);
        assert_eq!(evaluated(&[a], &inputs), [5.0, -2.0]);
    }
}
