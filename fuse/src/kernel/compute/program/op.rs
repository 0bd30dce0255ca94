//! The operations of an expression.

/// An operation of a stack machine that computes in IEEE float32. It takes its operands from the
/// stack, the last one on top, and puts its value there.
///
/// Nodata is NaN. Each operation with a NaN among its operands gives NaN, apart from the branch
/// that [`Where`](Self::Where) does not take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Op {
    /// The value of an input, by its index.
    Input(usize),
    /// A constant.
    Number(f32),
    /// `-a`
    Negate,
    /// `a + b`
    Add,
    /// `a - b`
    Subtract,
    /// `a * b`
    Multiply,
    /// `a / b`, or nodata if `b` is 0.
    Divide,
    /// `a ** b`: by multiplication for a constant whole `b`, a square root for a constant 0.5, else
    /// `libm::powf`.
    Power,
    /// `a < b`: 1 or 0, as for all comparisons.
    Less,
    /// `a <= b`
    LessEqual,
    /// `a > b`
    Greater,
    /// `a >= b`
    GreaterEqual,
    /// `a == b`
    Equal,
    /// `a != b`
    NotEqual,
    /// `where(condition, a, b)`: `a` unless the condition is 0. Only the value that is taken may
    /// make the result nodata, but a nodata *input* of the expression always does.
    Where,
    /// The least of so many operands.
    Min(u32),
    /// The greatest of so many operands.
    Max(u32),
    /// `abs(a)`
    Absolute,
    /// `sqrt(a)`, nodata below 0.
    SquareRoot,
    /// `exp(a)` by `libm`.
    Exponential,
    /// `log(a)`, the natural logarithm by `libm`; nodata below 0.
    Logarithm,
    /// `clamp(a, low, high)`: the least of `high` and the greatest of `a` and `low`.
    Clamp,
}

impl Op {
    /// Operands that the operation takes from the stack.
    pub fn arity(self) -> usize {
        match self {
            Self::Input(_) | Self::Number(_) => 0,
            Self::Negate
            | Self::Absolute
            | Self::SquareRoot
            | Self::Exponential
            | Self::Logarithm => 1,
            Self::Add
            | Self::Subtract
            | Self::Multiply
            | Self::Divide
            | Self::Power
            | Self::Less
            | Self::LessEqual
            | Self::Greater
            | Self::GreaterEqual
            | Self::Equal
            | Self::NotEqual => 2,
            Self::Where | Self::Clamp => 3,
            Self::Min(operands) | Self::Max(operands) => operands as usize,
        }
    }
}
