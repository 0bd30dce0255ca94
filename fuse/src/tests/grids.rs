//! Bands of several grids, and parts of a grid: what a kernel sees is what the whole bands have
//! there.

use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::thread;

use proptest::prelude::*;

use super::margins::samples_of;
use super::scenes::*;
use crate::cog::CHUNK;
use crate::grid::{BandGrid, Ratio, Ratios, Rect, TileGrid};
use crate::kernel::{ChunkKernel, Inputs, Outputs, Resolution, Window};
use crate::pipeline::{Chunk, Chunks, Layout};
use crate::{Band, Cancel, FuseError, Kernel, KernelError, Nodata, Planes, Request, prepare};

/// A band of a generated case.
#[derive(Clone, Copy, Debug)]
struct Case {
    ratio: (u32, u32),
    reach: u32,
    tile: (u32, u32),
}

impl Case {
    fn ratio(self) -> Ratio {
        Ratio::new(self.ratio.0, self.ratio.1).unwrap()
    }

    fn size(self, image: (u32, u32)) -> (u32, u32) {
        (self.ratio().ceil(image.0), self.ratio().ceil(image.1))
    }

    /// The pixels of the band that have a part of these pixels of the output, and the reach around
    /// them, looked for one by one.
    fn seen(self, output: &Range<u32>, size: u32) -> Range<u32> {
        let (numerator, denominator) = self.ratio;
        let has_part = |pixel: &u32| {
            pixel * numerator < output.end * denominator
                && (pixel + 1) * numerator > output.start * denominator
        };
        let first = (0..size).find(has_part).unwrap();
        let end = (first..size).take_while(has_part).last().unwrap() + 1;
        first.saturating_sub(self.reach)..size.min(end + self.reach)
    }
}

fn whole_or_part(size: u32, part: Option<(u32, u32)>) -> Range<u32> {
    let Some((start, length)) = part else {
        return 0..size;
    };
    let start = start % size;
    start..size.min(start + 1 + length)
}

fn grown(range: &Range<u32>, by: u32, size: u32) -> Range<u32> {
    range.start.saturating_sub(by)..size.min(range.end + by)
}

/// Runs all jobs on several threads. Returns what is wrong with the windows of any chunk, and the
/// chunks that were handed on.
fn run(
    image: (u32, u32),
    crop: Rect,
    margin: u32,
    cases: &[Case],
    threads: usize,
) -> (Vec<String>, Vec<Rect>) {
    let bands = cases.iter().map(|case| {
        let ratios = Ratios {
            x: case.ratio(),
            y: case.ratio(),
        };
        let size = case.size(image);
        (BandGrid { size, ratios }, case.reach)
    });
    let layout = Layout::new(image, crop, margin, bands);
    let grids = cases.iter().map(|case| {
        let (width, height) = case.size(image);
        TileGrid::regular(width, height, case.tile.0, case.tile.1)
    });
    let grids: Vec<_> = grids.collect();
    let chunks = Chunks::new(&layout, &grids.iter().collect::<Vec<_>>(), threads);
    let (wrong, seen) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    let check = |chunk: &Chunk| {
        let columns = grown(&chunk.rect.columns(), margin, image.0);
        let rows = grown(&chunk.rect.rows(), margin, image.1);
        let mut wrong = wrong.lock().unwrap();
        if chunk.window != Rect::of(columns.clone(), rows.clone()) {
            wrong.push(format!("{:?} around {:?}", chunk.window, chunk.rect));
        }
        for (index, (band, case)) in chunk.bands.iter().zip(cases).enumerate() {
            let size = case.size(image);
            let rect = Rect::of(case.seen(&columns, size.0), case.seen(&rows, size.1));
            if (band.rect, band.size) != (rect, size) {
                wrong.push(format!("{:?} instead of {rect:?}", band.rect));
            } else if band.samples != samples_of(rect, index) {
                wrong.push(format!("samples of band {index} in {rect:?}"));
            }
        }
        seen.lock().unwrap().push(chunk.rect);
    };
    let work = || {
        let mut windows = Vec::new();
        while let Some(job) = chunks.take() {
            let mut samples = samples_of(job.rect, job.band);
            for mut chunk in chunks.put(job, &mut samples).unwrap() {
                chunk.gather(&mut windows).unwrap();
                check(&chunk);
                chunks.handed_on(chunk, &mut windows);
            }
            chunks.done();
        }
    };
    thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    let (most, limit) = chunks.most_open();
    let mut wrong = wrong.into_inner().unwrap();
    if most > limit {
        wrong.push(format!("{most} of {limit} bytes are open"));
    }
    (wrong, seen.into_inner().unwrap())
}

