//! From an input to a plan: every cell is resolved and checked, and the manifest is written to a
//! temporary file, before anything is sent.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Seek as _, Write as _};
use std::ops::ControlFlow;

use futures::{StreamExt as _, stream};
use tilefleet_common::aws::ObjectStore;
use tilefleet_common::domain::{
    Area, Cell, CellId, ContentDigest, DigestBuilder, Job, S3Url, Scope,
};
use tokio::sync::mpsc;

use super::bad_cells::BadCells;
use super::duplicates::{OutputIndex, Overlap};
use crate::cli::SubmitArgs;
use crate::error::ProducerError;
use crate::input::{self, Entry, InputPath, Position, ResolveError, Resolver, SubmitOptions};

/// Cells that are resolved at a time, which matters where prefixes must be listed.
const CELLS_AT_ONCE: usize = 32;

/// A task that is ready to be submitted.
#[derive(Debug)]
pub(crate) struct SubmitPlan {
    pub(crate) job: Job,
    /// To which area the cells are cut.
    pub(crate) area: Option<Area>,
    pub(crate) scope: Scope,
    pub(crate) cells: u32,
    /// Cells of the input that repeat others and were dropped.
    pub(crate) skipped: u32,
    pub(crate) digest: ContentDigest,
    /// Prefix of manifest and results list.
    pub(crate) output: S3Url,
    pub(crate) region: Option<String>,
    /// The manifest: the cells as NDJSON, in a file that the system deletes when the process ends.
    spool: File,
    pub(crate) bytes: u64,
}

/// Why a cell cannot be in one task with an earlier one.
#[derive(Debug, thiserror::Error)]
enum Conflict {
    #[error("repeats {first} ({cell}); remove it or pass --skip-duplicates")]
    Repeat { first: Position, cell: CellId },
    #[error(
        "would overwrite the result of {first}, both write {object}; give one of them another \"output\""
    )]
    Collision { first: Position, object: S3Url },
}

