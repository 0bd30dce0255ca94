//! Logs: one JSON object a line on stderr, or lines for a person where stderr is a terminal.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// The variable that says what is logged, in the syntax of `tracing_subscriber::EnvFilter`.
pub const FILTER_VARIABLE: &str = "TILEFLEET_LOG";

/// Begins logging: everything from `level` on, unless [`FILTER_VARIABLE`] says otherwise.
///
/// A line carries the fields of the span that it is in at its top level, so that every line of a
/// cell's life has its task, cell and worker.
pub fn start(level: &str) {
    let filter = || {
        EnvFilter::try_from_env(FILTER_VARIABLE).unwrap_or_else(|_| {
            EnvFilter::new(format!(
                "warn,tilefleet_common={level},tilefleet_worker={level},producer={level},worker={level}"
            ))
        })
    };
    let base = tracing_subscriber::fmt()
        .with_env_filter(filter())
        .with_writer(std::io::stderr);
    // A second start in one process keeps the first subscriber.
    let _ = if std::io::stderr().is_terminal() {
        let colour = std::env::var_os("NO_COLOR").is_none();
        base.with_target(false).with_ansi(colour).try_init()
    } else {
        base.json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .try_init()
    };
}
