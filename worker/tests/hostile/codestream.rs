//! Files whose codestream contradicts itself or asks for too much (ISO/IEC 15444-1 Annexes A and
//! B).

use tilefleet_scenes::{Band as Channel, Coding, Scene, encode};

use crate::case::{Case, Expected, MALFORMED, TRUNCATED, UNSUPPORTED, edited, refused};
use crate::jp2::{COD, Jp2, PLT, Part, QCD, SIZ, Segment};
use crate::scene::{SIZE, coded, coding, place, samples, scene, sound};

const DAMAGED: &[&str] = &["malformed", "truncated"];
const ANY: &[&str] = &["malformed", "truncated", "unsupported", "decode"];

/// The same change in all bands.
fn everywhere(
    name: &str,
    codes: &'static [&'static str],
    words: &'static str,
    edit: impl Fn(&mut Jp2),
) -> Case {
    let bands = sound().clone().map(|file| {
        let mut file = Jp2::of(&file);
        edit(&mut file);
        file.bytes().into()
    });
    Case {
        name: name.into(),
        bands,
        expected: Expected::RefusedAny(codes, words),
    }
}

/// Writes bytes into the first marker segment of the main header with this marker.
fn field(
    name: &str,
    codes: &'static [&'static str],
    words: &'static str,
    (marker, at): (u16, usize),
    bytes: &[u8],
) -> Case {
    edited(name, codes, words, |file| {
        file.main(marker)[at..at + bytes.len()].copy_from_slice(bytes);
    })
}

#[expect(clippy::too_many_lines, reason = "a table with a case in each item")]
pub(crate) fn tile_parts() -> Vec<Case> {
    let psot = |name, codes, words, tile: usize, claimed: fn(u32) -> u32| {
        edited(name, codes, words, |file| {
            let length = u32::try_from(file.parts[tile].bytes().len()).expect("32 bits");
            file.parts[tile].claimed = Some(claimed(length));
        })
    };
    let swapped = |file: &mut Jp2| {
        let (one, other) = (file.parts[1].tile, file.parts[3].tile);
        (file.parts[1].tile, file.parts[3].tile) = (other, one);
    };
    vec![
        edited(
            "a tile missing",
            TRUNCATED,
            "tile 4 of 9 is missing",
            |file| drop(file.parts.remove(4)),
        ),
        edited(
            "the last tile missing",
            TRUNCATED,
            "tile 8 of 9 is missing",
            |file| drop(file.parts.pop()),
        ),
        edited("all tiles missing", ANY, "", |file| file.parts.clear()),
        edited(
            "a tile twice",
            MALFORMED,
            "tile 4 continues after",
            |file| {
                let again = file.parts[4].clone();
                file.parts.insert(5, again);
            },
        ),
        edited(
            "a tile twice, the second time at the end",
            MALFORMED,
            "tile 0 continues after",
            |file| {
                let again = file.parts[0].clone();
                file.parts.push(again);
            },
        ),
        edited("a tile in the place of another", DAMAGED, "tile", |file| {
            file.parts[3].tile = 4;
        }),
        edited(
            "a tile beyond the grid",
            MALFORMED,
            "does not exist",
            |file| file.parts[8].tile = 9,
        ),
        edited("tile 65535", MALFORMED, "does not exist", |file| {
            file.parts[8].tile = 0xffff;
        }),
        edited(
            "tiles changed for each other, and listed otherwise",
            MALFORMED,
            "TLM",
            |file| {
                file.list_parts();
                swapped(file);
            },
        ),
        edited(
            "tiles of unequal size changed for each other",
            ANY,
            "",
            |file| {
                let (one, other) = (file.parts[0].tile, file.parts[8].tile);
                (file.parts[0].tile, file.parts[8].tile) = (other, one);
            },
        ),
        edited(
            "a second part that was not announced",
            MALFORMED,
            "continues after",
            |file| {
                let more = Part {
                    number: 1,
                    ..file.parts[4].clone()
                };
                file.parts.insert(5, more);
            },
        ),
        edited(
            "the first part has number 1",
            MALFORMED,
            "part 1 instead of 0",
            |file| {
                file.parts[4].number = 1;
            },
        ),
        edited(
            "a part announced that does not come",
            TRUNCATED,
            "1 of 2 parts",
            |file| file.parts[4].of = 2,
        ),
        psot("a tile-part a byte too short", ANY, "", 4, |length| {
            length - 1
        }),
        psot("a tile-part a byte too long", ANY, "", 4, |length| {
            length + 1
        }),
        psot("a tile-part of 13 bytes", MALFORMED, "13 bytes", 4, |_| 13),
        psot("a tile-part of 4 GB", TRUNCATED, "are left", 4, |_| {
            u32::MAX
        }),
        psot("an open tile-part in the middle", ANY, "", 4, |_| 0),
        psot(
            "the last tile-part too long",
            TRUNCATED,
            "are left",
            8,
            |length| length + 100,
        ),
        edited("no EOC", ANY, "", |file| file.end.clear()),
        edited("no SOD", ANY, "", |file| {
            let part = &mut file.parts[4];
            part.header.push(Segment::new(
                0xff52,
                part.data.clone().into_iter().take(20).collect::<Vec<_>>(),
            ));
        }),
        edited("a tile without packets", TRUNCATED, "packets", |file| {
            file.parts[4].data.clear();
            file.parts[4].header.clear();
        }),
        edited(
            "a tile without packets that lists them",
            DAMAGED,
            "packets",
            |file| {
                file.parts[4].data.clear();
            },
        ),
        edited(
            "a listed tile-part too many",
            TRUNCATED,
            "TLM lists",
            |file| {
                file.list_parts();
                file.main[1].content.extend([0, 1, 0, 0, 1, 0]);
            },
        ),
        edited("half of a listed tile-part", MALFORMED, "TLM", |file| {
            file.list_parts();
            file.main[1].content.pop();
        }),
    ]
}

