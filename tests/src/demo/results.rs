//! The results: the notice, the rasters, and a picture of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::console;
use super::settings::Settings;
use super::work::in_foreground;
use crate::aws::objects;
use crate::aws::stack::Stack;
use crate::fleet::binaries::Fleet;
use crate::fleet::process::{Termination, tied};
use crate::layout;
use crate::poll::BOUND;

/// How the task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Every cell has its raster.
    Complete,
    /// This many cells failed.
    Failed(u64),
}

/// The notice that an earlier run got for this task.
pub(crate) fn known_notice(file: &Path, task: &str) -> Option<Value> {
    let notice: Value = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
    (notice.pointer("/message/task")? == task).then_some(notice)
}

/// Waits for the task's notice, as a subscriber of the topic.
pub(crate) async fn receive_notice(stack: &Stack, file: &Path, task: &str) -> Result<Value> {
    console::step("the notice, as subscribers of the topic get it");
    let notice = stack
        .notices()
        .first(BOUND, |notice| {
            notice.event() == "task_complete" && notice.task() == task
        })
        .await?;
    let notice = json!({"attributes": notice.attributes, "message": notice.body});
    fs::write(file, notice.to_string())
        .with_context(|| format!("cannot write {}", file.display()))?;
    Ok(notice)
}

/// Lists the rasters and draws them on one page.
pub(crate) async fn show(
    settings: &Settings,
    fleet: &Fleet,
    stack: &Stack,
    notice: &Value,
) -> Result<Outcome> {
    console::step("the results");
    let rasters: Vec<_> = objects::list(&stack.s3, &stack.output_bucket, "")
        .await?
        .into_iter()
        .filter(|object| {
            Path::new(&object.key)
                .extension()
                .is_some_and(|ending| ending == "tif")
        })
        .collect();
    for raster in &rasters {
        console::line(&format!(
            "{:>10}  s3://{}/{}",
            console::bytes(raster.bytes),
            stack.output_bucket,
            raster.key
        ));
    }
    if !rasters.is_empty() {
        let keys: Vec<&str> = rasters.iter().map(|raster| raster.key.as_str()).collect();
        draw(settings, fleet, stack, &keys).await?;
    }
    match notice.pointer("/message/failed").and_then(Value::as_u64) {
        Some(failed) if failed > 0 => Ok(Outcome::Failed(failed)),
        _ => Ok(Outcome::Complete),
    }
}

async fn draw(settings: &Settings, fleet: &Fleet, stack: &Stack, keys: &[&str]) -> Result<()> {
    let directory = settings.output.join("rasters");
    // Rasters of other scenes, from an earlier run, are not results of this task.
    if directory.exists() {
        fs::remove_dir_all(&directory)
            .with_context(|| format!("cannot empty {}", directory.display()))?;
    }
    let mut files: Vec<PathBuf> = Vec::new();
    for key in keys {
        let file = directory.join(key);
        let parent = file.parent().unwrap_or(&directory);
        fs::create_dir_all(parent)
            .with_context(|| format!("cannot create {}", parent.display()))?;
        objects::download(&stack.s3, &stack.output_bucket, key, &file).await?;
        files.push(file);
    }
    let sheet = settings.output.join("contact-sheet.png");
    console::step("the results at a glance");
    console::command(&format!(
        "scenes contact-sheet --out {} {}/*/*.tif",
        sheet.display(),
        directory.display()
    ));
    let scenes = layout::binary(&layout::binaries_directory()?, "scenes")?;
    let mut command = tied(&scenes, Termination::KILL);
    command
        .args(["contact-sheet", "--out"])
        .arg(&sheet)
        .args(&files);
    in_foreground("scenes contact-sheet", command, Termination::KILL)?
        .expect_success(Duration::MAX)
        .await?;
    console::line(&format!("logs: {}", fleet.logs().display()));
    Ok(())
}
