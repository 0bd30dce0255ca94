//! Computations by way of chunks: the outcome is that of the whole image in one piece.

use std::ops::Range;
use std::sync::Arc;

use proptest::prelude::*;

use super::scenes::*;
use crate::grid::Rect;
use crate::kernel::{
    Area, BandWindow, Computation, Compute, ComputedOutput, Downsample, InputBand, Inputs, Mask,
    MaskTest, Measure, Op, Program, Resolution, Source, Upsample, Window,
};
use crate::{Band, Cancel, Kernel, Nodata, Planes, Request, prepare};

/// All columns in which `x + y` is not a multiple of seven.
#[derive(Debug)]
struct Sieve {
    size: (u32, u32),
}

impl Area for Sieve {
    fn spans(&self, row: u32, out: &mut Vec<Range<u32>>) {
        let first = (7 - row % 7) % 7;
        out.extend((first..self.size.0).step_by(7).map(|x| x + 1..x + 7));
    }

    fn bounds(&self) -> Rect {
        Rect::whole(self.size)
    }
}

/// Pixels of the inputs: two bands of 10 m, one of 20 m, one of 60 m, and classes of 20 m.
const PIXELS: [u32; 5] = [10, 10, 20, 60, 20];
const CLASSES: usize = 4;

#[derive(Clone, Debug)]
struct Case {
    /// Of the tile, in pixels of 10 m.
    size: (u32, u32),
    resolution: Resolution,
    upsample: Upsample,
    downsample: Downsample,
    dilate: u32,
    median: Option<u32>,
    clips: bool,
}

impl Case {
    fn scene(&self, input: usize) -> Scene {
        let pixel = PIXELS[input];
        let pixels = |length: u32| (length * 10).div_ceil(pixel) as usize;
        Scene {
            size: (pixels(self.size.0), pixels(self.size.1)),
            pixel: pixel.into(),
            ..Scene::default()
        }
    }

    fn samples(&self, input: usize) -> Vec<u16> {
        let scene = self.scene(input);
        if input != CLASSES {
            return samples(&scene, u32::try_from(input).unwrap());
        }
        // Rectangles of one class each, larger than what the mask grows by.
        let class = |at: usize| {
            let (x, y) = (at % scene.size.0, at / scene.size.0);
            u16::try_from((x / 37 * 5 + y / 23 * 7) % 12).unwrap()
        };
        (0..scene.size.0 * scene.size.1).map(class).collect()
    }

    fn bands(&self) -> Vec<Band> {
        let tiled = [
            ("TILED", "YES"),
            ("BLOCKXSIZE", "208"),
            ("BLOCKYSIZE", "304"),
        ];
        let bands = (0..PIXELS.len()).map(|input| {
            let (scene, samples) = (self.scene(input), self.samples(input));
            let file = if input == CLASSES {
                let classes = samples.into_iter().map(|it| u8::try_from(it).unwrap());
                encoded(&scene, &classes.collect::<Vec<_>>(), "GTiff", &[])
            } else {
                encoded(&scene, &samples, "GTiff", &tiled)
            };
            band(&format!("B{input}"), file)
        });
        bands.collect()
    }

    fn kernel(&self, image: (u32, u32)) -> Arc<Compute> {
        let reflectance = Measure::Reflectance {
            scale: 0.0001,
            offset: -0.1,
            clamp: true,
        };
        let index = |a, b| {
            let (a, b) = (Op::Input(a), Op::Input(b));
            let ops = [a, b, Op::Subtract, a, b, Op::Add, Op::Divide];
            Source::Program(Program::new(ops).unwrap())
        };
        let output = |name: &str, source, scale| ComputedOutput {
            name: name.into(),
            source,
            scale,
            offset: 0.0,
        };
        let computation = Computation {
            measures: vec![
                reflectance,
                reflectance,
                reflectance,
                reflectance,
                Measure::Class,
            ],
            mask: Some(Mask {
                input: CLASSES,
                test: MaskTest::Values(vec![0, 3, 9]),
                dilate: self.dilate,
            }),
            resolution: self.resolution.clone(),
            upsample: self.upsample,
            downsample: self.downsample,
            outputs: vec![
                output("fine", index(0, 1), 0.0001),
                output("coarse", index(2, 3), 0.0001),
                output("number", Source::Input(3), 1.0),
            ],
            nodata: Nodata::I16(-32768),
            median: self.median,
            area: self
                .clips
                .then(|| Arc::new(Sieve { size: image }) as Arc<dyn Area>),
        };
        Arc::new(Compute::new(computation).unwrap())
    }