impl SubmitPlan {
    /// Reads the input of `args` and makes the plan.
    ///
    /// # Errors
    /// [`BadCells`] when any cell cannot be used, after the whole input is read.
    pub(crate) async fn make(
        args: &SubmitArgs,
        objects: ObjectStore,
    ) -> Result<Self, ProducerError> {
        let input = InputPath::of_argument(&args.input);
        let options = SubmitOptions {
            job: args.job()?,
            output: args.output.clone(),
            request_payer: args.request_payer,
        };
        let resolver = Resolver::new(objects, options);
        let mut builder = Builder::new(&input, args)?;

        // A thread reads entries. They are resolved here, several at a time, and added in their
        // order.
        let (entries, mut received) = mpsc::channel::<Entry>(CELLS_AT_ONCE);
        // Parsing is synchronous, and reading standard input can block for as long as its writer
        // likes.
        let reading = tokio::task::spawn_blocking(move || {
            input::read(&input, &mut |entry| match entries.blocking_send(entry) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            })
        });
        let mut cells = stream::poll_fn(|context| received.poll_recv(context))
            .map(|Entry { position, fields }| {
                let resolver = &resolver;
                async move {
                    let cell = match fields {
                        Ok(fields) => resolver.resolve(fields).await,
                        Err(error) => Err(ResolveError::Cell(error)),
                    };
                    (position, cell)
                }
            })
            .buffered(CELLS_AT_ONCE);
        while let Some((position, cell)) = cells.next().await {
            match cell {
                Ok(cell) => builder.add(position, &cell)?,
                Err(ResolveError::Cell(error)) => builder.bad.refuse(position, &error),
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
    area: Option<Area>,
    scope: Scope,
    skip_duplicates: bool,
    output: Option<S3Url>,
    region: Option<String>,
    cells: u32,
    skipped: u32,
    digest: DigestBuilder,
    spool: BufWriter<File>,
    bytes: u64,
    outputs: OutputIndex,
    bad: BadCells,
}

impl Builder {
    fn new(input: &InputPath, args: &SubmitArgs) -> Result<Self, ProducerError> {
        let area = args.area.area()?;
        let scope = Scope {
            area: area.as_ref().map(|area| area.digest().clone()),
            min_valid: args.area.min_valid,
        };
        let job = args.job()?;
        if job == Job::Probe && !scope.is_all() {
            return Err(ProducerError::ProbeOfArea);
        }
        Ok(Self {
            skip_duplicates: args.skip_duplicates,
            output: args.output.clone(),
            region: None,
            cells: 0,
            skipped: 0,
            digest: DigestBuilder::new(&job.id()).scope(&scope),
            area,
            scope,
            job,
            spool: BufWriter::new(tempfile::tempfile().map_err(ProducerError::Spool)?),
            bytes: 0,
            outputs: OutputIndex::default(),
            bad: BadCells::new(input),
        })
    }

    fn add(&mut self, position: Position, cell: &Cell) -> Result<(), ProducerError> {
        let mut line =
            serde_json::to_vec(cell).map_err(|error| ProducerError::Spool(error.into()))?;
        let sources =
            serde_json::to_vec(&cell.assets).map_err(|error| ProducerError::Spool(error.into()))?;
        let object = cell.output_object(&self.job, &self.scope);
        let conflict = match self.outputs.insert(&object, &sources, position.number()) {
            Overlap::None => None,
            Overlap::Repeat(_) if self.skip_duplicates => {
                self.bad.accept();
                self.skipped += 1;
                return Ok(());
            }
            Overlap::Repeat(first) => Some(Conflict::Repeat {
                first: position.with_number(first),
                cell: cell.id,
            }),
            Overlap::Collision(first) => Some(Conflict::Collision {
                first: position.with_number(first),
                object,
            }),
        };
        if let Some(conflict) = conflict {
            self.bad.refuse(position, &conflict);
            return Ok(());
        }
        if self.output.is_none() {
            self.output = Some(cell.output.clone());
            self.region.clone_from(&cell.region);
        }
        self.bad.accept();
        self.cells += 1;
        line.push(b'\n');
        self.bytes += line.len() as u64;
        self.digest
            .add(cell)
            .map_err(|error| ProducerError::Spool(error.into()))?;
        self.spool.write_all(&line).map_err(ProducerError::Spool)
    }

    fn finish(self) -> Result<SubmitPlan, ProducerError> {
        if !self.bad.is_empty() {
            return Err(self.bad.into());
        }
        // An input without any cell was refused when it was read.
        let Some(output) = self.output else {
            return Err(self.bad.into());
        };
        let spool = self
            .spool
            .into_inner()
            .map_err(|error| ProducerError::Spool(error.into_error()))?;
        Ok(SubmitPlan {
            job: self.job,
            area: self.area,
            scope: self.scope,
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

    fn args(more: &[&str]) -> SubmitArgs {
        let cli = Cli::try_parse_from([&["producer", "submit", "-"], more].concat()).unwrap();
        let Command::Submit(args) = cli.command else {
            panic!()
        };
        *args
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

    fn plan(cells: &[Cell], more: &[&str]) -> Result<SubmitPlan, Vec<String>> {
        let mut builder =
            Builder::new(&InputPath::of_argument("cells.json".as_ref()), &args(more)).unwrap();
        for (number, cell) in (1..).zip(cells) {
            builder.add(Position::Cell(number), cell).unwrap();
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
    fn an_area_makes_another_task_with_other_keys() {
        let cells = [cell("R10m", "s3://my-bucket")];
        let digest = |more: &[&str]| plan(&cells, more).unwrap().digest.to_string();
        let bbox = ["--bbox", "-10.5,50,-9,51"];
        let mut digests = vec![
            digest(&[]),
            digest(&bbox),
            digest(&[&bbox[..], &["--all-touched"]].concat()),
            digest(&[&bbox[..], &["--min-valid", "80"]].concat()),
            digest(&["--min-valid", "80"]),
        ];
        let count = digests.len();
        digests.sort();
        digests.dedup();
        assert_eq!(digests.len(), count);
        let plan = plan(&cells, &bbox).unwrap();
        let area = plan.area.unwrap();
        assert_eq!(plan.scope.area.as_ref(), Some(area.digest()));
        let key = cells[0].output_location(&plan.job, &plan.scope);
        let digits = area.digest().short();
        assert!(key.ends_with(&format!("_RGB-{digits}.tif")), "{key}");
    }

    #[test]
    fn a_probe_has_no_area_and_an_area_only_one_source() {
        let input = InputPath::of_argument("cells.json".as_ref());
        let probe = args(&["--recipe", "probe", "--bbox", "1,2,3,4"]);
        assert!(matches!(
            Builder::new(&input, &probe),
            Err(ProducerError::ProbeOfArea)
        ));
        for wrong in [
            &["--bbox", "1,2,3,4", "--clip", "x.geojson"][..],
            &["--all-touched"],
            &["--bbox", "1,2,3"],
            &["--min-valid", "0"],
        ] {
            let command = [&["producer", "submit", "-"], wrong].concat();
            assert!(Cli::try_parse_from(command).is_err(), "{wrong:?}");
        }
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
    fn of_many_bad_cells_ten_are_shown() {
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
