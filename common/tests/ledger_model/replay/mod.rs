//! Protocol traces: ten schedules that teach the ledger, played by the model and committed as
//! text.
//!
//! `schedules` says what happens, [`script::Script`] plays it and writes a line for each event, and
//! `committed` compares the text with the file in `traces`. `UPDATE_TRACES=1` writes the files anew.

mod committed;
mod schedules;
mod script;
