//! `scenes`: generates scenes for tests and demos, and draws contact sheets of results.

use std::io::Write as _;
use std::path::PathBuf;
use std::{io, thread};

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use jiff::civil::Date;
use tilefleet_scenes::{Band, Coding, Scene, Tile, contact_sheet, generate, scene};

#[derive(Parser)]
#[command(
    version,
    about = "Generates Sentinel-2 scenes, and draws contact sheets of results"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Writes scenes in the layout of the public bucket; files that are there already are kept
    Generate(Generate),
    /// Draws rasters with red, green and blue as their first bands on one page
    ContactSheet {
        /// The picture to write
        #[arg(long, value_name = "PNG")]
        out: PathBuf,
        /// The files to draw
        #[arg(required = true, value_name = "TIF")]
        files: Vec<PathBuf>,
    },
}

#[derive(clap::Args)]
struct Generate {
    /// Folder to write to; the scenes go to `tiles/` below it
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Width and height of a scene in pixels of 10 m
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=i64::from(scene::FULL_SIZE)))]
    size: u32,
    /// Tiles to generate
    #[arg(long, value_delimiter = ',', default_value = "48RXT,48RXU,48RYT")]
    tiles: Vec<Tile>,
    /// Days on which to see them
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "2020-08-01,2020-08-06,2020-08-11,2020-08-16"
    )]
    dates: Vec<Date>,
    /// Bands to write: any of B02, B03, B04, B08
    #[arg(long, value_delimiter = ',', default_value = "B02,B03,B04")]
    bands: Vec<Band>,
    /// Seed of the landscape: equal seeds give equal scenes
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Bands to work on at the same time [default: one for each core]
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Write tile-part lengths (TLM) into the files, as newer processing baselines do
    #[arg(long)]
    tile_lengths: bool,
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Generate(arguments) => run_generate(&arguments),
        Command::ContactSheet { out, files } => {
            let sheet = contact_sheet::draw(&files)?;
            sheet.canvas.write_png(&out)?;
            let (width, height) = sheet.canvas.size();
            writeln!(
                io::stdout(),
                "{}: {} of {} file(s), {width} x {height} pixels",
                out.display(),
                sheet.shown,
                sheet.total
            )?;
            Ok(())
        }
    }
}

fn run_generate(arguments: &Generate) -> anyhow::Result<()> {
    let Generate {
        out,
        size,
        tiles,
        dates,
        bands,
        seed,
        jobs,
        tile_lengths,
    } = arguments;
    let scenes: Vec<Scene> = tiles
        .iter()
        .flat_map(|&tile| {
            dates
                .iter()
                .map(move |&date| Scene::new(tile, date, *size, *seed))
        })
        .collect();
    let coding = Coding {
        tile_lengths: *tile_lengths,
        ..Coding::default()
    };
    let threads = jobs
        .or_else(|| thread::available_parallelism().ok().map(Into::into))
        .unwrap_or(1);
    generate::generate(out, &scenes, bands, &coding, threads, &|job, written| {
        // A closed pipe must not stop the files from being written.
        let _ = writeln!(
            io::stdout(),
            "{} {}",
            written.path.display(),
            story(job, written)
        );
    })
    .with_context(|| format!("cannot generate scenes in {}", out.display()))
}

#[expect(clippy::cast_precision_loss, reason = "shown with two decimals")]
fn story(job: &generate::Job, written: &generate::Written) -> String {
    match written.valid {
        None => "kept".to_owned(),
        Some(valid) => format!(
            "{:.1} MB, {:.2} bits per valid pixel, {:.0} % valid",
            written.bytes as f64 / 1e6,
            written.bytes as f64 * 8.0 / valid.max(1) as f64,
            100.0 * valid as f64 / f64::from(job.scene.size).powi(2)
        ),
    }
}
