//! Legal ways of writing a file that OpenJPEG does not offer: its files, written in other ways.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod common;

use bytes::Bytes;
use common::{Content, Raster, decoded, encode, parts, raster};
use tilefleet_jpeg2000::{Error, FlawKind, Image, Tiles};

/// A file in pieces.
#[derive(Clone)]
struct Pieces {
    /// The boxes in front of the codestream.
    boxes: Vec<u8>,
    main_header: Vec<u8>,
    /// Tile, and tile-part from SOT on; in the order of the codestream.
    parts: Vec<(u16, Vec<u8>)>,
}

impl Pieces {
    /// A file of 2x2 tiles with 3 tile-parts each, and what it decodes to.
    fn new() -> (Self, Raster) {
        let samples = raster(Content::Edge, 100, 90, 15, 3);
        let options = [
            "BLOCKXSIZE=64",
            "BLOCKYSIZE=64",
            "CODEBLOCK_WIDTH=16",
            "CODEBLOCK_HEIGHT=16",
            "RESOLUTIONS=3",
            "QUALITY=100",
            "TILEPARTS=RESOLUTIONS",
            "PROGRESSION=RPCL",
            "PLT=YES",
        ];
        let options: Vec<_> = options.iter().map(|&option| option.to_owned()).collect();
        let file = encode(&samples, 15, &options).expect("GDAL writes it");
        let image = Image::read(&file).expect("the file is whole");
        let mut found = Vec::new();
        let mut tiles = Tiles::new(&image);
        while let Some(tile) = tiles.next(&file).expect("the file is whole") {
            assert_eq!(tile.parts.len(), 3);
            let index = u16::try_from(tile.index).expect("16 bits");
            found.extend(
                parts(&file, &tile.parts)
                    .into_iter()
                    .map(|(at, part)| (at, index, part.to_vec())),
            );
        }
        found.sort();
        let main_header = parts(&file, &[image.main_header()]).remove(0).1.to_vec();
        let boxes = parts(&file, image.boxes())
            .iter()
            .flat_map(|(_, bytes)| bytes.to_vec())
            .collect();
        let parts = found
            .into_iter()
            .map(|(_, tile, part)| (tile, part))
            .collect();
        (
            Self {
                boxes,
                main_header,
                parts,
            },
            samples,
        )
    }

    fn codestream(&self) -> Vec<u8> {
        let parts = self.parts.iter().flat_map(|(_, part)| part);
        self.main_header
            .iter()
            .chain(parts)
            .chain(&[0xff, 0xd9])
            .copied()
            .collect()
    }

    fn file(&self) -> Bytes {
        let codestream = self.codestream();
        let length = u32::try_from(codestream.len() + 8)
            .expect("32 bits")
            .to_be_bytes();
        [&self.boxes[..], &length, b"jp2c", &codestream]
            .concat()
            .into()
    }

    /// Puts `segment` in front of SOD in every tile-part.
    fn with_segment(mut self, segment: &[u8]) -> Self {
        for (_, part) in &mut self.parts {
            let sod = part
                .windows(2)
                .position(|pair| pair == [0xff, 0x93])
                .expect("there is an SOD");
            part.splice(sod..sod, segment.iter().copied());
            set_length(part);
        }
        self
    }
}

/// Sets Psot to the length of the part.
fn set_length(part: &mut [u8]) {
    let length = u32::try_from(part.len()).expect("32 bits").to_be_bytes();
    part[6..10].copy_from_slice(&length);
}

#[test]
fn the_pieces_are_the_file() {
    let (pieces, samples) = Pieces::new();
    let (read, order) = decoded(&pieces.file()).expect("nothing was changed");
    assert_eq!((read.difference(&samples), order), (None, vec![0, 1, 2, 3]));
}

#[test]
fn tiles_come_in_the_order_of_their_last_parts() {
    let (mut pieces, samples) = Pieces::new();
    pieces
        .parts
        .sort_by_key(|&(tile, _)| std::cmp::Reverse(tile));
    let (read, order) = decoded(&pieces.file()).expect("tiles come in any order");
    assert_eq!((read.difference(&samples), order), (None, vec![3, 2, 1, 0]));
    // All first parts, then all second ones.
    pieces.parts.sort_by_key(|(_, part)| part[10]);
    let (read, order) = decoded(&pieces.file()).expect("parts of tiles alternate");
    assert_eq!((read.difference(&samples), order), (None, vec![3, 2, 1, 0]));
}

