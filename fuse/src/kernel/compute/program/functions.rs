//! The functions of a program on single values. They are simple enough for the compiler to make
//! vector loops of those that a processor has instructions for.

use super::step::{Binary, Unary};

#[inline]
pub(super) fn divide(a: f32, b: f32) -> f32 {
    // Without a branch around the division, so that it is one of vectors.
    let divisor = if b == 0.0 { f32::NAN } else { b };
    a / divisor
}

/// 1 or 0 for a comparison, NaN if one of the values is NaN.
#[inline]
pub(super) fn compared(a: f32, b: f32, holds: bool) -> f32 {
    let value = if holds { 1.0 } else { 0.0 };
    if a.is_nan() || b.is_nan() {
        f32::NAN
    } else {
        value
    }
}

/// Unlike `f32::min`, NaN if one of the values is NaN; so does `numpy.minimum`.
#[inline]
pub(super) fn least(a: f32, b: f32) -> f32 {
    let least = if a < b { a } else { b };
    if a.is_nan() { a } else { least }
}

/// Like [`least`].
#[inline]
pub(super) fn greatest(a: f32, b: f32) -> f32 {
    let greatest = if a > b { a } else { b };
    if a.is_nan() { a } else { greatest }
}

#[inline]
pub(super) fn choose(condition: f32, a: f32, b: f32) -> f32 {
    let chosen = if condition == 0.0 { b } else { a };
    if condition.is_nan() {
        condition
    } else {
        chosen
    }
}

/// By repeated squaring, which fixes the order of the multiplications.
#[inline]
pub(super) fn whole_power(a: f32, exponent: i32) -> f32 {
    let (mut value, mut square) = (1.0, a);
    let mut left = exponent.unsigned_abs();
    while left > 0 {
        if left % 2 == 1 {
            value *= square;
        }
        square *= square;
        left /= 2;
    }
    if exponent < 0 {
        divide(1.0, value)
    } else {
        value
    }
}

/// For exponents that are not whole, or not constant.
pub(super) fn power(a: f32, b: f32) -> f32 {
    // IEEE has 1 for NaN ** 0 and 1 ** NaN, and infinity for a division by zero.
    if a.is_nan() || b.is_nan() || (a == 0.0 && b < 0.0) {
        f32::NAN
    } else {
        libm::powf(a, b)
    }
}

pub(super) fn unary(function: Unary, a: f32) -> f32 {
    match function {
        Unary::Negate => -a,
        Unary::Absolute => a.abs(),
        Unary::SquareRoot => a.sqrt(),
        Unary::Exponential => libm::expf(a),
        Unary::Logarithm => libm::logf(a),
        Unary::Whole(exponent) => whole_power(a, exponent),
    }
}

#[expect(clippy::float_cmp, reason = "the expression asks for it")]
pub(super) fn binary(function: Binary, a: f32, b: f32) -> f32 {
    match function {
        Binary::Add => a + b,
        Binary::Subtract => a - b,
        Binary::Multiply => a * b,
        Binary::Divide => divide(a, b),
        Binary::Power => power(a, b),
        Binary::Less => compared(a, b, a < b),
        Binary::LessEqual => compared(a, b, a <= b),
        Binary::Greater => compared(a, b, a > b),
        Binary::GreaterEqual => compared(a, b, a >= b),
        Binary::Equal => compared(a, b, a == b),
        Binary::NotEqual => compared(a, b, a != b),
        Binary::Least => least(a, b),
        Binary::Greatest => greatest(a, b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodata_comes_out_of_each_function_that_takes_it() {
        let unary_functions = [
            Unary::Negate,
            Unary::Absolute,
            Unary::SquareRoot,
            Unary::Exponential,
            Unary::Logarithm,
            Unary::Whole(2),
            Unary::Whole(-3),
        ];
        for function in unary_functions {
            assert!(unary(function, f32::NAN).is_nan(), "{function:?}");
        }
        let binary_functions = [
            Binary::Add,
            Binary::Subtract,
            Binary::Multiply,
            Binary::Divide,
            Binary::Power,
            Binary::Less,
            Binary::LessEqual,
            Binary::Greater,
            Binary::GreaterEqual,
            Binary::Equal,
            Binary::NotEqual,
            Binary::Least,
            Binary::Greatest,
        ];
        for function in binary_functions {
            for other in [0.0, 1.0, 0.5, f32::NAN] {
                assert!(binary(function, f32::NAN, other).is_nan(), "{function:?}");
                assert!(binary(function, other, f32::NAN).is_nan(), "{function:?}");
            }
        }
        assert!(choose(f32::NAN, 1.0, 2.0).is_nan());
    }

    #[test]
    fn a_division_by_zero_is_nodata() {
        for a in [0.0, 1.0, -1.0] {
            assert!(divide(a, 0.0).is_nan());
            assert!(divide(a, -0.0).is_nan());
        }
        assert!(whole_power(0.0, -2).is_nan());
        assert!(power(0.0, -0.5).is_nan());
    }

    #[test]
    fn whole_powers_are_multiplications() {
        assert_eq!(whole_power(0.3, 2).to_bits(), (0.3_f32 * 0.3).to_bits());
        assert_eq!(whole_power(2.0, 10).to_bits(), 1024.0_f32.to_bits());
        assert_eq!(whole_power(2.0, -2).to_bits(), 0.25_f32.to_bits());
        assert_eq!(whole_power(7.0, 0).to_bits(), 1.0_f32.to_bits());
    }
}
