//! Logs on stderr: one JSON object a line, or plain lines where stderr is a terminal.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// The variable that sets what is logged, in the syntax of `tracing_subscriber::EnvFilter`.
pub const FILTER_VARIABLE: &str = "TILEFLEET_LOG";

/// Starts logging: of this project everything from `level` on (such as `info`), of libraries
/// warnings. [`FILTER_VARIABLE`] overrides both.
///
/// A line has the fields of its span at the top level, so that each line about a cell names the
/// task, the cell and the worker.
pub fn start(level: &str) {
    let filter = || {
        EnvFilter::try_from_env(FILTER_VARIABLE).unwrap_or_else(|_| {
            EnvFilter::new(format!(
                "warn,tilefleet_common={level},tilefleet_fuse={level},tilefleet_worker={level},producer={level},worker={level}"
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
