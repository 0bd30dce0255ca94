//! Sound files that are cut, or of which a bit is flipped.

use std::ops::Range;

use crate::case::{Case, never_wrong, refused};
use crate::geotiff;
use crate::jp2::{Jp2, Length, PLT};
use crate::scene::whole;
use crate::tiff::{GEO_KEYS, PIXEL_SCALE, PREDICTOR, TIEPOINT, TILE_BYTE_COUNTS, TILE_OFFSETS};

/// A place in a file, and what is there.
type Place = (String, usize);

/// Where the boxes, marker segments, tile-parts and their packets of a file begin.
fn places(file: &Jp2) -> Vec<Place> {
    let mut places = Vec::new();
    let mut at = 0;
    for found in &file.boxes {
        let length = found.bytes().len();
        let name = found.kind.escape_ascii();
        places.extend([
            (format!("the header of box '{name}'"), at),
            (
                format!("the content of box '{name}'"),
                at + length - found.content.len(),
            ),
        ]);
        at += length;
    }
    at += if file.codestream == Length::Long {
        16
    } else {
        8
    };
    places.push(("SOC".into(), at));
    at += 2;
    for segment in &file.main {
        places.push((format!("marker segment 0x{:04x}", segment.marker), at));
        at += 4 + segment.content.len();
    }
    for part in &file.parts {
        places.push((format!("SOT of tile {}", part.tile), at));
        let mut inside = at + 12;
        for segment in &part.header {
            places.push((
                format!("segment 0x{:04x} of tile {}", segment.marker, part.tile),
                inside,
            ));
            inside += 4 + segment.content.len();
        }
        places.push((format!("SOD of tile {}", part.tile), inside));
        places.push((format!("the packets of tile {}", part.tile), inside + 2));
        at += part.bytes().len();
    }
    places.push(("EOC".into(), at));
    places
}

/// Bytes of each packet of the last tile-part, from its PLT marker segments (A.7.3).
fn last_packet(file: &Jp2) -> usize {
    let segment = file
        .parts
        .last()
        .and_then(|part| part.header.iter().find(|found| found.marker == PLT));
    let digits = &segment.expect("packets are listed").content[1..];
    let last = digits
        .iter()
        .rev()
        .skip(1)
        .take_while(|&&digit| digit & 0x80 != 0)
        .count()
        + 1;
    digits[digits.len() - last..]
        .iter()
        .fold(0, |length, &digit| length << 7 | usize::from(digit & 0x7f))
}

/// Cut at the beginning of everything, in its middle, and close to the end.
pub(crate) fn cut() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, length) in [("open", Length::Open), ("with its length", Length::Short)] {
        let mut file = Jp2::of(&whole());
        file.codestream = length;
        let bytes = file.bytes();
        let end = bytes.len();
        let mut places = places(&file);
        let last = last_packet(&file);
        places.push(("the last packet".into(), end - 2 - last));
        places.push(("the middle of the last packet".into(), end - 2 - last / 2));
        places.push(("the last byte of the packets".into(), end - 3));
        for (what, at) in places {
            // One byte more leaves half of a marker or length.
            for (more, cut) in [("", at), (" and a byte", at + 1)] {
                // What is left of the signature box is told from other files elsewhere.
                if cut >= 12 && cut < end {
                    let name = format!("codestream {name}, cut at {what}{more}");
                    cases.push(refused(
                        name,
                        bytes[..cut].to_vec(),
                        &["truncated"],
                        "incomplete at byte",
                    ));
                }
            }
        }
    }
    let cog = geotiff::cog().bytes;
    // Behind the last tile is nothing that matters but its trailer.
    cases.extend((8..cog.len() - 4).step_by(cog.len() / 40).map(|cut| {
        refused(
            format!("TIFF: cut at {cut}"),
            cog[..cut].to_vec(),
            &["truncated", "malformed"],
            "",
        )
    }));
    cases
}

/// Boxes, main header, and the header of one tile; neither comments, which nobody reads, nor
/// packets.
fn headers(file: &Jp2) -> Vec<(String, Range<usize>)> {
    let places = places(file);
    let ends = places.iter().skip(1).map(|(_, at)| *at);
    let all = places
        .iter()
        .zip(ends)
        .map(|((name, at), end)| (name.clone(), *at..end));
    let own_tile = |name: &str| !name.contains("of tile") || name.ends_with("tile 4");
    all.filter(|(name, _)| {
        own_tile(name) && !name.starts_with("the packets") && !name.contains("0xff64")
    })
    .collect()
}

/// One file for each of so many bits of each byte of the headers, and of some in the GML.
pub(crate) fn flipped_headers(bits: usize) -> Vec<Case> {
    let file = Jp2::of(&whole());
    let bytes = file.bytes();
    let mut cases = Vec::new();
    for (name, range) in headers(&file) {
        // Most of the GML is text for people.
        let step = if name.contains("asoc") && name.contains("content") {
            88 / bits
        } else {
            1
        };
        for at in range.clone().step_by(step).filter(|&at| at >= 12) {
            for bit in (0..bits).map(|bit| (at + bit) % 8) {
                let mut bytes = bytes.clone();
                bytes[at] ^= 1 << bit;
                cases.push(never_wrong(
                    format!("bit {bit} of byte {} of {name}", at - range.start),
                    bytes,
                ));
            }
        }
    }
    cases
}

/// The same for a COG: its header, its directory, and the values that lie elsewhere; every fifth
/// byte, unless it is for all bits.
pub(crate) fn flipped_directory(bits: usize) -> Vec<Case> {
    let cog = geotiff::cog();
    let mut ranges = vec![
        ("the header", 0..8),
        (
            "the directory",
            cog.directory().start - 2..cog.directory().end,
        ),
    ];
    let elsewhere = [
        ("tile offsets", TILE_OFFSETS),
        ("byte counts", TILE_BYTE_COUNTS),
        ("scale", PIXEL_SCALE),
        ("tie point", TIEPOINT),
        ("geo keys", GEO_KEYS),
    ];
    ranges.extend(elsewhere.map(|(name, tag)| (name, cog.span(tag))));
    // Nothing in a TIFF tells that a tag is missing that need not be there.
    let predictor = cog.entry(PREDICTOR);
    let mut cases = Vec::new();
    for (name, range) in ranges {
        for at in range
            .clone()
            .step_by(if bits < 8 { 5 } else { 1 })
            .filter(|at| !(predictor..predictor + 2).contains(at))
        {
            for bit in (0..bits).map(|bit| (at + bit) % 8) {
                let mut bytes = cog.bytes.clone();
                bytes[at] ^= 1 << bit;
                cases.push(never_wrong(
                    format!("TIFF: bit {bit} of byte {} of {name}", at - range.start),
                    bytes,
                ));
            }
        }
    }
    cases
}
