//! The scenes of the demo, generated or given: their files, their upload, and the document that
//! names them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::console;
use super::settings::Settings;
use crate::aws::endpoint::REGION;
use crate::aws::objects;
use crate::aws::stack::Stack;
use crate::fleet::process::{Process, Termination, tied};
use crate::layout;
use crate::poll::eventually;

/// The document that `producer submit` gets.
const DOCUMENT: &str = "cells.json";

const BANDS: [&str; 3] = ["B02.jp2", "B03.jp2", "B04.jp2"];

/// A directory of scenes.
#[derive(Debug)]
pub(crate) struct Scenes {
    /// What the keys are relative to.
    root: PathBuf,
    acquisitions: Vec<Acquisition>,
}

/// One tile at one time.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Acquisition {
    /// Where its 10 m bands are, relative to the root.
    prefix: PathBuf,
    /// `YYYYMMDD`.
    date: String,
}

impl Acquisition {
    /// Reads `tiles/48/R/XT/2020/8/1/0/R10m`. The Level-1C bucket has no directory for the
    /// resolution.
    fn of(directory: &Path) -> Option<Self> {
        let parts: Vec<&str> = directory
            .iter()
            .map(|part| part.to_str().unwrap_or_default())
            .collect();
        let (["tiles", _, _, _, year, month, day, _]
        | ["tiles", _, _, _, year, month, day, _, "R10m"]) = parts.as_slice()
        else {
            return None;
        };
        let number = |text: &str| text.parse::<u32>().ok();
        let date = format!(
            "{:04}{:02}{:02}",
            number(year)?,
            number(month)?,
            number(day)?
        );
        Some(Self {
            prefix: directory.to_path_buf(),
            date,
        })
    }

    /// Whether a file is a band that is used, or describes the acquisition.
    fn has(&self, file: &Path) -> bool {
        let name = file
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let about = Path::new(name)
            .extension()
            .is_some_and(|ending| ending == "json" || ending == "xml");
        let directory = file.parent();
        (directory == Some(&self.prefix) && (BANDS.contains(&name) || about))
            || (about && directory == self.prefix.parent())
    }
}

/// Finds the acquisitions below `directory`, which is or contains `tiles`.
///
/// # Errors
///
/// When the directory cannot be read or has none.
fn find(directory: &Path) -> Result<Scenes> {
    let root = if directory.ends_with("tiles") {
        directory.parent().unwrap_or(directory)
    } else {
        directory
    };
    let files: BTreeSet<PathBuf> = objects::files_below(&root.join("tiles"))?
        .into_iter()
        .map(|file| Path::new("tiles").join(file))
        .collect();
    let directories: BTreeSet<&Path> = files.iter().filter_map(|file| file.parent()).collect();
    let complete = |directory: &Path| {
        BANDS
            .iter()
            .all(|band| files.contains(&directory.join(band)))
    };
    let acquisitions: Vec<_> = directories
        .into_iter()
        .filter(|&directory| complete(directory))
        .filter_map(Acquisition::of)
        .collect();
    if acquisitions.is_empty() {
        bail!(
            "no scenes in {}: expected {} in directories like tiles/48/R/XT/2020/8/1/0/R10m",
            directory.display(),
            BANDS.join(", ")
        );
    }
    Ok(Scenes {
        root: root.to_path_buf(),
        acquisitions,
    })
}

/// Generates the scenes, or finds the given ones.
pub(crate) async fn provide(settings: &Settings, home: &Path) -> Result<Scenes> {
    if let Some(directory) = &settings.scenes {
        console::step(&format!("the scenes in {}", directory.display()));
        let scenes = find(
            &directory
                .canonicalize()
                .context("cannot resolve the directory of scenes")?,
        )?;
        console::line(&format!("{} acquisitions", scenes.acquisitions.len()));
        return Ok(scenes);
    }
    console::step("generated scenes, coded like ESA's");
    let directory = home.join("scenes");
    let size = settings.scene_size.to_string();
    console::command(&format!(
        "scenes generate --out {} --size {size}",
        directory.display()
    ));
    let log = home.join("scenes.log");
    let out = fs::File::create(&log).with_context(|| format!("cannot create {}", log.display()))?;
    let mut command = tied(
        &layout::binary(&layout::binaries_directory()?, "scenes")?,
        Termination::KILL,
    );
    command
        .args(["generate", "--size", &size, "--out"])
        .arg(&directory);
    command
        .stdin(Stdio::null())
        .stderr(out.try_clone().context("cannot share a log")?)
        .stdout(out);
    let mut process = Process::start("scenes generate", command, Some(&log), Termination::KILL)?;

    let mut shown = 0;
    let status = eventually("the scenes", Duration::MAX, async || {
        let status = process.exited()?;
        let text = process.log();
        let new = text
            .get(shown..)
            .and_then(|new| Some(&new[..=new.rfind('\n')?]))
            .unwrap_or_default();
        shown += new.len();
        // Scenes of an earlier run are not printed again.
        for line in new.lines().filter(|line| !line.ends_with(" kept")) {
            console::line(
                line.strip_prefix(&format!("{}/", directory.display()))
                    .unwrap_or(line),
            );
        }
        Ok(status)
    })
    .await?;
    if !status.success() {
        bail!("{status}: {}", process.last_words());
    }
    find(&directory)
}

