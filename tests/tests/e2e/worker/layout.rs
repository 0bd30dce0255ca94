//! Tasks and messages of another version, which lays them out otherwise.

use anyhow::{Context as _, Result, ensure};
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use tilefleet_common::domain::TaskId;
use tilefleet_common::ledger::Key;

use crate::operate::verify::edit;
use crate::support::queues::{left, taken};
use crate::support::site::Site;
use crate::support::worker_log::wait_for_line;

/// A task of one probe, and its message, which is not in the queue any more.
async fn task_of_one(site: &Site) -> Result<(TaskId, Value)> {
    let cell = json!({"cell": "48RXT/2020-08-01/0", "output_bucket": site.stack.output_bucket});
    let file = site.write("cells.ndjson", format!("{cell}\n"))?;
    let task = crate::submit::recipes::submit(site, &file, "probe").await?;
    let message = taken(site).await?.pop().context("no message")?;
    Ok((task.parse()?, serde_json::from_str(&message)?))
}

/// Sends the message, and expects that a worker names the layout, leaves the message and begins
/// nothing.
async fn is_left(site: &Site, task: &TaskId, message: &Value, layout: u32) -> Result<()> {
    let (queue, body) = (&site.stack.queue_url, message.to_string());
    let send = site.stack.sqs.send_message().queue_url(queue);
    send.message_body(body).send().await?;
    let mut worker = site.fleet.start("worker", &["run"])?;
    let named = format!("\"layout\":{layout}");
    let words = ["a layout that this worker does not know", &named];
    wait_for_line(&mut worker, &words).await?;
    worker.kill()?;
    ensure!(left(site, queue).await? == 1, "{message} is not kept");
    ensure!(
        site.ledger.cells(task, 0).await?.is_empty(),
        "{message} is begun"
    );
    Ok(())
}

#[tokio::test]
async fn a_message_or_a_task_of_another_layout_is_left_to_its_version() -> Result<()> {
    for layout in [1, 9] {
        let site = Site::new("layout-message").await?;
        let (task, mut message) = task_of_one(&site).await?;
        ensure!(message["layout"] == 2, "{message}");
        if layout == 1 {
            message
                .as_object_mut()
                .context("no object")?
                .remove("layout");
        } else {
            message["layout"] = json!(layout);
        }
        is_left(&site, &task, &message, layout).await?;
    }
    let site = Site::new("layout-header").await?;
    let (task, message) = task_of_one(&site).await?;
    let nine = (":l", AttributeValue::N("9".into()));
    edit(
        &site,
        &Key::Header(task.clone()),
        "SET layout = :l",
        &[nine],
    )
    .await?;
    is_left(&site, &task, &message, 9).await?;
    let said = site.producer(&["status", task.as_str()]).await?;
    let words = format!("task {task} has layout 9; use the version that submitted it");
    ensure!(said.story().contains(&words), "{}", said.story());
    Ok(())
}

/// A version of before layouts reads this key, finds no task, and hands the message back.
#[tokio::test]
async fn a_version_of_layout_1_finds_no_task_and_its_tasks_are_named() -> Result<()> {
    let site = Site::new("layout-1").await?;
    let (task, _) = task_of_one(&site).await?;
    let old = Key::Layout1(task.clone());
    ensure!(site.ledger.read(&old).await?.is_none(), "{old}");

    let old: TaskId = "rgb-old".parse()?;
    let change = "SET #state = :s, epoch = :n, cells = :n, listed = :l, created_at = :c, recipe = :r, #output = :o";
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let values = [
        (":s", text("RUNNING")),
        (":n", AttributeValue::N("1".to_owned())),
        (":l", text("TASK")),
        (":c", text("2026-11-26T13:54:10.000Z")),
        (":r", text("rgb")),
        (":o", text("s3://my-bucket/")),
    ];
    edit(&site, &Key::Layout1(old.clone()), change, &values).await?;
    for command in ["status", "resume"] {
        let said = site.producer(&[command, old.as_str()]).await?;
        let words = format!("task {old} has layout 1; use the version that submitted it");
        ensure!(said.story().contains(&words), "{}", said.story());
    }
    let listed = site.producer(&["list"]).await?;
    let listed = listed.expect_code(0)?;
    ensure!(
        listed.stdout.contains("RUNNING (layout 1)"),
        "{}",
        listed.stdout
    );
    Ok(())
}
