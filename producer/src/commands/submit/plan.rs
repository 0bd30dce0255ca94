//! Input into a task: every cell is understood and checked, and the frozen list of them is written,
//! before anything is sent anywhere.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Seek as _, Write as _};

use futures::{StreamExt as _, stream};
use tilefleet_common::aws::ObjectStore;
use tilefleet_common::domain::{Cell, CellId, ContentDigest, DigestBuilder, Job, S3Url};
use tokio::sync::mpsc;

use super::duplicates::{Seen, Sight};
use crate::cli::Submit;
use crate::error::ProducerError;
use crate::input::{self, Entry, Place, ResolveError, Resolver, Source};

/// Cells that are understood at a time, as far as prefixes have to be listed for it.
const CELLS_AT_ONCE: usize = 32;
/// Bad cells that are told of one by one.
const MOST_TOLD: usize = 10;

/// A task that is ready to be submitted.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) job: Job,
    pub(crate) cells: u32,
    /// Cells of the input that repeat others and were dropped.
    pub(crate) skipped: u32,
    pub(crate) digest: ContentDigest,
    /// Where manifest and results list go.
    pub(crate) output: S3Url,
    pub(crate) region: Option<String>,
    /// The manifest: the cells as NDJSON, in a file that is gone with the process.
    spool: File,
    pub(crate) bytes: u64,
}

/// Cells of the input that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{count} of {cells} cells of {input} cannot be used; nothing was submitted")]
pub(crate) struct BadCells {
    input: Source,
    cells: u32,
    count: u32,
    told: Vec<(Place, String)>,
}

impl BadCells {
    /// One line for each of the first bad cells, and one for all of them.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self
            .told
            .iter()
            .map(|(place, cause)| format!("{} {place}: {cause}", self.input))
            .collect();
        let rest = usize::try_from(self.count)
            .unwrap_or(usize::MAX)
            .saturating_sub(self.told.len());
        if rest > 0 {
            lines.push(format!("{} has {rest} more cells with errors", self.input));
        }
        lines.push(self.to_string());
        lines
    }

    fn add(&mut self, place: Place, cause: &dyn std::fmt::Display) {
        self.count += 1;
        if self.told.len() < MOST_TOLD {
            self.told.push((place, cause.to_string()));
        }
    }
}

/// Why a cell does not go with the others.
#[derive(Debug, thiserror::Error)]
enum Clash {
    #[error("repeats {first} ({cell}); remove it or pass --skip-duplicates")]
    Repeat { first: Place, cell: CellId },
    #[error(
        "would overwrite the result of {first}, both write {object}; give one of them another \"output\""
    )]
    Collision { first: Place, object: S3Url },
}

impl Plan {
    /// Makes the plan of what `arguments` ask for.
    ///
    /// # Errors
    /// Names every bad cell of the input, the first ones with their causes.
    pub(crate) async fn make(
        arguments: &Submit,
        objects: ObjectStore,
    ) -> Result<Self, ProducerError> {
        let source = Source::of_argument(&arguments.input);
        let choices = input::Choices {
            job: arguments.recipe.clone(),
            output: arguments.output.clone(),
            request_payer: arguments.request_payer,
        };
        let resolver = Resolver::new(objects, choices);
        let mut builder = Builder::new(&source, arguments)?;

        let (entries, mut received) = mpsc::channel::<Entry>(CELLS_AT_ONCE);
        let reading = {
            let source = source.clone();
            // Parsing is synchronous, and standard input may keep it waiting for as long as it
            // likes.
            tokio::task::spawn_blocking(move || {
                input::read(&source, &mut |entry| entries.blocking_send(entry).is_ok())
            })
        };
        let mut cells = stream::poll_fn(|context| received.poll_recv(context))
            .map(|Entry { place, content }| {
                let resolver = &resolver;
                async move {
                    let cell = match content {
                        Ok(value) => {
                            resolver
                                .resolve(value, matches!(place, Place::Cell(_)))
                                .await
                        }
                        Err(error) => Err(ResolveError::Cell(error)),
                    };
                    (place, cell)
                }
            })
            .buffered(CELLS_AT_ONCE);
        while let Some((place, cell)) = cells.next().await {
            match cell {
                Ok(cell) => builder.add(place, &cell)?,
                Err(ResolveError::Cell(error)) => builder.refuse(place, &error),
                Err(ResolveError::Service(error)) => return Err(error.into()),
            }
        }
        drop(cells);
        match reading.await {
            Ok(read) => read?,
            Err(error) => return Err(ProducerError::Runtime(io::Error::other(error))),
        }
        builder.finish()
    }

