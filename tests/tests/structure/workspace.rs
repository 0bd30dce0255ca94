//! The files of this workspace, and what the crates say that they depend on.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use tilefleet_tests::layout;
use toml::{Table, Value};

use crate::modules::Sources;

/// A crate of the workspace.
pub(crate) struct Package {
    pub(crate) name: String,
    /// Where it lies, from the root of the workspace.
    pub(crate) folder: String,
    /// What it depends on other than for its tests.
    pub(crate) dependencies: BTreeSet<String>,
}

impl Package {
    /// The root files of its library and its programs.
    pub(crate) fn roots<'a>(&self, sources: &'a Sources) -> Vec<&'a str> {
        let source = format!("{}/src/", self.folder);
        sources
            .keys()
            .filter(|path| {
                let within = path.strip_prefix(&source);
                within.is_some_and(|within| {
                    matches!(within, "lib.rs" | "main.rs") || within.starts_with("bin/")
                })
            })
            .map(String::as_str)
            .collect()
    }
}

/// All crates of the workspace.
pub(crate) fn packages() -> Result<Vec<Package>> {
    let root = layout::workspace_root();
    let manifest = read(&root.join("Cargo.toml"))?;
    let members = manifest["workspace"]["members"].as_array();
    members
        .context("no members")?
        .iter()
        .map(|member| {
            let folder = member.as_str().context("a member is not a string")?;
            let manifest = read(&root.join(folder).join("Cargo.toml"))?;
            let name = manifest["package"]["name"].as_str();
            Ok(Package {
                name: name.context("no name")?.to_owned(),
                folder: folder.to_owned(),
                dependencies: dependencies(&manifest),
            })
        })
        .collect()
}

fn read(manifest: &Path) -> Result<Table> {
    let text = fs::read_to_string(manifest)
        .with_context(|| format!("cannot read {}", manifest.display()))?;
    toml::from_str(&text).with_context(|| format!("{} is not TOML", manifest.display()))
}

/// The names in all tables of dependencies, those of targets among them, but for
/// `dev-dependencies`.
fn dependencies(manifest: &Table) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (key, value) in manifest {
        match (key.as_str(), value) {
            ("dependencies" | "build-dependencies", Value::Table(table)) => {
                found.extend(table.keys().cloned());
            }
            ("target", Value::Table(targets)) => {
                for target in targets.values().filter_map(Value::as_table) {
                    found.extend(dependencies(target));
                }
            }
            _ => {}
        }
    }
    found
}

/// Every Rust file of the repository, by its path from the root.
pub(crate) fn sources() -> Result<Sources> {
    texts(|path| extension(path) == "rs")
}

/// Every file of the repository with documentation, by its path from the root.
pub(crate) fn documents() -> Result<Sources> {
    texts(|path| matches!(extension(path), "rs" | "md"))
}

/// What a path ends in behind its last dot.
pub(crate) fn extension(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(_, extension)| extension)
}

fn texts(wanted: fn(&str) -> bool) -> Result<Sources> {
    let root = layout::workspace_root();
    let wanted = files()?.into_iter().filter(|path| wanted(path));
    let text = |path: String| {
        let text = fs::read_to_string(root.join(&path))?;
        Ok((path, text))
    };
    wanted.map(text).collect()
}

/// Every file of the repository, by its path from the root. Hidden ones and what was built are left
/// out.
pub(crate) fn files() -> Result<BTreeSet<String>> {
    let root = layout::workspace_root();
    let mut files = BTreeSet::new();
    let mut waiting = vec![root.clone()];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with('.') {
                continue;
            }
            if path.is_dir() {
                if !is_built(&path) {
                    waiting.push(path);
                }
            } else {
                let within = path
                    .strip_prefix(&root)?
                    .to_str()
                    .context("a path in UTF-8")?;
                files.insert(within.to_owned());
            }
        }
    }
    Ok(files)
}

/// Whether a folder holds what cargo built: it marks such folders.
fn is_built(folder: &Path) -> bool {
    let mark: PathBuf = folder.join("CACHEDIR.TAG");
    mark.exists()
}
