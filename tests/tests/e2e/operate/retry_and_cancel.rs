//! What an operator does with a task: list its cells, retry, cancel and resume it.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tilefleet_tests::poll::BOUND;
use tilefleet_tests::{Notice, eventually};

use crate::support::cells::{lines, plain_scene, with_missing_band};
use crate::support::site::Site;
use crate::support::tiny::told;

async fn repair_input(site: &Site, key: &str) -> Result<()> {
    let name = key
        .strip_prefix(&format!("{}/", site.stack.prefix))
        .context("another's key")?;
    let band = site
        .path("objects")
        .join(&site.stack.prefix)
        .join("plain/B03.jp2");
    site.put(name, &std::fs::read(band)?).await?;
    Ok(())
}

async fn cells(site: &Site, task: &str, state: &str) -> Result<Vec<Value>> {
    let finished = site
        .producer(&["cells", task, "--state", state, "-o", "ndjson"])
        .await?;
    finished
        .expect_code(0)?
        .stdout
        .lines()
        .map(|line| Ok(serde_json::from_str(line)?))
        .collect()
}

#[tokio::test]
async fn a_failed_cell_is_retried_after_its_input_was_repaired_and_a_second_notice_follows()
-> Result<()> {
    let site = Site::new("retry").await?;
    let scene = plain_scene(&site).await?;
    let mut input = lines(&site, &scene, 2);
    let missing = with_missing_band(&mut input, &site, &scene, 2)?;
    let task = site.submit(&site.write("cells.ndjson", input)?).await?;
    assert_eq!(cells(&site, &task, "pending").await?.len(), 3);
    site.work().await?;
    let first = site.completion(&task).await?;
    assert_eq!(
        (told(&site, &first).await?, &first.body["failed"]),
        (format!("{task}/1"), &json!(1))
    );

    let failed = cells(&site, &task, "failed").await?;
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0]["ledger"]["error_code"], "missing_object");
    assert_eq!(
        (
            &failed[0]["ledger"]["ordinal"],
            &failed[0]["ledger"]["state"]
        ),
        (&json!(2), &json!("failed"))
    );
    assert_eq!(cells(&site, &task, "ok").await?.len(), 2);
    assert_eq!(cells(&site, &task, "all").await?.len(), 3);
    let document = site.json(&["cells", &task, "-o", "json"]).await?;
    assert_eq!(document.as_array().map(Vec::len), Some(3));

    // The list can be submitted: the failed cell becomes a task of its own.
    let text = format!("{}\n", failed[0]);
    let other = site
        .fleet
        .run(
            "producer",
            &["submit", "-", "--dry-run", "-o", "json"],
            &text,
        )
        .await?;
    assert_eq!(other.expect_code(0)?.json()?["count"], 1);

    repair_input(&site, &missing).await?;
    let dry = site
        .json(&["retry", &task, "--dry-run", "-o", "json"])
        .await?;
    assert_eq!(
        (&dry["retried"], &dry["sent"], &dry["state"]),
        (&json!(1), &json!(0), &json!("COMPLETE"))
    );
    site.producer(&["retry", &task, "--cell", "48RXT/2021-01-01/0"])
        .await?
        .expect_code(3)?;
    let none = site
        .producer(&["retry", &task, "--cell", "48RXT/2020-08-01/0", "-o", "json"])
        .await?;
    assert_eq!(none.expect_code(0)?.json()?["retried"], 0, "it is ok");
    let retry = ["retry", &task, "--cell", "48RXT/2020-08-01/2", "-o", "json"];
    let retried = site.json(&retry).await?;
    assert_eq!(
        (&retried["retried"], &retried["sent"], &retried["epoch"]),
        (&json!(1), &json!(1), &json!(2))
    );
    assert_eq!(site.status(&task).await?["state"], "RUNNING");
    let again = site.json(&retry).await?;
    assert_eq!(
        (&again["retried"], &again["sent"], &again["epoch"]),
        (&json!(0), &json!(0), &json!(2))
    );

    site.work().await?;
    let second = site.completion(&task).await?;
    assert_eq!(
        (told(&site, &second).await?, &second.body["ok"]),
        (format!("{task}/2"), &json!(3))
    );
    assert_eq!(
        site.stack.notices().drain().await?.len(),
        0,
        "no notice more"
    );
    site.producer(&["wait", &task]).await?.expect_code(0)?;
    site.producer(&["verify", &task]).await?.expect_code(0)?;
    Ok(())
}

#[tokio::test]
async fn a_running_task_is_retried_in_its_epoch() -> Result<()> {
    let site = Site::new("retry-running").await?;
    let scene = plain_scene(&site).await?;
    let mut input = String::new();
    let missing = with_missing_band(&mut input, &site, &scene, 0)?;
    input += lines(&site, &scene, 2).lines().last().context("no line")?;
    let task = site.submit(&site.write("cells.ndjson", input)?).await?;
    // One message at a time until the failing cell has failed. The other cell may still wait.
    while cells(&site, &task, "failed").await?.is_empty() {
        site.fleet
            .worker(&["run", "--once"])
            .await?
            .expect_code(0)?;
    }
    repair_input(&site, &missing).await?;
    let retried = site.json(&["retry", &task, "-o", "json"]).await?;
    assert_eq!(retried["retried"], 1);
    site.work().await?;
    let notice = site.completion(&task).await?;
    assert_eq!(notice.body["ok"], 2);
    Ok(())
}

