//! The structure of the source tree, as the compiler does not check it: no import circle between
//! files, short folders, and crates that depend one way.
//!
//! [`rules`] holds the checks of the workspace, one test each; they need no endpoint. The rest
//! reads the code and the documents: [`workspace`] finds the files, [`modules`] parses a crate into its modules,
//! [`resolve`] follows a path to the item's definition, [`edges`] collects which file names what of
//! which other file, and [`circles`] finds the circles in that. [`functions`] measures functions, and
//! [`documents`] checks what documents say of the tree. [`made_up`] tests the others on small trees.

mod circles;
mod documents;
mod edges;
mod functions;
mod made_up;
mod modules;
mod resolve;
mod rules;
mod workspace;
