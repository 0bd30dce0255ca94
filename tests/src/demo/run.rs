//! The steps of the demo, one after the other.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::results::Outcome;
use super::settings::Settings;
use super::{console, results, scenes, work};
use crate::aws::endpoint::{Endpoint, EndpointOptions};
use crate::aws::stack::Stack;
use crate::fleet::binaries::Fleet;
use crate::layout;
use tilefleet_common::deployment;

/// Runs the demo to its end. Dropping the future half-way ends everything that it started.
///
/// # Errors
///
/// With the step that failed. Failed cells are not an error but an outcome.
pub async fn run(settings: &Settings) -> Result<Outcome> {
    // Each set of scenes has its own state, so that the ledger of one set does not call the task of
    // another complete.
    let home = settings.home()?;
    fs::create_dir_all(&home).with_context(|| format!("cannot create {}", home.display()))?;

    console::step("an AWS endpoint on this machine");
    let endpoint = start_endpoint(&home)?;
    console::step("queue, dead-letter queue, table, topic and buckets, as terraform makes them");
    let stack = Stack::create(&endpoint, deployment::DEFAULT_PREFIX).await?;
    for name in [
        &stack.queue_url,
        &stack.dead_letter_queue_url,
        &stack.table,
        &stack.topic_arn,
    ] {
        console::line(name);
    }
    console::line(&format!(
        "s3://{}, s3://{}",
        stack.scene_bucket, stack.output_bucket
    ));
    let fleet = Fleet::with_logs(&stack, &home)?;

    let scenes = scenes::provide(settings, &home).await?;
    scenes::upload(&stack, &scenes).await?;
    let document = scenes::write_document(settings, &stack, &scenes)?;

    let task = work::submit(settings, &fleet, &document).await?;
    let notice_file = home.join("notice.json");
    let known = results::known_notice(&notice_file, &task);
    let notice = match known {
        Some(notice) if work::is_complete(&fleet, &task).await? => {
            console::step("nothing to do");
            console::line(&format!("task {task} is already complete; its notice was:"));
            notice
        }
        _ => {
            work::work(settings, &fleet, &task).await?;
            results::receive_notice(&stack, &notice_file, &task).await?
        }
    };
    console::block(&format!("{notice:#}"));

    let outcome = results::show(settings, &fleet, &stack, &notice).await?;
    if settings.keep {
        keep(settings, &stack).await?;
    }
    Ok(outcome)
}

fn start_endpoint(home: &Path) -> Result<Endpoint> {
    if let Some(endpoint) = Endpoint::of_caller() {
        console::line(&format!("{} (AWS_ENDPOINT_URL)", endpoint.url()));
        return Ok(endpoint);
    }
    // The state contains queue URLs with the port, so the endpoint comes back at the same port.
    let port_file = home.join("port");
    let port = fs::read_to_string(&port_file)
        .ok()
        .and_then(|text| text.trim().parse().ok());
    let options = EndpointOptions {
        state: Some(absolute(home)?.join("state")),
        port,
    };
    let endpoint = Endpoint::start(&absolute(home)?, &options)?;
    if let Some(port) = endpoint.port() {
        console::command(&format!(
            "GATEWAY_PORT={port} BIND_HOST=127.0.0.1 .venv/bin/ministack"
        ));
        fs::write(&port_file, port.to_string())
            .with_context(|| format!("cannot write {}", port_file.display()))?;
    }
    console::line(&format!(
        "{}, with its state and log in {}",
        endpoint.url(),
        home.display()
    ));
    Ok(endpoint)
}

async fn keep(settings: &Settings, stack: &Stack) -> Result<()> {
    let file = settings.output.join("env.sh");
    let mut exports = String::new();
    for (name, value) in stack.environment() {
        writeln!(exports, "export {name}='{value}'")?;
    }
    fs::write(&file, exports).with_context(|| format!("cannot write {}", file.display()))?;
    let producer = layout::binary(&layout::binaries_directory()?, "producer")?;
    console::step("kept running until Ctrl-C; in another terminal:");
    console::command(&format!(
        ". {} && {} list",
        file.display(),
        producer.display()
    ));
    loop {
        tokio::time::sleep(Duration::from_hours(1)).await;
    }
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("cannot resolve the path {}", path.display()))
}
