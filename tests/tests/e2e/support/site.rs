//! A fleet of its own for one test: resources, binaries, scenes.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tempfile::TempDir;
use tilefleet_common::domain::TaskId;
use tilefleet_common::ledger::Ledger;
use tilefleet_scenes::{Band, Coding, Scene, layout as scene_layout};
use tilefleet_tests::poll::BOUND;
use tilefleet_tests::{Endpoint, Finished, Fleet, Notice, Stack, StackOptions, layout, objects};

/// Pixels a side: more than one tile of the output, and quick to encode.
pub(crate) const SIZE: u32 = 600;

pub(crate) struct Site {
    pub(crate) stack: Stack,
    pub(crate) fleet: Fleet,
    pub(crate) ledger: Ledger,
    directory: TempDir,
}

impl Site {
    pub(crate) async fn new(word: &str) -> Result<Self> {
        Self::with(word, StackOptions::default()).await
    }

    pub(crate) async fn with(word: &str, options: StackOptions) -> Result<Self> {
        let stack =
            Stack::create_with(Endpoint::shared()?, &layout::unique_name(word), options).await?;
        let fleet = Fleet::new(&stack)?;
        let ledger = Ledger::new(stack.dynamodb.clone(), stack.table.clone());
        Ok(Self {
            stack,
            fleet,
            ledger,
            directory: tempfile::tempdir()?,
        })
    }

    /// The path of a file in this test's own directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> Result<String> {
        let path = self.path(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path.display().to_string())
    }

    /// Makes the three bands of a scene and uploads them under this test's own prefix.
    pub(crate) async fn add_scene(&self, tile: &str, date: &str) -> Result<Value> {
        self.add_scene_of(tile, date, SIZE).await
    }

    /// The same with `size` pixels a side.
    pub(crate) async fn add_scene_of(&self, tile: &str, date: &str, size: u32) -> Result<Value> {
        let scene = Scene::new(tile.parse()?, date.parse()?, size, 7);
        let root = self.path("scenes");
        scene_layout::write_scene(
            &root.join(&self.stack.prefix),
            &scene,
            &Band::VISIBLE,
            &Coding::default(),
        )?;
        let key = |band| {
            format!(
                "{}/{}",
                self.stack.prefix,
                scene_layout::band_key(&scene, band)
            )
        };
        let files: Vec<PathBuf> = Band::VISIBLE.map(|band| key(band).into()).into();
        objects::upload(&self.stack.s3, &self.stack.scene_bucket, &root, &files).await?;
        Ok(self.cell(key(Band::B02).trim_end_matches("B02.jp2"), date))
    }

    /// The file of a band that [`Site::add_scene`] made.
    pub(crate) fn band(&self, cell: &Value, band: &str) -> Result<PathBuf> {
        let files = cell["files"].as_str().context("a cell without files")?;
        let key = files
            .splitn(4, '/')
            .nth(3)
            .context("an address without a key")?;
        Ok(self.path("scenes").join(key).join(format!("{band}.jp2")))
    }

    /// A cell as the walk-through writes it.
    pub(crate) fn cell(&self, key: &str, date: &str) -> Value {
        json!({
            "files": format!("s3://{}/{key}", self.stack.scene_bucket),
            "date": date.replace('-', ""),
            "output_bucket": self.stack.output_bucket,
            "region_name": "eu-central-1",
        })
    }

    /// The walk-through's document, as a file.
    pub(crate) fn document(&self, cells: &[Value]) -> Result<String> {
        self.write(
            "cells.json",
            serde_json::to_vec_pretty(&json!({"detail": {"cells": cells}}))?,
        )
    }

    pub(crate) async fn producer(&self, arguments: &[&str]) -> Result<Finished> {
        self.fleet.producer(arguments).await
    }

    /// Runs a command that prints JSON, and returns that if the command succeeds.
    pub(crate) async fn json(&self, arguments: &[&str]) -> Result<Value> {
        self.producer(arguments).await?.expect_code(0)?.json()
    }

    /// Submits a file and returns the task's id.
    pub(crate) async fn submit(&self, file: &str) -> Result<String> {
        let submitted = self.json(&["submit", file, "-o", "json"]).await?;
        Ok(submitted["task"].as_str().context("no task")?.to_owned())
    }

    /// Lets one worker work until the queue is empty.
    pub(crate) async fn work(&self) -> Result<Finished> {
        let worked = self.fleet.worker(&["run", "--until-empty"]).await?;
        worked.expect_code(0)?;
        Ok(worked)
    }

    pub(crate) async fn status(&self, task: &str) -> Result<Value> {
        self.json(&["status", task, "-o", "json"]).await
    }

    pub(crate) async fn completion(&self, task: &str) -> Result<Notice> {
        let wanted = |notice: &Notice| notice.event() == "task_complete" && notice.task() == task;
        self.stack.notices().first(BOUND, wanted).await
    }

    /// The cell's item in the ledger, by its ordinal.
    pub(crate) async fn story(
        &self,
        task: &str,
        ordinal: u32,
    ) -> Result<tilefleet_common::ledger::CellRecord> {
        let task: TaskId = task.parse()?;
        let mut cells = self.ledger.cells(&task, 0).await?;
        cells
            .remove(&ordinal)
            .with_context(|| format!("no cell {ordinal} of {task}"))
    }

    /// Downloads an output and returns its path.
    pub(crate) async fn output(&self, key: &str) -> Result<PathBuf> {
        let path = self.path(
            Path::new(key)
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or("output"),
        );
        objects::download(&self.stack.s3, &self.stack.output_bucket, key, &path).await?;
        Ok(path)
    }

    /// Puts an object into this test's part of the scene bucket and returns its key.
    pub(crate) async fn put(&self, name: &str, bytes: &[u8]) -> Result<String> {
        let root = self.path("objects");
        let key = format!("{}/{name}", self.stack.prefix);
        let path = root.join(&key);
        std::fs::create_dir_all(path.parent().unwrap_or(&root))?;
        std::fs::write(&path, bytes)?;
        objects::upload(
            &self.stack.s3,
            &self.stack.scene_bucket,
            &root,
            &[PathBuf::from(&key)],
        )
        .await?;
        Ok(key)
    }
}
