//! A message of a queue, from its receive to its end.

mod attempt_budget;
mod delivery;
mod disposition;
mod handler;
mod inbox;
mod isolation;
mod lease;
mod life;
mod poison;
mod steps;

pub use attempt_budget::{AttemptBudget, Uncounted};
pub use handler::MessageHandler;
pub use inbox::{Inbox, Origin};
pub use isolation::Isolation;
pub(crate) use life::drain;
pub use poison::PoisonStore;