fn cases() -> impl Strategy<Value = Vec<Case>> {
    let ratio = prop_oneof![
        4 => Just((1, 1)),
        3 => Just((2, 1)),
        2 => Just((6, 1)),
        1 => Just((3, 2)),
        1 => Just((7, 3)),
        1 => Just((1, 2)),
        1 => Just((2, 3)),
        1 => Just((100, 1)),
    ];
    let tile = prop_oneof![
        3 => (90_u32..1500, 90_u32..1500),
        1 => Just((1024, 1024)),
        1 => Just((512, 512)),
        // Strips, which are as wide as the band.
        1 => (3_u32..200).prop_map(|rows| (10_000, rows)),
    ];
    let case = (ratio, prop_oneof![2 => Just(0_u32), 2 => 1_u32..6], tile);
    let case = case.prop_map(|(ratio, reach, tile)| Case { ratio, reach, tile });
    prop::collection::vec(case, 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn windows_are_what_the_whole_bands_have_there(
        image in (1_u32..2800, 1_u32..2300),
        x in prop::option::of((0_u32..2800, 0_u32..1500)),
        y in prop::option::of((0_u32..2300, 0_u32..1500)),
        margin in prop_oneof![3 => Just(0_u32), 2 => 1_u32..4, 1 => 500..=CHUNK],
        cases in cases(),
        threads in 1_usize..=4,
    ) {
        let crop = Rect::of(whole_or_part(image.0, x), whole_or_part(image.1, y));
        let (wrong, mut seen) = run(image, crop, margin, &cases, threads);
        prop_assert!(wrong.is_empty(), "{wrong:?}");
        // Each chunk of the crop has come once.
        seen.sort_by_key(|chunk| (chunk.y, chunk.x));
        let starts = |range: Range<u32>| range.step_by(CHUNK as usize);
        let rows = starts(crop.rows());
        let expected = rows.flat_map(|y| starts(crop.columns()).map(move |x| (y, x)));
        let expected: Vec<_> = expected.collect();
        prop_assert_eq!(seen.iter().map(|chunk| (chunk.y, chunk.x)).collect::<Vec<_>>(), expected);
        prop_assert_eq!(seen.iter().map(|chunk| chunk.area()).sum::<u64>(), crop.area());
    }
}

#[test]
fn sentinel_2_needs_few_rows_of_the_coarse_bands_and_a_chunk_of_the_fine_ones() {
    let band = |size, ratio| BandGrid {
        size: (size, size),
        ratios: Ratios {
            x: Ratio::new(ratio, 1).unwrap(),
            y: Ratio::new(ratio, 1).unwrap(),
        },
    };
    let image = (10980, 10980);
    let bands = [
        (band(10980, 1), 0),
        (band(10980, 1), 0),
        (band(5490, 2), 3),
        (band(1830, 6), 1),
    ];
    let layout = Layout::new(image, Rect::whole(image), 0, bands);
    let grids = [(10980, 1024), (10980, 1024), (5490, 640), (1830, 192)];
    let grids = grids.map(|(size, tile)| TileGrid::regular(size, size, tile, tile));
    let chunks = Chunks::new(&layout, &grids.each_ref(), 2);
    let (_, limit) = chunks.most_open();
    let (fine, coarse, coarsest) = (1024 * 1024 * 2, 513 * 513 * 2, 172 * 172 * 2);
    let alone = 2 * fine + 4 * 11 * (coarse + coarsest);
    let threads = 2 * (2 * fine + coarse + coarsest);
    assert!(limit <= alone + threads, "{limit}");
}

/// Of each band the pixel in which that begins which is `margin` pixels to the right and below, and
/// then `reach` further in the band.
#[derive(Clone, Debug)]
struct Pick {
    resolution: Resolution,
    margin: u32,
    reach: u32,
}

impl Kernel for Pick {
    fn resolution(&self) -> Resolution {
        self.resolution.clone()
    }

    fn outputs(&self, inputs: &Inputs<'_>) -> Result<Outputs, KernelError> {
        Ok(Outputs {
            names: inputs.bands.iter().map(|band| band.name.clone()).collect(),
            nodata: Nodata::U16(0),
        })
    }

    fn margin(&self) -> u32 {
        self.margin
    }

    fn reach(&self, _: &Inputs<'_>, _: usize) -> u32 {
        self.reach
    }

    fn start(&self) -> Box<dyn ChunkKernel + '_> {
        Box::new(self.clone())
    }
}