pub(crate) fn packets() -> Vec<Case> {
    let plt = |name, words, edit: fn(&mut Vec<u8>)| {
        edited(name, MALFORMED, words, |file| {
            let list = file.parts[4]
                .header
                .iter_mut()
                .find(|segment| segment.marker == PLT);
            edit(&mut list.expect("there is one").content);
        })
    };
    let data =
        |name, edit: fn(&mut Vec<u8>)| edited(name, ANY, "", |file| edit(&mut file.parts[4].data));
    let unlisted = |name, edit: fn(&mut Vec<u8>)| {
        edited(name, ANY, "", |file| {
            file.parts[4].header.clear();
            edit(&mut file.parts[4].data);
        })
    };
    vec![
        plt("a packet length too long", "PLT", |list| {
            *list.last_mut().expect("some") += 1;
        }),
        plt("a packet length too few", "PLT", |list| {
            list.truncate(list.len() - 1);
        }),
        plt("a packet length too many", "PLT", |list| list.push(1)),
        plt("a packet length without end", "PLT", |list| list.push(0xff)),
        plt("a packet length of ten digits", "PLT", |list| {
            list.splice(1..1, [0xff; 10]).for_each(drop);
        }),
        plt("packet lengths of another number", "PLT", |list| {
            list[0] = 9;
        }),
        data("zeros for packets", |data| data.fill(0)),
        data("ones for packets", |data| data.fill(0xff)),
        unlisted("zeros for packets that are not listed", |data| data.fill(0)),
        unlisted("ones for packets that are not listed", |data| {
            data.fill(0xff);
        }),
        unlisted("packets of text", |data| {
            data.iter_mut()
                .zip(b"<html>".iter().cycle())
                .for_each(|(byte, &text)| *byte = text);
        }),
        unlisted("the last byte of the packets missing", |data| {
            data.truncate(data.len() - 1);
        }),
        unlisted("a byte too many in the packets", |data| data.push(0)),
        unlisted("the first byte of the packets at the end", |data| {
            data.rotate_left(1);
        }),
        unlisted("a kilobyte of zeros in the packets", |data| {
            data[3000..4000].fill(0);
        }),
        unlisted("the packets backwards", |data| data.reverse()),
        unlisted("a marker in the packets", |data| {
            let middle = data.len() / 2;
            data[middle..middle + 2].copy_from_slice(&[0xff, 0x93]);
        }),
        edited("another tile's packets", ANY, "", |file| {
            file.parts[4].data = file.parts[8].data.clone();
            file.parts[4].header = file.parts[8].header.clone();
        }),
        edited(
            "40 MB of packets in a small tile",
            MALFORMED,
            "bytes",
            |file| {
                file.parts[4].data.resize(40 << 20, 0);
                file.parts[4].header.clear();
            },
        ),
    ]
}

