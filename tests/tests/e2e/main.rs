//! The end-to-end tests: the built binaries against a running AWS endpoint.

mod bad_cells;
mod bad_input;
mod demo;
mod doctor;
mod harness;
mod interruption;
mod lease;
mod ledger_meaning;
mod poison;
mod raster;
mod real_scenes;
mod site;
mod submit_killed;
mod terraform_agrees;
mod walk_through;
mod worker_life;
