//! What the tests of several subjects share: fleets, tasks, and checks of their ends.

pub(crate) mod cells;
pub(crate) mod killed;
pub(crate) mod queues;
pub(crate) mod rasters;
pub(crate) mod reference;
pub(crate) mod site;
pub(crate) mod tiny;
pub(crate) mod worker_log;
