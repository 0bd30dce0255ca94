//! Damaged files are an error. No file makes the decoder panic or run for ever.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod common;

use bytes::Bytes;
use common::{Content, DAMAGED_LIMIT, decoded, decoded_within, encode, raster};
use proptest::prelude::*;
use tilefleet_jpeg2000::{Error, Image, TileDecoder, Tiles};

/// A file with everything that can be damaged: several tiles, nodata, packet and tile-part lengths.
fn file(lists: bool) -> Bytes {
    let lists = if lists { "YES" } else { "NO" };
    let options = [
        "BLOCKXSIZE=64",
        "BLOCKYSIZE=64",
        "CODEBLOCK_WIDTH=16",
        "CODEBLOCK_HEIGHT=16",
        "PRECINCTS={32,32},{32,32},{32,32}",
        "RESOLUTIONS=3",
        "QUALITY=100",
        "TILEPARTS=RESOLUTIONS",
        "PROGRESSION=RPCL",
    ];
    let options: Vec<_> = options.iter().map(|&option| option.to_owned()).collect();
    let options = [
        &options[..],
        &[format!("PLT={lists}"), format!("TLM={lists}")],
    ]
    .concat();
    encode(&raster(Content::Edge, 100, 90, 15, 5), 15, &options).expect("GDAL writes it")
}

/// Positions of the bytes after the tile-part headers.
fn packet_data(file: &Bytes) -> Vec<usize> {
    let image = Image::read(file).expect("the file is whole");
    let mut tiles = Tiles::new(&image);
    let mut places = Vec::new();
    while let Some(tile) = tiles.next(file).expect("the file is whole") {
        for (start, part) in common::parts(file, &tile.parts) {
            let data = part
                .windows(2)
                .position(|pair| pair == [0xff, 0x93])
                .expect("there is an SOD")
                + 2;
            let start = usize::try_from(start).expect("the file is in memory");
            places.extend(start + data..start + part.len());
        }
    }
    places
}

#[test]
fn a_file_cut_at_any_byte_is_an_error() {
    for lists in [false, true] {
        let whole = file(lists);
        // The caller checks the signature box.
        for length in (12..whole.len())
            .step_by(7)
            .chain(whole.len() - 40..whole.len())
        {
            let error =
                decoded_within(DAMAGED_LIMIT, &whole.slice(..length)).expect_err("the file is cut");
            let Error::Flaw(flaw) = error else {
                panic!("{error}")
            };
            assert!(flaw.offset <= length as u64, "cut to {length}: {flaw}");
        }
    }
}

#[test]
fn most_flipped_bits_in_packets_are_noticed() {
    for (lists, expected) in [(false, 60), (true, 60)] {
        let whole = file(lists);
        let (intact, _) = decoded(&whole).expect("the file is whole");
        let (mut flips, mut caught, mut harmless) = (0, 0, 0);
        for place in packet_data(&whole).into_iter().step_by(5) {
            let mut bytes = whole.to_vec();
            bytes[place] ^= 1 << (place % 8);
            flips += 1;
            match decoded_within(DAMAGED_LIMIT, &bytes.into()) {
                Err(_) => caught += 1,
                Ok((samples, _)) if samples == intact => harmless += 1,
                Ok(_) => {}
            }
        }
        println!(
            "{caught} of {flips} flipped bits are caught, {harmless} change nothing (lists: {lists})"
        );
        assert!(caught * 100 >= flips * expected, "{caught} of {flips}");
    }
}

