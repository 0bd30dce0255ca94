//! Expressions over rows of pixels: a postfix program, its plan, and its evaluation.

mod functions;
mod op;
#[expect(
    clippy::module_inception,
    reason = "the program is what the folder is named after"
)]
mod program;
mod rows;
mod step;

pub use op::Op;
pub use program::Program;
pub(crate) use rows::ProgramRows;
