//! What the tests of several subjects need: fleets, tasks, and checks of what became of them.

pub(crate) mod rasters;
pub(crate) mod site;
pub(crate) mod tiny;
