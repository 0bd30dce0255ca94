//! Files that are whole are told from those that are not by their structure alone: boxes, headers,
//! tile-parts.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

use std::ops::Range;
use std::sync::Mutex;

use bytes::Bytes;
use proptest::prelude::*;
use tilefleet_jpeg2000::{Error, Flaw, FlawKind, Image, ReadRange, Tile, Tiles};

const SIGNATURE: [u8; 12] = *b"\0\0\0\x0cjP  \r\n\x87\n";

/// How to write a small file: 100x60 samples in two tiles, whose packets are nonsense.
#[derive(Clone)]
struct Recipe {
    /// Tile index, number of the tile-part, announced number of tile-parts, bytes of packets.
    parts: Vec<(u16, u8, u8, usize)>,
    /// What TLM lists instead of the tile-parts that are there.
    tlm: Option<Vec<(u16, u32)>>,
    /// The last tile-part has length 0, for "up to EOC".
    open_part: bool,
    eoc: bool,
    codestream_length: Length,
    long_box_before: bool,
    trailer: Vec<u8>,
    header_width: u32,
    coded_by: [u8; 2],
}

#[derive(Clone, Copy)]
enum Length {
    Short,
    Long,
    UpToTheEnd,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            parts: vec![(0, 0, 1, 8), (1, 0, 1, 9)],
            tlm: None,
            open_part: false,
            eoc: true,
            codestream_length: Length::Short,
            long_box_before: false,
            trailer: Vec::new(),
            header_width: 100,
            coded_by: [0, 1],
        }
    }
}

fn boxed(kind: [u8; 4], content: &[u8], length: Length) -> Vec<u8> {
    let bytes = content.len() as u64;
    let mut out = Vec::new();
    match length {
        Length::Short => out.extend(u32::try_from(bytes + 8).expect("32 bits").to_be_bytes()),
        Length::Long => out.extend(1_u32.to_be_bytes()),
        Length::UpToTheEnd => out.extend(0_u32.to_be_bytes()),
    }
    out.extend(kind);
    if let Length::Long = length {
        out.extend((bytes + 16).to_be_bytes());
    }
    out.extend(content);
    out
}

fn marker_segment(marker: u16, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len() + 2).expect("16 bits");
    [&marker.to_be_bytes()[..], &length.to_be_bytes(), content].concat()
}

fn codestream(recipe: &Recipe) -> Vec<u8> {
    let mut size = vec![0, 0];
    for field in [100_u32, 60, 0, 0, 64, 64, 0, 0] {
        size.extend(field.to_be_bytes());
    }
    size.extend([0, 1, 14, 1, 1]);
    let mut out = vec![0xff, 0x4f];
    out.extend(marker_segment(0xff51, &size));
    let [block_style, transformation] = recipe.coded_by;
    out.extend(marker_segment(
        0xff52,
        &[0, 0, 0, 1, 0, 1, 4, 4, block_style, transformation],
    ));
    // The 9/7 wavelet has steps of two bytes.
    let steps: &[u8] = if transformation == 0 {
        &[0x42, 0x78, 0, 0x80, 0, 0x80, 0, 0x88, 0]
    } else {
        &[0x40, 0x78, 0x80, 0x80, 0x88]
    };
    out.extend(marker_segment(0xff5c, steps));
    if let Some(listed) = &recipe.tlm {
        let mut content = vec![0, 0x60];
        for (tile, length) in listed {
            content.extend(tile.to_be_bytes());
            content.extend(length.to_be_bytes());
        }
        out.extend(marker_segment(0xff55, &content));
    }
    let last = recipe.parts.len() - 1;
    for (position, &(tile, number, announced, packets)) in recipe.parts.iter().enumerate() {
        let length = if recipe.open_part && position == last {
            0
        } else {
            packets + 14
        };
        let mut start = tile.to_be_bytes().to_vec();
        start.extend(u32::try_from(length).expect("32 bits").to_be_bytes());
        start.extend([number, announced]);
        out.extend(marker_segment(0xff90, &start));
        out.extend([0xff, 0x93]);
        out.extend(std::iter::repeat_n(0x55, packets));
    }
    if recipe.eoc {
        out.extend([0xff, 0xd9]);
    }
    out
}

