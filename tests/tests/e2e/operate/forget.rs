//! Tasks that are forgotten, and tasks that expire.

use anyhow::Result;
use tilefleet_common::ledger::{Action, Key, Value, Write, attribute};

use crate::support::cells::{lines, plain_scene};
use crate::support::site::Site;

/// Unix second of a moment in the past.
const LONG_AGO: i64 = 1_600_000_000;

async fn set(site: &Site, task: &str, name: &'static str, second: i64) -> Result<()> {
    let write = Write {
        key: Key::Header(task.parse()?),
        conditions: vec![],
        actions: vec![Action::Set(name, Value::Number(second))],
    };
    site.ledger.write(&write).await?;
    Ok(())
}

#[tokio::test]
async fn a_task_is_not_forgotten_while_it_runs_or_is_submitted() -> Result<()> {
    let site = Site::new("forget").await?;
    let scene = plain_scene(&site).await?;
    let input = site.write("cells.ndjson", lines(&site, &scene, 2))?;
    let task = site.submit(&input).await?;
    let running = site.producer(&["forget", &task]).await?;
    running.expect_code(4)?;
    assert!(running.stderr.contains("is running; cancel it first"));

    site.producer(&["cancel", &task, "--reason", "wrong year"])
        .await?
        .expect_code(0)?;
    set(&site, &task, attribute::SUBMITTER_UNTIL, i64::MAX).await?;
    let submitted = site.producer(&["forget", &task]).await?;
    submitted.expect_code(4)?;
    assert!(submitted.stderr.contains("is being submitted"));

    set(&site, &task, attribute::SUBMITTER_UNTIL, LONG_AGO).await?;
    site.producer(&["forget", &task]).await?.expect_code(0)?;
    site.producer(&["status", &task]).await?.expect_code(3)?;
    Ok(())
}

#[tokio::test]
async fn an_expired_task_is_not_found_and_its_id_is_free_when_it_is_forgotten() -> Result<()> {
    let site = Site::new("expired").await?;
    let scene = plain_scene(&site).await?;
    let input = site.write("cells.ndjson", lines(&site, &scene, 2))?;
    let task = site.submit(&input).await?;
    site.work().await?;
    let status = site.json(&["status", &task, "-o", "json"]).await?;
    assert!(status["expires_at"].is_string(), "{status}");

    set(&site, &task, attribute::EXPIRES_AT, LONG_AGO).await?;
    for command in ["status", "retry", "resume", "explain", "verify"] {
        site.producer(&[command, &task]).await?.expect_code(3)?;
    }
    let listed = site.json(&["list", "-o", "json"]).await?;
    let of_task = |entry: &serde_json::Value| entry["task"] == task.as_str();
    assert!(!listed.as_array().is_some_and(|all| all.iter().any(of_task)));
    let again = site.producer(&["submit", &input]).await?;
    again.expect_code(4)?;
    assert!(again.stderr.contains("producer forget"), "{}", again.stderr);

    site.producer(&["forget", &task]).await?.expect_code(0)?;
    assert_eq!(site.submit(&input).await?, task);
    Ok(())
}
