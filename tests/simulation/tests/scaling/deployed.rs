//! The simulated scaling is the deployed one.

use std::path::{Path, PathBuf};
use std::{eprintln, fs};

use tilefleet_simulation::{Conditions, Scaling};

use crate::deployed;

fn terraform() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../terraform")
}

#[test]
fn the_kept_copy_is_what_terraform_renders() {
    let Conditions {
        cells_per_worker,
        min_workers,
        ..
    } = Conditions::default();
    let Some(rendered) =
        Scaling::render(&terraform().join("scaling"), cells_per_worker, min_workers).unwrap()
    else {
        eprintln!("skipped: no terraform here");
        return;
    };
    assert_eq!(
        rendered,
        deployed(),
        "renew it with: simulate --module terraform/scaling --keep"
    );
}

#[test]
fn the_conditions_are_the_defaults_of_the_variables() {
    let variables = fs::read_to_string(terraform().join("variables.tf")).unwrap();
    let default = |name: &str| -> u64 {
        let block = variables
            .split(&format!("variable \"{name}\""))
            .nth(1)
            .unwrap();
        let line = block
            .lines()
            .find(|line| line.trim_start().starts_with("default"))
            .unwrap();
        line.split('=').nth(1).unwrap().trim().parse().unwrap()
    };
    let conditions = Conditions::default();
    assert_eq!(conditions.cells_per_worker, default("cells_per_worker"));
    assert_eq!(conditions.min_workers as u64, default("min_workers"));
    assert_eq!(conditions.max_workers as u64, default("max_workers"));
    assert_eq!(conditions.grace_seconds, default("worker_grace_seconds"));
}

#[test]
fn steps_leave_no_gap_and_never_overshoot() {
    let scaling = deployed();
    for missing in 1..=3000_i32 {
        let out = scaling.out.change(f64::from(missing)).unwrap();
        let into = scaling.into.change(f64::from(missing)).unwrap();
        assert!(
            (1..=i64::from(missing)).contains(&out),
            "{missing} missing: {out}"
        );
        assert!(
            (1..=i64::from(missing)).contains(&-into),
            "{missing} spare: {into}"
        );
    }
    assert_eq!(scaling.out.change(0.0), None);
    assert_eq!(scaling.into.change(0.0), None);
}
