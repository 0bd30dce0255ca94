//! Commands about the fleet itself: `doctor`, `config import`, and waking its group.

use anyhow::{Context as _, Result};
use aws_sdk_autoscaling::types::AutoScalingGroup;
use serde_json::{Value, json};
use tilefleet_common::deployment;
use tilefleet_tests::{Finished, Fleet, StackOptions, objects};

use crate::support::site::Site;

/// The result and the message of one check.
fn check<'a>(report: &'a Value, name: &str) -> Result<(&'a str, &'a str)> {
    let checks = report["checks"].as_array().context("no checks")?;
    let check = checks
        .iter()
        .find(|check| check["resource"] == name)
        .with_context(|| format!("no {name}"))?;
    Ok((
        check["result"].as_str().context("no result")?,
        check["detail"].as_str().context("no detail")?,
    ))
}

/// A group that sleeps.
struct Group {
    client: aws_sdk_autoscaling::Client,
    name: String,
}

impl Group {
    async fn create(site: &Site) -> Result<Self> {
        let name = format!("{}-workers", site.stack.prefix);
        let group = Self {
            client: site.stack.autoscaling.clone(),
            name,
        };
        let machines = group
            .client
            .create_launch_configuration()
            .launch_configuration_name(&group.name);
        machines
            .image_id("ami-0")
            .instance_type("m7g.large")
            .send()
            .await
            .context("the machines")?;
        let create = group
            .client
            .create_auto_scaling_group()
            .auto_scaling_group_name(&group.name);
        let create = create
            .launch_configuration_name(&group.name)
            .availability_zones("eu-central-1a");
        create
            .min_size(0)
            .max_size(10)
            .desired_capacity(0)
            .send()
            .await
            .context("the group")?;
        Ok(group)
    }

    async fn desired(&self) -> Result<i32> {
        let describe = self
            .client
            .describe_auto_scaling_groups()
            .auto_scaling_group_names(&self.name);
        let described = describe.send().await?;
        described
            .auto_scaling_groups()
            .first()
            .and_then(AutoScalingGroup::desired_capacity)
            .context("no group")
    }
}

/// What `terraform output -json` prints of the site's fleet.
fn outputs(site: &Site, group: &str) -> Value {
    let text = |value: &str| json!({ "sensitive": false, "type": "string", "value": value });
    json!({
        "queue_url": text(&site.stack.queue_url),
        "dead_letter_queue_url": text(&site.stack.dead_letter_queue_url),
        "table": text(&site.stack.table),
        "topic_arn": text(&site.stack.topic_arn),
        "region": text("eu-central-1"),
        "autoscaling_group": text(group),
        "cells_per_worker": { "sensitive": false, "type": "number", "value": 2 },
        "output_bucket": text(&site.stack.output_bucket),
        "log_group": text("/tilefleet/worker"),
    })
}

/// Runs `producer` with the endpoint and without the settings of a fleet.
async fn without_settings(site: &Site, arguments: &[&str]) -> Result<Finished> {
    let mut fleet = Fleet::new(&site.stack)?;
    // An empty variable counts as unset.
    for name in ["QUEUE_URL", "DEAD_LETTER_QUEUE_URL", "TABLE", "TOPIC_ARN"] {
        fleet = fleet.with(&format!("TILEFLEET_{name}"), "");
    }
    fleet.producer(arguments).await
}

#[tokio::test]
async fn doctor_finds_a_fresh_stack_sound_and_changes_nothing() -> Result<()> {
    let site = Site::new("doctor").await?;
    let group = Group::create(&site).await?;
    let file = site.write("outputs.json", outputs(&site, &group.name).to_string())?;
    let config = site.path("tilefleet.toml").display().to_string();
    site.producer(&["config", "import", &file, "--config", &config])
        .await?
        .expect_code(0)?;

    let looked = site
        .producer(&["doctor", "--config", &config, "-o", "json"])
        .await?;
    let report = looked.expect_code(0)?.json()?;
    assert_eq!(report["ok"], true);
    for name in [
        "credentials",
        "queue",
        "dead letters",
        "table",
        "topic",
        "output",
        "scenes",
        "group",
        "workers",
        "tasks",
    ] {
        assert_eq!(check(&report, name)?.0, "ok", "{name}: {}", looked.story());
    }
    let sound = format!("{}: 0 workers wanted, 10 at most", group.name);
    assert_eq!(check(&report, "group")?.1, sound);
    assert_eq!(looked.stderr, "");

    let people = site.producer(&["doctor", "--config", &config]).await?;
    let lines: Vec<&str> = people.expect_code(0)?.stdout.lines().collect();
    assert_eq!(lines.len(), 11, "{}", people.story());
    assert!(
        lines[0].starts_with("RESOURCE") && lines[1].starts_with("credentials "),
        "{}",
        people.story()
    );

    assert_eq!(
        site.stack
            .dynamodb
            .scan()
            .table_name(&site.stack.table)
            .send()
            .await?
            .count(),
        0
    );
    assert_eq!(
        objects::list(&site.stack.s3, &site.stack.output_bucket, "")
            .await?
            .len(),
        0
    );
    let uploads = site
        .stack
        .s3
        .list_multipart_uploads()
        .bucket(&site.stack.output_bucket)
        .send()
        .await?;
    assert_eq!(uploads.uploads().len(), 0);
    let receive = site
        .stack
        .sqs
        .receive_message()
        .queue_url(&site.stack.queue_url)
        .wait_time_seconds(0);
    assert_eq!(receive.send().await?.messages().len(), 0);
    assert_eq!(group.desired().await?, 0);
    Ok(())
}

