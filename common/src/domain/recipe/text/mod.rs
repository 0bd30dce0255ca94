//! The texts of a recipe: TOML and the canonical JSON, both as one tree.

pub(super) mod canonical;
pub(super) mod document;
pub(super) mod toml;
