//! The end-to-end tests: the built binaries against a running AWS endpoint.

mod bad_cells;
mod bad_input;
mod crash_table;
mod dead_letters;
mod demo;
mod doctor;
mod duplicates;
mod harness;
mod interruption;
mod lease;
mod ledger_meaning;
mod operate;
mod operate_killed;
mod poison;
mod raster;
mod real_scenes;
mod refused_notice;
mod repair_killed;
mod site;
mod soak;
mod submit_killed;
mod terraform_agrees;
mod tiny;
mod verify;
mod walk_through;
mod worker_life;
