//! Terraform and the code agree on names, settings, environment and permissions.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::Signal;
use serde_json::{Map, Value, json};
use tilefleet_common::aws::actions;
use tilefleet_common::deployment;
use tilefleet_tests::poll::BOUND;
use tilefleet_tests::{Fleet, Instance, layout};

use crate::support::queues::give_up_task;
use crate::support::site::Site;
use crate::support::worker_log::wait_for_line;

/// All of the module's files as one JSON value; expressions are the text between `${` and `}`.
fn module() -> Result<Value> {
    let directory = layout::workspace_root().join("terraform");
    let mut all = json!({});
    for entry in std::fs::read_dir(&directory)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "tf") {
            continue;
        }
        let file: Value = hcl::from_str(&std::fs::read_to_string(&path)?)
            .with_context(|| format!("{} is not HCL", path.display()))?;
        merge(&mut all, file);
    }
    Ok(all)
}

/// Puts the blocks of one file beside those of the others; blocks of one name are a list.
fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (Value::Array(into), Value::Array(from)) => into.extend(from),
        (into @ Value::Null, from) => *into = from,
        (into, from) => *into = json!([into.take(), from]),
    }
}

fn at<'a>(module: &'a Value, path: &str) -> Result<&'a Value> {
    module
        .pointer(path)
        .with_context(|| format!("terraform has no {path}"))
}

#[test]
fn terraform_has_the_names_and_settings_of_the_code() -> Result<()> {
    let module = module()?;
    let name = |suffix: &str| json!(format!("${{var.prefix}}-{suffix}"));
    let same = |path: &str, expected: Value| -> Result<()> {
        let found = at(&module, path)?;
        ensure!(
            *found == expected,
            "{path} is {found}, the code has {expected}"
        );
        Ok(())
    };
    same("/locals/names/queue", name(deployment::QUEUE_SUFFIX))?;
    same(
        "/locals/names/dead_letter_queue",
        name(deployment::DEAD_LETTER_QUEUE_SUFFIX),
    )?;
    same("/locals/names/table", name(deployment::TABLE_SUFFIX))?;
    same("/locals/names/topic", name(deployment::TOPIC_SUFFIX))?;
    let bucket = at(&module, "/locals/names/output_bucket")?
        .as_str()
        .context("no text")?;
    ensure!(
        bucket.starts_with(&format!(
            "${{var.prefix}}-{}-",
            deployment::OUTPUT_BUCKET_SUFFIX
        )),
        "{bucket}"
    );
    same(
        "/variable/prefix/default",
        json!(deployment::DEFAULT_PREFIX),
    )?;

    let queue = "/resource/aws_sqs_queue/cells";
    same(
        &format!("{queue}/visibility_timeout_seconds"),
        json!(deployment::VISIBILITY_TIMEOUT_S),
    )?;
    same(
        &format!("{queue}/receive_wait_time_seconds"),
        json!(deployment::RECEIVE_WAIT_S),
    )?;
    same(
        &format!("{queue}/message_retention_seconds"),
        json!(deployment::MESSAGE_RETENTION_S),
    )?;
    same(
        "/resource/aws_sqs_queue/dead/message_retention_seconds",
        json!(deployment::MESSAGE_RETENTION_S),
    )?;
    let redrive = at(&module, &format!("{queue}/redrive_policy"))?.to_string();
    let receives: String = redrive.chars().filter(char::is_ascii_digit).collect();
    ensure!(
        receives == deployment::MAX_RECEIVE_COUNT.to_string(),
        "{redrive}"
    );

    let table = "/resource/aws_dynamodb_table/ledger";
    same(
        &format!("{table}/hash_key"),
        json!(deployment::PARTITION_KEY),
    )?;
    same(&format!("{table}/range_key"), json!(deployment::SORT_KEY))?;
    same(
        &format!("{table}/ttl/attribute_name"),
        json!(deployment::TTL_ATTRIBUTE),
    )?;
    same("/locals/index", json!(deployment::TASK_INDEX))?;
    let index = format!("{table}/global_secondary_index");
    same(
        &format!("{index}/hash_key"),
        json!(deployment::TASK_INDEX_PARTITION_KEY),
    )?;
    same(
        &format!("{index}/range_key"),
        json!(deployment::TASK_INDEX_SORT_KEY),
    )?;
    same(
        &format!("{index}/non_key_attributes"),
        json!(deployment::TASK_INDEX_ATTRIBUTES),
    )?;
    let attributes = at(&module, &format!("{table}/attribute"))?
        .as_array()
        .context("no list")?;
    ensure!(
        attributes.iter().all(|attribute| attribute["type"] == "S"),
        "{attributes:?}"
    );
    Ok(())
}

#[test]
fn an_apply_leaves_a_stopped_fleet_stopped() -> Result<()> {
    let module = module()?;
    let group = "/resource/aws_autoscaling_group/workers";
    let ignored = at(&module, &format!("{group}/lifecycle/ignore_changes"))?.to_string();
    ensure!(ignored.contains("suspended_processes"), "{ignored}");
    Ok(())
}