#[tokio::test]
async fn doctor_names_each_missing_resource_with_the_next_step() -> Result<()> {
    let site = Site::new("doctor-missing").await?;
    let queue = format!("{}-gone", site.stack.queue_url);
    let arguments = [
        &[
            "doctor",
            "-o",
            "json",
            "--queue-url",
            &queue,
            "--table",
            "gone-ledger",
        ][..],
        &[
            "--output",
            "s3://gone-output-of-nobody/",
            "--autoscaling-group",
            "gone-workers",
        ],
    ]
    .concat();
    let looked = site.producer(&arguments).await?;
    let report = looked.expect_code(1)?.json()?;
    assert_eq!(report["ok"], false);
    for (name, thing, setting) in [
        (
            "queue",
            format!("queue {queue}"),
            "--queue-url (TILEFLEET_QUEUE_URL) and AWS_REGION",
        ),
        (
            "table",
            "table gone-ledger".to_owned(),
            "--table (TILEFLEET_TABLE) and AWS_REGION",
        ),
        (
            "output",
            "bucket or object s3://gone-output-of-nobody/tilefleet-doctor".to_owned(),
            "the address and AWS_REGION",
        ),
        (
            "group",
            "autoscaling group gone-workers".to_owned(),
            "--autoscaling-group (TILEFLEET_AUTOSCALING_GROUP) and AWS_REGION",
        ),
    ] {
        let (result, words) = check(&report, name)?;
        assert_eq!(result, "failed", "{}", looked.story());
        assert!(
            words.starts_with(&format!("{thing} does not exist")),
            "{words}"
        );
        assert!(words.ends_with(&format!("check {setting}")), "{words}");
    }
    assert_eq!(check(&report, "dead letters")?.0, "not_checked");
    // A missing resource does not hide another one.
    assert_eq!(
        (check(&report, "topic")?.0, check(&report, "scenes")?.0),
        ("ok", "ok")
    );
    Ok(())
}

#[tokio::test]
async fn doctor_reports_a_queue_with_other_settings() -> Result<()> {
    let options = StackOptions {
        visibility_timeout_s: 30,
        max_receive_count: 3,
    };
    let site = Site::with("doctor-settings", options).await?;
    let looked = site.producer(&["doctor", "-o", "json"]).await?;
    let report = looked.expect_code(1)?.json()?;
    let queue = &site.stack.queue_url;
    let hidden = format!(
        "{queue}: a received message stays hidden for 30 s instead of {} s; run terraform apply",
        deployment::VISIBILITY_TIMEOUT_S
    );
    assert_eq!(check(&report, "queue")?, ("failed", hidden.as_str()));
    let receives =
        format!("{queue} gives a message up after 3 receives instead of 10; run terraform apply");
    assert_eq!(
        check(&report, "dead letters")?,
        ("failed", receives.as_str())
    );
    assert_eq!(check(&report, "output")?.0, "not_checked");
    Ok(())
}

#[tokio::test]
async fn without_settings_the_missing_ones_are_named() -> Result<()> {
    let site = Site::new("doctor-unset").await?;
    let looked = without_settings(&site, &["doctor", "-o", "json"]).await?;
    let report = looked.expect_code(1)?.json()?;
    assert_eq!(
        check(&report, "queue")?,
        (
            "failed",
            "no queue: give --queue-url, set TILEFLEET_QUEUE_URL, or write queue_url into tilefleet.toml"
        )
    );
    assert_eq!(
        check(&report, "table")?,
        (
            "failed",
            "no table: give --table, set TILEFLEET_TABLE, or write table into tilefleet.toml"
        )
    );
    assert_eq!(check(&report, "topic")?.0, "not_checked");
    Ok(())
}

