//! Time of what follows decoding, per sample: statistics and overviews (with compression "none"),
//! and the compressors.
//!
//! `cargo bench --workspace --features tilefleet-fuse/bench --bench cog`

#![allow(missing_docs, reason = "a benchmark")]

use std::io;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use tilefleet_fuse::cog::{CHUNK, ChunkScratch, CogWriter, Shape};
use tilefleet_fuse::{Compression, Nodata, Output, Overviews};

/// Takes everything and keeps nothing.
struct Nowhere;

impl Output for Nowhere {
    fn body(&self, _: Bytes) -> io::Result<()> {
        Ok(())
    }
}

/// Three bands of a slope under noise, about as hard to compress as a scene.
fn chunk() -> Vec<Vec<u16>> {
    let mut state = 1_u32;
    let mut noise = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) & 0x7f
    };
    let mut band = |offset: u32| {
        let slope = (0..CHUNK * CHUNK).map(|at| offset + at / CHUNK + at % CHUNK);
        slope
            .map(|value| u16::try_from(value + noise()).unwrap_or(0))
            .collect()
    };
    [900, 1000, 1200].map(&mut band).into()
}

fn chunks(criterion: &mut Criterion) {
    let planes = chunk();
    let shape = Shape {
        width: CHUNK,
        height: CHUNK,
        bands: 3,
        nodata: Nodata::U16(0),
    };
    let mut group = criterion.benchmark_group("chunk of 1024 x 1024 x 3");
    group.throughput(Throughput::Elements(
        planes.iter().map(Vec::len).sum::<usize>() as u64,
    ));
    for name in ["none", "deflate:1", "deflate:6", "zstd:1"] {
        let Ok(compression) = name.parse::<Compression>() else {
            continue;
        };
        let mut scratch = ChunkScratch::new();
        group.bench_function(name, |bencher| {
            let encode = |mut planes: Vec<Vec<u16>>| {
                CogWriter::new(shape, Overviews::Average, compression, &Nowhere)
                    .is_some_and(|it| it.chunk(0, 0, &mut planes, &mut scratch).is_ok())
            };
            bencher.iter_batched(|| planes.clone(), encode, BatchSize::LargeInput);
        });
    }
    group.finish();
}

criterion_group!(benches, chunks);
criterion_main!(benches);
