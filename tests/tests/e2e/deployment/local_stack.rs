//! The foundation of the other tests: endpoint, stack, processes.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use aws_sdk_dynamodb::types as table;
use aws_sdk_sqs::types::QueueAttributeName;
use nix::sys::signal::Signal;
use tilefleet_common::deployment;
use tilefleet_tests::endpoint::EndpointOptions;
use tilefleet_tests::poll::BOUND;
use tilefleet_tests::process::{Process, Termination, tied};
use tilefleet_tests::{Endpoint, Fleet, Stack, StackOptions, layout, objects};

#[tokio::test]
async fn a_stack_has_the_settings_of_a_deployment() -> Result<()> {
    let stack = Stack::create(Endpoint::shared()?, &layout::unique_name("settings")).await?;

    let attributes = stack
        .sqs
        .get_queue_attributes()
        .queue_url(&stack.queue_url)
        .attribute_names(QueueAttributeName::All)
        .send()
        .await?
        .attributes
        .context("no attributes")?;
    assert_eq!(attributes[&QueueAttributeName::VisibilityTimeout], "120");
    assert_eq!(
        attributes[&QueueAttributeName::ReceiveMessageWaitTimeSeconds],
        "20"
    );
    assert_eq!(
        attributes[&QueueAttributeName::MessageRetentionPeriod],
        "1209600"
    );
    let redrive: serde_json::Value =
        serde_json::from_str(&attributes[&QueueAttributeName::RedrivePolicy])?;
    assert_eq!(redrive["maxReceiveCount"], 10);
    let dead = redrive["deadLetterTargetArn"]
        .as_str()
        .context("no dead-letter queue")?;
    assert!(
        dead.ends_with(&format!("{}-cells-dead", stack.prefix)),
        "{dead}"
    );

    let described = stack
        .dynamodb
        .describe_table()
        .table_name(&stack.table)
        .send()
        .await?;
    let described = described.table.context("no table")?;
    assert_eq!(
        described
            .billing_mode_summary()
            .and_then(|mode| mode.billing_mode()),
        Some(&table::BillingMode::PayPerRequest)
    );
    let indexes: Vec<_> = described
        .global_secondary_indexes()
        .iter()
        .filter_map(|index| index.index_name())
        .collect();
    assert_eq!(indexes, [deployment::TASK_INDEX]);
    let expiry = stack
        .dynamodb
        .describe_time_to_live()
        .table_name(&stack.table)
        .send()
        .await?;
    let expiry = expiry.time_to_live_description.context("no time to live")?;
    assert_eq!(expiry.attribute_name(), Some(deployment::TTL_ATTRIBUTE));
    let backups = stack
        .dynamodb
        .describe_continuous_backups()
        .table_name(&stack.table)
        .send()
        .await?;
    let recovery = backups
        .continuous_backups_description
        .and_then(|b| b.point_in_time_recovery_description);
    assert_eq!(
        recovery.and_then(|recovery| recovery.point_in_time_recovery_status),
        Some(table::PointInTimeRecoveryStatus::Enabled)
    );
    Ok(())
}

