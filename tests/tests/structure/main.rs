//! The structure of the source tree, as the compiler does not check it: no import circle between
//! files, short folders, and crates that depend one way.
//!
//! [`rules`] holds the checks of the workspace, one test each; they need no endpoint. The rest
//! reads the code: [`workspace`] finds the files, [`modules`] parses a crate into its modules,
//! [`resolve`] follows a path to the item's definition, [`edges`] collects which file names what of
//! which other file, and [`circles`] finds the circles in that. [`made_up`] tests all of these on
//! small trees.

mod circles;
mod edges;
mod made_up;
mod modules;
mod resolve;
mod rules;
mod workspace;
