//! Networks between a fleet and its endpoint: [`gate`] holds or cuts all connections, [`proxy`]
//! delays, loses, repeats and refuses single calls, leaves them without an answer, or sends them to
//! another region.

mod abroad;
mod batches;
pub(crate) mod gate;
mod http;
pub(crate) mod proxy;
mod refusal;
mod trouble;

pub use abroad::Abroad;
pub use trouble::Trouble;
