//! A message of a queue, from its receive to its end.

mod attempt_budget;
mod dead_letters;
mod denied;
mod disposition;
mod handler;
mod inbox;
mod isolation;
mod lease;
mod poison;
mod protocol;
mod work;

pub use attempt_budget::AttemptBudget;
pub(crate) use dead_letters::drain;
pub use handler::MessageHandler;
pub use inbox::{Inbox, Origin};
pub use isolation::Isolation;
pub use poison::PoisonStore;
