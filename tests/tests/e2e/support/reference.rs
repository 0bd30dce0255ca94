//! The second computation of a recipe's output, with numpy and rasterio.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tilefleet_tests::layout;

/// Fails unless `reference.py` comes to the values of `raster`. `arguments` are those behind the
/// raster. Returns its statistics.
pub(crate) fn assert_computed(raster: &Path, arguments: &[String]) -> Result<Value> {
    let root = layout::workspace_root();
    let mut command = Command::new(root.join(".venv/bin/python"));
    command
        .arg(root.join("tests/tests/e2e/raster/reference.py"))
        .arg(raster)
        .args(arguments);
    let output = command.output().context("cannot run .venv/bin/python")?;
    let told = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success(),
        "{command:?}\n{told}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(serde_json::from_str(&told)?)
}
