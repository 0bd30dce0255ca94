//! Legal ways of writing a band that ESA does not use. All of them must give the same raster.

use tilefleet_scenes::Coding;

use crate::case::{Case, same};
use crate::jp2::{COD, COM, Jp2, Jp2Box, Length, PLT, Part, Segment};
use crate::scene::{SIZE, coded, coding, geotiff, whole};

/// The undamaged file with something done to its pieces.
fn edited(name: &str, edit: impl FnOnce(&mut Jp2)) -> Case {
    let mut file = Jp2::of(&whole());
    edit(&mut file);
    same(name, file.bytes())
}

/// A file whose tiles have three tile-parts each, in pieces.
fn in_parts() -> Jp2 {
    Jp2::of(&coded(
        coding(),
        &["TILEPARTS=RESOLUTIONS", "PROGRESSION=RPCL"],
    ))
}

fn parts(name: &str, edit: impl FnOnce(&mut Jp2)) -> Case {
    let mut file = in_parts();
    edit(&mut file);
    same(name, file.bytes())
}

pub(crate) fn boxes() -> Vec<Case> {
    let spare = |kind| Jp2Box::new(kind, b"0123456789abcdef whatever".to_vec());
    vec![
        edited("taken apart and put together", |_| ()),
        edited("codestream box with its length", |file| {
            file.codestream = Length::Short;
        }),
        edited("codestream box with a length of 64 bits", |file| {
            file.codestream = Length::Long;
        }),
        edited("all boxes with lengths of 64 bits", |file| {
            file.boxes
                .iter_mut()
                .skip(1)
                .for_each(|found| found.length = Length::Long);
        }),
        edited("georeference in a box with a length of 32 bits", |file| {
            file.boxes
                .iter_mut()
                .for_each(|found| found.length = Length::Short);
        }),
        edited("unknown boxes between the others", |file| {
            let more = [
                spare(*b"free"),
                spare(*b"zzzz"),
                spare(*b"xml "),
                spare(*b"uuid"),
            ];
            file.boxes.splice(3..3, more);
        }),
        edited("an unknown box in the header box", |file| {
            file.content(*b"jp2h").extend(spare(*b"res ").bytes());
        }),
        edited("georeference behind the codestream", |file| {
            let place = file
                .boxes
                .iter()
                .position(|found| &found.kind == b"asoc")
                .expect("there is one");
            file.behind = file.boxes.remove(place).bytes();
            file.codestream = Length::Short;
        }),
        edited("an open box behind the codestream", |file| {
            file.codestream = Length::Short;
            file.behind = Jp2Box {
                length: Length::Open,
                ..spare(*b"xml ")
            }
            .bytes();
        }),
        edited("padding behind the codestream", |file| {
            file.codestream = Length::Short;
            file.behind = vec![0; 4096];
        }),
        edited("bytes behind EOC in an open codestream", |file| {
            file.behind = b"padding\n".to_vec();
        }),
        edited("more brands", |file| {
            file.content(*b"ftyp").extend(b"jpx jpxb");
        }),
        edited("a megabyte of other metadata", |file| {
            let text = format!("<metadata>{}</metadata>", "<a b='c'>d</a>".repeat(80_000));
            file.boxes.push(Jp2Box::new(*b"xml ", text));
        }),
    ]
}

pub(crate) fn markers() -> Vec<Case> {
    let comment = || Segment::new(COM, *b"\0\x01made by hand");
    vec![
        edited("comments everywhere", |file| {
            file.main.push(comment());
            file.main.insert(1, comment());
            file.parts
                .iter_mut()
                .for_each(|part| part.header.push(comment()));
        }),
        edited("unknown marker segments", |file| {
            file.main.push(Segment::new(0xff74, [1, 2, 3]));
            file.parts
                .iter_mut()
                .for_each(|part| part.header.push(Segment::new(0xff74, [])));
        }),
        edited("no packet lengths", |file| {
            file.parts
                .iter_mut()
                .for_each(|part| part.header.retain(|segment| segment.marker != PLT));
        }),
        edited("packet lengths in some tiles", |file| {
            let some = file.parts.iter_mut().step_by(2);
            some.for_each(|part| part.header.retain(|segment| segment.marker != PLT));
        }),
        edited("tile-part lengths", Jp2::list_parts),
        edited("coding style in the tiles", |file| {
            let style: Vec<_> = file
                .main
                .iter()
                .filter(|it| [0xff52, 0xff5c].contains(&it.marker))
                .cloned()
                .collect();
            file.parts
                .iter_mut()
                .for_each(|part| drop(part.header.splice(0..0, style.clone())));
            // What the main header says about layers is of no consequence then.
            file.main(0xff52)[3] += 1;
        }),
        edited("tiles backwards", |file| file.parts.reverse()),
        edited("tiles in no order, listed", |file| {
            file.parts.sort_by_key(|part| part.tile * 7 % 9);
            file.list_parts();
        }),
        edited("tiles that do not say how many parts they have", |file| {
            file.parts.iter_mut().for_each(|part| part.of = 0);
        }),
        edited("the last tile-part open", |file| {
            file.parts.last_mut().expect("there is one").claimed = Some(0);
        }),
        parts("three parts a tile", |_| ()),
        parts("tile-parts interleaved", |file| {
            file.parts.sort_by_key(|part| part.number);
        }),
        parts("tile-parts interleaved backwards, listed", |file| {
            file.parts.reverse();
            file.parts.sort_by_key(|part| part.number);
            file.list_parts();
        }),
        parts("a tile-part without packets", |file| {
            let tile = file.parts.iter_mut().filter(|part| part.tile == 4);
            tile.for_each(|part| part.of = 4);
            let empty = Part {
                tile: 4,
                number: 3,
                of: 4,
                claimed: None,
                header: vec![],
                data: vec![],
            };
            file.parts.push(empty);
        }),
    ]
}