impl ChunkKernel for Pick {
    fn apply(&mut self, window: &mut Window<'_>, outputs: &mut Planes) -> Result<(), KernelError> {
        let image = window.image;
        let planes = window.bands.iter().map(|band| {
            // The pixels of the band are a whole number of pixels of the output.
            let of_band = |at: u32, image: u32, size: u32| {
                let at = (at + self.margin).min(image - 1);
                (at / image.div_ceil(size) + self.reach).min(size - 1)
            };
            let picked = window.chunk.rows().flat_map(|y| {
                let y = of_band(y, image.1, band.size.1) - band.rect.y;
                window.chunk.columns().map(move |x| {
                    let x = of_band(x, image.0, band.size.0) - band.rect.x;
                    band.samples[(y * band.rect.width + x) as usize]
                })
            });
            picked.collect()
        });
        *outputs = Planes::U16(planes.collect());
        Ok(())
    }
}

fn finest() -> Resolution {
    Resolution::Finest { of: vec![] }
}

/// A band of 2 400 x 1 440 pixels of 10 m, or as many as cover the same, as a file in tiles.
fn scene(pixel: u32) -> Scene {
    let pixels = |length: u32| (length * 10).div_ceil(pixel) as usize;
    Scene {
        size: (pixels(2400), pixels(1440)),
        tile: 2000 / pixel,
        pixel: pixel.into(),
        ..Scene::default()
    }
}

fn band_of(name: &str, scene: &Scene, seed: u32) -> Band {
    band(name, jp2(scene, &samples(scene, seed)))
}

fn sentinel_2() -> Vec<Band> {
    vec![
        band_of("B11", &scene(20), 1),
        band_of("B04", &scene(10), 2),
        band_of("B01", &scene(60), 3),
    ]
}

fn fused(bands: &[Band], kernel: Pick, crop: Option<Rect>, threads: usize) -> Fused {
    let request = Request {
        kernel: Arc::new(kernel),
        crop,
        ..request(bands, threads)
    };
    let (body, cancel) = (Body::default(), Cancel::new());
    let prepared = prepare(request, &cancel).unwrap();
    let cog = prepared.run(&body, &|_| (), &cancel).unwrap();
    let body = body.0.into_inner().unwrap();
    let bytes = cog.head.iter().flatten().copied().chain(body).collect();
    Fused { cog, bytes }
}

