//! A submit that dies at any moment, and is run again.

use anyhow::{Context as _, Result};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tilefleet_common::domain::TaskId;

use crate::support::cells::{THREE_SHARDS, empty_lines};
use crate::support::killed::{killed, waits_for_all};
use crate::support::site::Site;

/// How many items the table has.
async fn items(site: &Site) -> Result<i32> {
    Ok(site
        .stack
        .dynamodb
        .scan()
        .table_name(&site.stack.table)
        .send()
        .await?
        .count())
}

#[tokio::test]
async fn a_submit_killed_at_any_moment_and_run_again_is_one_task_with_every_cell_once() -> Result<()>
{
    let site = Site::new("killed").await?;
    let seed = rand::random::<u64>();
    let mut random = StdRng::seed_from_u64(seed);
    let mut unfinished = 0;
    for salt in 0..12 {
        let said = format!("seed {seed}, task {salt}");
        let file = site.write(&format!("cells-{salt}.ndjson"), empty_lines(&site, salt))?;
        // The moment is a random number of items and not a time, because machines differ.
        let goal = random.random_range(0..5);
        let far = async || Ok(u64::try_from(items(&site).await?)?);
        killed(&site.fleet, &["submit", &file, "-o", "json"], goal, far).await?;
        let again = site.producer(&["submit", &file, "-o", "json"]).await?;
        let again = again.expect_code(0).context(said.clone())?.json()?;
        let id = again["task"].as_str().context("no task")?;
        if again["already"] != true {
            unfinished += 1;
        }

        let task: TaskId = id.parse()?;
        waits_for_all(&site, &task, THREE_SHARDS)
            .await
            .with_context(|| said.clone())?;
    }
    assert!(
        unfinished > 0,
        "seed {seed}: no submit was killed before its end"
    );
    Ok(())
}
