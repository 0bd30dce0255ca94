//! Time per pixel of whole chunks: `cargo nextest run --workspace --run-ignored only -E
//! 'test(kernel::compute::tests::speed)' --no-capture`.

use std::time::Instant;

use super::chunks::difference;
use super::image::Band;
use crate::grid::Rect;
use crate::kernel::compute::{
    Computation, Compute, ComputedOutput, Downsample, Mask, MaskTest, Measure, Op, Program, Source,
    Upsample,
};
use crate::kernel::inputs::{BandWindow, Inputs, Resolution, Window};
use crate::kernel::kernel::Kernel;
use crate::sample::{Nodata, Planes};

const SIDE: u32 = 1024;

fn computation(source: Source, inputs: usize) -> Computation {
    let reflectance = Measure::Reflectance {
        scale: 0.0001,
        offset: -0.1,
        clamp: true,
    };
    let mut measures = vec![reflectance; inputs];
    measures.push(Measure::Class);
    Computation {
        measures,
        mask: Some(Mask {
            input: inputs,
            test: MaskTest::Values(vec![0, 1, 3, 8, 9, 10]),
            dilate: 2,
        }),
        resolution: Resolution::Finest { of: vec![0] },
        upsample: Upsample::Bilinear,
        downsample: Downsample::Average,
        outputs: vec![ComputedOutput {
            name: "index".into(),
            source,
            scale: 0.0001,
            offset: 0.0,
        }],
        nodata: Nodata::I16(-32768),
        median: None,
        area: None,
    }
}

/// 2.5 (N - R) / (N + 6 R - 7.5 B + 1)
fn evi() -> Source {
    let (n, r, b) = (Op::Input(0), Op::Input(1), Op::Input(2));
    let ops = [
        Op::Number(2.5),
        n,
        r,
        Op::Subtract,
        Op::Multiply,
        n,
        Op::Number(6.0),
        r,
        Op::Multiply,
        Op::Add,
        Op::Number(7.5),
        b,
        Op::Multiply,
        Op::Subtract,
        Op::Number(1.0),
        Op::Add,
        Op::Divide,
    ];
    Source::Program(Program::new(ops).unwrap())
}

fn nanoseconds(computation: Computation, ratios: &[(u32, u32)]) -> f64 {
    let bands: Vec<_> = ratios
        .iter()
        .zip(0..)
        .map(|(&ratio, seed)| {
            let side = SIDE * 3 * ratio.1 / ratio.0;
            Band::new(ratio, (side, side), |x, y| {
                // Clouds are compact.
                if seed + 1 == u32::try_from(ratios.len()).unwrap() {
                    u16::from((x / 40 + y / 40) % 9 == 0) * 4 + 4
                } else {
                    u16::try_from(1000 + (x * 7 + y * 13 + seed * 5) % 4000).unwrap()
                }
            })
        })
        .collect();
    let inputs: Vec<_> = bands.iter().map(|band| band.input.clone()).collect();
    let inputs = Inputs {
        bands: &inputs,
        image: (3 * SIDE, 3 * SIDE),
    };
    let compute = Compute::new(computation).unwrap();
    let outputs = compute.outputs(&inputs).unwrap();
    let chunk = Rect {
        x: SIDE,
        y: SIDE,
        width: SIDE,
        height: SIDE,
    };
    let margin = compute.margin();
    let rect = Rect {
        x: SIDE - margin,
        y: SIDE - margin,
        width: SIDE + 2 * margin,
        height: SIDE + 2 * margin,
    };
    let windows = bands.iter().enumerate().map(|(index, band)| {
        let rect = band.input.window(rect, compute.reach(&inputs, index));
        let rows = rect.rows();
        let samples = rows.flat_map(|y| rect.columns().map(move |x| band.sample(x, y)));
        BandWindow {
            rect,
            size: band.input.size,
            samples: samples.collect(),
        }
    });
    let windows: Vec<_> = windows.collect();
    let mut kernel = compute.start();
    let mut planes = Planes::new(outputs.nodata.sample_type());
    let mut best = f64::INFINITY;
    for _ in 0..40 {
        let mut bands = windows.clone();
        let mut window = Window {
            chunk,
            rect,
            image: inputs.image,
            bands: &mut bands,
        };
        let start = Instant::now();
        kernel.apply(&mut window, &mut planes).unwrap();
        best = best.min(start.elapsed().as_secs_f64());
    }
    best * 1e9 / f64::from(SIDE * SIDE)
}

#[test]
#[ignore = "it measures"]
fn nanoseconds_per_pixel() {
    let ndvi = || computation(difference(0, 1), 2);
    let with = |change: fn(&mut Computation)| {
        let mut computation = ndvi();
        change(&mut computation);
        computation
    };
    let ten = [(1, 1), (1, 1), (2, 1)];
    let plain = with(|computation| computation.mask = None);
    println!("ndvi: {:.2}", nanoseconds(plain, &ten));
    println!("ndvi, masked: {:.2}", nanoseconds(ndvi(), &ten));
    let evi = computation(evi(), 3);
    println!(
        "evi, masked: {:.2}",
        nanoseconds(evi, &[(1, 1), (1, 1), (1, 1), (2, 1)])
    );
    let mixed = [(1, 1), (2, 1), (2, 1)];
    println!(
        "10 m and 20 m, bilinear: {:.2}",
        nanoseconds(ndvi(), &mixed)
    );
    let nearest = with(|computation| computation.upsample = Upsample::Nearest);
    println!(
        "10 m and 20 m, nearest: {:.2}",
        nanoseconds(nearest, &mixed)
    );
    println!(
        "to 20 m: {:.2}",
        nanoseconds(ndvi(), &[(1, 2), (1, 2), (1, 1)])
    );
    println!(
        "to 60 m: {:.2}",
        nanoseconds(ndvi(), &[(1, 6), (1, 6), (1, 3)])
    );
    let median = with(|computation| computation.median = Some(3));
    println!("median 3: {:.2}", nanoseconds(median, &ten));
    let median = with(|computation| computation.median = Some(5));
    println!("median 5: {:.2}", nanoseconds(median, &ten));
}
