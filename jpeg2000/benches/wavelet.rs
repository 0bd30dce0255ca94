//! The time of the inverse 5/3 wavelet transformation of one resolution level, per sample.
//!
//! `cargo bench -p tilefleet-jpeg2000 --features bench --bench wavelet`

#![allow(
    dead_code,
    missing_docs,
    unused_imports,
    unreachable_pub,
    reason = "modules of the library as they are"
)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

#[path = "../src/error.rs"]
mod error;
#[path = "../src/rect.rs"]
mod rect;
#[path = "../src/wavelet/mod.rs"]
mod wavelet;

use rect::Rect;
use wavelet::{InverseTransform, Subbands};

fn levels(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wavelet");
    for side in [1024_u32, 740, 192] {
        let samples = u64::from(side) * u64::from(side);
        group.throughput(Throughput::Elements(samples));
        let quarter = (side / 2 * (side / 2)) as usize;
        let band: Vec<i32> = (0..quarter)
            .map(|at| i32::try_from(at * 31 % 4001).unwrap_or(0) - 2000)
            .collect();
        let subbands = Subbands {
            ll: Some(&band),
            hl: Some(&band),
            lh: Some(&band),
            hh: Some(&band),
        };
        let rect = Rect {
            x0: 0,
            y0: 0,
            x1: side,
            y1: side,
        };
        let mut transform = InverseTransform::default();
        group.bench_function(format!("{side} x {side}"), |bencher| {
            bencher.iter(|| {
                let mut sum = 0_i64;
                let done = transform.run(rect, subbands, |row| {
                    sum += i64::from(*row.first.first().unwrap_or(&0));
                    Ok(())
                });
                (sum, done.is_ok())
            });
        });
    }
    group.finish();
}

criterion_group!(benches, levels);
criterion_main!(benches);