/// Headers that announce what cannot be, or what would take more than there is.
#[expect(clippy::too_many_lines, reason = "a table with a case in each item")]
pub(crate) fn headers() -> Vec<Case> {
    let without = |name, marker: u16| {
        edited(name, MALFORMED, "", |file| {
            file.main.retain(|segment| segment.marker != marker);
        })
    };
    let twice = |name, marker: u16| {
        edited(name, MALFORMED, "second", |file| {
            let again = file
                .main
                .iter()
                .find(|segment| segment.marker == marker)
                .expect("some")
                .clone();
            file.main.push(again);
        })
    };
    let size = |name, codes, words, fields: &[(usize, u32)]| {
        edited(name, codes, words, |file| file.set_size(fields))
    };
    // All three bands, so that it is not their disagreement that ends it.
    let sizes = |name, codes, words, fields: &[(usize, u32)]| {
        everywhere(name, codes, words, |file| file.set_size(fields))
    };
    let bits = |name, codes, words, format: u8| {
        edited(name, codes, words, |file| {
            file.main(SIZ)[36] = format;
            file.content(*b"jp2h")[18] = format;
        })
    };
    vec![
        without("no SIZ", SIZ),
        without("no COD", COD),
        without("no QCD", QCD),
        twice("two SIZ", SIZ),
        twice("two COD", COD),
        twice("two QCD", QCD),
        // More than anybody took, in one tile and in many; a side alone; just what is allowed, but
        // not there.
        size(
            "2^31 x 2^31 in one tile",
            UNSUPPORTED,
            "pixels",
            &[(0, 1 << 31), (1, 1 << 31), (4, 1 << 31), (5, 1 << 31)],
        ),
        size(
            "2^31 x 2^31 in small tiles",
            MALFORMED,
            "65535 tiles",
            &[(0, 1 << 31), (1, 1 << 31)],
        ),
        sizes(
            "2^32 columns",
            ANY,
            "",
            &[(0, u32::MAX), (1, 1), (4, u32::MAX)],
        ),
        sizes(
            "65535 x 65535 in one tile",
            UNSUPPORTED,
            "tile",
            &[(0, 65535), (1, 65535), (4, 65535), (5, 65535)],
        ),
        sizes(
            "30000 x 30000 in small tiles",
            ANY,
            "",
            &[(0, 30000), (1, 30000)],
        ),
        sizes(
            "11500 x 11500 in one tile",
            ANY,
            "",
            &[(0, 11500), (1, 11500), (4, 11500), (5, 11500)],
        ),
        size("no columns", MALFORMED, "empty", &[(0, 0)]),
        size("tiles without rows", MALFORMED, "empty", &[(5, 0)]),
        size("an offset beyond the image", MALFORMED, "SIZ", &[(2, 1000)]),
        size(
            "a first tile outside of the image",
            MALFORMED,
            "first tile",
            &[(6, 1000)],
        ),
        sizes("a column less", ANY, "", &[(0, SIZE - 1)]),
        sizes("a column more", ANY, "", &[(0, SIZE + 1)]),
        size("tiles of another width", ANY, "", &[(4, 127)]),
        size("tiles twice as wide", ANY, "", &[(4, 256)]),
        edited("no components", MALFORMED, "components", |file| {
            file.main(SIZ).truncate(34);
            file.main(SIZ).extend([0, 0]);
        }),
        edited("16385 components", MALFORMED, "components", |file| {
            file.main(SIZ)[34..36].copy_from_slice(&16385_u16.to_be_bytes());
            file.main(SIZ).extend([14, 1, 1].repeat(16384));
        }),
        edited("three components", UNSUPPORTED, "3 components", |file| {
            file.main(SIZ)[35] = 3;
            file.main(SIZ).extend([14, 1, 1, 14, 1, 1]);
            file.content(*b"jp2h")[17] = 3;
        }),
        bits("signed samples", UNSUPPORTED, "signed", 0x8e),
        bits("17 bits", UNSUPPORTED, "17 bits", 16),
        bits("39 bits", MALFORMED, "depth", 38),
        bits("8 bits", &["band_mismatch"], "data type", 7),
        bits("14 bits", ANY, "", 13),
        field("subsampled", UNSUPPORTED, "subsampl", (SIZ, 37), &[2]),
        field("no subsampling", MALFORMED, "subsampling", (SIZ, 37), &[0]),
        field("no layers", MALFORMED, "layers", (COD, 2), &[0, 0]),
        field(
            "65535 layers",
            TRUNCATED,
            "packets",
            (COD, 2),
            &[0xff, 0xff],
        ),
        field("two layers", ANY, "", (COD, 2), &[0, 2]),
        field(
            "33 decomposition levels",
            MALFORMED,
            "levels",
            (COD, 5),
            &[33],
        ),
        field(
            "a level too many",
            MALFORMED,
            "precinct sizes",
            (COD, 5),
            &[3],
        ),
        field(
            "code blocks of 2048",
            MALFORMED,
            "code blocks",
            (COD, 6),
            &[9],
        ),
        field(
            "code blocks of 64x128",
            MALFORMED,
            "code blocks",
            (COD, 6),
            &[4, 5],
        ),
        field("code blocks of 4", ANY, "", (COD, 6), &[0, 0]),
        field(
            "progression order 5",
            MALFORMED,
            "progression",
            (COD, 1),
            &[5],
        ),
        field("wavelet 2", ANY, "", (COD, 9), &[2]),
        field("the other wavelet", ANY, "", (COD, 9), &[0]),
        field("a component transformation", ANY, "", (COD, 4), &[1]),
        field(
            "precincts of a sample",
            MALFORMED,
            "precincts",
            (COD, 11),
            &[0, 0],
        ),
        field(
            "precincts of two samples",
            ANY,
            "",
            (COD, 10),
            &[0x11, 0x11, 0x11],
        ),
        field(
            "precincts as large as can be",
            ANY,
            "",
            (COD, 10),
            &[0xff, 0xff, 0xff],
        ),
        field("SOP and EPH that are not there", ANY, "", (COD, 0), &[7]),
        field("seven guard bits", ANY, "", (QCD, 0), &[0xe0]),
        field("no guard bits", ANY, "", (QCD, 0), &[0]),
        field("a guard bit more", ANY, "", (QCD, 0), &[0x60]),
        field("exponents of 31", ANY, "", (QCD, 1), &[0xf8; 7]),
        edited("an exponent too few", ANY, "", |file| {
            file.main(QCD).truncate(7);
        }),
        edited("a main header without end", ANY, "", |file| {
            file.main.extend(std::iter::repeat_n(
                Segment::new(0xff64, vec![0; 65533]),
                200,
            ));
        }),
    ]
}

