//! Fuzzes the whole way to the samples, and the check of tiles for another decoder.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use tilefleet_jpeg2000::{Image, TileDecoder, Tiles};

/// Samples of the largest image to decode, so that each run is fast.
const LIMIT: u64 = 1 << 16;

fuzz_target!(|data: &[u8]| {
    let file = Bytes::copy_from_slice(data);
    let Ok(image) = Image::read(&file) else {
        return;
    };
    if u64::from(image.width()) * u64::from(image.height()) > LIMIT {
        return;
    }
    let mut decoder = TileDecoder::new();
    let mut tiles = Tiles::new(&image);
    while let Ok(Some(tile)) = tiles.next(&file) {
        let (_, _, width, height) = image.tile_rect(tile.index);
        let parts: Vec<_> = tile
            .parts
            .iter()
            .map(|part| {
                (
                    part.start,
                    file.slice(part.start as usize..part.end as usize),
                )
            })
            .collect();
        let mut out = vec![0; width as usize * height as usize];
        let _ = image.check_tile(tile.index, &parts, &|| false);
        let _ = decoder.decode(
            &image,
            tile.index,
            &parts,
            &mut out,
            width as usize,
            &|| false,
        );
    }
});
