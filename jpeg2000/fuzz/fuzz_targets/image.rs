//! Fuzzes the boxes, the main header and the search for tile-parts.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use tilefleet_jpeg2000::{Image, Tiles};

fuzz_target!(|data: &[u8]| {
    let file = Bytes::copy_from_slice(data);
    let Ok(image) = Image::read(&file) else {
        return;
    };
    let _ = image.trailing_boxes(&file);
    let mut tiles = Tiles::new(&image);
    while let Ok(Some(tile)) = tiles.next(&file) {
        assert!(
            tile.parts
                .iter()
                .all(|part| part.start < part.end && part.end <= data.len() as u64)
        );
    }
});
