//! Workers that are stopped or killed, their logs and their health.

use anyhow::{Context as _, Result};
use aws_sdk_sqs::types::QueueAttributeName;
use nix::sys::signal::Signal;
use serde_json::Value;
use tilefleet_tests::poll::BOUND;
use tilefleet_tests::process::Termination;
use tilefleet_tests::{StackOptions, eventually};

use crate::support::queues::attribute;
use crate::support::site::Site;
use crate::support::worker_log::wait_for_line;

#[tokio::test]
async fn a_worker_killed_while_it_holds_a_cell_loses_nothing() -> Result<()> {
    let site = Site::with(
        "killed-worker",
        StackOptions {
            visibility_timeout_s: 2,
            ..StackOptions::default()
        },
    )
    .await?;
    let task = site
        .submit(&site.document(&[site.add_scene("48RXT", "2020-08-01").await?])?)
        .await?;
    let mut first = site.fleet.start("worker", &["run"])?;
    wait_for_line(&mut first, &["begun"]).await?;
    first.kill()?;
    let second = site.fleet.start("worker", &["run"])?;
    let notice = site.completion(&task).await?;
    assert_eq!(notice.body["ok"], 1);
    drop(second);
    assert!(site.story(&task, 0).await?.history.receives >= 1);
    Ok(())
}

#[tokio::test]
async fn sigterm_makes_a_worker_hand_its_cells_back_and_end_with_success() -> Result<()> {
    let site = Site::new("stopped").await?;
    let cells = [
        site.add_scene("48RXT", "2020-08-01").await?,
        site.add_scene("48RXT", "2020-08-06").await?,
        site.add_scene("48RXT", "2020-08-11").await?,
    ];
    let task = site.submit(&site.document(&cells)?).await?;
    // It has no time to finish a cell, so all its messages go back at once. The queue would hide
    // them for two minutes.
    let mut worker = site
        .fleet
        .start("worker", &["run", "--slots", "1", "--grace", "0"])?;
    wait_for_line(&mut worker, &["begun"]).await?;
    worker.signal(Signal::SIGTERM)?;
    let status = worker.wait(BOUND).await?;
    assert_eq!(status.code(), Some(0), "{}", worker.last_words());
    let hidden = attribute(
        &site,
        &site.stack.queue_url,
        QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
    );
    assert_eq!(hidden.await?, 0, "nothing is left hidden: {}", worker.log());

    let failures = site.ledger.cells(&task.parse()?, 0).await?;
    assert!(
        failures.values().all(|cell| cell.history.failures == 0),
        "an interruption does not count as a failure: {failures:?}"
    );
    site.work().await?;
    assert_eq!(site.status(&task).await?["ok"], 3);
    Ok(())
}

#[tokio::test]
async fn every_line_of_a_cells_life_names_task_cell_and_worker() -> Result<()> {
    let site = Site::new("logs").await?;
    let task = site
        .submit(&site.document(&[site.add_scene("48RXT", "2020-08-01").await?])?)
        .await?;
    let worked = site
        .fleet
        .worker(&["run", "--until-empty", "--name", "worker-7"])
        .await?;
    worked.expect_code(0)?;
    let lines: Vec<Value> = worked
        .stderr
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()
        .context(worked.story())?;
    let about: Vec<&Value> = lines
        .iter()
        .filter(|line| line["message"] == "begun" || line["message"] == "published")
        .collect();
    assert_eq!(about.len(), 2, "{}", worked.story());
    for line in about {
        let of = |name: &str| {
            line.get(name)
                .or_else(|| line["span"].get(name))
                .cloned()
                .unwrap_or_default()
        };
        assert_eq!(
            (of("task"), of("cell"), of("worker")),
            (
                task.clone().into(),
                "48RXT/2020-08-01/0".into(),
                "worker-7".into()
            )
        );
    }
    Ok(())
}

#[tokio::test]
async fn health_distinguishes_a_living_worker_from_a_dead_one() -> Result<()> {
    let site = Site::new("health").await?;
    let file = site.path("health.json").display().to_string();
    site.fleet
        .worker(&["health", "--file", &file])
        .await?
        .expect_code(1)?;
    let mut worker = site
        .fleet
        .start("worker", &["run", "--health-file", &file])?;
    eventually("a healthy worker", BOUND, async || {
        worker.still_runs()?;
        Ok((site
            .fleet
            .worker(&["health", "--file", &file])
            .await?
            .code()
            == 0)
            .then_some(()))
    })
    .await?;
    worker.kill()?;
    // As old as if the worker had been dead for a while.
    let written = std::fs::File::options().write(true).open(&file)?;
    written.set_modified(std::time::SystemTime::now() - std::time::Duration::from_mins(5))?;
    let dead = site.fleet.worker(&["health", "--file", &file]).await?;
    dead.expect_code(1)?;
    assert!(
        dead.stderr.contains("the worker is stuck or dead"),
        "{}",
        dead.story()
    );
    Ok(())
}

#[tokio::test]
async fn a_worker_that_cannot_work_says_why() -> Result<()> {
    let site = Site::new("cannot").await?;
    let queue = site.stack.queue_url.replace("-cells", "-none");
    let cases: Vec<(Vec<&str>, Vec<&str>)> = vec![
        (
            vec!["run", "--queue-url", &queue],
            vec![
                "error: queue http",
                "-none does not exist",
                "TILEFLEET_QUEUE_URL",
            ],
        ),
        (
            vec!["run", "--table", "nowhere"],
            vec!["error: table nowhere does not exist", "TILEFLEET_TABLE"],
        ),
    ];
    for (arguments, words) in cases {
        let ended = site.fleet.worker(&arguments).await?;
        ended.expect_code(1)?;
        for word in words {
            assert!(ended.stderr.contains(word), "{word:?}: {}", ended.story());
        }
    }
    let fleet =
        tilefleet_tests::Fleet::new(&site.stack)?.with("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    let unreachable = fleet.worker(&["run"]).await?;
    unreachable.expect_code(1)?;
    assert!(
        unreachable
            .stderr
            .contains("cannot reach sqs for GetQueueAttributes"),
        "{}",
        unreachable.story()
    );
    let fleet = tilefleet_tests::Fleet::new(&site.stack)?.with("TILEFLEET_TABLE", "");
    let mut command = fleet.command("worker", &["run"], Termination::KILL)?;
    command
        .env_remove("TILEFLEET_TABLE")
        .current_dir(site.path(""));
    let output = command.output()?;
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&output.stderr)
            .contains("error: no table: give --table, set TILEFLEET_TABLE")
    );
    Ok(())
}