proptest! {
    #![proptest_config(common::cases(200))]

    #[test]
    fn changed_bytes_never_panic(
        lists in any::<bool>(),
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
        headers_only in any::<bool>(),
        cut in proptest::option::of(any::<proptest::sample::Index>()),
    ) {
        let mut bytes = file(lists).to_vec();
        for (place, value) in changes {
            let reach = if headers_only { 400 } else { bytes.len() };
            bytes[place.index(reach)] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let _ = decoded_within(DAMAGED_LIMIT, &bytes.into());
    }
}

#[test]
fn an_absurd_image_in_a_small_file_fails_without_its_memory() {
    let whole = file(false);
    let siz = whole
        .windows(2)
        .position(|pair| pair == [0xff, 0x51])
        .expect("there is a SIZ");
    let ihdr = whole
        .windows(4)
        .position(|kind| kind == b"ihdr")
        .expect("there is an ihdr");
    let mut bytes = whole.to_vec();
    for (place, value) in [
        (siz + 6, 1_u32 << 31),
        (siz + 10, 1 << 31),
        (ihdr + 8, 1 << 31),
        (ihdr + 4, 1 << 31),
    ] {
        bytes[place..place + 4].copy_from_slice(&value.to_be_bytes());
    }
    // Too many tiles of 64x64.
    assert!(matches!(
        Image::read(&Bytes::from(bytes.clone())),
        Err(Error::Flaw(_))
    ));
    // One tile.
    for place in [siz + 22, siz + 26] {
        bytes[place..place + 4].copy_from_slice(&(1_u32 << 31).to_be_bytes());
    }
    let image = Image::read(&Bytes::from(bytes)).expect("the headers are consistent");
    assert_eq!(
        image.outside_profile(),
        Some("a tile of 4611686018427387904 samples")
    );
}

#[test]
fn a_tile_of_countless_packets_or_blocks_fails_before_they_are_made() {
    let options = [
        "BLOCKXSIZE=64",
        "BLOCKYSIZE=64",
        "RESOLUTIONS=1",
        "QUALITY=100",
        "PRECINCTS={64,64}",
    ];
    let options: Vec<_> = options.iter().map(|&option| option.to_owned()).collect();
    let whole = encode(&raster(Content::Land, 64, 64, 8, 1), 8, &options).expect("GDAL writes it");
    let siz = whole
        .windows(2)
        .position(|pair| pair == [0xff, 0x51])
        .expect("there is a SIZ");
    let ihdr = whole
        .windows(4)
        .position(|kind| kind == b"ihdr")
        .expect("there is an ihdr");
    let cod = whole
        .windows(2)
        .position(|pair| pair == [0xff, 0x52])
        .expect("there is a COD");
    let mut bytes = whole.to_vec();
    let side = 11_000_u32;
    for place in [siz + 6, siz + 10, siz + 22, siz + 26, ihdr + 4, ihdr + 8] {
        bytes[place..place + 4].copy_from_slice(&side.to_be_bytes());
    }
    for (layers, precinct, block, expected) in [
        (1, 0x00, 0, "code blocks"),
        (1, 0xff, 0, "code blocks"),
        (1, 0x66, 4, "packets"),
        (255, 0xff, 4, "packets"),
    ] {
        bytes[cod + 6] = layers;
        bytes[cod + 10] = block;
        bytes[cod + 11] = block;
        bytes[cod + 14] = precinct;
        let file = Bytes::from(bytes.clone());
        let image = Image::read(&file).expect("the headers are consistent");
        assert_eq!(image.outside_profile(), None);
        let tile = Tiles::new(&image)
            .next(&file)
            .expect("the tile-parts are whole")
            .expect("there is a tile");
        let mut out = vec![0; (side * side) as usize];
        let parts = common::parts(&file, &tile.parts);
        let error = TileDecoder::new()
            .decode(&image, 0, &parts, &mut out, side as usize, &|| false)
            .expect_err("the tile is absurd")
            .to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_caller_can_stop_a_tile() {
    let whole = file(false);
    let image = Image::read(&whole).expect("the file is whole");
    let tile = Tiles::new(&image)
        .next(&whole)
        .expect("the file is whole")
        .expect("there is a tile");
    let parts = common::parts(&whole, &tile.parts);
    let (_, _, width, height) = image.tile_rect(tile.index);
    let mut out = vec![0; (width * height) as usize];
    let calls = std::cell::Cell::new(0);
    for patience in [0, 1, 5, 20] {
        calls.set(0);
        let stop = || calls.replace(calls.get() + 1) >= patience;
        let stopped =
            TileDecoder::new().decode(&image, tile.index, &parts, &mut out, width as usize, &stop);
        assert!(
            matches!(stopped, Err(Error::Stopped)),
            "after {patience} calls"
        );
    }
}

/// Decodes a file whose marker segment in the main header has other bytes. It was coded without
/// loss.
fn with_bytes(marker: u8, bytes: &[(usize, u8)]) -> Result<(), Error> {
    let mut file = file(true).to_vec();
    let at = file
        .windows(2)
        .position(|pair| pair == [0xff, marker])
        .expect("the segment is there");
    for &(place, value) in bytes {
        file[at + 4 + place] = value;
    }
    decoded(&file.into()).map(drop)
}

#[test]
fn a_quantization_that_the_blocks_were_not_coded_with_is_noticed() {
    with_bytes(0x5c, &[]).expect("nothing was changed");
    // Guard bits, two of which are right; then exponents of single subbands, 15, 16, 16, 17, 16,
    // 16, 17.
    let guards = [0, 1, 3, 4, 5, 6, 7].map(|guards| vec![(0, guards << 5)]);
    let exponents = (1..8).flat_map(|subband| {
        let right: u8 = [15, 16, 16, 17, 16, 16, 17][subband - 1];
        (0..5).map(move |bit| vec![(subband, (right ^ 1 << bit) << 3)])
    });
    for change in guards.into_iter().chain(exponents) {
        let noticed = with_bytes(0x5c, &change).is_err();
        assert!(noticed, "{change:?} goes unnoticed");
    }
}

#[test]
fn marker_segments_that_exclude_each_other_are_an_error() {
    // The other wavelet, a component transformation; both styles of quantization and one that does
    // not exist.
    for (marker, change) in [
        (0x52, (9, 0)),
        (0x52, (4, 1)),
        (0x5c, (0, 0x41)),
        (0x5c, (0, 0x42)),
        (0x5c, (0, 0x43)),
    ] {
        let error = with_bytes(marker, &[change])
            .expect_err("it contradicts the rest")
            .to_string();
        assert!(error.contains("the main header names"), "{error}");
    }
}
