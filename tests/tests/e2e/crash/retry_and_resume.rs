//! Retries and resumes that are killed at any moment, and run again.

use anyhow::{Context as _, Result};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tilefleet_common::domain::TaskId;

use crate::support::cells::{THREE_SHARDS, empty_lines};
use crate::support::killed::{fail_all, killed, progress, waits_for_all};
use crate::support::queues::purge;
use crate::support::site::Site;

#[tokio::test]
async fn a_retry_and_a_resume_killed_at_any_moment_and_run_again_leave_no_cell_without_a_message()
-> Result<()> {
    let site = Site::new("killed-ops").await?;
    let seed = rand::random::<u64>();
    let mut random = StdRng::seed_from_u64(seed);
    let mut kills = 0;
    for salt in 0..4 {
        let file = site.write(&format!("cells-{salt}.ndjson"), empty_lines(&site, salt))?;
        let task = site.submit(&file).await?;
        let id: TaskId = task.parse()?;
        purge(&site).await?;
        fail_all(&site, &id, THREE_SHARDS).await?;
        for (command, epoch) in [("retry", 2), ("resume", 2)] {
            let said = format!("seed {seed}, task {salt}, {command}");
            if command == "resume" {
                site.producer(&["cancel", &task, "--reason", "to see"])
                    .await?
                    .expect_code(0)?;
            }
            let goal = random.random_range(0..700);
            let far = async || progress(&site, &id).await;
            kills += u32::from(killed(&site.fleet, &[command, &task], goal, far).await?);
            site.producer(&[command, &task])
                .await?
                .expect_code(0)
                .context(said.clone())?;
            assert_eq!(
                site.ledger.task(&id).await?.map(|record| record.epoch),
                Some(epoch),
                "{said}"
            );
            waits_for_all(&site, &id, THREE_SHARDS)
                .await
                .with_context(|| said.clone())?;
        }
    }
    assert!(kills > 0, "seed {seed}: nothing was killed before its end");
    Ok(())
}
