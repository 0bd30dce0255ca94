//! The steps of a program that has been planned: each computes a whole row.

/// What a step reads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Operand {
    /// The row of an input.
    Input(usize),
    /// The same number for all pixels.
    Number(f32),
    /// The row that an earlier step has left.
    Row(usize),
}

/// A function of one value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Unary {
    Negate,
    Absolute,
    SquareRoot,
    Exponential,
    Logarithm,
    /// Raises to this whole exponent.
    Whole(i32),
}

/// A function of two values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
    Least,
    Greatest,
}

/// What a step computes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Work {
    Unary(Unary, Operand),
    Binary(Binary, Operand, Operand),
    /// The condition, and the values if it holds and if not.
    Where(Operand, Operand, Operand),
}

/// A step, and the row that it leaves. No operand is that row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Step {
    pub(super) work: Work,
    pub(super) row: usize,
}
