//! The ledger: what is known of every task, shard and cell, as idempotent entries of one DynamoDB
//! table.
//!
//! The protocol is data. [`transition`] says what each step changes and under which condition, as a
//! [`Write`] or a [`Transaction`]; [`flow`] says which step follows which answer. Both are pure.
//! `store` carries them out in DynamoDB; [`Write::apply`] carries them out in memory, which is what
//! the model test explores. So the proof and the fleet run on the same protocol.
//!
//! `design.md` beside this file says what the sets are, why the protocol can be believed and how to
//! add a step. `docs/ARCHITECTURE.md` has the protocol's tables.

mod batch;
mod counted;
mod dynamo;
pub(crate) mod fault_points;
pub mod flow;
mod forget;
mod item;
mod records;
mod store;
pub mod transition;
mod workers;
mod write;

pub use counted::{Counted, counted};
pub use dynamo::CodecError;
pub use forget::Remains;
pub use item::{Item, Key, Value, attribute};
pub use records::{
    CellHistory, CellRecord, CellState, GroupRecord, LAST_DAYS_S, NoRaster, Open, OpenBreaker,
    Progress, RecipeTrouble, ShardRecord, TaskRecord, TaskState, TaskSummary, WorkerRecord,
};
pub use store::{Answer, Ledger, LedgerError, TransactionAnswer};
pub use write::{Action, Condition, Part, Transaction, Write};
