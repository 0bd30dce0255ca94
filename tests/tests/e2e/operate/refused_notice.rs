//! A topic that refuses every notice for a while: the ledger keeps the reason, the message stays in
//! the queue, and the notice is sent in the end.

use anyhow::Result;
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::json;
use tilefleet_tests::poll::BOUND;
use tilefleet_tests::{Fleet, StackOptions, eventually};

use crate::support::site::Site;
use crate::support::tiny::told;

/// The fleet with a topic that does not exist.
fn without_topic(site: &Site) -> Result<Fleet> {
    let nowhere = format!("{}-nowhere", site.stack.topic_arn);
    Ok(Fleet::new(&site.stack)?.with("TILEFLEET_TOPIC_ARN", nowhere))
}

/// A task of one cell that fails at once, because there is nothing to read.
async fn submit(site: &Site) -> Result<String> {
    site.submit(&site.document(&[site.cell("tiles/48/R/XT/2020/8/1/0/R10m/", "2020-08-01")])?)
        .await
}

#[tokio::test]
async fn a_refused_notice_says_why_and_goes_out_when_the_topic_works_again() -> Result<()> {
    let site = Site::new("refused").await?;
    let task = submit(&site).await?;
    without_topic(&site)?
        .worker(&["run", "--until-empty"])
        .await?
        .expect_code(0)?;
    let status = site.status(&task).await?;
    assert_eq!(
        (&status["state"], &status["failed"]),
        (&json!("COMPLETE"), &json!(1))
    );
    let notice = status["notice"].as_str().unwrap_or_default().to_owned();
    assert!(
        notice.starts_with("complete, notice not sent: ") && notice.contains("-nowhere"),
        "{notice}"
    );
    let table = site.producer(&["status", &task]).await?;
    assert!(
        table.expect_code(0)?.stdout.contains(&notice),
        "{}",
        table.story()
    );
    let owed = site.producer(&["verify", &task, "-o", "json"]).await?;
    assert_eq!(
        owed.expect_code(1)?.json()?["found"],
        json!({"notice_owed": 1})
    );

    // The notice would follow when the message becomes visible. A resume does not wait for that.
    let resumed = site.json(&["resume", &task, "-o", "json"]).await?;
    assert_eq!(
        (&resumed["sent"], &resumed["notice_owed"]),
        (&json!(1), &json!(true))
    );
    site.work().await?;
    let notice = site.completion(&task).await?;
    assert_eq!(told(&site, &notice).await?, format!("{task}/1"));
    assert_eq!(site.status(&task).await?["notice"], "sent");
    assert_eq!(
        site.story(&task, 0).await?.history.failures,
        0,
        "the cell has not failed"
    );
    site.producer(&["verify", &task]).await?.expect_code(0)?;
    Ok(())
}

#[tokio::test]
async fn an_unreachable_topic_has_a_message_of_its_own() -> Result<()> {
    let site = Site::new("unanswered").await?;
    let task = submit(&site).await?;
    let fleet = Fleet::new(&site.stack)?.with("AWS_ENDPOINT_URL_SNS", "http://127.0.0.1:9");
    fleet
        .worker(&["run", "--until-empty"])
        .await?
        .expect_code(0)?;
    let notice = site.status(&task).await?["notice"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    assert!(notice.contains("cannot reach sns for Publish"), "{notice}");
    let repaired = site
        .producer(&["verify", &task, "--repair", "-o", "json"])
        .await?;
    assert_eq!(repaired.expect_code(1)?.json()?["sent"], 1);
    site.work().await?;
    assert_eq!(site.completion(&task).await?.body["failed"], 1);
    Ok(())
}

#[tokio::test]
async fn a_notice_that_is_refused_until_its_message_is_a_dead_letter_still_goes_out() -> Result<()>
{
    let options = StackOptions {
        visibility_timeout_s: 30,
        max_receive_count: 2,
    };
    let site = Site::with("refused-dead", options).await?;
    let task = submit(&site).await?;
    // The worker must not start with the dead letter: after a killed worker, a claimed notice stays
    // claimed for minutes.
    let fleet = without_topic(&site)?.with("TILEFLEET_DEAD_LETTER_QUEUE_URL", "");
    let mut worker = fleet.start("worker", &["run"])?;
    eventually("a dead letter", BOUND, async || {
        worker.still_runs()?;
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ];
        let dead = site
            .stack
            .sqs
            .get_queue_attributes()
            .queue_url(&site.stack.dead_letter_queue_url);
        let answer = dead
            .set_attribute_names(Some(names.to_vec()))
            .send()
            .await?;
        let attributes = answer.attributes.unwrap_or_default();
        Ok(names
            .iter()
            .any(|name| attributes.get(name).is_some_and(|count| count != "0"))
            .then_some(()))
    })
    .await?;
    drop(worker);
    let working = site.fleet.start("worker", &["run"])?;
    let notice = site.completion(&task).await?;
    assert_eq!(notice.body["failed"], 1, "{}", working.log());
    let code = site.story(&task, 0).await?.history.error_code;
    assert_eq!(
        code.as_deref(),
        Some("missing_object"),
        "the cell fails only once"
    );
    Ok(())
}

#[tokio::test]
async fn a_cancel_whose_notice_is_refused_sends_it_when_it_is_run_again() -> Result<()> {
    let site = Site::new("refused-cancel").await?;
    let task = submit(&site).await?;
    let cancel = ["cancel", &task, "--reason", "wrong scenes"];
    let refused = without_topic(&site)?.producer(&cancel).await?;
    refused.expect_code(1)?;
    assert!(
        refused
            .stderr
            .contains("is cancelled, but its notice is not sent"),
        "{}",
        refused.story()
    );
    let status = site.status(&task).await?;
    assert_eq!(status["state"], "CANCELLED");
    assert!(
        status["notice"]
            .as_str()
            .unwrap_or_default()
            .contains("notice not sent"),
        "{status}"
    );
    site.producer(&cancel).await?.expect_code(0)?;
    let notice = site
        .stack
        .notices()
        .first(BOUND, |notice| notice.event() == "task_cancelled")
        .await?;
    assert_eq!(told(&site, &notice).await?, format!("{task}/1/cancelled/1"));
    assert_eq!(site.status(&task).await?["notice"], "cancellation sent");
    Ok(())
}