#[test]
fn bands_of_several_grids_come_out_on_the_finest_one() {
    let (margin, reach) = (3, 2);
    let pick = Pick {
        resolution: finest(),
        margin,
        reach,
    };
    let bands = sentinel_2();
    let Fused { cog, bytes } = fused(&bands, pick.clone(), None, 1);
    assert_eq!((cog.width, cog.height), (2400, 1440));
    assert_eq!((cog.transform[1], cog.transform[5]), (10.0, -10.0));
    for (index, (ratio, seed)) in [(1, (2_usize, 1)), (2, (1, 2)), (3, (6, 3))] {
        let scene = scene(u32::try_from(ratio * 10).unwrap());
        let whole = samples(&scene, seed);
        let at = |at: usize, image: usize, size: usize| {
            let at = (at + margin as usize).min(image - 1);
            (at / ratio + reach as usize).min(size - 1)
        };
        let expected = (0..1440).flat_map(|y| {
            let row = at(y, 1440, scene.size.1) * scene.size.0;
            let (whole, size) = (&whole, scene.size.0);
            (0..2400).map(move |x| whole[row + at(x, 2400, size)])
        });
        let expected: Vec<_> = expected.collect();
        assert!(read_band(&bytes, index) == expected, "band {index}");
    }
    for threads in [2, 4] {
        assert!(fused(&bands, pick.clone(), None, threads).bytes == bytes);
    }
}

#[test]
fn a_crop_has_the_pixels_of_the_whole_in_their_place() {
    let pick = Pick {
        resolution: finest(),
        margin: 3,
        reach: 2,
    };
    let bands = sentinel_2();
    let whole = fused(&bands, pick.clone(), None, 2);
    let crop = Rect::of(1001..2203, 405..1440);
    let part = fused(&bands, pick, Some(crop), 2);
    assert_eq!((part.cog.width, part.cog.height), (1202, 1035));
    let expected = [509_990.0, 10.0, 0.0, 5_895_990.0, 0.0, -10.0];
    let expected = expected.map(f64::to_bits);
    assert_eq!(part.cog.transform.map(f64::to_bits), expected);
    reopened(&part.bytes, |dataset| {
        let transform = dataset.geo_transform().unwrap();
        assert_eq!(transform.map(f64::to_bits), expected);
        assert_eq!(
            dataset.spatial_ref().unwrap().authority().unwrap(),
            "EPSG:32629"
        );
    });
    for band in 1..=3 {
        let all = read_band(&whole.bytes, band);
        let rows = all.chunks_exact(2400).skip(405);
        let expected: Vec<_> = rows.flat_map(|row| row[1001..2203].to_vec()).collect();
        assert!(read_band(&part.bytes, band) == expected, "band {band}");
    }
}

#[test]
fn a_stack_of_a_crop_is_a_part_of_the_stack() {
    let bands = [
        band_of("B04", &scene(10), 1),
        band(
            "B03",
            encoded(&scene(10), &samples(&scene(10), 2), "COG", &[]),
        ),
    ];
    let crop = Rect::of(7..2000, 30..1300);
    let request = Request {
        crop: Some(crop),
        ..request(&bands, 2)
    };
    let (body, cancel) = (Body::default(), Cancel::new());
    let cog = prepare(request, &cancel).unwrap();
    let cog = cog.run(&body, &|_| (), &cancel).unwrap();
    let body = body.0.into_inner().unwrap();
    let bytes: Vec<u8> = cog.head.iter().flatten().copied().chain(body).collect();
    for (band, seed) in [(1, 1), (2, 2)] {
        let all = samples(&scene(10), seed);
        let rows = all.chunks_exact(2400).skip(30).take(1270);
        let expected: Vec<_> = rows.flat_map(|row| row[7..2000].to_vec()).collect();
        assert!(read_band(&bytes, band) == expected, "band {band}");
    }
}

#[test]
fn a_grid_may_be_coarser_and_reach_beyond_the_bands() {
    let pick = |resolution| Pick {
        resolution,
        margin: 0,
        reach: 0,
    };
    let bands = sentinel_2();
    let grid = |resolution| {
        let request = Request {
            kernel: Arc::new(pick(resolution)),
            ..request(&bands, 1)
        };
        prepare(request, &Cancel::new()).map(|prepared| prepared.grid().clone())
    };
    let of = |of: &[usize]| Resolution::Finest { of: of.to_vec() };
    for (resolution, pixel, size) in [
        (finest(), 10.0, (2400, 1440)),
        (of(&[0, 2]), 20.0, (1200, 720)),
        (of(&[2]), 60.0, (400, 240)),
        (Resolution::Metres(70.0), 70.0, (343, 206)),
        (Resolution::Metres(2.5), 2.5, (9600, 5760)),
    ] {
        let grid = grid(resolution).unwrap();
        assert_eq!(grid.size, size);
        let transform = [499_980.0, pixel, 0.0, 5_900_040.0, 0.0, -pixel];
        let bits = grid.transform.map(f64::to_bits);
        assert_eq!(bits, transform.map(f64::to_bits));
    }
    for resolution in [
        Resolution::Metres(0.0),
        Resolution::Metres(f64::NAN),
        Resolution::Metres(1e6),
        Resolution::Metres(std::f64::consts::PI),
        of(&[3]),
    ] {
        assert!(matches!(grid(resolution), Err(FuseError::Request { .. })));
    }
}