/// The heading in `docs/OPERATIONS.md` that a description names.
fn heading(description: &str) -> Option<&str> {
    let (_, heading) = description.split_once("OPERATIONS.md: ")?;
    Some(heading)
}

#[test]
fn each_alarm_names_its_heading_in_the_manual_and_has_a_row_there() -> Result<()> {
    let manual = std::fs::read_to_string(layout::workspace_root().join("docs/OPERATIONS.md"))?;
    let file = layout::workspace_root().join("terraform/alarms.tf");
    let file: Value = hcl::from_str(&std::fs::read_to_string(file)?)?;
    // Those on an expression share one resource.
    let mut alarms: Vec<(String, String)> = vec![];
    let text = |value: &Value| value.as_str().map(str::to_owned).context("no text");
    for (name, alarm) in at(&file, "/locals/watch")?.as_object().context("no map")? {
        alarms.push((name.clone(), text(&alarm["description"])?));
    }
    let resources = at(&file, "/resource/aws_cloudwatch_metric_alarm")?;
    for (name, alarm) in resources.as_object().context("no map")? {
        if name != "watch" {
            alarms.push((name.replace('_', "-"), text(&alarm["alarm_description"])?));
        }
    }
    ensure!(alarms.len() >= 4, "{alarms:?}");
    for (name, description) in alarms {
        let heading = heading(&description).with_context(|| format!("{name} names no heading"))?;
        ensure!(
            manual.contains(&format!("\n## {heading}\n")),
            "{name} names {heading:?}, which is no heading"
        );
        ensure!(
            manual.contains(&format!("\n| `{name}` |")),
            "the table of alarms lacks {name}"
        );
    }
    Ok(())
}

/// The variables that a binary's help names.
fn variables_in(help: &str) -> BTreeSet<&str> {
    help.split(|c: char| !(c.is_ascii_uppercase() || c == '_'))
        .filter(|word| word.starts_with("TILEFLEET_"))
        .collect()
}

#[tokio::test]
async fn the_environment_that_terraform_sets_is_what_the_worker_reads() -> Result<()> {
    let site = Site::new("environment").await?;
    let help = site.fleet.worker(&["run", "--help"]).await?;
    let read = variables_in(&help.stdout);
    ensure!(read.contains("TILEFLEET_QUEUE_URL"), "{}", help.story());
    let mut set = String::new();
    for file in ["compute.tf", "host/main.tf", "host/worker.service.tftpl"] {
        set += &std::fs::read_to_string(layout::workspace_root().join("terraform").join(file))?;
    }
    let set = variables_in(&set);
    let unknown: Vec<_> = set.difference(&read).collect();
    ensure!(unknown.is_empty(), "the worker does not read {unknown:?}");
    for needed in [
        "QUEUE_URL",
        "DEAD_LETTER_QUEUE_URL",
        "TABLE",
        "TOPIC_ARN",
        "HEALTH_FILE",
        "AUTOSCALING_GROUP",
        "LIFECYCLE_HOOK",
        "LIFECYCLE_SECONDS",
        "POISON",
    ] {
        ensure!(
            set.contains(format!("TILEFLEET_{needed}").as_str()),
            "terraform does not set TILEFLEET_{needed}"
        );
    }
    Ok(())
}

/// What each statement of a policy allows, by the statement's name.
fn allowed(module: &Value, document: &str) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let statements = at(
        module,
        &format!("/data/aws_iam_policy_document/{document}/statement"),
    )?;
    let words = |statement: &Map<String, Value>, name: &str| -> Vec<String> {
        let list = statement
            .get(name)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        list.iter()
            .filter_map(|word| word.as_str().map(str::to_owned))
            .collect()
    };
    let statements = statements
        .as_array()
        .context("no list")?
        .iter()
        .filter_map(Value::as_object);
    Ok(statements
        .map(|statement| {
            let name = statement
                .get("sid")
                .and_then(Value::as_str)
                .unwrap_or_default();
            (
                name.to_owned(),
                words(statement, "actions").into_iter().collect(),
            )
        })
        .collect())
}

/// The operations that a binary lists in its count of calls.
fn operations_in(text: &str) -> BTreeSet<String> {
    let services = ["sqs:", "dynamodb:", "s3:", "sns:", "autoscaling:"];
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == ':'))
        .filter(|word| services.iter().any(|service| word.starts_with(service)))
        .filter(|word| {
            word.split(':')
                .nth(1)
                .is_some_and(|name| name.starts_with(|c: char| c.is_ascii_uppercase()))
        })
        .map(str::to_owned)
        .collect()
}

