//! `simulate`: what the scaling does with bursts of work, as a table and a plot.

use std::io::Write as _;
use std::path::PathBuf;
use std::{fs, io};

use anyhow::Context as _;
use clap::Parser;
use tilefleet_simulation::table::{self, Row};
use tilefleet_simulation::{Conditions, Scaling, plot, simulate};

#[derive(Parser)]
#[command(
    version,
    about = "Shows what the fleet's scaling does with bursts of work",
    max_term_width = 100
)]
struct Cli {
    /// Cells that arrive at once, each number a simulation of its own
    #[arg(long, value_delimiter = ',', default_value = "1,100,10000,1000000")]
    cells: Vec<u64>,
    /// Workers at most (`max_workers`)
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
    max_workers: u16,
    /// Seconds of a processor that half of the cells stay below
    #[arg(long, default_value_t = 60.0)]
    cell_seconds: f64,
    /// Spot interruptions of a machine in an hour
    #[arg(long, default_value_t = 0.05)]
    interruptions: f64,
    /// The producer does not wake the sleeping group
    #[arg(long)]
    no_wake: bool,
    /// Price of an instance-hour, in any currency: adds the cost of 1,000 cells
    #[arg(long)]
    price: Option<f64>,
    /// Seed of the random numbers: the same seed gives the same run
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder of the module to render instead of the copy that is kept; needs terraform
    #[arg(long, value_name = "DIR")]
    module: Option<PathBuf>,
    /// Renew the copy that is kept from `--module`
    #[arg(long, requires = "module")]
    keep: bool,
    /// Draw a plot
    #[arg(long, value_name = "SVG")]
    plot: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let mut stdout = io::stdout();
    let conditions = Conditions {
        seed: cli.seed,
        max_workers: cli.max_workers.into(),
        cell_seconds: cli.cell_seconds,
        interruptions_per_hour: cli.interruptions,
        wake: !cli.no_wake,
        ..Conditions::default()
    };
    let scaling = match &cli.module {
        None => Scaling::committed()?,
        Some(module) => {
            Scaling::render(module, conditions.cells_per_worker, conditions.min_workers)?
                .context("--module needs terraform, which is not installed")?
        }
    };
    if cli.keep {
        let path = Scaling::committed_path();
        fs::write(&path, serde_json::to_string_pretty(&scaling)? + "\n")
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    let rows = cli
        .cells
        .iter()
        .map(|&cells| {
            let burst = Conditions {
                bursts: Conditions::burst(cells).bursts,
                ..conditions.clone()
            };
            Ok((table::grouped(cells), simulate(&scaling, &burst)?))
        })
        .collect::<anyhow::Result<Vec<Row>>>()?;
    write!(stdout, "{}", table::markdown(&rows))?;
    if let Some(price) = cli.price {
        writeln!(
            stdout,
            "\ncost of 1,000 cells = instance-hours / cells × 1,000 × {price}"
        )?;
        for (name, outcome) in &rows {
            writeln!(
                stdout,
                "{name:>12} cells: {:.4}",
                outcome.hours_per_thousand() * price
            )?;
        }
    }
    if let Some(path) = &cli.plot {
        fs::write(path, plot::svg(&rows, conditions.max_workers))
            .with_context(|| format!("cannot write {}", path.display()))?;
        writeln!(stdout, "\n{}", path.display())?;
    }
    Ok(())
}