#[test]
fn tiles_that_do_not_announce_their_parts_come_last() {
    let (mut pieces, samples) = Pieces::new();
    for (_, part) in pieces.parts.iter_mut().filter(|(tile, _)| tile % 2 == 0) {
        part[11] = 0;
    }
    let (read, order) = decoded(&pieces.file()).expect("TNsot may be 0");
    assert_eq!((read.difference(&samples), order), (None, vec![1, 3, 0, 2]));
}

#[test]
fn the_last_tile_part_may_reach_up_to_eoc() {
    let (mut pieces, samples) = Pieces::new();
    pieces.parts.last_mut().expect("there is one").1[6..10].fill(0);
    let (read, _) = decoded(&pieces.file()).expect("Psot may be 0");
    assert_eq!(read.difference(&samples), None);
}

#[test]
fn comments_and_unknown_segments_in_headers_are_skipped() {
    for segment in [
        &[0xff, 0x64, 0, 7, 0, 1, b'a', b'b', b'c'][..],
        &[0xff, 0x74, 0, 4, 1, 2],
    ] {
        let (pieces, samples) = Pieces::new();
        let mut pieces = pieces.with_segment(segment);
        pieces.main_header.extend(segment);
        let (read, _) = decoded(&pieces.file()).expect("it may be skipped");
        assert_eq!(read.difference(&samples), None);
    }
}

#[test]
fn a_tile_may_have_a_coding_style_of_its_own() {
    let (mut pieces, samples) = Pieces::new();
    let segment = |marker: u8| {
        let at = pieces
            .main_header
            .windows(2)
            .position(|pair| pair == [0xff, marker])
            .expect("it is there");
        let length = usize::from(pieces.main_header[at + 3]);
        at..at + 2 + length
    };
    let (cod, qcd) = (segment(0x52), segment(0x5c));
    let own = [
        &pieces.main_header[cod.clone()],
        &pieces.main_header[qcd.clone()],
    ]
    .concat();
    for (_, part) in pieces.parts.iter_mut().filter(|(_, part)| part[10] == 0) {
        part.splice(12..12, own.iter().copied());
        set_length(part);
    }
    // Now the main header says something else: one layer more, code blocks of another size, one
    // guard bit more.
    pieces.main_header[cod.start + 7] += 1;
    pieces.main_header[cod.start + 10] += 1;
    pieces.main_header[qcd.start + 4] += 0x20;
    let (read, _) = decoded(&pieces.file()).expect("the tiles' own style overrides it");
    assert_eq!(read.difference(&samples), None);
}

#[test]
fn a_tile_part_may_have_no_packets() {
    let (mut pieces, samples) = Pieces::new();
    for (_, part) in &mut pieces.parts {
        part[10] += u8::from(part[10] > 0);
        part[11] = 4;
    }
    for tile in 0_u8..4 {
        let empty = [0xff, 0x90, 0, 10, 0, tile, 0, 0, 0, 14, 1, 4, 0xff, 0x93];
        let after = pieces
            .parts
            .iter()
            .position(|(of, part)| *of == u16::from(tile) && part[10] == 0);
        pieces.parts.insert(
            after.expect("the tile has a first part") + 1,
            (tile.into(), empty.to_vec()),
        );
    }
    let (read, _) = decoded(&pieces.file()).expect("a part may be empty");
    assert_eq!(read.difference(&samples), None);
}

#[test]
fn features_outside_the_profile_in_a_tile_header_are_unsupported_not_damage() {
    for (marker, name) in [
        (0x53, "COC"),
        (0x5d, "QCC"),
        (0x5e, "RGN"),
        (0x5f, "POC"),
        (0x61, "PPT"),
    ] {
        let (pieces, _) = Pieces::new();
        let mut pieces = pieces.with_segment(&[0xff, marker, 0, 4, 0, 0]);
        let Err(Error::Flaw(flaw)) = decoded(&pieces.file()) else {
            panic!("{name} goes unnoticed")
        };
        assert_eq!(flaw.kind, FlawKind::Unsupported, "{flaw}");
        assert!(flaw.detail.contains(name), "{flaw}");
        pieces.main_header.extend([0xff, marker, 0, 4, 0, 0]);
        let image = Image::read(&pieces.file()).expect("the file is not damaged");
        if name != "PPT" {
            assert!(
                image
                    .outside_profile()
                    .is_some_and(|reason| reason.contains(name))
            );
        }
    }
}

