//! Decodes a JP2 file with several threads and writes its samples as raw native-endian `u16`, to
//! take the time.
//!
//! `decode FILE.jp2 [THREADS [OUT.raw]]`

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use bytes::Bytes;
use tilefleet_jpeg2000::{Image, TileDecoder, Tiles};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().context("name a JP2 file")?;
    let threads = arguments
        .next()
        .map_or(Ok(1), |threads| threads.parse::<usize>())?;
    let target = arguments.next();

    let file = Bytes::from(std::fs::read(&path).with_context(|| path.clone())?);
    let begun = Instant::now();
    let image = Image::read(&file)?;
    if let Some(reason) = image.outside_profile() {
        anyhow::bail!("{path} is outside the profile: it has {reason}");
    }
    let mut tiles = Vec::new();
    let mut finder = Tiles::new(&image);
    while let Some(tile) = finder.next(&file)? {
        tiles.push(tile);
    }
    let next = AtomicUsize::new(0);
    let samples = Mutex::new(vec![
        0_u16;
        image.width() as usize * image.height() as usize
    ]);
    let work = || -> Result<()> {
        let mut decoder = TileDecoder::new();
        let mut rows = Vec::new();
        while let Some(tile) = tiles.get(next.fetch_add(1, Ordering::Relaxed)) {
            let (x, y, width, height) = image.tile_rect(tile.index);
            let (x, y, width, height) = (x as usize, y as usize, width as usize, height as usize);
            let mut parts = Vec::new();
            for part in &tile.parts {
                let range = usize::try_from(part.start)?..usize::try_from(part.end)?;
                parts.push((part.start, file.slice(range)));
            }
            rows.resize(width * height, 0);
            decoder.decode(&image, tile.index, &parts, &mut rows, width, &|| false)?;
            let mut samples = samples
                .lock()
                .map_err(|_| anyhow!("another thread panicked"))?;
            for (row, from) in rows.chunks_exact(width).enumerate() {
                let start = (y + row) * image.width() as usize + x;
                samples[start..start + width].copy_from_slice(from);
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        running
            .into_iter()
            .try_for_each(|thread| thread.join().map_err(|_| anyhow!("a thread panicked"))?)
    })?;
    #[expect(clippy::print_stdout, reason = "the seconds are what it is run for")]
    {
        println!("{:.3} s", begun.elapsed().as_secs_f64());
    }
    if let Some(target) = target {
        let samples = samples
            .into_inner()
            .map_err(|_| anyhow!("a thread panicked"))?;
        std::fs::write(
            target,
            samples
                .iter()
                .flat_map(|sample| sample.to_ne_bytes())
                .collect::<Vec<_>>(),
        )?;
    }
    Ok(())
}
