//! `verify` finds and repairs each kind of difference. The tests make them by hand in table and
//! bucket.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use tilefleet_common::domain::{Artefact, Job, Recipe, Role, TaskId};
use tilefleet_common::ledger::Key;
use tilefleet_common::ledger::transition::{self, Success, Ticket};
use tilefleet_tests::objects;

use crate::support::cells::{lines, plain_scene};
use crate::support::queues::purge;
use crate::support::site::Site;
use crate::support::tiny::told;

fn key(key: &Key) -> std::collections::HashMap<String, AttributeValue> {
    let text = |text: String| AttributeValue::S(text);
    [
        ("pk".to_owned(), text(key.partition())),
        ("sk".to_owned(), text(key.sort())),
    ]
    .into()
}

/// Changes an item by hand. Numbers are given as `:name`, sets of one number as `:name`.
pub(crate) async fn edit(
    site: &Site,
    at: &Key,
    change: &str,
    values: &[(&str, AttributeValue)],
) -> Result<()> {
    let mut update = site
        .stack
        .dynamodb
        .update_item()
        .table_name(&site.stack.table)
        .set_key(Some(key(at)));
    update = update.update_expression(change);
    for (name, value) in values {
        update = update.expression_attribute_values(*name, value.clone());
    }
    for name in ["state", "output"] {
        if change.contains(&format!("#{name}")) {
            update = update.expression_attribute_names(format!("#{name}"), name);
        }
    }
    update
        .send()
        .await
        .with_context(|| format!("{change} of {at}"))?;
    Ok(())
}

fn set(number: u32) -> AttributeValue {
    AttributeValue::Ns(vec![number.to_string()])
}

pub(crate) async fn remove(site: &Site, at: &Key) -> Result<()> {
    let delete = site
        .stack
        .dynamodb
        .delete_item()
        .table_name(&site.stack.table)
        .set_key(Some(key(at)));
    delete.send().await?;
    Ok(())
}

/// What `verify` finds, by kind, after checking its exit code.
async fn found(site: &Site, task: &str, more: &[&str]) -> Result<BTreeMap<String, u64>> {
    let finished = site
        .producer(&[&["verify", task, "-o", "json"], more].concat())
        .await?;
    let report = finished.json()?;
    let found: BTreeMap<String, u64> = serde_json::from_value(report["found"].clone())?;
    assert_eq!(report["sound"], json!(found.is_empty()));
    finished.expect_code(i32::from(!found.is_empty()))?;
    Ok(found)
}

fn kinds(kinds: &[(&str, u64)]) -> BTreeMap<String, u64> {
    kinds
        .iter()
        .map(|(kind, count)| ((*kind).to_owned(), *count))
        .collect()
}

/// Repairs the task, runs a worker, and expects that `verify` finds nothing more.
async fn is_repaired(site: &Site, task: &str, expected: &[(&str, u64)]) -> Result<()> {
    assert_eq!(found(site, task, &[]).await?, kinds(expected));
    assert_eq!(found(site, task, &["--repair"]).await?, kinds(expected));
    site.work().await?;
    assert_eq!(
        found(site, task, &[]).await?,
        kinds(&[]),
        "after the repair of {expected:?}"
    );
    assert_eq!(site.status(task).await?["state"], "COMPLETE");
    Ok(())
}

async fn etags(site: &Site, count: u32) -> Result<Vec<String>> {
    let mut etags = vec![];
    for number in 0..count {
        let key = format!("{number}/20200801/sentinel_l2a_48RXT_20200801_{number}_RGB.tif");
        let head = site
            .stack
            .s3
            .head_object()
            .bucket(&site.stack.output_bucket)
            .key(key)
            .send()
            .await?;
        etags.push(head.e_tag().context("no tag")?.to_owned());
    }
    Ok(etags)
}

