//! The time to decode code blocks like those of Sentinel-2, per coefficient.
//!
//! `cargo bench -p tilefleet-jpeg2000 --features bench`

#![allow(
    dead_code,
    missing_docs,
    unused_imports,
    unreachable_pub,
    reason = "a module of the library as it is"
)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

#[path = "../src/tier1/mod.rs"]
mod tier1;

use tier1::reference::{bit_planes, encode};
use tier1::{BlockDecoder, CodedBlock, Subband, pass_count};

const SIDE: usize = 64;

/// 64x64 coefficients of about `bits` bits each, larger towards one corner, as at a coast.
fn coefficients(bits: u32, seed: u32) -> Vec<i32> {
    let mut state = seed;
    let mut random = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        i32::from((state >> 24) as u8) - 128
    };
    let place = |at: usize| i32::try_from(SIDE / 2 + at / SIDE + at % SIDE).unwrap_or(0);
    (0..SIDE * SIDE)
        .map(|at| ((0..4).map(|_| random()).sum::<i32>() * place(at)) >> (14 - bits))
        .collect()
}

fn blocks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tier1");
    group.throughput(Throughput::Elements((SIDE * SIDE) as u64));
    for bits in [2, 5, 7, 9] {
        // Encode a block of each kind of subband.
        let coded: Vec<_> = [
            (Subband::Hl, 1),
            (Subband::Lh, 2),
            (Subband::Hh, 3),
            (Subband::Ll, 4),
        ]
        .map(|(subband, seed)| {
            let values = coefficients(bits, seed);
            let planes = bit_planes(&values);
            (
                subband,
                planes,
                encode((SIDE, SIDE), subband, &values, planes, pass_count(planes)),
            )
        })
        .into();
        let bytes: usize = coded.iter().map(|(.., segment)| segment.len()).sum();
        #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
        let rate = bytes as f64 * 8.0 / (SIDE * SIDE * coded.len()) as f64;
        // Decode them in turn, with each kernel.
        for (name, mut decoder) in [
            ("best", BlockDecoder::new()),
            ("portable", BlockDecoder::portable()),
        ] {
            let mut out = vec![0; SIDE * SIDE];
            let mut turn = coded.iter().cycle();
            group.bench_function(
                format!("{name}, {rate:.1} bits per coefficient"),
                |bencher| {
                    bencher.iter(|| {
                        let Some((subband, bit_planes, segment)) = turn.next() else {
                            return Ok(());
                        };
                        let block = CodedBlock {
                            width: SIDE,
                            height: SIDE,
                            subband: *subband,
                            pieces: &[segment],
                            passes: pass_count(*bit_planes),
                            bit_planes: *bit_planes,
                        };
                        decoder.decode(&block, &mut out, SIDE)
                    });
                },
            );
        }
    }
    group.finish();
}

criterion_group!(benches, blocks);
criterion_main!(benches);