#[tokio::test]
async fn a_cancelled_task_has_one_notice_and_completes_after_it_is_resumed() -> Result<()> {
    let site = Site::new("cancel").await?;
    let scene = plain_scene(&site).await?;
    let task = site
        .submit(&site.write("cells.ndjson", lines(&site, &scene, 3))?)
        .await?;
    site.producer(&["cancel", &task]).await?.expect_code(2)?;
    let cancel = |reason: &'static str| ["cancel", task.as_str(), "--reason", reason, "-o", "json"];
    let dry = [&cancel("wrong scenes")[..], &["--dry-run"]].concat();
    assert_eq!(site.json(&dry).await?["state"], "RUNNING");
    let cancelled = site.json(&cancel("wrong scenes")).await?;
    assert_eq!(
        (&cancelled["state"], &cancelled["already"]),
        (&json!("CANCELLED"), &json!(false))
    );
    let wanted = |notice: &Notice| notice.event() == "task_cancelled";
    let notice = site.stack.notices().first(BOUND, wanted).await?;
    assert_eq!(told(&site, &notice).await?, format!("{task}/1/cancelled/1"));
    assert_eq!(
        (&notice.body["reason"], &notice.body["remaining"]),
        (&json!("wrong scenes"), &json!(3))
    );
    assert_eq!(notice.attributes["outcome"], "cancelled");

    let again = site.json(&cancel("another reason")).await?;
    assert_eq!(
        (&again["already"], &again["reason"]),
        (&json!(true), &json!("wrong scenes"))
    );
    assert_eq!(site.stack.notices().drain().await?.len(), 0, "one notice");
    let status = site.status(&task).await?;
    assert_eq!(
        (&status["state"], &status["reason"]),
        (&json!("CANCELLED"), &json!("wrong scenes"))
    );
    site.producer(&["wait", &task]).await?.expect_code(10)?;
    let retry = site.producer(&["retry", &task]).await?;
    retry.expect_code(4)?;
    assert!(
        retry.stderr.contains(&format!("producer resume {task}")),
        "{}",
        retry.story()
    );

    // A worker that has read the task as cancelled must read it again when it is resumed a moment
    // later.
    let worker = site.fleet.start("worker", &["run"])?;
    eventually("an empty queue", BOUND, async || {
        let queue =
            tilefleet_common::aws::Queue::new(site.stack.sqs.clone(), site.stack.queue_url.clone());
        let attributes = queue.attributes().await?;
        Ok((attributes.waiting + attributes.hidden == 0).then_some(()))
    })
    .await?;
    assert_eq!(
        site.status(&task).await?["remaining"],
        3,
        "{}",
        worker.log()
    );
    let dry = site
        .json(&["resume", &task, "--dry-run", "-o", "json"])
        .await?;
    assert_eq!(
        (&dry["sent"], &dry["state"]),
        (&json!(3), &json!("CANCELLED"))
    );
    let resumed = site.json(&["resume", &task, "-o", "json"]).await?;
    assert_eq!(
        (&resumed["sent"], &resumed["was_cancelled"]),
        (&json!(3), &json!(true))
    );
    let notice = site.completion(&task).await?;
    assert_eq!(
        (&notice.body["ok"], &notice.body["epoch"]),
        (&json!(3), &json!(1))
    );
    drop(worker);
    let none = site.json(&["resume", &task, "-o", "json"]).await?;
    assert_eq!(none["sent"], 0);
    let complete = site.producer(&cancel("too late")).await?;
    complete.expect_code(4)?;
    assert!(
        complete.stderr.contains("nothing left to cancel"),
        "{}",
        complete.story()
    );
    Ok(())
}

#[tokio::test]
async fn commands_on_an_unknown_task_say_that_it_is_not_found() -> Result<()> {
    let site = Site::new("unknown-task").await?;
    for command in [
        &["cells", "winter"][..],
        &["retry", "winter"],
        &["resume", "winter"],
        &["verify", "winter"],
    ] {
        site.producer(command).await?.expect_code(3)?;
    }
    site.producer(&["cancel", "winter", "--reason", "x"])
        .await?
        .expect_code(3)?;
    Ok(())
}

#[tokio::test]
async fn a_cancelled_task_whose_cells_are_all_done_completes_when_it_is_resumed() -> Result<()> {
    let site = Site::new("cancel-done").await?;
    let scene = plain_scene(&site).await?;
    let task = site
        .submit(&site.write("cells.ndjson", lines(&site, &scene, 1))?)
        .await?;
    let mut worker = site.fleet.start("worker", &["run"])?;
    eventually("the cell begun", BOUND, async || {
        worker.still_runs()?;
        Ok(worker.log().contains("begun").then_some(()))
    })
    .await?;
    site.producer(&["cancel", &task, "--reason", "too dear"])
        .await?
        .expect_code(0)?;
    eventually("the cell closed", BOUND, async || {
        Ok((site.status(&task).await?["remaining"] == 0).then_some(()))
    })
    .await?;
    assert_eq!(site.status(&task).await?["state"], "CANCELLED");
    site.producer(&["resume", &task]).await?.expect_code(0)?;
    assert_eq!(site.completion(&task).await?.body["ok"], 1);
    Ok(())
}