#[tokio::test]
async fn verify_repairs_a_complete_task_whose_results_were_tampered_with_and_a_notice_follows()
-> Result<()> {
    let site = Site::new("verify").await?;
    let scene = plain_scene(&site).await?;
    let task = site
        .submit(&site.write("cells.ndjson", lines(&site, &scene, 5))?)
        .await?;
    let id: TaskId = task.parse()?;
    site.work().await?;
    site.completion(&task).await?;
    let report = site.json(&["verify", &task, "-o", "json"]).await?;
    let five = json!({"ok": 5, "failed": 0, "pending": 0});
    assert_eq!(
        (&report["sets"], &report["items"], &report["artefacts"]),
        (&five, &five, &json!(5))
    );
    let before = etags(&site, 5).await?;

    let name =
        |number: u32| format!("{number}/20200801/sentinel_l2a_48RXT_20200801_{number}_RGB.tif");
    site.stack
        .s3
        .delete_object()
        .bucket(&site.stack.output_bucket)
        .key(name(0))
        .send()
        .await?;
    let put = site
        .stack
        .s3
        .put_object()
        .bucket(&site.stack.output_bucket)
        .key(name(1));
    put.body(b"another".to_vec().into()).send().await?;
    // A slow worker and a dead one have left this: the item says ok, the set says failed.
    edit(
        &site,
        &Key::Shard(id.clone(), 0),
        "ADD failed :i",
        &[(":i", set(2))],
    )
    .await?;
    remove(&site, &Key::Cell(id.clone(), 0, 3)).await?;

    let finished = site.producer(&["verify", &task]).await?;
    finished.expect_code(1)?;
    for words in [
        "artefact_missing",
        "48RXT/2020-08-01/0",
        "raster s3://",
        "does not exist",
        "make_again",
        "--repair",
    ] {
        assert!(
            finished.stdout.contains(words),
            "{words}: {}",
            finished.story()
        );
    }
    let expected = [
        ("artefact_missing", 1),
        ("artefact_differs", 1),
        ("ok_but_failed", 1),
        ("ok_without_result", 1),
    ];
    is_repaired(&site, &task, &expected).await?;
    assert_eq!(etags(&site, 5).await?, before);
    let notice = site.completion(&task).await?;
    assert_eq!(
        (&notice.body["epoch"], &notice.body["ok"]),
        (&json!(2), &json!(5))
    );
    let lines = site.producer(&["verify", &task, "-o", "ndjson"]).await?;
    assert_eq!(lines.expect_code(0)?.stdout, "");
    Ok(())
}

/// A cell of a band split has one raster for each output.
#[tokio::test]
async fn verify_compares_each_of_several_rasters_of_a_cell() -> Result<()> {
    let site = Site::new("verify-split").await?;
    let scene = plain_scene(&site).await?;
    let document = site.write("cells.ndjson", lines(&site, &scene, 1))?;
    let task = site.submit(&document).await?;
    let id: TaskId = task.parse()?;
    site.work().await?;
    site.completion(&task).await?;

    // Add a second raster to the cell's item.
    let item = site.story(&task, 0).await?;
    let (bucket, key) = (&site.stack.output_bucket, "0/20200801/second.tif");
    let put = site.stack.s3.put_object().bucket(bucket).key(key);
    let put = put.body(b"another".to_vec().into()).send().await?;
    let second = Artefact {
        role: Role::Raster,
        location: "20200801/second.tif".to_owned(),
        etag: put.e_tag().context("no tag")?.to_owned(),
        bytes: 7,
    };
    let success = Success {
        output: item.history.output.clone().context("no output")?,
        artefacts: [item.history.artefacts.clone(), vec![second]].concat(),
        without_raster: None,
        fetch_ms: 1,
        fuse_ms: 1,
        publish_ms: 1,
    };
    let rgb = Recipe::builtin("rgb").context("not built in")?;
    let ticket = Ticket {
        task: id.clone(),
        shard: 0,
        ordinal: 0,
        cell: item.cell,
        job: Job::Raster(rgb.clone()).id(),
        group: 0,
        reopened: 0,
        expires_at: None,
    };
    remove(&site, &Key::Cell(id, 0, 0)).await?;
    site.ledger
        .write(&transition::record_ok(&ticket, &success, "w", "now"))
        .await?;

    let report = site.json(&["verify", &task, "-o", "json"]).await?;
    assert_eq!(
        (&report["sound"], &report["artefacts"]),
        (&json!(true), &json!(2))
    );
    let delete = site.stack.s3.delete_object().bucket(bucket).key(key);
    delete.send().await?;
    assert_eq!(
        found(&site, &task, &[]).await?,
        kinds(&[("artefact_missing", 1)])
    );
    Ok(())
}

