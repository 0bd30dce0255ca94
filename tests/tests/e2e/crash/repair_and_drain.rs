//! Repairs and drains that are killed at any moment, and run again.

use anyhow::{Context as _, Result, ensure};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tilefleet_common::aws::Queue;
use tilefleet_common::domain::{Artefact, JobId, Role, TaskId};
use tilefleet_common::ledger::transition::{self, Success, Ticket};
use tilefleet_tests::eventually;
use tilefleet_tests::poll::BOUND;

use crate::support::cells::{THREE_SHARDS, empty_lines};
use crate::support::killed::{killed, progress, waits_for_all};
use crate::support::queues::{left, purge, taken};
use crate::support::site::Site;
use crate::support::tiny::{Events, events};

/// Damages a task: the messages of its first shard are lost, the sets of the second call its cells
/// done, and the rasters of the third are lost.
async fn damage(site: &Site, task: &TaskId) -> Result<()> {
    purge(site).await?;
    for ordinal in 200..THREE_SHARDS {
        let cell = format!("48RXT/2020-08-01/{ordinal}").parse()?;
        let ticket = Ticket {
            task: task.clone(),
            shard: ordinal / 200,
            group: 0,
            ordinal,
            cell,
            job: JobId::Probe,
            reopened: 0,
            expires_at: None,
        };
        if ordinal >= 400 {
            let raster = Artefact {
                role: Role::Raster,
                location: format!("{ordinal}.tif"),
                etag: "\"tag\"".to_owned(),
                bytes: 7,
            };
            let success = Success {
                output: format!("s3://{}/gone/", site.stack.output_bucket).parse()?,
                artefacts: vec![raster],
                without_raster: None,
                fetch_ms: 1,
                fuse_ms: 1,
                publish_ms: 1,
            };
            site.ledger
                .write(&transition::record_ok(&ticket, &success, "w", "now"))
                .await?;
        }
        site.ledger.write(&transition::close_ok(&ticket)).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_repair_killed_at_any_moment_and_run_again_leaves_no_cell_without_a_message() -> Result<()>
{
    let site = Site::new("killed-repair").await?;
    let seed = rand::random::<u64>();
    let mut random = StdRng::seed_from_u64(seed);
    let mut kills = 0;
    for salt in 0..3 {
        let said = format!("seed {seed}, task {salt}");
        let file = site.write(&format!("cells-{salt}.ndjson"), empty_lines(&site, salt))?;
        let task = site.submit(&file).await?;
        let id: TaskId = task.parse()?;
        damage(&site, &id).await?;
        let repair = ["verify", &task, "--repair"];
        for _ in 0..2 {
            let far = async || progress(&site, &id).await;
            kills +=
                u32::from(killed(&site.fleet, &repair, random.random_range(0..500), far).await?);
        }
        site.producer(&repair).await?;
        waits_for_all(&site, &id, THREE_SHARDS)
            .await
            .with_context(|| said.clone())?;
        assert_eq!(
            site.ledger.task(&id).await?.map(|record| record.epoch),
            Some(1),
            "{said}"
        );
        for ordinal in 400..THREE_SHARDS {
            let cells = site.ledger.some_cells(&id, [(2, ordinal)]).await?;
            let state = cells.get(&ordinal).map(|cell| cell.state.name());
            assert_eq!(
                state,
                Some("failed"),
                "{said}: the next worker would take its word"
            );
        }
    }
    assert!(kills > 0, "seed {seed}: nothing was killed before its end");
    Ok(())
}

const DEAD: u32 = 40;

#[tokio::test]
async fn a_drain_killed_at_any_moment_and_run_again_loses_no_letter() -> Result<()> {
    let site = Site::new("killed-drain").await?;
    let seed = rand::random::<u64>();
    let mut random = StdRng::seed_from_u64(seed);
    let lines: Vec<String> = empty_lines(&site, 0)
        .lines()
        .take(DEAD.try_into()?)
        .map(str::to_owned)
        .collect();
    let task = site
        .submit(&site.write("cells.ndjson", lines.join("\n"))?)
        .await?;
    let id: TaskId = task.parse()?;
    let dead = &site.stack.dead_letter_queue_url;
    let bodies = taken(&site).await?;
    for body in bodies.iter().map(String::as_str).chain(["no cell"]) {
        site.stack
            .sqs
            .send_message()
            .queue_url(dead)
            .message_body(body)
            .send()
            .await?;
    }
    // The letter of a killed drain is hidden for a minute, so another drain cannot receive it
    // sooner.
    let impatient = tilefleet_tests::Fleet::new(&site.stack)?.with("TILEFLEET_FAULT_WAITS", "2");
    let mut kills = 0;
    for _ in 0..4 {
        let far = async || {
            let pending = site
                .ledger
                .shard(&id, 0)
                .await?
                .context("no shard")?
                .pending
                .len();
            Ok(u64::from(DEAD).saturating_sub(pending.try_into()?))
        };
        kills += u32::from(
            killed(
                &impatient,
                &["dlq", "drain"],
                random.random_range(0..12),
                far,
            )
            .await?,
        );
    }
    ensure!(kills > 0, "seed {seed}: nothing was killed before its end");
    eventually(
        "nothing left to drain but what is no cell",
        BOUND,
        async || {
            impatient
                .producer(&["dlq", "drain"])
                .await?
                .expect_code(0)?;
            Ok((left(&site, dead).await? == 1).then_some(()))
        },
    )
    .await
    .with_context(|| format!("seed {seed}"))?;
    let queue = Queue::new(site.stack.sqs.clone(), dead.clone());
    let letter = queue.receive(1, std::time::Duration::from_secs(5)).await?;
    assert_eq!(
        letter.first().map(|letter| letter.body.as_str()),
        Some("no cell"),
        "seed {seed}"
    );

    let status = site.status(&task).await?;
    assert_eq!(
        (&status["state"], &status["failed"]),
        (&"COMPLETE".into(), &DEAD.into()),
        "seed {seed}"
    );
    let mut told: Events = events(&site).await?;
    let notice = format!("{task}/1");
    let sent = told.remove(&notice).unwrap_or(0);
    assert!((1..=2).contains(&sent), "seed {seed}: {sent} notices");
    let cells: Vec<String> = (0..DEAD)
        .map(|ordinal| format!("{notice}/{ordinal}"))
        .collect();
    assert!(
        cells.iter().all(|cell| told.contains_key(cell)),
        "seed {seed}: {told:?}"
    );
    site.producer(&["verify", &task]).await?.expect_code(0)?;
    Ok(())
}