/// Files of another kind than a band.
pub(crate) fn others() -> Vec<Case> {
    let other = Scene {
        size: 256,
        ..scene()
    };
    let smaller = encode::jp2(&other.samples(Channel::B03), 256, 256, &place(), &coding())
        .expect("GDAL writes it");
    let bytes: Vec<u16> = samples().iter().map(|sample| sample % 256).collect();
    let eight = Coding {
        bits: 8,
        ..coding()
    };
    let eight = encode::jp2(&bytes, SIZE, SIZE, &place(), &eight).expect("GDAL writes it");
    vec![
        refused("a smaller band", smaller, &["band_mismatch"], "size"),
        refused(
            "a band of eight bits",
            eight,
            &["band_mismatch"],
            "data type",
        ),
        refused(
            "cut packets of the other wavelet",
            lossy(|file| file.parts[4].data.truncate(1000)),
            ANY,
            "",
        ),
        refused(
            "noise for packets of the other wavelet",
            lossy(|file| file.parts[4].data.fill(0x55)),
            ANY,
            "",
        ),
        absurd("millions of code blocks of the other wavelet", |file| {
            file.main(COD)[6..8].fill(0);
        }),
        absurd("millions of precincts of the other wavelet", |file| {
            file.main(COD)[10..13].fill(0x11);
        }),
        absurd("one tile of 11500 x 11500 of the other wavelet", |_| ()),
    ]
}

/// Three bands of one large tile that is not there, which only GDAL decodes.
fn absurd(name: &str, edit: impl Fn(&mut Jp2)) -> Case {
    let band = lossy(|file| {
        file.set_size(&[(0, 11500), (1, 11500), (4, 11500), (5, 11500)]);
        file.parts.truncate(1);
        file.parts[0].header.clear();
        edit(file);
    });
    let bands = [(); 3].map(|()| band.clone().into());
    Case {
        name: name.into(),
        bands,
        expected: Expected::RefusedAny(ANY, ""),
    }
}

/// A file that only GDAL decodes, with something wrong.
fn lossy(edit: impl FnOnce(&mut Jp2)) -> Vec<u8> {
    let mut file = Jp2::of(&coded(coding(), &["REVERSIBLE=NO", "QUALITY=50"]));
    edit(&mut file);
    file.bytes()
}