    /// The manifest, from its beginning. One reader at a time: they share a position.
    pub(crate) fn manifest(&mut self) -> Result<BufReader<&File>, ProducerError> {
        self.spool.rewind().map_err(ProducerError::Spool)?;
        Ok(BufReader::new(&self.spool))
    }
}

struct Builder {
    job: Job,
    skip_duplicates: bool,
    output: Option<S3Url>,
    region: Option<String>,
    cells: u32,
    skipped: u32,
    digest: DigestBuilder,
    spool: BufWriter<File>,
    bytes: u64,
    seen: Seen,
    bad: BadCells,
}

impl Builder {
    fn new(source: &Source, arguments: &Submit) -> Result<Self, ProducerError> {
        Ok(Self {
            job: arguments.recipe.clone(),
            skip_duplicates: arguments.skip_duplicates,
            output: arguments.output.clone(),
            region: None,
            cells: 0,
            skipped: 0,
            digest: DigestBuilder::new(&arguments.recipe.id()),
            spool: BufWriter::new(tempfile::tempfile().map_err(ProducerError::Spool)?),
            bytes: 0,
            seen: Seen::default(),
            bad: BadCells {
                input: source.clone(),
                cells: 0,
                count: 0,
                told: vec![],
            },
        })
    }

    fn refuse(&mut self, place: Place, cause: &dyn std::fmt::Display) {
        self.bad.cells += 1;
        self.bad.add(place, cause);
    }

    fn add(&mut self, place: Place, cell: &Cell) -> Result<(), ProducerError> {
        let mut line =
            serde_json::to_vec(cell).map_err(|error| ProducerError::Spool(error.into()))?;
        let sources =
            serde_json::to_vec(&cell.assets).map_err(|error| ProducerError::Spool(error.into()))?;
        let object = cell.output_object(&self.job);
        let clash = match self.seen.look(&object, &sources, place.number()) {
            Sight::New => None,
            Sight::Repeats(_) if self.skip_duplicates => {
                self.bad.cells += 1;
                self.skipped += 1;
                return Ok(());
            }
            Sight::Repeats(first) => Some(Clash::Repeat {
                first: place.with_number(first),
                cell: cell.id,
            }),
            Sight::Collides(first) => Some(Clash::Collision {
                first: place.with_number(first),
                object,
            }),
        };
        if let Some(clash) = clash {
            self.refuse(place, &clash);
            return Ok(());
        }
        if self.output.is_none() {
            self.output = Some(cell.output.clone());
            self.region.clone_from(&cell.region);
        }
        self.bad.cells += 1;
        self.cells += 1;
        line.push(b'\n');
        self.bytes += line.len() as u64;
        self.digest
            .add(cell)
            .map_err(|error| ProducerError::Spool(error.into()))?;
        self.spool.write_all(&line).map_err(ProducerError::Spool)
    }

