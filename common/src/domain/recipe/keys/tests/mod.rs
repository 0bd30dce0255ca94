//! What recipes mean (`meaning`), and how mistakes in them are told (`mistakes`).

mod meaning;
mod mistakes;
mod texts;
