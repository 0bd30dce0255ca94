//! The expressions, thresholds and steps of `terraform/scaling`, as terraform renders them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{fs, io};

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Both directions, as deployed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    /// When to add workers, and how many.
    pub out: Policy,
    /// When to remove workers, and how many.
    #[serde(rename = "in")]
    pub into: Policy,
}

/// An alarm and the step scaling policy that it calls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Metric math over visible, inflight and desired.
    pub expression: String,
    /// The alarm is for values of this and more.
    pub threshold: f64,
    /// Length of one data point.
    pub period_seconds: u64,
    /// Data points that the alarm evaluates.
    pub evaluation_periods: usize,
    /// How many of them must breach; all, when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub datapoints_to_alarm: Option<usize>,
    /// How a period of each metric becomes one data point.
    pub statistics: Statistics,
    /// How long a machine counts as ordered after it is in service. Only a policy that adds has it.
    #[serde(default)]
    pub warmup_seconds: Option<u64>,
    /// The steps, by how far the value exceeds the threshold.
    pub steps: Vec<Step>,
}

/// How a period of each metric becomes one data point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statistics {
    /// Cells that wait.
    pub visible: Statistic,
    /// Cells that workers hold.
    pub inflight: Statistic,
    /// The group's size.
    pub desired: Statistic,
}

/// How a period becomes one data point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Statistic {
    /// The largest.
    Maximum,
    /// The smallest.
    Minimum,
}

/// A step adjustment. Bounds are relative to the threshold; the lower belongs to the step, the
/// upper to the next (Amazon EC2 Auto Scaling User Guide, "Step and simple scaling policies", Step
/// adjustments).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Where the step begins.
    pub lower: f64,
    /// Where it ends; open, when not given.
    pub upper: Option<f64>,
    /// Workers to add, negative to remove.
    pub change: i64,
}

impl Policy {
    /// The change that a value of the metric calls for.
    pub fn change(&self, value: f64) -> Option<i64> {
        let beyond = value - self.threshold;
        let fits =
            |step: &&Step| beyond >= step.lower && step.upper.is_none_or(|upper| beyond < upper);
        self.steps.iter().find(fits).map(|step| step.change)
    }
}

impl Scaling {
    /// The copy that is kept in this crate, for machines without terraform. A test compares it with
    /// what terraform renders.
    ///
    /// # Errors
    /// [`Error::Rendered`] when the copy cannot be read.
    pub fn committed() -> Result<Self, Error> {
        Ok(serde_json::from_str(include_str!("../rendered.json"))?)
    }

    /// The path of the copy.
    pub fn committed_path() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("rendered.json")
    }

    /// Renders a module for a fleet by terraform, or returns `None` when terraform is not
    /// installed. The module is copied first, so that no state and no lock file stays in the tree.
    ///
    /// # Errors
    /// [`Error::Io`] when the module cannot be copied, [`Error::Terraform`] when terraform refuses
    /// it, [`Error::Rendered`] when its outputs are not of the form that is simulated.
    pub fn render(
        module: &Path,
        cells_per_worker: u64,
        min_workers: usize,
    ) -> Result<Option<Self>, Error> {
        let used = |path: &Path| {
            let path = path.to_owned();
            move |source| Error::Io { path, source }
        };
        let place = tempfile::tempdir().map_err(used(Path::new("a temporary folder")))?;
        for entry in fs::read_dir(module).map_err(used(module))? {
            let path = entry.map_err(used(module))?.path();
            if path.extension().is_some_and(|extension| extension == "tf") {
                let name = path.file_name().unwrap_or_default();
                fs::copy(&path, place.path().join(name)).map_err(used(&path))?;
            }
        }
        let terraform = |arguments: &[&str]| -> Result<Option<Output>, Error> {
            let mut command = Command::new("terraform");
            command
                .args(arguments)
                .current_dir(place.path())
                .env("CHECKPOINT_DISABLE", "1");
            command.env("TF_VAR_cells_per_worker", cells_per_worker.to_string());
            command.env("TF_VAR_min_workers", min_workers.to_string());
            match command.output() {
                Ok(output) if output.status.success() => Ok(Some(output)),
                Ok(output) => Err(Error::Terraform {
                    command: arguments.join(" "),
                    output: String::from_utf8_lossy(&[output.stdout, output.stderr].concat())
                        .into_owned(),
                }),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(source) => Err(Error::Io {
                    path: "terraform".into(),
                    source,
                }),
            }
        };
        for arguments in [
            &["init", "-input=false", "-no-color"][..],
            &["apply", "-auto-approve", "-input=false", "-no-color"],
        ] {
            if terraform(arguments)?.is_none() {
                return Ok(None);
            }
        }
        let Some(output) = terraform(&["output", "-json"])? else {
            return Ok(None);
        };
        let outputs: Outputs = serde_json::from_slice(&output.stdout)?;
        Ok(Some(Self {
            out: outputs.out.value,
            into: outputs.into.value,
        }))
    }
}

/// `terraform output -json` wraps each value.
#[derive(Deserialize)]
struct Outputs {
    out: Wrapped,
    #[serde(rename = "in")]
    into: Wrapped,
}

#[derive(Deserialize)]
struct Wrapped {
    value: Policy,
}
