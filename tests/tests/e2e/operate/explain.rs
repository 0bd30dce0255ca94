//! Why a task does not move.

use anyhow::Result;
use serde_json::Value;
use tilefleet_tests::{Fleet, MachineGroup};

use crate::support::site::Site;

fn causes(report: &Value) -> Vec<&str> {
    let findings = report["findings"].as_array().into_iter().flatten();
    findings
        .filter_map(|finding| finding["cause"].as_str())
        .collect()
}

#[tokio::test]
async fn a_task_of_a_stopped_fleet_and_its_cell_are_explained() -> Result<()> {
    let site = Site::new("explain").await?;
    let group = MachineGroup::start(0, 0)?;
    let fleet = Fleet::new(&site.stack)?.with_all(group.environment());
    let cell = site.cell("tiles/48/R/XT/2020/8/1/0/R10m/", "2020-08-01");
    let task = site.submit(&site.document(&[cell])?).await?;
    fleet.producer(&["fleet", "stop"]).await?.expect_code(0)?;
    let explain = [
        "explain",
        &task,
        "--cell",
        "48RXT/2020-08-01/0",
        "-o",
        "json",
    ];
    let explained = fleet.producer(&explain).await?;
    let report = explained.expect_code(0)?.json()?;
    assert_eq!(causes(&report), ["fleet_stopped", "cell_not_begun"]);
    assert_eq!(report["findings"][0]["action"], "producer fleet start");
    assert_eq!(report["queue"]["waiting"], 1);

    // The scene does not exist, so the cell fails.
    site.work().await?;
    site.completion(&task).await?;
    let explained = fleet.producer(&explain).await?;
    let report = explained.expect_code(0)?.json()?;
    assert_eq!(causes(&report), ["failed_cells", "cell_failed"]);
    assert_eq!(report["cell"]["error_code"], "missing_object");
    Ok(())
}

#[tokio::test]
async fn lost_messages_and_an_unknown_queue_are_named() -> Result<()> {
    let site = Site::new("explain-lost").await?;
    let cell = site.cell("tiles/48/R/XT/2020/8/1/0/R10m/", "2020-08-01");
    let task = site.submit(&site.document(&[cell])?).await?;
    let purge = site
        .stack
        .sqs
        .purge_queue()
        .queue_url(&site.stack.queue_url);
    purge.send().await?;
    let report = site.json(&["explain", &task, "-o", "json"]).await?;
    assert_eq!(causes(&report), ["no_messages"]);
    let gone = format!("{}-gone", site.stack.queue_url);
    let report = site
        .json(&["explain", &task, "--queue-url", &gone, "-o", "json"])
        .await?;
    assert_eq!(causes(&report), ["not_readable"]);
    assert_eq!(report["queue"], Value::Null);
    site.producer(&["explain", &task, "--cell", "48RXT/2021-01-01/0"])
        .await?
        .expect_code(3)?;
    Ok(())
}
