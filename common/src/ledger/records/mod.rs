//! What items say, for those who read them: typed records, counts, and the two attributes that are
//! texts of their own (a cell's artefacts, a task's recipe).

pub(super) mod artefact_list;
mod open;
mod progress;
mod record;
mod summary;
pub(super) mod task_recipe;

pub use open::Open;
pub use progress::Progress;
pub use record::{
    CellHistory, CellRecord, CellState, GroupRecord, ShardRecord, TaskRecord, TaskState,
};
pub use summary::TaskSummary;
pub use task_recipe::RecipeTrouble;