#[tokio::test]
async fn verify_sends_again_what_a_running_task_has_lost() -> Result<()> {
    let site = Site::new("verify-running").await?;
    let scene = plain_scene(&site).await?;
    for (salt, kind) in [
        "pending_without_message",
        "not_enqueued",
        "shard_missing",
        "group_missing",
        "shard_not_open",
    ]
    .into_iter()
    .enumerate()
    {
        let output = format!("s3://{}/{salt}/", site.stack.output_bucket);
        let assets: Value =
            serde_json::from_str::<Value>(&lines(&site, &scene, 1))?["assets"].clone();
        let line = json!({"cell": "48RXT/2020-08-01/0", "assets": assets, "output": output});
        let task = site
            .submit(&site.write("cells.ndjson", format!("{line}\n"))?)
            .await?;
        let id: TaskId = task.parse()?;
        assert_eq!(
            found(&site, &task, &[]).await?,
            kinds(&[]),
            "a task that runs is sound"
        );
        purge(&site).await?;
        let shard = Key::Shard(id.clone(), 0);
        match kind {
            "not_enqueued" => edit(&site, &shard, "REMOVE enqueued", &[]).await?,
            "shard_missing" => remove(&site, &shard).await?,
            "group_missing" => remove(&site, &Key::Group(id, 0)).await?,
            "shard_not_open" => {
                edit(
                    &site,
                    &Key::Group(id, 0),
                    "DELETE open_shards :s",
                    &[(":s", set(0))],
                )
                .await?;
            }
            _ => {}
        }
        let beside: &[(&str, u64)] = match kind {
            "shard_not_open" => &[("group_not_closed", 1)],
            "group_missing" => &[("pending_without_message", 1)],
            _ => &[],
        };
        is_repaired(&site, &task, &[&[(kind, 1)], beside].concat()).await?;
        assert_eq!(site.completion(&task).await?.body["ok"], 1, "{kind}");
    }
    Ok(())
}

#[tokio::test]
async fn verify_completes_a_task_that_was_left_before_its_end() -> Result<()> {
    let site = Site::new("verify-end").await?;
    let scene = plain_scene(&site).await?;
    let task = site
        .submit(&site.write("cells.ndjson", lines(&site, &scene, 2))?)
        .await?;
    let id: TaskId = task.parse()?;
    site.work().await?;
    site.completion(&task).await?;
    let of_task = Key::Header(id.clone());
    let (of_group, of_shard) = (Key::Group(id.clone(), 0), Key::Shard(id, 0));
    let running = (":r", AttributeValue::S("RUNNING".into()));
    let zero = (":n", AttributeValue::N("0".into()));

    let change = "SET #state = :r, notified_epoch = :n REMOVE notify_until";
    edit(&site, &of_task, change, &[running.clone(), zero.clone()]).await?;
    is_repaired(&site, &task, &[("not_completed", 1)]).await?;
    assert_eq!(
        told(&site, &site.completion(&task).await?).await?,
        format!("{task}/1")
    );

    let change = "SET #state = :r, notified_epoch = :n ADD open_groups :s REMOVE notify_until";
    let reopened = [running.clone(), zero.clone(), (":s", set(0))];
    edit(&site, &of_task, change, &reopened).await?;
    is_repaired(&site, &task, &[("group_not_closed", 1)]).await?;
    site.completion(&task).await?;

    edit(&site, &of_task, change, &reopened).await?;
    edit(&site, &of_group, "ADD open_shards :s", &[(":s", set(0))]).await?;
    is_repaired(&site, &task, &[("shard_not_closed", 1)]).await?;
    site.completion(&task).await?;

    edit(
        &site,
        &of_task,
        "SET notified_epoch = :n REMOVE notify_until",
        &[zero],
    )
    .await?;
    is_repaired(&site, &task, &[("notice_owed", 1)]).await?;
    site.completion(&task).await?;

    let change = "SET #state = :r ADD open_groups :s";
    edit(&site, &of_task, change, &[running, (":s", set(0))]).await?;
    edit(&site, &of_group, "ADD open_shards :s", &[(":s", set(0))]).await?;
    edit(&site, &of_shard, "ADD pending :i", &[(":i", set(1))]).await?;
    is_repaired(&site, &task, &[("ok_but_pending", 1)]).await?;

    edit(&site, &of_shard, "ADD pending :i", &[(":i", set(0))]).await?;
    is_repaired(&site, &task, &[("pending_in_complete", 1)]).await?;
    assert_eq!(
        told(&site, &site.completion(&task).await?).await?,
        format!("{task}/2")
    );

    let results = site.status(&task).await?["results"]
        .as_str()
        .context("no results")?
        .to_owned();
    let key = results.splitn(4, '/').nth(3).context("no key")?;
    assert_eq!(
        objects::list(&site.stack.s3, &site.stack.output_bucket, key)
            .await?
            .len(),
        1
    );
    site.stack
        .s3
        .delete_object()
        .bucket(&site.stack.output_bucket)
        .key(key)
        .send()
        .await?;
    assert_eq!(
        found(&site, &task, &["--repair"]).await?,
        kinds(&[("results_missing", 1)])
    );
    edit(&site, &of_shard, "ADD failed :i", &[(":i", set(7))]).await?;
    assert_eq!(
        found(&site, &task, &["--repair"]).await?,
        kinds(&[("foreign_ordinal", 1), ("results_missing", 1)])
    );
    Ok(())
}
