//! Arguments of every command.

use clap::Args;
use tilefleet_settings::FleetArgs;

use super::output::Format;

/// Where the fleet is, and how to print.
#[derive(Debug, Args)]
pub(crate) struct GlobalArgs {
    #[command(flatten)]
    pub(crate) fleet: FleetArgs,
    /// Format of the output
    #[arg(
        short = 'o',
        long,
        global = true,
        value_name = "FORMAT",
        default_value = "table"
    )]
    pub(crate) format: Format,
    /// Print more on stderr, such as the number of AWS calls
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
}
