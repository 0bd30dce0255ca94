//! The functions of an expression.

use super::op::Op;

/// The most values that `min` and `max` take.
const MOST_VALUES: usize = 16;

/// A function.
pub(super) struct Function {
    pub(super) name: &'static str,
    /// Its arguments in words.
    pub(super) takes: &'static str,
    pub(super) usage: &'static str,
    /// The operation for so many arguments, if it takes so many.
    pub(super) op: fn(usize) -> Option<Op>,
}

const FUNCTIONS: [Function; 8] = [
    Function {
        name: "where",
        takes: "three values",
        usage: "where(condition, value, other)",
        op: |count| (count == 3).then_some(Op::Where),
    },
    Function {
        name: "min",
        takes: "2 to 16 values",
        usage: "min(a, b)",
        op: |count| several(count).map(Op::Min),
    },
    Function {
        name: "max",
        takes: "2 to 16 values",
        usage: "max(a, b)",
        op: |count| several(count).map(Op::Max),
    },
    Function {
        name: "abs",
        takes: "one value",
        usage: "abs(a)",
        op: |count| (count == 1).then_some(Op::Absolute),
    },
    Function {
        name: "sqrt",
        takes: "one value",
        usage: "sqrt(a)",
        op: |count| (count == 1).then_some(Op::SquareRoot),
    },
    Function {
        name: "exp",
        takes: "one value",
        usage: "exp(a)",
        op: |count| (count == 1).then_some(Op::Exponential),
    },
    Function {
        name: "log",
        takes: "one value",
        usage: "log(a)",
        op: |count| (count == 1).then_some(Op::Logarithm),
    },
    Function {
        name: "clamp",
        takes: "three values",
        usage: "clamp(a, low, high)",
        op: |count| (count == 3).then_some(Op::Clamp),
    },
];

fn several(count: usize) -> Option<u32> {
    (2..=MOST_VALUES)
        .contains(&count)
        .then(|| u32::try_from(count).ok())?
}

/// The function of that name.
pub(super) fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

/// Whether a function has that name.
pub(in super::super) fn is_function(name: &str) -> bool {
    find(name).is_some()
}

/// The names of all functions, for a message.
pub(super) fn list() -> String {
    FUNCTIONS.map(|function| function.name).join(", ")
}
