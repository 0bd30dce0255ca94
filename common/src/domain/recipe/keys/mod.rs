//! Which keys a recipe has: `recipe_keys` reads all of it, `output` its outputs, `setting` the
//! other tables, and `table` has the words for what is wrong.

mod output;
mod recipe_keys;
mod setting;
mod table;
#[cfg(test)]
mod tests;

pub(super) use recipe_keys::read;
