//! The dead-letter queue, as an operator lists and drains it.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tilefleet_tests::Fleet;

use crate::support::site::Site;

/// Moves the one message of the queue of cells to the dead-letter queue, as SQS does after too many
/// receives.
async fn give_up(site: &Site) -> Result<()> {
    let receive = site
        .stack
        .sqs
        .receive_message()
        .queue_url(&site.stack.queue_url)
        .wait_time_seconds(5);
    let received = receive.send().await?;
    let message = received.messages().first().context("no message")?;
    send_dead_letter(site, message.body().context("no body")?).await?;
    let delete = site
        .stack
        .sqs
        .delete_message()
        .queue_url(&site.stack.queue_url);
    delete
        .receipt_handle(message.receipt_handle().context("no receipt")?)
        .send()
        .await?;
    Ok(())
}

async fn send_dead_letter(site: &Site, body: &str) -> Result<()> {
    let send = site
        .stack
        .sqs
        .send_message()
        .queue_url(&site.stack.dead_letter_queue_url);
    send.message_body(body).send().await?;
    Ok(())
}

async fn dlq(site: &Site, arguments: &[&str]) -> Result<Vec<Value>> {
    let finished = site
        .producer(&[&["dlq"], arguments, &["-o", "ndjson"]].concat())
        .await?;
    finished
        .expect_code(0)?
        .stdout
        .lines()
        .map(|line| Ok(serde_json::from_str(line)?))
        .collect()
}

fn outcomes(letters: &[Value]) -> Vec<&str> {
    let mut all: Vec<&str> = letters
        .iter()
        .filter_map(|letter| letter["outcome"].as_str())
        .collect();
    all.sort_unstable();
    all
}

#[tokio::test]
async fn dead_letters_are_shown_and_drained_into_failed_cells() -> Result<()> {
    let site = Site::new("dlq").await?;
    let cell = site.cell("tiles/48/R/XT/2020/8/1/0/R10m/", "2020-08-01");
    let task = site.submit(&site.document(&[cell])?).await?;
    give_up(&site).await?;
    send_dead_letter(&site, "no cell at all").await?;
    // Twice, because the list must not change the queue.
    for _ in 0..2 {
        let letters = dlq(&site, &["list"]).await?;
        let known: Vec<&Value> = letters
            .iter()
            .filter(|letter| letter["task"] == task.as_str())
            .collect();
        assert_eq!((letters.len(), known.len()), (2, 1), "{letters:?}");
        assert_eq!(
            (&known[0]["cell"], &known[0]["ordinal"]),
            (&json!("48RXT/2020-08-01/0"), &json!(0))
        );
        assert!(
            known[0]["age_s"].is_number() && known[0]["receives"].as_u64() > Some(0),
            "{letters:?}"
        );
        assert!(
            letters
                .iter()
                .any(|letter| letter["body"] == "no cell at all"),
            "{letters:?}"
        );
    }
    assert_eq!(dlq(&site, &["drain", "--dry-run"]).await?.len(), 2);
    assert_eq!(site.status(&task).await?["remaining"], 1);

    let drained = dlq(&site, &["drain"]).await?;
    assert_eq!(
        outcomes(&drained),
        ["failed: dead_lettered", "left: not a cell"]
    );
    assert_eq!(
        site.story(&task, 0).await?.history.error_code.as_deref(),
        Some("dead_lettered")
    );
    let notice = site.completion(&task).await?;
    assert_eq!(notice.body["failed"], 1);
    assert_eq!(
        outcomes(&dlq(&site, &["drain", "--remove-others"]).await?),
        ["removed: not a cell"]
    );
    assert!(dlq(&site, &["drain"]).await?.is_empty());
    let nowhere = site
        .producer(&["--dead-letter-queue-url", "", "dlq", "list"])
        .await?;
    nowhere.expect_code(2)?;
    assert!(
        nowhere.stderr.contains("TILEFLEET_DEAD_LETTER_QUEUE_URL"),
        "{}",
        nowhere.story()
    );
    Ok(())
}

#[tokio::test]
async fn a_dead_letter_of_an_earlier_epoch_does_not_fail_a_cell_that_is_retried() -> Result<()> {
    let site = Site::new("dlq-old").await?;
    let cell = site.cell("tiles/48/R/XT/2020/8/1/0/R10m/", "2020-08-01");
    let task = site.submit(&site.document(&[cell])?).await?;
    let receive = site
        .stack
        .sqs
        .receive_message()
        .queue_url(&site.stack.queue_url)
        .visibility_timeout(0);
    let received = receive.wait_time_seconds(5).send().await?;
    let body = received
        .messages()
        .first()
        .and_then(|message| message.body())
        .context("no body")?
        .to_owned();
    site.work().await?;
    site.completion(&task).await?;
    site.producer(&["retry", &task]).await?.expect_code(0)?;
    send_dead_letter(&site, &body).await?;
    assert_eq!(
        outcomes(&dlq(&site, &["drain"]).await?),
        ["nothing left to do"]
    );
    let status = site.status(&task).await?;
    assert_eq!(
        (&status["remaining"], &status["failed"]),
        (&json!(1), &json!(0))
    );
    give_up(&site).await?;
    assert_eq!(
        outcomes(&dlq(&site, &["drain"]).await?),
        ["failed: dead_lettered"],
        "one of this epoch does"
    );
    assert_eq!(site.completion(&task).await?.body["epoch"], 2);
    Ok(())
}

#[tokio::test]
async fn list_and_drain_end_when_a_message_comes_back() -> Result<()> {
    let site = Site::new("dlq-back").await?;
    send_dead_letter(&site, "no cell at all").await?;
    // The message is not hidden at all while it is listed and drained.
    let hasty = Fleet::new(&site.stack)?.with("TILEFLEET_FAULT_WAITS", "0");
    for command in ["list", "drain"] {
        let finished = hasty.producer(&["dlq", command, "-o", "ndjson"]).await?;
        let story = finished.story();
        assert_eq!(
            finished.expect_code(0)?.stdout.lines().count(),
            1,
            "{story}"
        );
        assert!(finished.stderr.contains("messages came back"), "{story}");
    }
    Ok(())
}
