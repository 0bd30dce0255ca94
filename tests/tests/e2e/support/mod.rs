//! What the tests of several subjects need: fleets, tasks, and checks of what became of them.

pub(crate) mod cells;
pub(crate) mod killed;
pub(crate) mod queues;
pub(crate) mod rasters;
pub(crate) mod site;
pub(crate) mod tiny;
pub(crate) mod worker_log;
