//! `fleet`: opens the group and carries out the command.

use tilefleet_common::aws::Group;

use super::{start, status, stop};
use crate::cli::{Exit, FleetCommand, GlobalArgs, Output};
use crate::error::ProducerError;
use crate::fleet::FleetConnection;

/// Stops, starts or shows the fleet.
pub(crate) async fn run(
    command: &FleetCommand,
    global: &GlobalArgs,
    output: &mut Output,
) -> Result<Exit, ProducerError> {
    let fleet = FleetConnection::open(global).await?;
    let name = global.fleet.settings()?.autoscaling_group()?;
    let group = Group::new(fleet.clients.autoscaling.clone(), name);
    match command {
        FleetCommand::Stop(args) => stop::run(args, &group, output).await?,
        FleetCommand::Start(args) => start::run(args, &fleet, &group, output).await?,
        FleetCommand::Status => status::run(&fleet, &group, output).await?,
    }
    fleet.print_calls(global);
    Ok(Exit::Ok)
}
