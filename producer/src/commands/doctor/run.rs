//! `doctor`: checks the resources and prints the result of each check.

use serde_json::json;
use tilefleet_common::aws::Clients;

use super::check::{Check, CheckResult};
use super::resources::Resources;
use crate::cli::{DoctorArgs, Exit, Format, GlobalArgs, Output};
use crate::error::ProducerError;

const HEADER: [&str; 3] = ["RESOURCE", "RESULT", "DETAIL"];

/// Checks every resource and prints the results.
pub(crate) async fn run(
    args: &DoctorArgs,
    global: &GlobalArgs,
    output: &mut Output,
) -> Result<Exit, ProducerError> {
    let settings = global.fleet.settings()?;
    let clients = Clients::from_environment(settings.region.clone()).await;
    let resources = Resources {
        clients,
        settings,
        args,
    };
    // Many calls at once make a large future.
    let checks = Box::pin(resources.check()).await;
    let ok = checks
        .iter()
        .all(|check| check.result != CheckResult::Failed);
    if output.format == Format::Json {
        output.json(&json!({ "ok": ok, "checks": checks }))?;
        output.flush()?;
    } else {
        output.rows(&HEADER, &checks, Check::row)?;
    }
    Ok(if ok { Exit::Ok } else { Exit::Fault })
}