#[test]
fn bands_whose_grids_do_not_go_together_are_both_named() {
    let twenty = scene(20);
    let cases = [
        (
            Scene {
                code: Some(32630),
                ..twenty.clone()
            },
            "is in EPSG:32630 but band B04 (s3://b/k/B04.jp2) is in EPSG:32629: the bands of a \
             cell must agree in coordinate reference system",
        ),
        (
            Scene {
                origin: (499_990.0, 5_900_040.0),
                ..twenty.clone()
            },
            "has its origin at 499990,5900040 and pixels of 20x-20 but band B04 \
             (s3://b/k/B04.jp2) has its origin at 499980,5900040 and pixels of 10x-10: the bands \
             of a cell must agree in position",
        ),
        (
            Scene {
                pixel: 20.001_234_5,
                ..twenty.clone()
            },
            "has its origin at 499980,5900040 and pixels of 20.0012345x-20.0012345 but band B04 \
             (s3://b/k/B04.jp2) has its origin at 499980,5900040 and pixels of 10x-10: the bands \
             of a cell must agree in pixel size",
        ),
        (
            Scene {
                size: (1200, 700),
                ..twenty.clone()
            },
            "has 1200x700 pixels of 20x20 but band B04 (s3://b/k/B04.jp2) has 2400x1440 pixels of \
             10x10: the bands of a cell must agree in extent",
        ),
    ];
    let fine = band_of("B04", &scene(10), 1);
    for (other, expected) in cases {
        let tiff = encoded(&other, &samples(&other, 2), "GTiff", &[]);
        let request = Request {
            kernel: Arc::new(Pick {
                resolution: finest(),
                margin: 0,
                reach: 0,
            }),
            ..request(&[band("B11", tiff), fine.clone()], 1)
        };
        let error = prepare(request, &Cancel::new()).err().unwrap();
        assert_eq!(error.code(), "band_mismatch");
        let message = error.to_string();
        let expected = format!("band B11 (s3://b/k/B11.jp2) {expected};");
        assert!(message.starts_with(&expected), "{message}");
    }
}

#[test]
fn a_kernel_and_a_crop_may_come_when_the_grid_is_known() {
    let pick = |resolution| {
        Arc::new(Pick {
            resolution,
            margin: 1,
            reach: 1,
        })
    };
    let prepared = || {
        let request = Request {
            kernel: pick(finest()),
            ..request(&sentinel_2(), 2)
        };
        prepare(request, &Cancel::new()).unwrap()
    };
    let crop = Rect::of(100..400, 0..300);
    let whole = prepared();
    let needed = whole.memory_needed();
    let part = whole.with_kernel(pick(finest()), Some(crop)).unwrap();
    assert_eq!((part.width(), part.height()), (300, 300));
    assert!(part.memory_needed() < needed);
    let coarse = prepared().with_kernel(pick(Resolution::Metres(20.0)), None);
    let message = coarse.err().unwrap().to_string();
    assert!(message.contains("another grid"), "{message}");
    for wrong in [
        Rect::of(0..0, 0..10),
        Rect::of(0..2401, 0..10),
        Rect::of(2500..2600, 0..10),
    ] {
        let cropped = prepared().with_kernel(pick(finest()), Some(wrong));
        let message = cropped.err().unwrap().to_string();
        assert!(message.contains("2400x1440 pixels"), "{message}");
    }
}
