//! Constants that expressions know without a definition, and arithmetic on constants.

use super::op::Op;

/// The default values of the constants in the formulas of spyndex 0.12.0, and pi. Its `L` is EVI's;
/// SAVI's is 0.5.
const DEFAULTS: [(&str, f64); 22] = [
    ("C1", 6.0),
    ("C2", 7.5),
    ("L", 1.0),
    ("alpha", 0.1),
    ("beta", 0.05),
    ("c", 1.0),
    ("cexp", 1.16),
    ("epsilon", 1.0),
    ("eta", 0.5),
    ("fdelta", 0.581),
    ("g", 2.5),
    ("gamma", 1.0),
    ("k", 0.0),
    ("lmb", 1.0),
    ("n", 5.0),
    ("nexp", 2.0),
    ("omega", 2.0),
    ("p", 2.0),
    ("sigma", 0.5),
    ("sla", 1.0),
    ("slb", 0.0),
    ("pi", std::f64::consts::PI),
];

/// The value of a constant that no recipe need define.
pub(in super::super) fn default_constant(name: &str) -> Option<f64> {
    let found = DEFAULTS.iter().find(|(constant, _)| *constant == name);
    found.map(|(_, value)| *value)
}

/// The value of an operation on constants. Python, and so numpy, computes them in float64 before
/// they meet an array of float32.
///
/// `None` for the operations whose last digit depends on a library: these stay in the expression.
pub(super) fn fold(op: Op, values: &[f64]) -> Option<f64> {
    let truth = |condition: bool| f64::from(u8::from(condition));
    #[expect(
        clippy::float_cmp,
        reason = "the comparisons of an expression are exact"
    )]
    Some(match (op, values) {
        (Op::Negate, [a]) => -a,
        (Op::Add, [a, b]) => a + b,
        (Op::Subtract, [a, b]) => a - b,
        (Op::Multiply, [a, b]) => a * b,
        (Op::Divide, [a, b]) => a / b,
        (Op::Power, [a, b]) => power(*a, *b)?,
        (Op::Less, [a, b]) => truth(a < b),
        (Op::LessEqual, [a, b]) => truth(a <= b),
        (Op::Greater, [a, b]) => truth(a > b),
        (Op::GreaterEqual, [a, b]) => truth(a >= b),
        (Op::Equal, [a, b]) => truth(a == b),
        (Op::NotEqual, [a, b]) => truth(a != b),
        (Op::Where, [c, a, b]) => {
            if *c == 0.0 {
                *b
            } else {
                *a
            }
        }
        (Op::Min(_), values) => values.iter().copied().fold(f64::INFINITY, f64::min),
        (Op::Max(_), values) => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        (Op::Absolute, [a]) => a.abs(),
        (Op::SquareRoot, [a]) => a.sqrt(),
        (Op::Clamp, [a, low, high]) => a.max(*low).min(*high),
        _ => return None,
    })
}

/// A power with exponent 0.5 or a small whole exponent.
fn power(base: f64, exponent: f64) -> Option<f64> {
    const LARGEST: i32 = 64;
    #[expect(clippy::float_cmp, reason = "these exponents alone have exact powers")]
    let is = |value: f64| exponent == value;
    if is(0.5) {
        return Some(base.sqrt());
    }
    let whole = (-LARGEST..=LARGEST).find(|whole| is(f64::from(*whole)))?;
    let product = (0..whole.abs()).fold(1.0, |product, _| product * base);
    Some(if whole < 0 { 1.0 / product } else { product })
}