/// Uploads the files that the bucket does not have.
pub(crate) async fn upload(stack: &Stack, scenes: &Scenes) -> Result<()> {
    console::step("the scenes in the local scene bucket");
    let files: Vec<PathBuf> = objects::files_below(&scenes.root.join("tiles"))?
        .into_iter()
        .map(|file| Path::new("tiles").join(file))
        .filter(|file| {
            scenes
                .acquisitions
                .iter()
                .any(|acquisition| acquisition.has(file))
        })
        .collect();
    let done = objects::upload(&stack.s3, &stack.scene_bucket, &scenes.root, &files).await?;
    console::line(&format!(
        "s3://{}/tiles/: {} files uploaded ({}), {} there already",
        stack.scene_bucket,
        done.files,
        console::bytes(done.bytes),
        done.skipped
    ));
    Ok(())
}

/// Writes the walk-through's document for the scenes.
pub(crate) fn write_document(
    settings: &Settings,
    stack: &Stack,
    scenes: &Scenes,
) -> Result<PathBuf> {
    let cells: Vec<Value> = scenes
        .acquisitions
        .iter()
        .map(|acquisition| {
            json!({
                "files": format!("s3://{}/{}/", stack.scene_bucket, acquisition.prefix.display()),
                "date": acquisition.date,
                "output_bucket": stack.output_bucket,
                "region_name": REGION,
            })
        })
        .collect();
    let path = settings.output.join(DOCUMENT);
    let document = json!({"detail": {"cells": cells}});
    fs::write(&path, format!("{document:#}\n"))
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(root: &Path, files: &[&str]) {
        for file in files {
            let path = root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"").unwrap();
        }
    }

    #[test]
    fn acquisitions_are_found_in_both_layouts() {
        let root = tempfile::tempdir().unwrap();
        touch(
            root.path(),
            &[
                "tiles/48/R/XT/2020/8/1/0/R10m/B02.jp2",
                "tiles/48/R/XT/2020/8/1/0/R10m/B03.jp2",
                "tiles/48/R/XT/2020/8/1/0/R10m/B04.jp2",
                "tiles/48/R/XT/2020/8/1/0/R20m/B02.jp2",
                "tiles/48/R/XT/2020/8/1/0/R20m/B03.jp2",
                "tiles/48/R/XT/2020/8/1/0/R20m/B04.jp2",
                "tiles/48/R/XT/2020/8/6/0/R10m/B02.jp2",
                "tiles/55/J/GF/2018/6/17/0/B02.jp2",
                "tiles/55/J/GF/2018/6/17/0/B03.jp2",
                "tiles/55/J/GF/2018/6/17/0/B04.jp2",
            ],
        );
        let expected = [
            ("tiles/48/R/XT/2020/8/1/0/R10m", "20200801"),
            ("tiles/55/J/GF/2018/6/17/0", "20180617"),
        ];
        for directory in [root.path(), &root.path().join("tiles")] {
            let found = find(directory).unwrap();
            assert_eq!(found.root, root.path());
            let found: Vec<_> = found
                .acquisitions
                .iter()
                .map(|a| (a.prefix.to_str().unwrap(), a.date.as_str()))
                .collect();
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn metadata_goes_along_and_other_bands_stay() {
        let acquisition = Acquisition::of(Path::new("tiles/48/R/XT/2020/8/1/0/R10m")).unwrap();
        assert!(acquisition.has(Path::new("tiles/48/R/XT/2020/8/1/0/R10m/B02.jp2")));
        assert!(acquisition.has(Path::new("tiles/48/R/XT/2020/8/1/0/tileInfo.json")));
        assert!(!acquisition.has(Path::new("tiles/48/R/XT/2020/8/1/0/R10m/TCI.jp2")));
        assert!(!acquisition.has(Path::new("tiles/48/R/XT/2020/8/1/1/tileInfo.json")));
    }
}
