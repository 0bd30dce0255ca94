//! The operations of an expression.

/// A step of a stack machine on float32 values. An operation takes its operands from the stack, the
/// last one on top, and leaves one value.
///
/// A comparison leaves 1 or 0. An expression's constants are already numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Op {
    /// The value of an input, by its index in the inputs of the resolved recipe.
    Input(usize),
    /// A finite number.
    Number(f32),
    /// `-a`
    Negate,
    /// `a + b`
    Add,
    /// `a - b`
    Subtract,
    /// `a * b`
    Multiply,
    /// `a / b`
    Divide,
    /// `a ** b`
    Power,
    /// `a < b`
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
    /// `where(c, a, b)`: `a` where `c` is not 0, else `b`.
    Where,
    /// The least of so many values.
    Min(u32),
    /// The largest of so many values.
    Max(u32),
    /// `abs(a)`
    Absolute,
    /// `sqrt(a)`
    SquareRoot,
    /// `exp(a)`
    Exponential,
    /// `log(a)`, the natural logarithm.
    Logarithm,
    /// `clamp(a, low, high)`: `min(max(a, low), high)`.
    Clamp,
}

impl Op {
    /// How many values it takes from the stack.
    pub fn operands(self) -> u32 {
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
            Self::Min(count) | Self::Max(count) => count,
        }
    }
}
