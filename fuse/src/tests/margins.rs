//! Kernels that look beyond their chunk: the outcome is that of the whole image, and memory stays
//! bounded.

use std::sync::{Arc, Mutex};
use std::thread;

use proptest::prelude::*;

use super::scenes::*;
use crate::cog::CHUNK;
use crate::grid::{Rect, TileGrid};
use crate::kernel::{ChunkKernel, Inputs, Outputs, Window};
use crate::pipeline::{Chunks, Layout};
use crate::{Cancel, Kernel, KernelError, Nodata, Planes, Request, prepare};

/// Sums over squares of 2n+1 pixels, as far as the image reaches.
#[derive(Clone, Copy, Debug)]
struct BoxSum {
    radius: u32,
}

impl Kernel for BoxSum {
    fn outputs(&self, inputs: &Inputs<'_>) -> Result<Outputs, KernelError> {
        Ok(Outputs {
            names: inputs.bands.iter().map(|band| band.name.clone()).collect(),
            nodata: Nodata::F32(f32::NAN),
        })
    }

    fn margin(&self) -> u32 {
        self.radius
    }

    fn start(&self) -> Box<dyn ChunkKernel + '_> {
        Box::new(*self)
    }
}

impl ChunkKernel for BoxSum {
    fn apply(&mut self, window: &mut Window<'_>, outputs: &mut Planes) -> Result<(), KernelError> {
        let sums = window
            .bands
            .iter()
            .map(|band| box_sums(&band.samples, window.rect, window.chunk, self.radius));
        let sums = sums.map(|sums| sums.into_iter().map(f32::from).collect());
        *outputs = Planes::F32(sums.collect());
        Ok(())
    }
}

/// The sums, modulo 2^16, for the pixels of `chunk`, of samples that cover `rect`.
fn box_sums(samples: &[u16], rect: Rect, chunk: Rect, radius: u32) -> Vec<u16> {
    // Sums of all samples above and to the left, so that a square costs four of them.
    let (width, height) = (rect.width as usize, rect.height as usize);
    assert_eq!(samples.len(), width * height);
    let mut above = vec![0_u16; (width + 1) * (height + 1)];
    for (y, row) in samples.chunks_exact(width).enumerate() {
        let mut sum = 0_u16;
        for (x, sample) in row.iter().enumerate() {
            sum = sum.wrapping_add(*sample);
            above[(y + 1) * (width + 1) + x + 1] = above[y * (width + 1) + x + 1].wrapping_add(sum);
        }
    }
    let bounds = |at: u32, start: u32, length: u32| {
        let (low, high) = (at.saturating_sub(radius).max(start), at + radius + 1);
        (low - start, high.min(start + length) - start)
    };
    let sums = chunk.rows().flat_map(|y| {
        let above = &above;
        chunk.columns().map(move |x| {
            let (left, right) = bounds(x, rect.x, rect.width);
            let (top, bottom) = bounds(y, rect.y, rect.height);
            let to = |x: u32, y: u32| above[y as usize * (width + 1) + x as usize];
            to(right, bottom)
                .wrapping_sub(to(left, bottom))
                .wrapping_sub(to(right, top))
                .wrapping_add(to(left, top))
        })
    });
    sums.collect()
}

fn sample(x: u32, y: u32, band: usize) -> u16 {
    let mixed = (x.wrapping_mul(40_503) ^ y.wrapping_mul(2_654_435_761))
        .wrapping_add(u32::try_from(band).unwrap() * 7);
    u16::try_from(mixed.rotate_left(9) & 0x3fff).unwrap()
}

/// Samples of which each shows its place and its band.
pub(super) fn samples_of(rect: Rect, band: usize) -> Vec<u16> {
    let rows = rect.rows();
    rows.flat_map(|y| rect.columns().map(move |x| sample(x, y, band)))
        .collect()
}

/// The sums of all bands by way of chunks on several threads, and the most bytes that were open
/// with the limit.
fn by_chunks(layout: &Layout, grids: &[&TileGrid], radius: u32, threads: usize) -> Sums {
    let (width, height) = layout.image();
    let pixels = width as usize * height as usize;
    let image = Mutex::new(vec![vec![0; pixels]; layout.bands().len()]);
    let chunks = Chunks::new(layout, grids, threads);
    let work = || {
        let mut windows = Vec::new();
        while let Some(job) = chunks.take() {
            let mut samples = samples_of(job.rect, job.band);
            for mut chunk in chunks.put(job, &mut samples).unwrap() {
                chunk.gather(&mut windows).unwrap();
                for (band, window) in chunk.bands.iter().enumerate() {
                    let sums = box_sums(&window.samples, chunk.window, chunk.rect, radius);
                    let rows = sums.chunks_exact(chunk.rect.width as usize);
                    for (y, row) in chunk.rect.rows().zip(rows) {
                        let start = y as usize * width as usize + chunk.rect.x as usize;
                        let image = &mut image.lock().unwrap()[band];
                        image[start..start + row.len()].copy_from_slice(row);
                    }
                }
                chunks.handed_on(chunk, &mut windows);
            }
            chunks.done();
        }
    };
    thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    let (most_open, limit) = chunks.most_open();
    Sums {
        bands: image.into_inner().unwrap(),
        most_open,
        limit,
    }
}