fn file(recipe: &Recipe) -> Vec<u8> {
    let mut header = 60_u32.to_be_bytes().to_vec();
    header.extend(recipe.header_width.to_be_bytes());
    header.extend([0, 1, 14, 7, 0, 0]);
    let mut out = SIGNATURE.to_vec();
    out.extend(boxed(*b"ftyp", b"jp2 \0\0\0\0jp2 ", Length::Short));
    out.extend(boxed(
        *b"jp2h",
        &boxed(*b"ihdr", &header, Length::Short),
        Length::Short,
    ));
    if recipe.long_box_before {
        out.extend(boxed(*b"asoc", b"georeference", Length::Long));
    }
    out.extend(boxed(
        *b"jp2c",
        &codestream(recipe),
        recipe.codestream_length,
    ));
    out.extend(&recipe.trailer);
    out
}

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

fn flaw(bytes: impl Into<Bytes>) -> Flaw {
    match walked(bytes) {
        Err(Error::Flaw(flaw)) => flaw,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("the flaw goes unnoticed"),
    }
}

/// Every way of writing the file that the standard allows.
fn legal() -> Vec<(&'static str, Recipe)> {
    let plain = Recipe::default;
    let both = vec![(0, 22), (1, 23)];
    vec![
        ("plain", plain()),
        (
            "with tile-part lengths",
            Recipe {
                tlm: Some(both.clone()),
                ..plain()
            },
        ),
        (
            "long box length",
            Recipe {
                codestream_length: Length::Long,
                long_box_before: true,
                ..plain()
            },
        ),
        (
            "codestream up to the end",
            Recipe {
                codestream_length: Length::UpToTheEnd,
                ..plain()
            },
        ),
        (
            "last tile-part up to EOC",
            Recipe {
                open_part: true,
                tlm: Some(both),
                ..plain()
            },
        ),
        (
            "last tile-part and codestream up to the end",
            Recipe {
                open_part: true,
                codestream_length: Length::UpToTheEnd,
                ..plain()
            },
        ),
        (
            "tiles in another order",
            Recipe {
                parts: vec![(1, 0, 1, 8), (0, 0, 1, 9)],
                ..plain()
            },
        ),
        (
            "several interleaved tile-parts",
            Recipe {
                parts: vec![(0, 0, 0, 3), (1, 0, 2, 2), (0, 1, 2, 5), (1, 1, 0, 7)],
                ..plain()
            },
        ),
    ]
}

#[test]
fn every_legal_way_of_writing_is_accepted() {
    for (name, recipe) in legal() {
        let (image, mut tiles) =
            walked(file(&recipe)).unwrap_or_else(|error| panic!("{name}: {error}"));
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
        let expected = if recipe.parts.len() == 4 { 2 } else { 1 };
        assert_eq!(parts, [(0, expected), (1, expected)], "{name}");
    }
}