fn compare(
    who: &str,
    allowed: &BTreeMap<String, BTreeSet<String>>,
    others: &[&str],
    rare: &[&str],
    operations: &BTreeSet<String>,
) -> Result<()> {
    let needed: BTreeSet<String> = operations
        .iter()
        .filter_map(|operation| operation.split_once(':'))
        .flat_map(|(service, operation)| actions(service, operation))
        .collect();
    let granted: BTreeSet<String> = allowed
        .iter()
        .filter(|(statement, _)| !others.contains(&statement.as_str()))
        .flat_map(|(_, actions)| actions.clone())
        .collect();
    let missing: Vec<_> = needed.difference(&granted).collect();
    ensure!(
        missing.is_empty(),
        "the {who} calls what its policy does not allow: {missing:?}"
    );
    let spare: Vec<_> = granted
        .difference(&needed)
        .filter(|action| !rare.contains(&action.as_str()))
        .collect();
    ensure!(
        spare.is_empty(),
        "the {who}'s policy allows what it never calls: {spare:?}"
    );
    Ok(())
}

#[tokio::test]
async fn policies_allow_what_the_binaries_call_and_nothing_else() -> Result<()> {
    let site = Site::new("privilege").await?;
    // A cell found by listing, and one that is missing, so that all ways are taken.
    for band in ["B02", "B03", "B04"] {
        site.put(
            &format!("somewhere/T48RXT_20200801_{band}_10m.jp2"),
            b"no raster",
        )
        .await?;
    }
    let cells = [
        site.add_scene("48RXU", "2020-08-01").await?,
        site.cell(&format!("{}/somewhere/", site.stack.prefix), "2020-08-01"),
    ];
    let file = site.document(&cells)?;
    let submitted = site
        .producer(&["-v", "submit", &file, "-o", "json"])
        .await?;
    let submitted_task = submitted.expect_code(0)?.json()?["task"]
        .as_str()
        .context("no task")?
        .to_owned();
    let mut output = submitted.stdout + &submitted.stderr;
    // Every command of an operator, and a malformed dead letter.
    let task = site.submit(&site.document(&cells[..1])?).await?;
    let send = site
        .stack
        .sqs
        .send_message()
        .queue_url(&site.stack.dead_letter_queue_url);
    send.message_body("no cell").send().await?;
    let commands: [&[&str]; 7] = [
        &["-v", "cancel", &task, "--reason", "to see"],
        &["-v", "resume", &task],
        &["-v", "retry", &task],
        &["-v", "cells", &task],
        &["-v", "verify", &task],
        &["-v", "dlq", "list"],
        &["-v", "dlq", "drain", "--remove-others"],
    ];
    for command in commands {
        output += &site.producer(command).await?.expect_code(0)?.stderr;
    }
    // A message that the queue gave up, of a cell that is pending.
    let given_up = site
        .submit(&site.document(&[site.add_scene("48RXT", "2020-08-06").await?])?)
        .await?;
    give_up_task(&site, &given_up).await?;
    // On a machine of a group, which ends it when the cells are done.
    let instance = Instance::start()?;
    let fleet = Fleet::new(&site.stack)?.with_all(instance.environment());
    let mut worker = fleet.start("worker", &["run"])?;
    wait_for_line(&mut worker, &["scale-in protection set"]).await?;
    wait_for_line(&mut worker, &["sent again"]).await?;
    site.completion(submitted_task.as_str()).await?;
    instance.announce("autoscaling/target-lifecycle-state", "Terminated");
    wait_for_line(&mut worker, &["the lifecycle action is complete"]).await?;
    worker.signal(Signal::SIGTERM)?;
    worker.wait(BOUND).await?;
    let forget = site.producer(&["-v", "forget", &submitted_task]).await?;
    output += &forget.expect_code(0)?.stderr;
    output += &worker.log();
    let worker = operations_in(&output.split_off(output.find("\"timestamp\"").context("no log")?));
    let producer = operations_in(&output);

    let module = module()?;
    // What the machine itself needs, and what SNS does with its key in the publisher's name.
    let others = [
        "Image",
        "RegistryToken",
        "Logs",
        "NoticesKey",
        "TellMissingScenes",
    ];
    // A machine that is to blame, when an upload breaks off, and when a cell takes longer than a third of the visibility
    // timeout.
    let rare = [
        "autoscaling:SetInstanceHealth",
        "s3:AbortMultipartUpload",
        "sqs:ChangeMessageVisibility",
    ];
    compare(
        "worker",
        &allowed(&module, "worker")?,
        &others,
        &rare,
        &worker,
    )?;
    // An upload that breaks off; list and doctor; a drain that ends a task.
    let rare = [
        "s3:AbortMultipartUpload",
        "dynamodb:Query",
        "dynamodb:ConditionCheckItem",
        "sns:GetTopicAttributes",
    ];
    let others = [
        "Wake",
        "StopAndStart",
        "SeeGroup",
        "NoticesKey",
        "TellMissingRasters",
    ];
    compare(
        "producer",
        &allowed(&module, "producer")?,
        &others,
        &rare,
        &producer,
    )
}
