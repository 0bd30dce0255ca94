//! `explain`: reads the facts and prints the report.

use super::gather::gather;
use super::report::Report;
use crate::cli::{Exit, ExplainArgs, GlobalArgs, Output};
use crate::error::ProducerError;
use crate::fleet::FleetConnection;

/// Says why the task, or one of its cells, does not move.
pub(crate) async fn run(
    args: &ExplainArgs,
    global: &GlobalArgs,
    output: &mut Output,
) -> Result<Exit, ProducerError> {
    let fleet = FleetConnection::open(global).await?;
    let facts = gather(&fleet, &args.task, args.cell).await?;
    Report::new(&facts).write(output)?;
    fleet.print_calls(global);
    Ok(Exit::Ok)
}
