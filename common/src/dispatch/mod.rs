//! Dispatch: from a task's manifest and items to the messages of its queue. Commands send cells again,
//! and a worker completes a submit that its producer left.

mod error;
mod messages;
mod submit;
mod task_cells;

pub use error::DispatchError;
pub use messages::Dispatch;
pub use task_cells::{Shard, TaskCells};