pub(crate) fn codings() -> Vec<Case> {
    let mut cases: Vec<_> = ["LRCP", "RLCP", "RPCL", "PCRL", "CPRL"]
        .iter()
        .map(|order| {
            same(
                format!("progression {order}"),
                coded(coding(), &[&format!("PROGRESSION={order}")]),
            )
        })
        .collect();
    let other = |name: &str, coding: Coding| same(name, coded(coding, &[]));
    cases.extend([
        same("SOP markers", coded(coding(), &["SOP=YES"])),
        same("EPH markers", coded(coding(), &["EPH=YES"])),
        same(
            "SOP and EPH markers, RPCL",
            coded(coding(), &["SOP=YES", "EPH=YES", "PROGRESSION=RPCL"]),
        ),
        same("three layers", coded(coding(), &["QUALITY=10,40,100"])),
        same(
            "three layers by resolution",
            coded(coding(), &["QUALITY=10,40,100", "PROGRESSION=RLCP"]),
        ),
        same("no precincts", coded(coding(), &["PRECINCTS=", "PLT=NO"])),
        same(
            "code blocks of 4x1024",
            coded(coding(), &["CODEBLOCK_WIDTH=4", "CODEBLOCK_HEIGHT=1024"]),
        ),
        same(
            "code blocks of 1024x4",
            coded(coding(), &["CODEBLOCK_WIDTH=1024", "CODEBLOCK_HEIGHT=4"]),
        ),
        other(
            "code blocks of 4x4",
            Coding {
                code_block: 4,
                ..coding()
            },
        ),
        other(
            "precincts of 16",
            Coding {
                precinct: 16,
                ..coding()
            },
        ),
        other(
            "one resolution",
            Coding {
                resolutions: 1,
                ..coding()
            },
        ),
        other(
            "six resolutions",
            Coding {
                resolutions: 6,
                precinct: 128,
                ..coding()
            },
        ),
        other(
            "one tile",
            Coding {
                tile: SIZE,
                ..coding()
            },
        ),
        other(
            "a tile larger than the image",
            Coding {
                tile: 1024,
                ..coding()
            },
        ),
        other(
            "tiles of 37",
            Coding {
                tile: 37,
                ..coding()
            },
        ),
        other(
            "tiles of 299",
            Coding {
                tile: 299,
                ..coding()
            },
        ),
        other(
            "sixteen bits",
            Coding {
                bits: 16,
                ..coding()
            },
        ),
    ]);
    cases
}

/// What this project's decoder leaves to GDAL, without loss.
pub(crate) fn fallback() -> Vec<Case> {
    let styles = [
        "BYPASS",
        "RESET",
        "TERMALL",
        "VSC",
        "PREDICTABLE",
        "SEGSYM",
        "BYPASS,RESET,TERMALL,VSC,PREDICTABLE,SEGSYM",
    ];
    let styles = styles.iter().map(|style| {
        (
            style,
            coded(coding(), &[&format!("CODEBLOCK_STYLE={style}")]),
        )
    });
    let (mut cases, mut files) = (Vec::new(), Vec::new());
    for (style, file) in styles {
        files.push(Jp2::of(&file));
        cases.push(same(format!("code-block style {style}"), file));
    }
    // Tile headers come when other tiles have been decoded.
    for (tile, other) in [4, 8].into_iter().zip(files) {
        cases.push(edited(
            &format!("tile {tile} with a style of its own"),
            |file| {
                let style = other
                    .main
                    .iter()
                    .find(|segment| segment.marker == COD)
                    .expect("there is one");
                file.parts[tile] = other.parts[tile].clone();
                file.parts[tile].header.insert(0, style.clone());
            },
        ));
    }
    cases
}

pub(crate) fn geotiffs() -> Vec<Case> {
    let options: [(&str, &str, &[&str]); 9] = [
        (
            "COG",
            "a COG",
            &["COMPRESS=DEFLATE", "PREDICTOR=YES", "BLOCKSIZE=128"],
        ),
        (
            "COG",
            "a COG as BigTIFF",
            &["COMPRESS=ZSTD", "BLOCKSIZE=128", "BIGTIFF=YES"],
        ),
        ("COG", "a COG in LZW", &["COMPRESS=LZW", "BLOCKSIZE=128"]),
        ("GTiff", "strips", &[]),
        (
            "GTiff",
            "strips of 7 rows, deflated",
            &["COMPRESS=DEFLATE", "BLOCKYSIZE=7"],
        ),
        (
            "GTiff",
            "strips in LZW with a predictor",
            &["COMPRESS=LZW", "PREDICTOR=2", "BLOCKYSIZE=64"],
        ),
        (
            "GTiff",
            "tiles of 16",
            &["TILED=YES", "BLOCKXSIZE=16", "BLOCKYSIZE=16"],
        ),
        (
            "GTiff",
            "big-endian tiles with a predictor",
            &[
                "TILED=YES",
                "ENDIANNESS=BIG",
                "COMPRESS=ZSTD",
                "PREDICTOR=2",
                "BLOCKXSIZE=256",
                "BLOCKYSIZE=64",
            ],
        ),
        (
            "GTiff",
            "one tile larger than the image",
            &["TILED=YES", "BLOCKXSIZE=512", "BLOCKYSIZE=512"],
        ),
    ];
    let options = options.into_iter();
    options
        .map(|(driver, name, options)| same(format!("GeoTIFF: {name}"), geotiff(driver, options)))
        .collect()
}
