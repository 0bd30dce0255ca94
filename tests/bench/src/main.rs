//! `bench`: the cost of a cell, compared with other programs that make such rasters.

mod bands;
mod chart;
mod contenders;
mod figures;
mod index;
mod load;
mod measure;
mod queue;
mod report;
mod rounds;
mod timeline;

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand, ValueEnum};

use bands::Kind;
use contenders::Programs;

/// Times the fuse path against other programs that make such rasters
#[derive(Parser)]
#[command(version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Compare, and print the tables
    Compare(Compare),
    /// Send full-size cells through one worker and watch the processors
    Queue(Queue),
    /// Send cells that cost nothing themselves through several workers and measure the fleet's cost
    Load(Load),
    /// Run a command alone and print what it cost
    #[command(hide = true)]
    Measure {
        #[arg(last = true, required = true)]
        command: Vec<String>,
    },
}

#[derive(clap::Args)]
struct Compare {
    /// What to compare [default: everything]
    #[arg(long, value_delimiter = ',')]
    only: Vec<Table>,
    /// Times that every command is run
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    #[command(flatten)]
    place: Place,
}

#[derive(clap::Args)]
struct Queue {
    /// Cells in the queue
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=28))]
    cells: u32,
    #[command(flatten)]
    place: Place,
}

#[derive(clap::Args)]
struct Load {
    /// Cells of each task
    #[arg(long, value_delimiter = ',', default_value = "1000,10000,100000", value_parser = clap::value_parser!(u32).range(1..=300_000))]
    cells: Vec<u32>,
    /// Workers
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=64))]
    workers: u32,
    /// Cells that each worker has in work at a time
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=1024))]
    slots: u32,
    /// Cells that it holds beyond those
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1024))]
    ahead: u32,
    #[command(flatten)]
    place: Place,
}

/// Paths and sizes.
#[derive(clap::Args)]
struct Place {
    /// Width and height of a 10 m band in pixels
    #[arg(long, default_value_t = tilefleet_scenes::scene::FULL_SIZE)]
    size: u32,
    /// Where bands are kept and outputs go
    #[arg(long, value_name = "DIR", default_value = "target/bench")]
    home: PathBuf,
    /// Put the tables and the charts into PERFORMANCE.md in this folder
    #[arg(long, value_name = "DIR")]
    docs: Option<PathBuf>,
}

