//! `recipes`: the built-in recipes, and one recipe as a file.

mod bands;
mod list;
mod run;
mod show;

pub(crate) use run::run;
