//! Comparing a played schedule with its committed trace.
#![expect(
    clippy::unwrap_used,
    reason = "a schedule that cannot be played ends the test, as it should"
)]

use std::path::Path;
use std::{env, fs};

use super::script::Script;

/// Set to anything, it makes the test write the files instead of comparing.
const UPDATE: &str = "UPDATE_TRACES";

/// Holds the text of a schedule against the committed one.
#[expect(clippy::panic, reason = "this is the assertion of every trace")]
pub(super) fn is_committed(name: &str, script: Script) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/ledger_model/traces")
        .join(format!("{name}.txt"));
    let text = script.end();
    if env::var_os(UPDATE).is_some() {
        fs::write(&path, text).unwrap();
        return;
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    if let Some((number, (is, was))) = (1..)
        .zip(
            text.lines()
                .zip(committed.lines().chain(std::iter::repeat(""))),
        )
        .find(|(_, (is, was))| is != was)
    {
        panic!(
            "{} differs from what the model does, first in line {number}:\n\
             committed: {was}\n\
             model:     {is}\n\
             {UPDATE}=1 writes the file anew",
            path.display()
        );
    }
    assert_eq!(
        text.lines().count(),
        committed.lines().count(),
        "{}",
        path.display()
    );
}
