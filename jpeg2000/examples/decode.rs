//! Decodes a JP2 file with one or several threads, and says what it decoded and how long it took.
//!
//! `cargo run --release -p tilefleet-jpeg2000 --example decode -- FILE.jp2 [THREADS [OUT]]`
//!
//! With `OUT` it writes the samples, row by row: as a grey image if the name ends in `.pgm`,
//! otherwise as raw `u16` in the byte order of the machine.

#![expect(
    clippy::print_stdout,
    reason = "an example says what it did on standard output"
)]

use std::ops::Range;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail};
use bytes::Bytes;
use tilefleet_jpeg2000::{Image, Tile, TileDecoder, Tiles};

/// The box that every JP2 file begins with (ISO/IEC 15444-1 I.5.1).
const SIGNATURE: &[u8] = b"\0\0\0\x0cjP  \r\n\x87\n";

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments
        .next()
        .context("no file given; usage: decode FILE.jp2 [THREADS [OUT]]")?;
    let threads = arguments
        .next()
        .map_or(Ok(1), |threads| threads.parse::<usize>())
        .context("THREADS is not a number")?
        .max(1);
    let target = arguments.next();
    let file = Bytes::from(std::fs::read(&path).with_context(|| format!("cannot read {path}"))?);

    if !file.starts_with(SIGNATURE) {
        bail!("{path} is not a JP2 file: it does not begin with a signature box");
    }

    // Read the headers, and find the tiles.
    let begun = Instant::now();
    let image = Image::read(&file).with_context(|| format!("cannot decode {path}"))?;
    if let Some(reason) = image.outside_profile() {
        bail!("{path} is outside the decoder's profile: it has {reason}");
    }
    let mut tiles = Vec::new();
    let mut finder = Tiles::new(&image);
    while let Some(tile) = finder.next(&file)? {
        tiles.push(tile);
    }
    println!(
        "{path}: {} x {} samples of {} bits in {} tiles",
        image.width(),
        image.height(),
        image.bits(),
        tiles.len()
    );

    // Decode them, each thread the next one.
    let next = AtomicUsize::new(0);
    let size = image.width() as usize * image.height() as usize;
    let samples = Mutex::new(vec![0_u16; size]);
    let work = || decode_tiles(&image, &file, &tiles, &next, &samples);
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        running
            .into_iter()
            .try_for_each(|thread| thread.join().map_err(|_| anyhow!("a thread panicked"))?)
    })?;
    println!(
        "decoded with {threads} thread(s) in {:.3} s",
        begun.elapsed().as_secs_f64()
    );

    if let Some(target) = target {
        let samples = samples
            .into_inner()
            .map_err(|_| anyhow!("a thread panicked"))?;
        write(&target, &image, &samples).with_context(|| format!("cannot write {target}"))?;
        println!("wrote {target}");
    }
    Ok(())
}

/// Decodes the next tile until none is left, and copies each into the samples of the image.
fn decode_tiles(
    image: &Image,
    file: &Bytes,
    tiles: &[Tile],
    next: &AtomicUsize,
    samples: &Mutex<Vec<u16>>,
) -> Result<()> {
    let mut decoder = TileDecoder::new();
    let mut rows = Vec::new();
    while let Some(tile) = tiles.get(next.fetch_add(1, Ordering::Relaxed)) {
        let (x, y, width, height) = image.tile_rect(tile.index);
        let (x, y, width, height) = (x as usize, y as usize, width as usize, height as usize);
        let bytes = |part: &Range<u64>| -> Result<(u64, Bytes)> {
            let range = usize::try_from(part.start)?..usize::try_from(part.end)?;
            Ok((part.start, file.slice(range)))
        };
        let parts = tile.parts.iter().map(bytes).collect::<Result<Vec<_>>>()?;
        rows.resize(width * height, 0);
        decoder.decode(image, tile.index, &parts, &mut rows, width, &|| false)?;
        let mut samples = samples
            .lock()
            .map_err(|_| anyhow!("another thread panicked"))?;
        for (row, from) in rows.chunks_exact(width).enumerate() {
            let start = (y + row) * image.width() as usize + x;
            samples[start..start + width].copy_from_slice(from);
        }
    }
    Ok(())
}

/// Writes a PGM file, or raw samples.
fn write(target: &str, image: &Image, samples: &[u16]) -> std::io::Result<()> {
    let bytes = if Path::new(target).extension() == Some("pgm".as_ref()) {
        let largest = (1_u32 << image.bits()) - 1;
        let header = format!("P5\n{} {}\n{largest}\n", image.width(), image.height());
        let mut bytes = header.into_bytes();
        // Samples of up to 8 bits take one byte, others two, the higher one first.
        let skipped = usize::from(largest < 256);
        let low_bytes = |sample: &u16| sample.to_be_bytes().into_iter().skip(skipped);
        bytes.extend(samples.iter().flat_map(low_bytes));
        bytes
    } else {
        let samples = samples.iter().flat_map(|sample| sample.to_ne_bytes());
        samples.collect()
    };
    std::fs::write(target, bytes)
}
