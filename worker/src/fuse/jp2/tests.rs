use proptest::prelude::*;

use super::{Flaw, FlawKind, SIGNATURE, check};

/// How to write a small file: 100x60 pixels in two tiles of two packets each.
#[expect(clippy::struct_excessive_bools, reason = "each is one freedom that the standard gives to writers")]
#[derive(Clone)]
struct Recipe {
    /// Tile index, number of the tile-part, announced number of tile-parts, lengths of its packets.
    parts: Vec<(u16, u8, u8, Vec<u8>)>,
    plt: bool,
    /// The last tile-part has length 0, for "up to EOC".
    open_part: bool,
    eoc: bool,
    codestream_length: Length,
    long_box_before: bool,
    trailer: Vec<u8>,
    header_width: u32,
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
            parts: vec![(0, 0, 1, vec![3, 5]), (1, 0, 1, vec![2, 7])],
            plt: true,
            open_part: false,
            eoc: true,
            codestream_length: Length::Short,
            long_box_before: false,
            trailer: Vec::new(),
            header_width: 100,
        }
    }
}

fn boxed(kind: [u8; 4], content: &[u8], length: Length) -> Vec<u8> {
    let bytes = content.len() as u64;
    let mut out = Vec::new();
    match length {
        Length::Short => out.extend(u32::try_from(bytes + 8).unwrap().to_be_bytes()),
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
    let length = u16::try_from(content.len() + 2).unwrap();
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
    out.extend(marker_segment(0xff52, &[0, 0, 0, 1, 0, 1, 4, 4, 0, 1]));
    out.extend(marker_segment(0xff5c, &[0x40, 0x40, 0x40, 0x40, 0x40]));
    let last = recipe.parts.len() - 1;
    for (position, (tile, number, announced, packets)) in recipe.parts.iter().enumerate() {
        let mut rest = Vec::new();
        if recipe.plt {
            let lengths = [&[0][..], packets].concat();
            rest.extend(marker_segment(0xff58, &lengths));
        }
        rest.extend([0xff, 0x93]);
        for &packet in packets {
            rest.extend(std::iter::repeat_n(0x55, packet.into()));
        }
        let length = if recipe.open_part && position == last { 0 } else { rest.len() + 12 };
        let mut start = tile.to_be_bytes().to_vec();
        start.extend(u32::try_from(length).unwrap().to_be_bytes());
        start.extend([*number, *announced]);
        out.extend(marker_segment(0xff90, &start));
        out.extend(rest);
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
    out.extend(boxed(*b"jp2h", &boxed(*b"ihdr", &header, Length::Short), Length::Short));
    if recipe.long_box_before {
        out.extend(boxed(*b"asoc", b"georeference", Length::Long));
    }
    out.extend(boxed(*b"jp2c", &codestream(recipe), recipe.codestream_length));
    out.extend(&recipe.trailer);
    out
}

/// Every way of writing the file that the standard allows.
fn legal() -> Vec<(&'static str, Recipe)> {
    let plain = Recipe::default;
    vec![
        ("plain", plain()),
        ("without packet lengths", Recipe { plt: false, ..plain() }),
        ("long box length", Recipe { codestream_length: Length::Long, long_box_before: true, ..plain() }),
        ("codestream up to the end", Recipe { codestream_length: Length::UpToTheEnd, ..plain() }),
        ("last tile-part up to EOC", Recipe { open_part: true, ..plain() }),
        (
            "last tile-part and codestream up to the end",
            Recipe { open_part: true, codestream_length: Length::UpToTheEnd, ..plain() },
        ),
        (
            "tiles in another order",
            Recipe { parts: vec![(1, 0, 1, vec![3, 5]), (0, 0, 1, vec![2, 7])], ..plain() },
        ),
        (
            "several interleaved tile-parts",
            Recipe {
                parts: vec![(0, 0, 0, vec![3]), (1, 0, 2, vec![2]), (0, 1, 2, vec![5]), (1, 1, 0, vec![7])],
                ..plain()
            },
        ),
    ]
}

fn flaw(recipe: &Recipe) -> Flaw {
    check(&file(recipe)).expect_err("the file is flawed")
}

#[test]
fn every_legal_way_of_writing_is_accepted() {
    for (name, recipe) in legal() {
        let layout = check(&file(&recipe)).unwrap_or_else(|flaw| panic!("{name}: {flaw:?}"));
        assert_eq!((layout.width, layout.height, layout.bits, layout.components), (100, 60, 15, 1), "{name}");
        assert_eq!((layout.tiles_across, layout.tiles_down), (2, 1), "{name}");
    }
}

#[test]
fn a_file_cut_at_any_byte_is_an_error() {
    for (name, recipe) in legal() {
        let whole = file(&recipe);
        for length in SIGNATURE.len()..whole.len() {
            let flaw = check(&whole[..length]).expect_err(name);
            assert!(flaw.offset <= length as u64, "{name}: {flaw:?}");
            assert_ne!(flaw.kind, FlawKind::Unsupported, "{name} cut to {length}: {flaw:?}");
        }
    }
}

#[test]
fn what_follows_the_codestream_does_not_matter() {
    let box_behind = boxed(*b"xml ", b"<metadata/>", Length::Short);
    let long_box_behind = boxed(*b"uuid", b"0123456789abcdef", Length::Long);
    for trailer in
        [box_behind, long_box_behind, vec![0; 512], b"\n".to_vec(), b"padding of some kind".to_vec()]
    {
        check(&file(&Recipe { trailer, ..Recipe::default() })).expect("the codestream is complete");
    }
}

#[test]
fn a_box_cut_behind_the_codestream_is_an_error() {
    let mut trailer = boxed(*b"xml ", b"<metadata/>", Length::Short);
    trailer.pop();
    assert_eq!(flaw(&Recipe { trailer, ..Recipe::default() }).kind, FlawKind::Truncated);
}

#[test]
fn bytes_behind_eoc_of_an_open_codestream_do_not_matter() {
    let recipe = Recipe {
        codestream_length: Length::UpToTheEnd,
        trailer: b"padding of some kind".to_vec(),
        ..Recipe::default()
    };
    check(&file(&recipe)).expect("the codestream is complete");
}

#[test]
fn missing_parts_are_named() {
    let parts = |parts: &[(u16, u8, u8, &[u8])]| Recipe {
        parts: parts
            .iter()
            .map(|&(tile, number, of, packets)| (tile, number, of, packets.to_vec()))
            .collect(),
        ..Recipe::default()
    };
    let cases = [
        (parts(&[(0, 0, 1, &[3, 5])]), "tile 1 of 2 is missing"),
        (parts(&[(0, 0, 1, &[3, 5]), (1, 0, 2, &[2, 7])]), "tile 1 has 1 of 2 parts"),
        (parts(&[(0, 0, 0, &[3, 5]), (1, 0, 0, &[2])]), "tile 1 lists 1 of 2 packets"),
        (
            Recipe { plt: false, ..parts(&[(0, 0, 0, &[3, 5]), (1, 0, 0, &[1])]) },
            "tile 1 has 1 bytes for 2 packets",
        ),
        (Recipe { eoc: false, ..Recipe::default() }, "the codestream ends without EOC"),
        (
            Recipe { eoc: false, open_part: true, ..Recipe::default() },
            "the last tile-part is open and there is no EOC",
        ),
    ];
    for (recipe, expected) in cases {
        let flaw = flaw(&recipe);
        assert_eq!((flaw.kind, flaw.detail.as_str()), (FlawKind::Truncated, expected));
    }
}

#[test]
fn contradictions_are_named() {
    let parts = |parts: &[(u16, u8, u8)]| Recipe {
        parts: parts.iter().map(|&(tile, number, of)| (tile, number, of, vec![3, 5])).collect(),
        ..Recipe::default()
    };
    let cases = [
        (parts(&[(0, 0, 1), (2, 0, 1)]), "tile 2 does not exist in a grid of 2"),
        (parts(&[(0, 0, 1), (0, 0, 1)]), "tile 0 goes on with part 0 instead of 1"),
        (parts(&[(0, 0, 2), (0, 1, 3)]), "tile 0 announces different numbers of parts"),
        (
            Recipe { header_width: 99, ..Recipe::default() },
            "the image header box says width 99, the codestream says 100",
        ),
    ];
    for (recipe, expected) in cases {
        let flaw = flaw(&recipe);
        assert_eq!((flaw.kind, flaw.detail.as_str()), (FlawKind::Malformed, expected));
    }
}

#[test]
fn packet_lengths_that_do_not_add_up_are_an_error() {
    let mut bytes = file(&Recipe::default());
    let plt = bytes.windows(2).position(|pair| pair == [0xff, 0x58]).expect("there is a PLT");
    bytes[plt + 5] += 1;
    let flaw = check(&bytes).expect_err("the sum is wrong");
    assert_eq!(flaw.detail, "PLT lists packets of 9 bytes together, but 8 bytes follow");
}

#[test]
fn packets_overwritten_with_something_foreign_are_an_error() {
    let mut bytes = file(&Recipe::default());
    let data = bytes.windows(2).position(|pair| pair == [0xff, 0x93]).expect("there is an SOD") + 2;
    bytes[data + 3..data + 5].copy_from_slice(&[0xff, 0x90]);
    let flaw = check(&bytes).expect_err("the data hold a marker");
    assert_eq!((flaw.kind, flaw.offset), (FlawKind::Malformed, data as u64 + 3));
}

#[test]
fn an_offset_is_counted_from_the_beginning_of_the_object() {
    let mut bytes = file(&Recipe::default());
    let last = bytes.windows(2).rposition(|pair| pair == [0xff, 0x90]).expect("there is an SOT");
    bytes.truncate(bytes.len() - 5);
    // The box around it is cut as well; with an open length the tile-part is what shows it.
    let stream = bytes.windows(4).position(|kind| kind == b"jp2c").expect("there is a codestream") - 4;
    bytes[stream..stream + 4].fill(0);
    assert_eq!(check(&bytes).expect_err("the file is cut").offset, last as u64);
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(tail in proptest::collection::vec(any::<u8>(), 0..400)) {
        let bytes = [&SIGNATURE[..], &tail].concat();
        prop_assert!(check(&bytes).is_err());
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
        let _ = check(&bytes);
        let _ = check(&bytes[..cut.index(bytes.len())]);
    }
}
