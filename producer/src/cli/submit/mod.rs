//! The arguments of `submit`: what is done with which cells, and to which area they are cut.

mod area;
mod arguments;
mod max_failed;

pub(super) use arguments::SUBMIT_NOTES;
pub(crate) use arguments::SubmitArgs;
pub(crate) use max_failed::MaxFailed;