    /// The outputs of all pixels in one piece.
    fn in_one_piece(&self, inputs: &[InputBand], image: (u32, u32)) -> Vec<Vec<i16>> {
        let kernel = self.kernel(image);
        let of_kernel = Inputs {
            bands: inputs,
            image,
        };
        kernel.outputs(&of_kernel).unwrap();
        let mut bands: Vec<_> = inputs
            .iter()
            .enumerate()
            .map(|(index, input)| BandWindow {
                rect: Rect::whole(input.size),
                size: input.size,
                samples: self.samples(index),
            })
            .collect();
        let mut window = Window {
            chunk: Rect::whole(image),
            rect: Rect::whole(image),
            image,
            bands: &mut bands,
        };
        let mut outputs = Planes::new(kernel.computation().nodata.sample_type());
        kernel.start().apply(&mut window, &mut outputs).unwrap();
        match outputs {
            Planes::I16(planes) => planes,
            other => panic!("{other:?}"),
        }
    }
}

fn part(size: u32, (start, length): (u32, u32)) -> Range<u32> {
    let start = start % size;
    start..size.min(start + 1 + length)
}

fn cases() -> impl Strategy<Value = Case> {
    let resolution = prop_oneof![
        3 => Just(Resolution::Finest { of: vec![] }),
        1 => Just(Resolution::Finest { of: vec![2, 3] }),
        1 => Just(Resolution::Metres(30.0)),
        1 => Just(Resolution::Metres(80.0)),
        1 => Just(Resolution::Metres(15.0)),
        1 => Just(Resolution::Metres(5.0)),
    ];
    let upsample = prop_oneof![Just(Upsample::Nearest), Just(Upsample::Bilinear)];
    let downsample = prop_oneof![Just(Downsample::Average), Just(Downsample::Nearest)];
    let median = prop_oneof![Just(None), Just(Some(3)), Just(Some(7))];
    let size = (600_u32..1500, 900_u32..1300);
    let rest = (0_u32..4, median, any::<bool>());
    (size, resolution, upsample, downsample, rest).prop_map(
        |(size, resolution, upsample, downsample, (dilate, median, clips))| Case {
            size,
            resolution,
            upsample,
            downsample,
            dilate,
            median,
            clips,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn chunks_threads_and_crops_have_no_part_in_what_is_computed(
        case in cases(),
        x in (0_u32..2800, 200_u32..1500),
        y in (0_u32..2300, 200_u32..1500),
        threads in 1_usize..=4,
    ) {
        // Prepare for the grid, and then with what depends on it.
        let bands = case.bands();
        let request = Request {
            kernel: case.kernel((1, 1)),
            ..request(&bands, threads)
        };
        let (body, cancel) = (Body::default(), Cancel::new());
        let prepared = prepare(request, &cancel).unwrap();
        let image = prepared.grid().size;
        let expected = case.in_one_piece(prepared.inputs(), image);
        let crop = Rect::of(part(image.0, x), part(image.1, y));
        let prepared = prepared.with_kernel(case.kernel(image), Some(crop)).unwrap();

        // The crop by way of chunks is the part of the whole.
        let cog = prepared.run(&body, &|_| (), &cancel).unwrap();
        let body = body.0.into_inner().unwrap();
        let file: Vec<u8> = cog.head.iter().flatten().copied().chain(body).collect();
        for (index, expected) in expected.iter().enumerate() {
            let rows = expected.chunks_exact(image.0 as usize).skip(crop.y as usize);
            let columns = crop.x as usize..(crop.x + crop.width) as usize;
            let rows = rows.take(crop.height as usize);
            let expected: Vec<_> = rows.flat_map(|row| row[columns.clone()].to_vec()).collect();
            let read = reopened(&file, |dataset| {
                let raster = dataset.rasterband(index + 1).unwrap();
                raster.read_band_as::<i16>().unwrap().data().to_vec()
            });
            let wrong = read.iter().zip(&expected).position(|(one, other)| one != other);
            prop_assert_eq!(wrong, None, "output {} of {:?} in {:?}", index, image, crop);
            prop_assert!(read.iter().any(|&value| value != -32768) || crop.area() < 100_000);
        }
    }
}