#[test]
fn tile_parts_are_found_from_sot_to_the_end_of_their_data() {
    let bytes = file(&Recipe::default());
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
fn all_boxes_but_the_codestream_can_be_had() {
    let trailer = boxed(*b"xml ", b"<metadata/>", Length::Short);
    let bytes = file(&Recipe {
        long_box_before: true,
        trailer: [&trailer[..], b"padding"].concat(),
        ..Recipe::default()
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
    for (name, recipe) in legal() {
        let whole = Bytes::from(file(&recipe));
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
    let box_behind = boxed(*b"xml ", b"<metadata/>", Length::Short);
    let long_box_behind = boxed(*b"uuid", b"0123456789abcdef", Length::Long);
    for trailer in [
        box_behind,
        long_box_behind,
        vec![0; 512],
        b"\n".to_vec(),
        b"padding of some kind".to_vec(),
    ] {
        walked(file(&Recipe {
            trailer,
            ..Recipe::default()
        }))
        .expect("the codestream is complete");
    }
}

#[test]
fn a_box_cut_behind_the_codestream_is_an_error() {
    let mut trailer = boxed(*b"xml ", b"<metadata/>", Length::Short);
    trailer.pop();
    assert_eq!(
        flaw(file(&Recipe {
            trailer,
            ..Recipe::default()
        }))
        .kind,
        FlawKind::Truncated
    );
}

#[test]
fn bytes_behind_eoc_of_an_open_codestream_do_not_matter() {
    let recipe = Recipe {
        codestream_length: Length::UpToTheEnd,
        trailer: b"padding of some kind".to_vec(),
        ..Recipe::default()
    };
    walked(file(&recipe)).expect("the codestream is complete");
}

#[test]
fn missing_parts_are_named() {
    let parts = |parts: &[(u16, u8, u8, usize)]| Recipe {
        parts: parts.to_vec(),
        ..Recipe::default()
    };
    let cases = [
        (parts(&[(0, 0, 1, 8)]), "tile 1 of 2 is missing"),
        (
            parts(&[(0, 0, 1, 8), (1, 0, 2, 9)]),
            "tile 1 has 1 of 2 parts",
        ),
        (
            Recipe {
                eoc: false,
                ..Recipe::default()
            },
            "the codestream ends without EOC",
        ),
        (
            Recipe {
                eoc: false,
                open_part: true,
                ..Recipe::default()
            },
            "the last tile-part has no length and there is no EOC",
        ),
        (
            Recipe {
                tlm: Some(vec![(0, 22), (1, 23), (1, 20)]),
                ..Recipe::default()
            },
            "TLM lists 3 tile-parts instead of 2",
        ),
    ];
    for (recipe, expected) in cases {
        let flaw = flaw(file(&recipe));
        assert_eq!(
            (flaw.kind, flaw.detail.as_str()),
            (FlawKind::Truncated, expected)
        );
    }
}

#[test]
fn contradictions_are_named() {
    let parts = |parts: &[(u16, u8, u8)]| Recipe {
        parts: parts
            .iter()
            .map(|&(tile, number, of)| (tile, number, of, 8))
            .collect(),
        ..Recipe::default()
    };
    let listed = |tlm: &[(u16, u32)]| Recipe {
        tlm: Some(tlm.to_vec()),
        ..Recipe::default()
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
            Recipe {
                header_width: 99,
                ..Recipe::default()
            },
            "the image header box says width 99, the codestream says 100",
        ),
    ];
    for (recipe, expected) in cases {
        let flaw = flaw(file(&recipe));
        assert_eq!(
            (flaw.kind, flaw.detail.as_str()),
            (FlawKind::Malformed, expected)
        );
    }
}

#[test]
fn an_image_outside_the_profile_is_whole_nonetheless() {
    for (coded_by, expected) in [
        ([0, 0], "the irreversible 9/7 wavelet"),
        ([1, 1], "code-block style flags 0x01"),
    ] {
        let (image, tiles) = walked(file(&Recipe {
            coded_by,
            ..Recipe::default()
        }))
        .expect("the file is whole");
        assert_eq!((image.outside_profile(), tiles.len()), (Some(expected), 2));
    }
}

#[test]
fn an_offset_is_counted_from_the_beginning_of_the_file() {
    let mut bytes = file(&Recipe::default());
    let last = bytes
        .windows(2)
        .rposition(|pair| pair == [0xff, 0x90])
        .expect("there is an SOT");
    bytes.truncate(bytes.len() - 5);
    // The box around it is cut as well; with an open length the tile-part is what shows it.
    let stream = bytes
        .windows(4)
        .position(|kind| kind == b"jp2c")
        .expect("there is a codestream")
        - 4;
    bytes[stream..stream + 4].fill(0);
    assert_eq!(flaw(bytes).offset, last as u64);
}

/// A source that notes what is read, and fails behind a point.
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
fn headers_and_tiles_are_had_before_the_rest_arrives() {
    // The first tile is larger than what is read at once for the headers.
    let recipe = Recipe {
        parts: vec![(0, 0, 1, 100_000), (1, 0, 1, 9)],
        ..Recipe::default()
    };
    let bytes = Bytes::from(file(&recipe));
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
        let mut bytes = file(&legal()[which].1);
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        let _ = walked(bytes.clone());
        bytes.truncate(cut.index(bytes.len()));
        let _ = walked(bytes);
    }
}
