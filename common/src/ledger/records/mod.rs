//! What items say, for those who read them: typed records, counts, and the two attributes that are
//! texts of their own (a cell's artefacts, a task's recipe).

pub(super) mod artefact_list;
mod expiry;
mod no_raster;
mod open;
mod progress;
mod record;
mod summary;
pub(super) mod task_recipe;
mod worker;

pub use expiry::LAST_DAYS_S;
pub(super) use expiry::is_expired;
pub use no_raster::NoRaster;
pub use open::Open;
pub use progress::Progress;
pub use record::{
    CellHistory, CellRecord, CellState, GroupRecord, ShardRecord, TaskRecord, TaskState,
};
pub use summary::TaskSummary;
pub use task_recipe::RecipeTrouble;
pub use worker::{OpenBreaker, WorkerRecord};