#[test]
fn a_packet_too_few_or_too_many_is_an_error() {
    let (whole, _) = Pieces::new();
    let cut = |by: usize, with_lengths: bool| {
        let mut pieces = whole.clone();
        let (_, part) = &mut pieces.parts[2];
        if !with_lengths {
            // PLT becomes an unknown segment.
            let plt = part
                .windows(2)
                .position(|pair| pair == [0xff, 0x58])
                .expect("there is a PLT");
            part[plt + 1] = 0x74;
        }
        part.truncate(part.len() - by);
        set_length(part);
        decoded(&pieces.file())
            .expect_err("the tile lacks bytes")
            .to_string()
    };
    assert!(
        cut(1, false).contains("bytes for a code block"),
        "{}",
        cut(1, false)
    );
    assert!(
        cut(1, true).contains("bytes for a code block"),
        "{}",
        cut(1, true)
    );
    let mut pieces = whole.clone();
    let (_, part) = &mut pieces.parts[2];
    part.push(0);
    set_length(part);
    let error = decoded(&pieces.file())
        .expect_err("a byte is left over")
        .to_string();
    assert!(error.contains("1 bytes follow the last packet"), "{error}");
    let mut pieces = whole.clone();
    let (_, part) = &mut pieces.parts[2];
    let sod = part
        .windows(2)
        .position(|pair| pair == [0xff, 0x93])
        .expect("there is an SOD");
    part.truncate(sod + 2);
    set_length(part);
    let error = decoded(&pieces.file())
        .expect_err("packets are missing")
        .to_string();
    assert!(error.contains("packets"), "{error}");
}

#[test]
fn packet_lengths_that_do_not_agree_are_an_error() {
    let (whole, _) = Pieces::new();
    let plt = |pieces: &Pieces| {
        pieces.parts[2]
            .1
            .windows(2)
            .position(|pair| pair == [0xff, 0x58])
    };
    let at = plt(&whole).expect("there is a PLT");
    let mut pieces = whole.clone();
    let length = usize::from(pieces.parts[2].1[at + 3]);
    pieces.parts[2].1[at + 1 + length] ^= 1;
    let error = decoded(&pieces.file())
        .expect_err("a length is wrong")
        .to_string();
    assert!(error.contains("but PLT lists"), "{error}");
    let mut pieces = whole;
    let part = &mut pieces.parts[2].1;
    part[at + 3] += 1;
    part.insert(at + 2 + length, 7);
    set_length(part);
    let error = decoded(&pieces.file())
        .expect_err("there is one length too many")
        .to_string();
    assert!(
        error.contains("PLT lists 2 packets instead of 1"),
        "{error}"
    );
}

/// Checks all tiles without decoding them.
fn checked(file: &Bytes) -> Result<(), Error> {
    let image = Image::read(file)?;
    let mut tiles = Tiles::new(&image);
    while let Some(tile) = tiles.next(file)? {
        image.check_tile(tile.index, &parts(file, &tile.parts), &|| false)?;
    }
    Ok(())
}

#[test]
fn tiles_for_another_decoder_are_checked_by_their_headers() {
    let (mut whole, _) = Pieces::new();
    // The headers announce predictable termination.
    let cod = whole
        .main_header
        .windows(2)
        .position(|pair| pair == [0xff, 0x52])
        .expect("there is a COD");
    whole.main_header[cod + 12] = 0x10;
    let image = Image::read(&whole.file()).expect("the headers are whole");
    assert_eq!(image.outside_profile(), Some("code-block style flags 0x10"));
    checked(&whole.file()).expect("the file is whole");
    let damaged = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut pieces = whole.clone();
        change(&mut pieces.parts[2].1);
        set_length(&mut pieces.parts[2].1);
        checked(&pieces.file())
            .expect_err("the tile is damaged")
            .to_string()
    };
    let cut = damaged(&|part| part.truncate(part.len() - 1));
    assert!(cut.contains("PLT lists packets of"), "{cut}");
    let marker = damaged(&|part| {
        let middle = part.len() - 20;
        part[middle..middle + 2].copy_from_slice(&[0xff, 0x93]);
    });
    assert!(
        marker.contains("a marker stands inside the packets of tile 0"),
        "{marker}"
    );
    let plt = |part: &[u8]| {
        part.windows(2)
            .position(|pair| pair == [0xff, 0x58])
            .expect("there is a PLT")
    };
    let missing = damaged(&|part| {
        let (from, length) = (plt(part), usize::from(part[plt(part) + 3]));
        part.truncate(from + 2 + length + 2);
        part[from + 2 + length..].copy_from_slice(&[0xff, 0x93]);
        part[from + 3] = 3;
        part.drain(from + 5..from + 2 + length);
    });
    assert!(missing.contains("tile 0 lists 2 of 3 packets"), "{missing}");
}
