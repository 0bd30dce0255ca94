//! Workers that are killed again and again.

use std::env;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::Signal;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tilefleet_common::domain::{SHARD_SIZE, TaskId};
use tilefleet_tests::poll::BOUND;
use tilefleet_tests::{Process, eventually};

use crate::support::site::Site;
use crate::support::tiny::{Ending, Events, Tiny};

const CELLS_VARIABLE: &str = "TILEFLEET_SOAK_CELLS";
const SEED_VARIABLE: &str = "TILEFLEET_SOAK_SEED";
/// Two shards.
const CELLS: u32 = 300;
const WORKERS: usize = 4;
const VISIBILITY_TIMEOUT_S: u32 = 5;
/// Longer than it takes to send a notice.
const LONGEST_WAIT_S: u32 = 8;

fn number<N: std::str::FromStr>(variable: &str) -> Option<N> {
    env::var(variable).ok()?.parse().ok()
}

async fn pending(site: &Site, task: &TaskId) -> Result<u32> {
    let record = site.ledger.task(task).await?.context("no task")?;
    let shards = site.ledger.shards(task, &record).await?;
    Ok(shards
        .values()
        .map(|shard| shard.pending.len())
        .sum::<usize>()
        .try_into()?)
}

fn was_killed(status: ExitStatus) -> bool {
    status.signal() == Some(Signal::SIGKILL as i32)
}

#[tokio::test]
async fn a_fleet_whose_workers_are_killed_at_random_makes_every_cell_and_sends_one_notice()
-> Result<()> {
    let cells = number(CELLS_VARIABLE).unwrap_or(CELLS);
    let seed = number(SEED_VARIABLE).unwrap_or_else(rand::random);
    let said = format!("{SEED_VARIABLE}={seed} {CELLS_VARIABLE}={cells}");
    eprintln!("{said}");
    let mut random = StdRng::seed_from_u64(seed);
    let tiny = Tiny::new("soak", VISIBILITY_TIMEOUT_S).await?;
    let (site, fleet) = (&tiny.site, tiny.with_short_waits(LONGEST_WAIT_S)?);
    let task = tiny.submit(cells).await?;
    let id: TaskId = task.parse()?;
    // The cells do not cause these deaths, so no number of them may fail a cell.
    let start = || fleet.start("worker", &["run", "--max-crashes", "1000"]);
    let mut workers: Vec<Process> = (0..WORKERS).map(|_| start()).collect::<Result<_>>()?;
    let mut kills = 0;
    let mut left = cells;
    while left > 0 {
        // The moment is a random number of cells and not a time, because machines differ.
        let goal = left.saturating_sub(random.random_range(1..=15));
        left = eventually("more cells", BOUND, async || {
            let left = pending(site, &id).await?;
            Ok((left <= goal).then_some(left))
        })
        .await
        .with_context(|| said.clone())?;
        for _ in 0..random.random_range(1..=2) {
            let victim = random.random_range(0..WORKERS);
            let worker = workers.get_mut(victim).context("no such worker")?;
            ensure!(
                was_killed(worker.kill()?),
                "{said}: {}",
                worker.last_words()
            );
            *worker = start()?;
            kills += 1;
        }
    }
    let ending = Ending {
        ok: cells,
        failed: 0,
        epoch: 1,
    };
    let events = tiny
        .ends(&task, &ending, &workers)
        .await
        .with_context(|| said.clone())?;
    // A kill between publish and mark repeats the notice with the same id.
    let notice = format!("{task}/1");
    let sent = events.get(&notice).copied().unwrap_or(0);
    ensure!(
        events == Events::from([(notice, sent)]) && (1..=2).contains(&sent),
        "{said}: {events:?}"
    );
    let again: u32 = site
        .ledger
        .some_cells(
            &id,
            (0..cells).map(|ordinal| (ordinal / SHARD_SIZE, ordinal)),
        )
        .await?
        .values()
        .map(|cell| cell.history.receives.saturating_sub(1))
        .sum();
    eprintln!("{kills} kills, {again} cells begun again, {sent} notices");
    Ok(())
}
