//! The pipeline with readers and sinks of its own.

use std::sync::Mutex;

use super::scenes::one_grid;
use crate::grid::{Rect, TileGrid};
use crate::input::{DecodeScratch, TileReader};
use crate::pipeline::{self, BandTiles, Chunk, ChunkSink, Chunks};
use crate::{Cancel, FuseError};

/// Tiles of equal samples, whose reader may panic.
struct Blank {
    panics: bool,
}

impl TileReader for Blank {
    fn read(
        &self,
        _: u32,
        rect: Rect,
        scratch: &mut DecodeScratch,
        _: &(dyn Fn() -> bool + Sync),
    ) -> Result<(), FuseError> {
        assert!(!self.panics, "out of order");
        scratch.samples = vec![7; usize::try_from(rect.area()).unwrap()];
        Ok(())
    }

    fn finish(&self) -> Result<(), FuseError> {
        Ok(())
    }
}

/// Takes chunks and checks each of them.
#[derive(Default)]
struct Checker(Mutex<Vec<(u32, u32, usize)>>);

impl ChunkSink for Checker {
    type Scratch<'s> = ();

    fn scratch(&self) {}

    fn take(&self, chunk: &mut Chunk, (): &mut ()) -> Result<(), FuseError> {
        let planes = || chunk.bands.iter().map(|band| &band.samples);
        assert!(planes().flatten().all(|&sample| sample == 7));
        self.0
            .lock()
            .unwrap()
            .push((chunk.column, chunk.row, planes().map(Vec::len).sum()));
        Ok(())
    }
}

#[test]
fn every_chunk_comes_once_whatever_the_tiles_are() {
    let layout = one_grid((2500, 1100), 3, 0);
    let grids = [
        TileGrid::regular(2500, 1100, 1024, 1024),
        TileGrid::regular(2500, 1100, 343, 343),
        TileGrid::regular(2500, 1100, 2500, 1100),
    ];
    let blank = Blank { panics: false };
    let tiles: Vec<_> = grids
        .iter()
        .map(|grid| BandTiles {
            grid,
            tiles: &blank,
        })
        .collect();
    let checker = Checker::default();
    pipeline::run(&tiles, &layout, 4, &checker, &|_| (), &Cancel::new()).unwrap();
    let mut seen = checker.0.into_inner().unwrap();
    seen.sort_unstable();
    let sizes = [
        (1024, 1024),
        (1024, 76),
        (1024, 1024),
        (1024, 76),
        (452, 1024),
        (452, 76),
    ];
    let expected: Vec<_> = (0..3_u32)
        .flat_map(|column| (0..2_u32).map(move |row| (column, row)))
        .zip(sizes)
        .map(|((column, row), (width, height))| (column, row, 3 * width * height))
        .collect();
    assert_eq!(seen, expected);
}

#[test]
fn few_chunks_are_open_at_a_time() {
    let layout = one_grid((5490, 5490), 3, 0);
    let chunk = layout.chunk_bytes();
    let most_open = |tile: u32| {
        let grid = TileGrid::regular(5490, 5490, tile, tile);
        let chunks = Chunks::new(&layout, &[&grid, &grid, &grid], 2);
        let (mut samples, mut windows) = (Vec::new(), Vec::new());
        while let Some(job) = chunks.take() {
            samples.resize(usize::try_from(job.rect.area()).unwrap(), 0);
            for chunk in chunks.put(job, &mut samples).unwrap() {
                chunks.handed_on(chunk, &mut windows);
            }
            chunks.done();
        }
        chunks.most_open()
    };
    assert_eq!(most_open(1024), (chunk, 3 * chunk));
    let (most, limit) = most_open(343);
    assert!(
        most <= limit && limit <= (2 * 6 + 2) * chunk,
        "{most} of {limit}"
    );
}

#[test]
fn a_thread_that_panics_fails_the_cell_and_not_the_process() {
    let grid = TileGrid::regular(3000, 3000, 256, 256);
    let layout = one_grid((3000, 3000), 2, 0);
    let (blank, panics) = (Blank { panics: false }, Blank { panics: true });
    let tiles = [
        BandTiles {
            grid: &grid,
            tiles: &blank,
        },
        BandTiles {
            grid: &grid,
            tiles: &panics,
        },
    ];
    let failure = pipeline::run(
        &tiles,
        &layout,
        3,
        &Checker::default(),
        &|_| (),
        &Cancel::new(),
    )
    .unwrap_err();
    assert_eq!((failure.code(), failure.is_permanent()), ("panic", false));
    assert!(failure.to_string().contains("out of order"), "{failure}");
}
