//! A fleet behind a proxy.

use anyhow::{Result, ensure};
use tilefleet_tests::{Endpoint, Fleet, Plan, Process, Proxy};

use crate::support::tiny::{Ending, Events, Tiny};

/// How long received messages are hidden, and the longest wait of a worker, unless a test says
/// otherwise. The wait is longer than it takes to send a notice over a hostile network.
const TIMES_S: (u32, u32) = (4, 8);
/// Attempts of a command. Each of its calls has four.
const TRIES: u32 = 10;

/// A fleet behind a proxy.
pub(super) struct Behind {
    pub(super) tiny: Tiny,
    pub(super) proxy: Proxy,
    pub(super) fleet: Fleet,
}

impl Behind {
    pub(super) async fn new(word: &str, seed: u64, plan: Plan) -> Result<Self> {
        Self::with_times(word, seed, plan, TIMES_S).await
    }

    /// The same with these times in seconds: how long received messages are hidden, and the longest
    /// wait.
    pub(super) async fn with_times(
        word: &str,
        seed: u64,
        plan: Plan,
        (hidden, longest_wait): (u32, u32),
    ) -> Result<Self> {
        let tiny = Tiny::new(word, hidden).await?;
        let endpoint = Endpoint::shared()?.url();
        let proxy = Proxy::before(endpoint, seed, plan)?;
        let stack = &tiny.site.stack;
        let fleet = tiny
            .with_short_waits(longest_wait)?
            .with("AWS_ENDPOINT_URL", proxy.url())
            .with(
                "TILEFLEET_QUEUE_URL",
                stack.queue_url.replace(endpoint, proxy.url()),
            )
            .with(
                "TILEFLEET_DEAD_LETTER_QUEUE_URL",
                stack.dead_letter_queue_url.replace(endpoint, proxy.url()),
            );
        Ok(Self { tiny, proxy, fleet })
    }

    /// Runs a command until it succeeds, as its messages say.
    pub(super) async fn producer(&self, arguments: &[&str]) -> Result<()> {
        let mut tries = 0;
        loop {
            let ended = self.fleet.producer(arguments).await?;
            tries += 1;
            if ended.code() == 0 {
                return Ok(());
            }
            ended.expect_code(1)?;
            ensure!(tries < TRIES, "{}", ended.story());
        }
    }

    pub(super) async fn submit(&self, file: &str) -> Result<String> {
        self.producer(&["submit", file]).await?;
        // The same submit again, without the proxy, prints the id.
        self.tiny.site.submit(file).await
    }

    pub(super) fn workers(&self, count: u32) -> Result<Vec<Process>> {
        (0..count)
            .map(|_| self.fleet.start("worker", &["run"]))
            .collect()
    }

    /// Waits for the task's end. Its notice may come twice with the same id: when the answer to its
    /// publication is lost, it is published again.
    pub(super) async fn ends(
        &self,
        task: &str,
        cells: u32,
        epoch: u32,
        workers: &[Process],
    ) -> Result<()> {
        let events = self
            .tiny
            .ends(
                task,
                &Ending {
                    ok: cells,
                    failed: 0,
                    epoch,
                },
                workers,
            )
            .await?;
        let notice = format!("{task}/{epoch}");
        let sent = events.get(&notice).copied().unwrap_or(0);
        ensure!(
            sent > 0 && events == Events::from([(notice, sent)]),
            "{events:?}"
        );
        Ok(())
    }
}
