//! Time of the kernel that computes, per pixel of the output: masks, resampling, indices, filters.
//!
//! `cargo bench --workspace --features tilefleet-fuse/bench --bench compute`

#![allow(missing_docs, reason = "a benchmark")]

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use tilefleet_fuse::cog::CHUNK;
use tilefleet_fuse::kernel::{
    BandWindow, Computation, Compute, ComputedOutput, Downsample, InputBand, Inputs, Mask,
    MaskTest, Measure, Op, Program, Ratio, Ratios, Source, Upsample, Window,
};
use tilefleet_fuse::{Kernel, Nodata, Planes, Rect, Resolution, SampleType};

/// Pixels of the output for one of a band: 1/1, 2/1 …
type Fraction = (u32, u32);

/// (N - R) / (N + R)
const NDVI: [Op; 7] = [
    Op::Input(0),
    Op::Input(1),
    Op::Subtract,
    Op::Input(0),
    Op::Input(1),
    Op::Add,
    Op::Divide,
];

/// 2.5 (N - R) / (N + 6 R - 7.5 B + 1)
const EVI: [Op; 17] = [
    Op::Number(2.5),
    Op::Input(0),
    Op::Input(1),
    Op::Subtract,
    Op::Multiply,
    Op::Input(0),
    Op::Number(6.0),
    Op::Input(1),
    Op::Multiply,
    Op::Add,
    Op::Number(7.5),
    Op::Input(2),
    Op::Multiply,
    Op::Subtract,
    Op::Number(1.0),
    Op::Add,
    Op::Divide,
];

/// An index of the first inputs, with the last one as its mask.
fn computation(ops: &[Op], inputs: usize) -> Option<Computation> {
    let reflectance = Measure::Reflectance {
        scale: 0.0001,
        offset: -0.1,
        clamp: true,
    };
    let mut measures = vec![reflectance; inputs];
    measures.push(Measure::Class);
    let program = Program::new(ops.iter().copied()).ok()?;
    Some(Computation {
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
            source: Source::Program(program),
            scale: 0.0001,
            offset: 0.0,
        }],
        nodata: Nodata::I16(-32768),
        median: None,
        area: None,
    })
}

fn inputs(fractions: &[Fraction]) -> Option<Vec<InputBand>> {
    let bands = fractions.iter().map(|&(numerator, denominator)| {
        let ratio = Ratio::new(numerator, denominator)?;
        let size = 3 * CHUNK * denominator / numerator;
        Some(InputBand {
            name: "B01".into(),
            sample_type: SampleType::U16,
            size: (size, size),
            ratios: Ratios { x: ratio, y: ratio },
        })
    });
    bands.collect()
}

/// Slopes; the last band has clouds, which are compact.
fn sample(band: usize, is_mask: bool, x: u32, y: u32) -> u16 {
    let value = if is_mask {
        4 + 4 * u32::from((x / 40 + y / 40).is_multiple_of(9))
    } else {
        1000 + (x * 7 + y * 13 + u32::from(band > 0) * 100) % 4000
    };
    u16::try_from(value).unwrap_or_default()
}

/// Measures the chunk in the middle of nine.
fn chunk(criterion: &mut Criterion, name: &str, computation: Option<Computation>, of: &[Fraction]) {
    let (Some(computation), Some(bands)) = (computation, inputs(of)) else {
        return;
    };
    let inputs = Inputs {
        bands: &bands,
        image: (3 * CHUNK, 3 * CHUNK),
    };
    let Ok(compute) = Compute::new(computation) else {
        return;
    };
    let Ok(outputs) = compute.outputs(&inputs) else {
        return;
    };
    let square = |margin: u32| Rect {
        x: CHUNK - margin,
        y: CHUNK - margin,
        width: CHUNK + 2 * margin,
        height: CHUNK + 2 * margin,
    };
    let rect = square(compute.margin());
    let windows = bands.iter().enumerate().map(|(index, band)| {
        let rect = band.window(rect, compute.reach(&inputs, index));
        let is_mask = index + 1 == bands.len();
        let rows = rect.rows();
        let samples = rows.flat_map(|y| rect.columns().map(move |x| sample(index, is_mask, x, y)));
        BandWindow {
            rect,
            size: band.size,
            samples: samples.collect(),
        }
    });
    let windows: Vec<_> = windows.collect();
    let mut kernel = compute.start();
    let mut planes = Planes::new(outputs.nodata.sample_type());
    let mut group = criterion.benchmark_group("chunk of 1024 x 1024");
    group.throughput(Throughput::Elements(square(0).area()));
    group.bench_function(name, |bencher| {
        let compute = |mut bands: Vec<BandWindow>| {
            let mut window = Window {
                chunk: square(0),
                rect,
                image: inputs.image,
                bands: &mut bands,
            };
            kernel.apply(&mut window, &mut planes).is_ok()
        };
        bencher.iter_batched(|| windows.clone(), compute, BatchSize::LargeInput);
    });
    group.finish();
}

fn chunks(criterion: &mut Criterion) {
    let (ten, twenty) = ((1, 1), (2, 1));
    let ndvi = || computation(&NDVI, 2);
    let filtered = |side| {
        ndvi().map(|computation| Computation {
            median: Some(side),
            ..computation
        })
    };
    chunk(criterion, "ndvi, masked", ndvi(), &[ten, ten, twenty]);
    let evi = computation(&EVI, 3);
    chunk(criterion, "evi, masked", evi, &[ten, ten, ten, twenty]);
    chunk(criterion, "20 m on 10 m", ndvi(), &[ten, twenty, twenty]);
    chunk(criterion, "10 m to 20 m", ndvi(), &[(1, 2), (1, 2), ten]);
    chunk(criterion, "median 3", filtered(3), &[ten, ten, twenty]);
    chunk(criterion, "median 5", filtered(5), &[ten, ten, twenty]);
}

criterion_group!(benches, chunks);
criterion_main!(benches);
