//! The scene that all cases are made of, and what is expected of a case.

pub(crate) mod case;
pub(crate) mod scene;