struct Sums {
    bands: Vec<Vec<u16>>,
    most_open: u64,
    limit: u64,
}

fn assert_same_as_whole(size: (u32, u32), margin: u32, tiles: [(u32, u32); 2], threads: usize) {
    let layout = one_grid(size, 2, margin);
    let grids = tiles.map(|(width, height)| TileGrid::regular(size.0, size.1, width, height));
    let sums = by_chunks(&layout, &grids.each_ref(), margin, threads);
    let image = Rect::whole(size);
    for (band, got) in sums.bands.iter().enumerate() {
        let expected = box_sums(&samples_of(image, band), image, image, margin);
        assert!(
            *got == expected,
            "band {band}, {size:?}, {margin}, {tiles:?}"
        );
    }
    let (most, limit) = (sums.most_open, sums.limit);
    assert!(most <= limit, "{most} of {limit} bytes, {size:?}, {margin}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_window_is_the_image_around_its_chunk(
        size in (1_u32..3300, 1_u32..2300),
        tiles in [(90_u32..2100, 90_u32..2100), (90_u32..2100, 90_u32..2100)],
        margin in prop_oneof![Just(0_u32), Just(1), Just(2), 3..40_u32, 500..=CHUNK],
        threads in 1_usize..=4,
    ) {
        assert_same_as_whole(size, margin, tiles, threads);
    }
}

#[test]
fn a_margin_may_be_as_large_as_a_chunk_and_larger_than_the_last_one() {
    let size = (2 * CHUNK + 3, 2 * CHUNK + 1);
    assert_same_as_whole(size, CHUNK, [(CHUNK, CHUNK), (343, 192)], 3);
}

#[test]
fn three_rows_of_chunks_are_open_at_a_time_with_a_margin() {
    let size = 6 * CHUNK - 20;
    for (tile, threads) in [(CHUNK, 1), (CHUNK, 4), (343, 2), (640, 3)] {
        let size = (size, 2 * size);
        let layout = one_grid(size, 2, 2);
        let grid = TileGrid::regular(size.0, size.1, tile, tile);
        let chunks = Chunks::new(&layout, &[&grid, &grid], threads);
        let (_, limit) = chunks.most_open();
        let chunks = limit / layout.chunk_bytes();
        assert!(
            chunks <= 4 * 6 + 2 + threads as u64,
            "{chunks} with tiles of {tile}"
        );
    }
}

#[test]
fn a_kernel_with_a_margin_makes_the_same_file_with_any_number_of_threads() {
    let scene = Scene {
        size: (2500, 1100),
        ..Scene::default()
    };
    let tiff = |seed| {
        let options = [
            ("TILED", "YES"),
            ("BLOCKXSIZE", "208"),
            ("BLOCKYSIZE", "304"),
        ];
        encoded(&scene, &samples(&scene, seed), "GTiff", &options)
    };
    let bands = [band("B04", tiff(1)), band("B08", tiff(2))];
    let fuse = |threads| {
        let request = Request {
            kernel: Arc::new(BoxSum { radius: 2 }),
            ..request(&bands, threads)
        };
        let (body, cancel) = (Body::default(), Cancel::new());
        let prepared = prepare(request, &cancel).unwrap();
        let cog = prepared.run(&body, &|_| (), &cancel).unwrap();
        let body = body.0.into_inner().unwrap();
        cog.head.iter().flatten().copied().chain(body).collect()
    };
    let file: Vec<u8> = fuse(1);
    for threads in 2..=4 {
        assert!(fuse(threads) == file, "{threads} threads");
    }
    let image = Rect {
        x: 0,
        y: 0,
        width: 2500,
        height: 1100,
    };
    reopened(&file, |dataset| {
        for (band, seed) in [(1, 1), (2, 2)] {
            let raster = dataset.rasterband(band).unwrap();
            assert!(raster.no_data_value().unwrap().is_nan());
            let read = raster.read_band_as::<f32>().unwrap();
            let expected = box_sums(&samples(&scene, seed), image, image, 2);
            let bits: Vec<_> = read.data().iter().map(|sum| sum.to_bits()).collect();
            let expected = expected.into_iter().map(|sum| f32::from(sum).to_bits());
            assert!(expected.eq(bits), "band {band}");
        }
    });
}

#[test]
fn memory_for_a_margin_is_asked_for() {
    let bands = rgb(&Scene {
        size: (5000, 300),
        tile: 1024,
        ..Scene::default()
    });
    let needed = |kernel: Arc<dyn Kernel>| {
        let request = Request {
            kernel,
            ..request(&bands, 2)
        };
        prepare(request, &Cancel::new()).unwrap().memory_needed()
    };
    let stack = needed(Arc::new(crate::Stack::default()));
    let alone = needed(Arc::new(BoxSum { radius: 0 }));
    let wide = needed(Arc::new(BoxSum { radius: 2 }));
    assert!(stack < alone && alone < wide, "{stack}, {alone}, {wide}");
    let request = Request {
        kernel: Arc::new(BoxSum { radius: CHUNK + 1 }),
        ..request(&bands, 2)
    };
    let error = prepare(request, &Cancel::new()).err().unwrap();
    assert_eq!(
        error.to_string(),
        "this request cannot be fused: its kernel needs a margin of 1025 pixels, and 1024 are the most"
    );
}