impl Place {
    fn home(&self) -> Result<PathBuf> {
        std::fs::create_dir_all(&self.home)
            .with_context(|| format!("cannot create {}", self.home.display()))?;
        Ok(self.home.canonicalize()?)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Table {
    /// A cell, ours against the walk-through, `gdal_translate` and rio-cogeo
    Cell,
    /// Decoding alone
    Decode,
    /// One thread and all
    Threads,
    /// Compressions
    Compression,
    /// A scene that is mostly without data
    Nodata,
    /// Bands coded as those of 60 m
    Coarse,
    /// A masked vegetation index, ours against scripts of users
    Ndvi,
    /// An index of three bands against a stack of them
    Evi,
}

impl Table {
    const ALL: [Self; 8] = [
        Self::Cell,
        Self::Decode,
        Self::Threads,
        Self::Compression,
        Self::Nodata,
        Self::Coarse,
        Self::Ndvi,
        Self::Evi,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Cell => "cell",
            Self::Decode => "decode",
            Self::Threads => "threads",
            Self::Compression => "compression",
            Self::Nodata => "nodata",
            Self::Coarse => "coarse",
            Self::Ndvi => "ndvi",
            Self::Evi => "evi",
        }
    }

    fn scene(self) -> Kind {
        match self {
            Self::Nodata => Kind::MostlyNodata,
            Self::Coarse => Kind::Coarse,
            Self::Cell
            | Self::Decode
            | Self::Threads
            | Self::Compression
            | Self::Ndvi
            | Self::Evi => Kind::Dense,
        }
    }
}

fn main() -> Result<()> {
    match Cli::parse().command {
        Command::Compare(arguments) => compare(&arguments),
        Command::Queue(arguments) => queue(&arguments),
        Command::Load(arguments) => load(&arguments),
        Command::Measure { command } => {
            let cost = measure::only_child(&command)?;
            writeln!(std::io::stdout(), "{}", serde_json::to_string(&cost)?)?;
            Ok(())
        }
    }
}

#[expect(clippy::print_stderr, reason = "progress of a run that takes minutes")]
fn say(line: &str) {
    eprintln!("{line}");
}

fn compare(arguments: &Compare) -> Result<()> {
    let home = arguments.place.home()?;
    let programs = Programs::new(&home)?;
    let tables = if arguments.only.is_empty() {
        &Table::ALL[..]
    } else {
        &arguments.only
    };
    for &table in tables {
        let bands = bands::provide(table.scene(), arguments.place.size, &home, &say)?;
        say(&format!(
            "{}: three bands of {} pixels, {:.0} MB",
            table.name(),
            bands.pixels,
            bands.megabytes
        ));
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let all = format!("worker fuse, {threads} threads");
        let contenders = match table {
            Table::Cell => {
                let stack = programs.stack(&bands)?;
                vec![
                    programs.ours(&all, &bands, threads, None),
                    programs.walk_through(&bands),
                    programs.gdal_translate(&stack),
                    programs.rio_cogeo(&stack),
                ]
            }
            Table::Decode => programs.decoders(&bands),
            Table::Threads => vec![
                programs.ours("1 thread", &bands, 1, None),
                programs.ours(&format!("{threads} threads"), &bands, threads, None),
            ],
            Table::Compression => [
                "deflate:1",
                "deflate:3",
                "deflate:6",
                "deflate:9",
                "zstd:1",
                "zstd:3",
                "zstd:9",
                "lerc",
                "none",
            ]
            .map(|it| programs.ours(it, &bands, threads, Some(it)))
            .to_vec(),
            Table::Coarse | Table::Nodata => {
                vec![
                    programs.ours(&all, &bands, threads, None),
                    programs.walk_through(&bands),
                ]
            }
            Table::Ndvi | Table::Evi => {
                let inputs = index::provide(arguments.place.size, &home, &programs, &say)?;
                match table {
                    Table::Ndvi => index::ndvi(&programs, &inputs),
                    _ => index::evi(&programs, &inputs),
                }
            }
        };
        let series = rounds::run(table.name(), &contenders, arguments.rounds.into(), &say)?;
        let text = match table {
            Table::Decode => report::decoders(&series, bands.pixels),
            Table::Threads | Table::Compression => report::costs(&series),
            Table::Cell | Table::Nodata | Table::Coarse | Table::Ndvi | Table::Evi => {
                report::comparison(&series)
            }
        };
        writeln!(std::io::stdout(), "\n{}\n\n{text}", table.name())?;
        if let Some(docs) = &arguments.place.docs {
            report::put(&docs.join("PERFORMANCE.md"), table.name(), &text)?;
            if table == Table::Cell {
                std::fs::write(docs.join("performance.svg"), chart::svg(&series))?;
            }
        }
    }
    Ok(())
}

fn queue(arguments: &Queue) -> Result<()> {
    let home = arguments.place.home()?;
    let bands = bands::provide(Kind::Dense, arguments.place.size, &home, &say)?;
    let runtime = tokio::runtime::Runtime::new()?;
    let timeline = runtime.block_on(queue::run(&bands, arguments.cells, &home, &say))?;
    let sentence = timeline.sentence();
    writeln!(std::io::stdout(), "{sentence}")?;
    let chart = match &arguments.place.docs {
        None => home.join("timeline.svg"),
        Some(docs) => {
            report::put(&docs.join("PERFORMANCE.md"), "queue", &sentence)?;
            docs.join("timeline.svg")
        }
    };
    std::fs::write(&chart, timeline.svg())
        .with_context(|| format!("cannot write {}", chart.display()))
}

fn load(arguments: &Load) -> Result<()> {
    let home = arguments.place.home()?;
    let runtime = tokio::runtime::Runtime::new()?;
    let workers = load::Workers {
        count: arguments.workers,
        slots: arguments.slots,
        ahead: arguments.ahead,
    };
    let mut runs = Vec::new();
    for &cells in &arguments.cells {
        let run = runtime.block_on(load::run(cells, workers, &home, &say))?;
        let endpoint: Vec<String> = run
            .endpoint
            .iter()
            .map(|(name, cpu)| format!("{name} {cpu:.1} CPU s"))
            .collect();
        say(&format!(
            "{cells} cells worked on in {:.1} s; endpoint: {}",
            run.workers.wall,
            endpoint.join(", ")
        ));
        runs.push(run);
    }
    let text = format!("{}\n{}", report::load(&runs), report::calls(&runs));
    writeln!(std::io::stdout(), "{text}")?;
    if let Some(docs) = &arguments.place.docs {
        report::put(&docs.join("PERFORMANCE.md"), "load", &text)?;
    }
    Ok(())
}
