//! What `make demo` shows: a whole fleet on one machine, step by step, with the commands that a
//! user would type.

pub mod console;
mod results;
mod run;
mod scenes;
mod settings;
mod work;

pub use results::Outcome;
pub use run::run;
pub use settings::Settings;
