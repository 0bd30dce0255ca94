//! The decoder finds out from the structure alone whether a file is whole: boxes, headers,
//! tile-parts.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod small_file;

use std::ops::Range;
use std::sync::Mutex;

use bytes::Bytes;
use proptest::prelude::*;
use small_file::{Length, SIGNATURE, SmallFile, boxed, legal, written};
use tilefleet_jpeg2000::{Error, Flaw, FlawKind, Image, ReadRange, Tile, Tiles};

/// Reads all headers and tile-parts.
fn walked(bytes: impl Into<Bytes>) -> Result<(Image, Vec<Tile>), Error> {
    let bytes = bytes.into();
    let image = Image::read(&bytes)?;
    let mut found = Vec::new();
    let mut tiles = Tiles::new(&image);
    while let Some(tile) = tiles.next(&bytes)? {
        found.push(tile);
    }
    Ok((image, found))
}

/// The flaw that a file has.
fn flaw(bytes: impl Into<Bytes>) -> Flaw {
    match walked(bytes) {
        Err(Error::Flaw(flaw)) => flaw,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("the flaw goes unnoticed"),
    }
}

#[test]
fn every_legal_way_of_writing_is_accepted() {
    for (name, file) in legal() {
        let (image, mut tiles) =
            walked(written(&file)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(
            (
                image.width(),
                image.height(),
                image.bits(),
                image.components()
            ),
            (100, 60, 15, 1),
            "{name}"
        );
        assert_eq!(
            (image.tiles_across(), image.tiles_down(), image.signed()),
            (2, 1, false),
            "{name}"
        );
        assert_eq!(
            (image.tile_rect(0), image.tile_rect(1)),
            ((0, 0, 64, 60), (64, 0, 36, 60)),
            "{name}"
        );
        assert_eq!(image.outside_profile(), None, "{name}");
        tiles.sort_by_key(|tile| tile.index);
        let parts: Vec<_> = tiles
            .iter()
            .map(|tile| (tile.index, tile.parts.len()))
            .collect();
        let expected = if file.parts.len() == 4 { 2 } else { 1 };
        assert_eq!(parts, [(0, expected), (1, expected)], "{name}");
    }
}

#[test]
fn tile_parts_are_found_from_sot_to_the_end_of_their_data() {
    let bytes = written(&SmallFile::default());
    let (image, tiles) = walked(bytes.clone()).expect("the file is whole");
    let first = image.main_header().end;
    assert_eq!(tiles[0].parts, vec![first..first + 22]);
    assert_eq!(tiles[1].parts, vec![first + 22..first + 45]);
    assert_eq!(
        image.codestream(),
        image.main_header().start..bytes.len() as u64
    );
}

#[test]
fn all_boxes_but_the_codestream_are_listed() {
    let trailer = boxed(*b"xml ", b"<metadata/>", Length::Short);
    let bytes = written(&SmallFile {
        long_box_before: true,
        trailer: [&trailer[..], b"padding"].concat(),
        ..SmallFile::default()
    });
    let image = Image::read(&Bytes::from(bytes.clone())).expect("the file is whole");
    let kinds = |ranges: &[Range<u64>]| -> Vec<String> {
        let at = |offset: u64| usize::try_from(offset).expect("the file is in memory");
        ranges
            .iter()
            .map(|range| {
                bytes[at(range.start) + 4..at(range.start) + 8]
                    .escape_ascii()
                    .to_string()
            })
            .collect()
    };
    assert_eq!(kinds(image.boxes()), ["jP  ", "ftyp", "jp2h", "asoc"]);
    assert!(
        image
            .boxes()
            .windows(2)
            .all(|pair| pair[0].end == pair[1].start)
    );
    assert_eq!(
        image.boxes().last().expect("there are some").end + 8,
        image.codestream().start
    );
    let behind = image
        .trailing_boxes(&Bytes::from(bytes.clone()))
        .expect("they are whole");
    assert_eq!(kinds(&behind), ["xml "]);
    assert_eq!(behind[0].end - behind[0].start, trailer.len() as u64);
}

#[test]
fn a_file_cut_at_any_byte_is_an_error() {
    for (name, file) in legal() {
        let whole = Bytes::from(written(&file));
        for length in SIGNATURE.len()..whole.len() {
            let flaw = flaw(whole.slice(..length));
            assert!(flaw.offset <= length as u64, "{name}: {flaw:?}");
            assert_ne!(
                flaw.kind,
                FlawKind::Unsupported,
                "{name} cut to {length}: {flaw:?}"
            );
        }
    }
}

#[test]
fn what_follows_the_codestream_does_not_matter() {
    let box_after = boxed(*b"xml ", b"<metadata/>", Length::Short);
    let long_box_after = boxed(*b"uuid", b"0123456789abcdef", Length::Long);
    for trailer in [
        box_after,
        long_box_after,
        vec![0; 512],
        b"\n".to_vec(),
        b"padding of some kind".to_vec(),
    ] {
        walked(written(&SmallFile {
            trailer,
            ..SmallFile::default()
        }))
        .expect("the codestream is complete");
    }
}

#[test]
fn a_box_cut_after_the_codestream_is_an_error() {
    let mut trailer = boxed(*b"xml ", b"<metadata/>", Length::Short);
    trailer.pop();
    assert_eq!(
        flaw(written(&SmallFile {
            trailer,
            ..SmallFile::default()
        }))
        .kind,
        FlawKind::Truncated
    );
}

#[test]
fn bytes_after_eoc_of_a_codestream_without_length_do_not_matter() {
    let file = SmallFile {
        codestream_length: Length::UpToTheEnd,
        trailer: b"padding of some kind".to_vec(),
        ..SmallFile::default()
    };
    walked(written(&file)).expect("the codestream is complete");
}

#[test]
fn missing_parts_are_named() {
    let parts = |parts: &[(u16, u8, u8, usize)]| SmallFile {
        parts: parts.to_vec(),
        ..SmallFile::default()
    };
    let cases = [
        (parts(&[(0, 0, 1, 8)]), "tile 1 of 2 is missing"),
        (
            parts(&[(0, 0, 1, 8), (1, 0, 2, 9)]),
            "tile 1 has 1 of 2 parts",
        ),
        (
            SmallFile {
                eoc: false,
                ..SmallFile::default()
            },
            "the codestream ends without EOC",
        ),
        (
            SmallFile {
                eoc: false,
                open_part: true,
                ..SmallFile::default()
            },
            "the last tile-part has no length and there is no EOC",
        ),
        (
            SmallFile {
                tlm: Some(vec![(0, 22), (1, 23), (1, 20)]),
                ..SmallFile::default()
            },
            "TLM lists 3 tile-parts instead of 2",
        ),
    ];
    for (file, expected) in cases {
        let flaw = flaw(written(&file));
        assert_eq!(
            (flaw.kind, flaw.detail.as_str()),
            (FlawKind::Truncated, expected)
        );
    }
}

#[test]
fn contradictions_are_named() {
    let parts = |parts: &[(u16, u8, u8)]| SmallFile {
        parts: parts
            .iter()
            .map(|&(tile, number, of)| (tile, number, of, 8))
            .collect(),
        ..SmallFile::default()
    };
    let listed = |tlm: &[(u16, u32)]| SmallFile {
        tlm: Some(tlm.to_vec()),
        ..SmallFile::default()
    };
    let cases = [
        (
            parts(&[(0, 0, 1), (2, 0, 1)]),
            "tile 2 does not exist in a grid of 2",
        ),
        (
            parts(&[(0, 0, 1), (0, 0, 1)]),
            "tile 0 continues after its last part",
        ),
        (
            parts(&[(0, 0, 0), (0, 0, 0)]),
            "tile 0 continues with part 0 instead of 1",
        ),
        (
            parts(&[(0, 0, 3), (0, 1, 2)]),
            "tile 0 announces different numbers of parts",
        ),
        (
            parts(&[(0, 0, 0), (0, 1, 0), (0, 2, 1)]),
            "tile 0 has more than 1 parts",
        ),
        (
            listed(&[(0, 22), (0, 23)]),
            "TLM does not list part 0 of tile 1 with 23 bytes in this place",
        ),
        (
            listed(&[(0, 22), (1, 24)]),
            "TLM does not list part 0 of tile 1 with 23 bytes in this place",
        ),
        (
            listed(&[(0, 22)]),
            "TLM does not list part 0 of tile 1 with 23 bytes in this place",
        ),
        (
            SmallFile {
                header_width: 99,
                ..SmallFile::default()
            },
            "the image header box says width 99, the codestream says 100",
        ),
    ];
    for (file, expected) in cases {
        let flaw = flaw(written(&file));
        assert_eq!(
            (flaw.kind, flaw.detail.as_str()),
            (FlawKind::Malformed, expected)
        );
    }
}

#[test]
fn an_image_outside_the_profile_has_its_tiles_found() {
    for (coding, expected) in [
        ([0, 0], "the irreversible 9/7 wavelet"),
        ([1, 1], "code-block style flags 0x01"),
    ] {
        let (image, tiles) = walked(written(&SmallFile {
            coding,
            ..SmallFile::default()
        }))
        .expect("the file is whole");
        assert_eq!((image.outside_profile(), tiles.len()), (Some(expected), 2));
    }
}

#[test]
fn an_offset_is_counted_from_the_beginning_of_the_file() {
    let mut bytes = written(&SmallFile::default());
    let last = bytes
        .windows(2)
        .rposition(|pair| pair == [0xff, 0x90])
        .expect("there is an SOT");
    bytes.truncate(bytes.len() - 5);
    // This cuts the box around it, too. Without a length of the box, the tile-part shows the cut.
    let stream = bytes
        .windows(4)
        .position(|kind| kind == b"jp2c")
        .expect("there is a codestream")
        - 4;
    bytes[stream..stream + 4].fill(0);
    assert_eq!(flaw(bytes).offset, last as u64);
}

/// A file that records its reads. A read after position `until` fails.
struct Arriving {
    bytes: Bytes,
    until: u64,
    reads: Mutex<Vec<Range<u64>>>,
}

impl ReadRange for Arriving {
    fn length(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_range(&self, range: Range<u64>) -> std::io::Result<Bytes> {
        if range.end > self.until {
            return Err(std::io::Error::new(
                std::io::ErrorKind::ConnectionReset,
                "the line is dead",
            ));
        }
        self.reads
            .lock()
            .expect("no test panics with it")
            .push(range.clone());
        self.bytes.read_range(range)
    }
}

#[test]
fn headers_and_tiles_are_read_before_the_rest_of_the_file_arrives() {
    // The first tile is larger than one read for the headers.
    let file = SmallFile {
        parts: vec![(0, 0, 1, 100_000), (1, 0, 1, 9)],
        ..SmallFile::default()
    };
    let bytes = Bytes::from(written(&file));
    let source = Arriving {
        bytes,
        until: 90_000,
        reads: Mutex::new(Vec::new()),
    };
    let image = Image::read(&source).expect("the headers are there");
    assert_eq!(
        source.reads.lock().expect("no test panics with it").len(),
        1
    );
    let mut tiles = Tiles::new(&image);
    let first = tiles
        .next(&source)
        .expect("its header is there")
        .expect("there is a tile");
    assert_eq!(first.index, 0);
    let read: u64 = source.reads.lock().expect("no test panics with it")[1..]
        .iter()
        .map(|it| it.end - it.start)
        .sum();
    assert_eq!(read, 12);
    let Err(Error::Read(error)) = tiles.next(&source) else {
        panic!("the second tile is not there")
    };
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (std::io::ErrorKind::ConnectionReset, "the line is dead")
    );
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(tail in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(walked([&SIGNATURE[..], &tail].concat()).is_err());
    }

    #[test]
    fn changed_bytes_never_panic(
        which in 0_usize..8,
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<proptest::sample::Index>(),
    ) {
        let mut bytes = written(&legal()[which].1);
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        let _ = walked(bytes.clone());
        bytes.truncate(cut.index(bytes.len()));
        let _ = walked(bytes);
    }
}