#[tokio::test]
async fn creating_a_stack_again_changes_only_the_given_settings() -> Result<()> {
    let prefix = layout::unique_name("again");
    let first = Stack::create(Endpoint::shared()?, &prefix).await?;
    objects::upload(
        &first.s3,
        &first.output_bucket,
        Path::new(env!("CARGO_MANIFEST_DIR")),
        &["Cargo.toml".into()],
    )
    .await?;

    let options = StackOptions {
        visibility_timeout_s: 3,
        ..StackOptions::default()
    };
    let second = Stack::create_with(Endpoint::shared()?, &prefix, options).await?;
    assert_eq!(first.environment(), second.environment());
    assert_eq!(
        objects::list(&second.s3, &second.output_bucket, "")
            .await?
            .len(),
        1
    );
    let attributes = second
        .sqs
        .get_queue_attributes()
        .queue_url(&second.queue_url)
        .attribute_names(QueueAttributeName::VisibilityTimeout)
        .send()
        .await?;
    assert_eq!(
        attributes.attributes.context("none")?[&QueueAttributeName::VisibilityTimeout],
        "3"
    );

    // Two subscriptions of one queue would deliver every notice twice.
    second
        .sns
        .publish()
        .topic_arn(&second.topic_arn)
        .message(r#"{"n": 1}"#)
        .send()
        .await?;
    let notice = second.notices().first(BOUND, |_| true).await?;
    assert_eq!(notice.body["n"], 1);
    assert_eq!(second.notices().drain().await?.len(), 0);
    Ok(())
}

#[tokio::test]
async fn notices_carry_their_attributes() -> Result<()> {
    let stack = Stack::create(Endpoint::shared()?, &layout::unique_name("notices")).await?;
    for (event, task) in [
        ("cell_failed", "a"),
        ("task_complete", "b"),
        ("task_complete", "a"),
    ] {
        let text = |value: &str| {
            aws_sdk_sns::types::MessageAttributeValue::builder()
                .data_type("String")
                .string_value(value)
                .build()
        };
        stack
            .sns
            .publish()
            .topic_arn(&stack.topic_arn)
            .message(format!(r#"{{"event": "{event}", "task": "{task}"}}"#))
            .message_attributes("event", text(event)?)
            .message_attributes("task", text(task)?)
            .send()
            .await?;
    }
    let wanted = |notice: &tilefleet_tests::Notice| {
        notice.event() == "task_complete" && notice.task() == "a"
    };
    let notice = stack.notices().first(BOUND, wanted).await?;
    assert_eq!(notice.body["event"], "task_complete");
    Ok(())
}

#[tokio::test]
async fn an_endpoint_with_a_state_comes_back_with_it() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let state = directory.path().join("state");
    let mut options = EndpointOptions {
        state: Some(state),
        port: None,
    };

    let endpoint = Endpoint::start(directory.path(), &options)?;
    let stack = Stack::create(&endpoint, "kept").await?;
    stack
        .sqs
        .send_message()
        .queue_url(&stack.queue_url)
        .message_body("cell")
        .send()
        .await?;
    let queue_url = stack.queue_url;
    options.port = endpoint.port();
    drop(endpoint);

    let endpoint = Endpoint::start(directory.path(), &options)?;
    let stack = Stack::create(&endpoint, "kept").await?;
    assert_eq!(stack.queue_url, queue_url);
    let received = stack
        .sqs
        .receive_message()
        .queue_url(&queue_url)
        .wait_time_seconds(5)
        .send()
        .await?;
    assert_eq!(
        received
            .messages()
            .iter()
            .filter_map(|message| message.body())
            .collect::<Vec<_>>(),
        ["cell"]
    );
    Ok(())
}

#[tokio::test]
async fn a_child_gets_the_environment_of_the_stack_and_not_of_the_caller() -> Result<()> {
    let stack = Stack::create(Endpoint::shared()?, &layout::unique_name("child")).await?;
    let fleet = Fleet::new(&stack)?.with("TILEFLEET_EXTRA", "yes");
    // Any program shows the variables that reach it. `producer` is not built when only this crate
    // is.
    let mut command = fleet.command_of(Path::new("/usr/bin/env"), &[], Termination::KILL);
    let out = fleet.logs().join("env.out");
    command.stdin(Stdio::null()).stdout(fs::File::create(&out)?);
    let mut process = Process::start("env", command, Some(&out), Termination::KILL)?;
    assert!(process.wait(BOUND).await?.success());

    let variables = process.log();
    let aws: Vec<&str> = variables
        .lines()
        .filter(|line| line.starts_with("AWS_"))
        .collect();
    assert_eq!(aws.len(), 7, "{aws:?}");
    for expected in [
        format!("AWS_ENDPOINT_URL={}", Endpoint::shared()?.url()),
        "AWS_REGION=eu-central-1".to_owned(),
        format!("TILEFLEET_QUEUE_URL={}", stack.queue_url),
        format!("TILEFLEET_TOPIC_ARN={}", stack.topic_arn),
        "TILEFLEET_EXTRA=yes".to_owned(),
    ] {
        assert!(
            variables.lines().any(|line| line == expected),
            "{expected} is not in\n{variables}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_dropped_child_is_gone() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let start = |termination: Termination| -> Result<Process> {
        let mut command = tied(Path::new("/bin/sleep"), termination);
        command.arg("1000").stdin(Stdio::null());
        Process::start(
            "sleep",
            command,
            Some(&directory.path().join("log")),
            termination,
        )
    };
    let here = |pid: u32| Path::new("/proc").join(pid.to_string()).exists();
    for termination in [
        Termination::KILL,
        Termination::orderly(BOUND),
        Termination::saving(BOUND),
    ] {
        let mut child = start(termination)?;
        child.still_runs()?;
        let pid = child.pid();
        assert!(here(pid));
        drop(child);
        assert!(!here(pid), "{termination:?}");
    }
    let mut child = start(Termination::KILL)?;
    child.signal(Signal::SIGTERM)?;
    assert!(!child.wait(BOUND).await?.success());
    Ok(())
}

#[test]
fn a_child_that_has_lost_its_parent_does_not_begin() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("begun");
    let mut command = tied(Path::new("/usr/bin/touch"), Termination::KILL);
    command.arg(&file);
    // An orphan is the child of another process.
    let mut elsewhere = Command::new("/bin/sh");
    elsewhere
        .args(["-c", "\"$@\"; true", "sh"])
        .arg(command.get_program())
        .args(command.get_args());
    assert!(elsewhere.status()?.success());
    assert!(!file.exists());
    Ok(())
}