#[tokio::test]
async fn terraforms_outputs_are_all_that_a_submit_needs() -> Result<()> {
    let site = Site::new("import").await?;
    let group = Group::create(&site).await?;
    let file = site.write("outputs.json", outputs(&site, &group.name).to_string())?;
    let config = site.path("tilefleet.toml").display().to_string();

    let imported =
        without_settings(&site, &["config", "import", &file, "--config", &config]).await?;
    assert_eq!(imported.expect_code(0)?.stderr, format!("wrote {config}\n"));
    let again = without_settings(&site, &["config", "import", &file, "--config", &config]).await?;
    assert_eq!(
        again.expect_code(0)?.stderr,
        format!("{config} has these settings already\n")
    );

    let shown = without_settings(
        &site,
        &["config", "show", "--config", &config, "-o", "json"],
    )
    .await?;
    let shown = shown.expect_code(0)?.json()?;
    let table = json!({ "setting": "table", "value": site.stack.table, "from": config });
    assert!(
        shown.as_array().is_some_and(|lines| lines.contains(&table)),
        "{shown}"
    );

    let shown = site
        .producer(&["config", "show", "--config", &config, "-o", "json"])
        .await?;
    let shown = shown.expect_code(0)?.json()?;
    let table = json!({ "setting": "table", "value": site.stack.table, "from": "TILEFLEET_TABLE" });
    assert!(
        shown.as_array().is_some_and(|lines| lines.contains(&table)),
        "{shown}"
    );

    // Five cells at two a worker.
    let cell = |day| {
        let key = format!("tiles/48/R/XT/2020/8/{day}/0/R10m/");
        site.cell(&key, &format!("2020-08-0{day}"))
    };
    let cells = site.document(&(1..=5).map(cell).collect::<Vec<_>>())?;
    let submit = ["submit", &cells, "--config", &config, "-o", "json"];
    let submitted = without_settings(&site, &submit).await?;
    let task = submitted.expect_code(0)?.json()?;
    assert_eq!(
        submitted.stderr,
        format!("group {} was asleep: 3 workers ordered\n", group.name)
    );
    assert_eq!(group.desired().await?, 3);
    assert_eq!(task["calls"]["autoscaling:SetDesiredCapacity"], 1, "{task}");

    let task = task["task"].as_str().context("no task")?;
    let status =
        without_settings(&site, &["status", task, "--config", &config, "-o", "json"]).await?;
    assert_eq!(status.expect_code(0)?.json()?["remaining"], 5);

    // The group is awake now.
    let more = without_settings(&site, &[&submit[..], &["--again"]].concat()).await?;
    assert_eq!(more.expect_code(0)?.stderr, "");
    assert_eq!(group.desired().await?, 3);
    Ok(())
}

#[tokio::test]
async fn the_file_of_another_fleet_is_replaced_only_with_force() -> Result<()> {
    let site = Site::new("import-other").await?;
    let file = site.write("outputs.json", outputs(&site, "workers").to_string())?;
    let config = site.write("tilefleet.toml", "table = \"other\"\n")?;
    let refused =
        without_settings(&site, &["config", "import", &file, "--config", &config]).await?;
    let words = format!(
        "error: {config} holds other settings (queue_url, dead_letter_queue_url, table, topic_arn, region, \
         autoscaling_group, cells_per_worker, output_bucket); pass --force to replace it, or name another file with \
         --config\n"
    );
    assert_eq!(refused.expect_code(2)?.stderr, words);
    assert_eq!(std::fs::read_to_string(&config)?, "table = \"other\"\n");
    without_settings(
        &site,
        &["config", "import", &file, "--config", &config, "--force"],
    )
    .await?
    .expect_code(0)?;
    assert!(std::fs::read_to_string(&config)?.contains(&site.stack.table));

    let few = site.write(
        "few.json",
        json!({ "log_group": { "value": "x" } }).to_string(),
    )?;
    let refused = without_settings(&site, &["config", "import", &few, "--config", &config]).await?;
    let words = format!(
        "error: {few} lacks the outputs queue_url, dead_letter_queue_url, table, topic_arn, region; are they those of \
         this fleet's terraform, and is all of it applied?\n"
    );
    assert_eq!(refused.expect_code(2)?.stderr, words);
    Ok(())
}

#[tokio::test]
async fn a_submit_succeeds_when_the_group_cannot_be_woken() -> Result<()> {
    let site = Site::new("wake-trouble").await?;
    let cell = site.cell("tiles/48/R/XT/2020/8/1/0/R10m/", "2020-08-01");
    let file = site.document(&[cell])?;
    let submitted = site
        .producer(&["submit", &file, "--autoscaling-group", "gone-workers"])
        .await?;
    submitted.expect_code(0)?;
    assert_eq!(
        submitted.stderr,
        "warning: the fleet was not woken: autoscaling group gone-workers does not exist; check --autoscaling-group \
         (TILEFLEET_AUTOSCALING_GROUP) and AWS_REGION; the task is submitted, and the scaling alarms start workers \
         within about 15 minutes\n"
    );
    Ok(())
}
