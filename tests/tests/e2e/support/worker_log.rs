//! Waiting for lines of a worker's log.

use anyhow::Result;
use tilefleet_tests::poll::BOUND;
use tilefleet_tests::{Process, eventually};

/// Waits until a worker's log has a line with all of these words.
pub(crate) async fn wait_for_line(worker: &mut Process, words: &[&str]) -> Result<String> {
    eventually(&format!("{words:?} in a worker's log"), BOUND, async || {
        let log = worker.log();
        if let Some(line) = log
            .lines()
            .find(|line| words.iter().all(|word| line.contains(word)))
        {
            return Ok(Some(line.to_owned()));
        }
        worker.still_runs().map(|()| None)
    })
    .await
}