    fn finish(self) -> Result<Plan, ProducerError> {
        if self.bad.count > 0 {
            return Err(self.bad.into());
        }
        // Without a bad cell and without any, the reader has complained already.
        let Some(output) = self.output else {
            return Err(self.bad.into());
        };
        let spool = self
            .spool
            .into_inner()
            .map_err(|error| ProducerError::Spool(error.into_error()))?;
        Ok(Plan {
            job: self.job,
            cells: self.cells,
            skipped: self.skipped,
            digest: self.digest.finish(),
            output,
            region: self.region,
            spool,
            bytes: self.bytes,
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    const PREFIX: &str = "s3://sentinel-s2-l2a/tiles/48/R/XT/2020/8/1/0";

    fn arguments(more: &[&str]) -> Submit {
        let cli = Cli::try_parse_from([&["producer", "submit", "-"], more].concat()).unwrap();
        let Command::Submit(arguments) = cli.command else {
            panic!()
        };
        *arguments
    }

    fn cell(resolution: &str, output: &str) -> Cell {
        let asset = |band: &str| {
            (
                band.to_owned(),
                format!("{PREFIX}/{resolution}/{band}.jp2").parse().unwrap(),
            )
        };
        Cell {
            id: "48RXT/2020-08-01/0".parse().unwrap(),
            assets: ["B02", "B03", "B04"].map(asset).into(),
            output: output.parse().unwrap(),
            region: None,
            request_payer: true,
        }
    }

    fn plan(cells: &[Cell], more: &[&str]) -> Result<Plan, Vec<String>> {
        let mut builder = Builder::new(
            &Source::of_argument("cells.json".as_ref()),
            &arguments(more),
        )
        .unwrap();
        for (place, cell) in (1..).zip(cells) {
            builder.add(Place::Cell(place), cell).unwrap();
        }
        builder.finish().map_err(|error| error.lines())
    }

    #[test]
    fn a_repeated_cell_is_refused_or_skipped() {
        let cells = [
            cell("R10m", "s3://my-bucket"),
            cell("R10m", "s3://my-bucket/x"),
            cell("R10m", "s3://my-bucket/"),
        ];
        assert_eq!(
            plan(&cells, &[]).unwrap_err(),
            [
                "cells.json cell 3: repeats cell 1 (48RXT/2020-08-01/0); remove it or pass --skip-duplicates",
                "1 of 3 cells of cells.json cannot be used; nothing was submitted",
            ]
        );
        let plan = plan(&cells, &["--skip-duplicates"]).unwrap();
        assert_eq!(
            (plan.cells, plan.skipped, plan.output.to_string()),
            (2, 1, "s3://my-bucket/".to_owned())
        );
    }

    #[test]
    fn cells_that_write_one_object_from_other_sources_are_never_skipped() {
        let cells = [
            cell("R10m", "s3://my-bucket/x"),
            cell("R20m", "s3://my-bucket/x/"),
        ];
        for more in [&[][..], &["--skip-duplicates"]] {
            assert_eq!(
                plan(&cells, more).unwrap_err()[0],
                "cells.json cell 2: would overwrite the result of cell 1, both write \
                 s3://my-bucket/x/20200801/sentinel_l2a_48RXT_20200801_0_RGB.tif; give one of them another \"output\""
            );
        }
    }

    #[test]
    fn of_many_bad_cells_ten_are_told() {
        let cells = vec![cell("R10m", "s3://my-bucket"); 13];
        let lines = plan(&cells, &[]).unwrap_err();
        assert_eq!(lines.len(), 12);
        assert_eq!(
            lines[10..],
            [
                "cells.json has 2 more cells with errors",
                "12 of 13 cells of cells.json cannot be used; nothing was submitted"
            ]
        );
    }

    #[test]
    fn the_manifest_is_the_cells_line_by_line() {
        let cells = [
            cell("R10m", "s3://my-bucket/x"),
            cell("R10m", "s3://my-bucket/y"),
        ];
        let mut plan = plan(&cells, &["--output", "s3://elsewhere/z"]).unwrap();
        assert_eq!(plan.output.to_string(), "s3://elsewhere/z");
        let manifest = io::read_to_string(plan.manifest().unwrap()).unwrap();
        assert_eq!(manifest.len() as u64, plan.bytes);
        let read: Vec<Cell> = manifest
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(read, cells);
    }
}
