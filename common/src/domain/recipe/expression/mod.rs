//! The expressions of outputs.
//!
//! `token` cuts a text into words, `parse` makes a tree of them, and `compile` looks the names up
//! and puts the operations (`op`) into postfix order. `error` shows where a text is wrong.

mod compile;
mod constant;
mod error;
mod function;
mod op;
mod parse;
#[cfg(test)]
mod tests;
mod token;

pub use compile::Expression;
pub(super) use compile::Meaning;
pub(super) use constant::default_constant;
pub use error::ExpressionError;
pub(super) use function::is_function;
pub use op::Op;
pub(super) use token::is_float32;
