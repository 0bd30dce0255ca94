//! `GeoTIFF` files, COGs among them, that lie, lack something, or ask for too much.

use bytes::Bytes;
use libdeflater::{CompressionLvl, Compressor};
use tilefleet_scenes::Georeference;

use crate::case::{
    Case, Expected, MALFORMED, NO_GEOREFERENCE, TRUNCATED, UNSUPPORTED, never_wrong, refused,
};
use crate::scene::{SIZE, geotiff, place, samples};
use crate::tiff::{
    BITS_PER_SAMPLE, COMPRESSION, FILL_ORDER, GEO_KEYS, IMAGE_LENGTH, IMAGE_WIDTH, PHOTOMETRIC,
    PIXEL_SCALE, PREDICTOR, ROWS_PER_STRIP, SAMPLE_FORMAT, SAMPLES_PER_PIXEL, STRIP_BYTE_COUNTS,
    STRIP_OFFSETS, TIEPOINT, TILE_BYTE_COUNTS, TILE_LENGTH, TILE_OFFSETS, TILE_WIDTH, TILES,
    TRANSFORMATION, Tiff,
};

const ANY: &[&str] = &["malformed", "truncated", "unsupported"];

/// A COG as the public ones are: DEFLATE with a predictor.
pub(crate) fn cog() -> Tiff {
    Tiff::of(geotiff(
        "COG",
        &[
            "COMPRESS=DEFLATE",
            "PREDICTOR=YES",
            "BLOCKSIZE=128",
            "OVERVIEWS=NONE",
        ],
    ))
}

/// A file of tiles.
fn tiled(compression: &str) -> Tiff {
    Tiff::of(geotiff(
        "GTiff",
        &["TILED=YES", "BLOCKXSIZE=128", "BLOCKYSIZE=128", compression],
    ))
}

fn plain() -> Tiff {
    tiled("COMPRESS=NONE")
}

fn strips() -> Tiff {
    Tiff::of(geotiff("GTiff", &["BLOCKYSIZE=100"]))
}

fn big() -> Tiff {
    Tiff::of(geotiff(
        "COG",
        &[
            "COMPRESS=DEFLATE",
            "BLOCKSIZE=128",
            "BIGTIFF=YES",
            "OVERVIEWS=NONE",
        ],
    ))
}

/// A zlib stream.
pub(crate) fn deflated(data: &[u8]) -> Vec<u8> {
    let mut compressor = Compressor::new(CompressionLvl::best());
    let mut out = vec![0; compressor.zlib_compress_bound(data.len())];
    let length = compressor
        .zlib_compress(data, &mut out)
        .expect("there is room");
    out.truncate(length);
    out
}

/// One pixel wide, 2^32 - 1 pixels high, in strips of a row each: a few hundred bytes that stand
/// for 16 GB of tiles.
pub(crate) fn countless_strips() -> Vec<u8> {
    strips()
        .set(IMAGE_WIDTH, 0, 1)
        .wide_set(IMAGE_LENGTH, u32::MAX)
        .set(ROWS_PER_STRIP, 0, 1)
        .bytes
}

#[expect(clippy::too_many_lines, reason = "a table with a case in each item")]
pub(crate) fn directories() -> Vec<Case> {
    let patched = |name, codes, words, mut tiff: Tiff, at: usize, bytes: &[u8]| {
        tiff.bytes[at..at + bytes.len()].copy_from_slice(bytes);
        refused(name, tiff.bytes, codes, words)
    };
    let (first, count) = (cog().first(), cog().directory().start - 2);
    let next = cog().directory().end;
    let itself = u32::try_from(count).expect("32 bits").to_le_bytes();
    let mut cycle = cog();
    cycle.bytes[next..next + 4].copy_from_slice(&itself);
    vec![
        patched(
            "TIFF: directory beyond the end",
            ANY,
            "",
            cog(),
            first,
            &[0xff, 0xff, 0xff, 0x7f],
        ),
        patched("TIFF: directory at 0", ANY, "", cog(), first, &[0; 4]),
        patched(
            "TIFF: directory on the last byte",
            ANY,
            "",
            cog(),
            first,
            &u32::try_from(cog().bytes.len() - 1)
                .expect("32 bits")
                .to_le_bytes(),
        ),
        patched("TIFF: no entries", ANY, "", cog(), count, &[0; 2]),
        patched("TIFF: 65535 entries", ANY, "", cog(), count, &[0xff; 2]),
        patched("TIFF: the other byte order", ANY, "", cog(), 0, b"MM\0*"),
        patched(
            "BigTIFF: 2^63 entries",
            ANY,
            "",
            big(),
            big().directory().start - 8,
            &[0, 0, 0, 0, 0, 0, 0, 0x80],
        ),
        patched("BigTIFF: offsets of 4 bytes", ANY, "", big(), 4, &[4, 0]),
        // Only the first directory matters.
        never_wrong("TIFF: directories in a circle", cycle.bytes),
        refused(
            "TIFF: 2^32 tile offsets",
            cog().recount(TILE_OFFSETS, u32::MAX.into()).bytes,
            ANY,
            "",
        ),
        refused(
            "TIFF: 2^32 byte counts",
            cog().recount(TILE_BYTE_COUNTS, u32::MAX.into()).bytes,
            ANY,
            "",
        ),
        refused(
            "TIFF: a tile offset too few",
            cog().recount(TILE_OFFSETS, 8).bytes,
            ANY,
            "",
        ),
        refused(
            "TIFF: a byte count too few",
            cog().recount(TILE_BYTE_COUNTS, 8).bytes,
            ANY,
            "",
        ),
        refused(
            "BigTIFF: 2^60 tile offsets",
            big().recount(TILE_OFFSETS, 1 << 60).bytes,
            ANY,
            "",
        ),
        refused(
            "BigTIFF: 2^60 byte counts",
            big().recount(TILE_BYTE_COUNTS, 1 << 60).bytes,
            ANY,
            "",
        ),
        refused(
            "BigTIFF: 2^60 geo keys",
            big().recount(GEO_KEYS, 1 << 60).bytes,
            ANY,
            "",
        ),
        refused("TIFF: 2^32 - 1 strips", countless_strips(), ANY, ""),
        refused(
            "TIFF: tiles of 1 x 1 in 65536 x 65536",
            small_tiles(),
            ANY,
            "",
        ),
        refused(
            "TIFF: one strip of 65535 x 65535",
            one_strip(),
            UNSUPPORTED,
            "tiles or strips",
        ),
        refused(
            "TIFF: an image without rows",
            cog().set(IMAGE_LENGTH, 0, 0).bytes,
            ANY,
            "",
        ),
        refused(
            "TIFF: tiles without columns",
            cog().set(TILE_WIDTH, 0, 0).bytes,
            ANY,
            "",
        ),
        refused(
            "TIFF: no tile width",
            cog().rename(TILE_WIDTH, 65000).bytes,
            ANY,
            "",
        ),
        refused(
            "TIFF: no byte counts",
            cog().rename(TILE_BYTE_COUNTS, 65000).bytes,
            ANY,
            "",
        ),
        refused(
            "TIFF: no offsets",
            cog().rename(TILE_OFFSETS, 65000).bytes,
            ANY,
            "",
        ),
        refused(
            "TIFF: no image width",
            cog().rename(IMAGE_WIDTH, 65000).bytes,
            ANY,
            "",
        ),
    ]
}

fn small_tiles() -> Vec<u8> {
    let tiff = cog()
        .wide_set(IMAGE_WIDTH, 65_536)
        .wide_set(IMAGE_LENGTH, 65_536);
    tiff.set(TILE_WIDTH, 0, 1).set(TILE_LENGTH, 0, 1).bytes
}

fn one_strip() -> Vec<u8> {
    let tiff = strips()
        .set(IMAGE_WIDTH, 0, 65_535)
        .set(IMAGE_LENGTH, 0, 65_535)
        .set(ROWS_PER_STRIP, 0, 65_535);
    tiff.recount(STRIP_OFFSETS, 1)
        .recount(STRIP_BYTE_COUNTS, 1)
        .bytes
}

/// Refused in whatever words.
fn damaged(name: &str, tiff: Tiff) -> Case {
    refused(name, tiff.bytes, ANY, "")
}

pub(crate) fn tags() -> Vec<Case> {
    let set = |name, codes, words, tag, value| {
        refused(name, cog().set(tag, 0, value).bytes, codes, words)
    };
    let mut predictor_of_no_type = cog().bytes;
    predictor_of_no_type[cog().entry(PREDICTOR) + 2] = 99;
    let other_fill_order = plain()
        .rename(SAMPLE_FORMAT, FILL_ORDER)
        .set(FILL_ORDER, 0, 2)
        .sorted()
        .bytes;
    vec![
        set("TIFF: 12 bits", ANY, "", BITS_PER_SAMPLE, 12),
        set(
            "TIFF: 8 bits",
            &["band_mismatch"],
            "data type",
            BITS_PER_SAMPLE,
            8,
        ),
        set("TIFF: 32 bits", UNSUPPORTED, "", BITS_PER_SAMPLE, 32),
        set("TIFF: 65535 bits", ANY, "", BITS_PER_SAMPLE, 65535),
        // The same numbers, as long as the highest bit is not set.
        never_wrong("TIFF: signed samples", cog().set(SAMPLE_FORMAT, 0, 2).bytes),
        set("TIFF: samples of floats", UNSUPPORTED, "", SAMPLE_FORMAT, 3),
        set("TIFF: three samples a pixel", ANY, "", SAMPLES_PER_PIXEL, 3),
        set("TIFF: no samples", ANY, "", SAMPLES_PER_PIXEL, 0),
        set(
            "TIFF: white is 0",
            UNSUPPORTED,
            "Photometric",
            PHOTOMETRIC,
            0,
        ),
        set("TIFF: colour", ANY, "", PHOTOMETRIC, 2),
        set("TIFF: compressed as JPEG", UNSUPPORTED, "", COMPRESSION, 7),
        set(
            "TIFF: compressed with 65535",
            UNSUPPORTED,
            "",
            COMPRESSION,
            65535,
        ),
        set("TIFF: not compressed, it says", ANY, "", COMPRESSION, 1),
        set(
            "TIFF: compressed with LZW, it says",
            ANY,
            "",
            COMPRESSION,
            5,
        ),
        set(
            "TIFF: compressed with ZSTD, it says",
            ANY,
            "",
            COMPRESSION,
            50000,
        ),
        set("TIFF: a predictor for floats", ANY, "", PREDICTOR, 3),
        set("TIFF: predictor 65535", ANY, "", PREDICTOR, 65535),
        set("TIFF: tiles of 127 columns", ANY, "", TILE_WIDTH, 127),
        set("TIFF: tiles of 144 columns", ANY, "", TILE_WIDTH, 144),
        set("TIFF: tiles of 112 rows", ANY, "", TILE_LENGTH, 112),
        set(
            "TIFF: a column less",
            &["band_mismatch"],
            "size",
            IMAGE_WIDTH,
            u64::from(SIZE) - 1,
        ),
        set(
            "TIFF: a row more",
            &["band_mismatch"],
            "size",
            IMAGE_LENGTH,
            u64::from(SIZE) + 1,
        ),
        refused(
            "TIFF: bits the other way round",
            other_fill_order,
            UNSUPPORTED,
            "FillOrder",
        ),
        refused(
            "TIFF: a predictor of no type",
            predictor_of_no_type,
            MALFORMED,
            "known type",
        ),
        refused(
            "TIFF: nodata that is no number",
            geotiff_with_nodata(),
            UNSUPPORTED,
            "nodata",
        ),
    ]
}

/// Tile offsets and byte counts that are wrong.
pub(crate) fn places_of_tiles() -> Vec<Case> {
    let at = |tiff: Tiff, place: u64| tiff.set(TILE_OFFSETS, 4, place);
    let long = |tiff: Tiff, count: u64| tiff.set(TILE_BYTE_COUNTS, 4, count);
    let shorter = |tiff: Tiff| {
        let count = tiff.value(TILE_BYTE_COUNTS, 4);
        long(tiff, count - 1)
    };
    let end = cog().bytes.len() as u64;
    let (first, next) = (
        plain().value(TILE_OFFSETS, 4),
        plain().value(TILE_OFFSETS, 5),
    );
    let header = cut(cog(), cog().bytes.len() - cog().directory().end - 100);
    vec![
        refused(
            "TIFF: a tile beyond the end",
            at(cog(), end - 10).bytes,
            TRUNCATED,
            "",
        ),
        refused(
            "TIFF: a tile at 4 GB",
            at(cog(), 0xffff_fff0).bytes,
            TRUNCATED,
            "",
        ),
        damaged("TIFF: a tile in the header", at(cog(), 8)),
        damaged(
            "TIFF: a tile a byte too early",
            at(cog(), cog().value(TILE_OFFSETS, 4) - 1),
        ),
        damaged("TIFF: a plain tile a byte too late", at(plain(), first + 1)),
        damaged(
            "TIFF: a plain tile in the place of another",
            at(plain(), next),
        ),
        damaged("TIFF: a tile of 4 GB", long(cog(), 0xffff_ffff)),
        refused(
            "BigTIFF: a tile of 2^60 bytes",
            wide_count(1 << 60),
            ANY,
            "",
        ),
        damaged("TIFF: a tile of one byte", long(cog(), 1)),
        damaged("TIFF: a tile of no bytes", long(cog(), 0)),
        damaged("TIFF: a tile a byte too short", shorter(cog())),
        damaged("TIFF: a plain tile a byte too short", shorter(plain())),
        damaged(
            "TIFF: a tile in ZSTD a byte too short",
            shorter(tiled("COMPRESS=ZSTD")),
        ),
        // The trailer of its last tile, which says nothing new.
        never_wrong("TIFF: the last byte missing", cut(cog(), 1)),
        refused(
            "TIFF: half of it missing",
            cut(cog(), cog().bytes.len() / 2),
            TRUNCATED,
            "",
        ),
        refused(
            "TIFF: a plain file without its last byte",
            cut(plain(), 1),
            TRUNCATED,
            "",
        ),
        refused("TIFF: all but its directory missing", header, TRUNCATED, ""),
    ]
}

/// Tiles that are not what they should be when decompressed.
pub(crate) fn tiles() -> Vec<Case> {
    let tile = |name, tiff: Tiff, data: &[u8]| damaged(name, tiff.replace(TILES, 4, data));
    let changed = |name, change: fn(&mut [u8])| {
        let mut tiff = cog();
        let bound = |tag| usize::try_from(tiff.value(tag, 4)).expect("it is in memory");
        let (start, count) = (bound(TILE_OFFSETS), bound(TILE_BYTE_COUNTS));
        change(&mut tiff.bytes[start..start + count]);
        damaged(name, tiff)
    };
    let lzw = || tiled("COMPRESS=LZW");
    let half = lzw().value(TILE_BYTE_COUNTS, 4) / 2;
    vec![
        tile(
            "TIFF: a tile that inflates to too little",
            cog(),
            &deflated(&[1; 32_767]),
        ),
        tile(
            "TIFF: a tile that inflates to too much",
            cog(),
            &deflated(&[1; 32_769]),
        ),
        tile(
            "TIFF: a tile that inflates to 64 MB",
            cog(),
            &deflated(&vec![0; 64 << 20]),
        ),
        tile("TIFF: a plain tile of 40 MB", plain(), &vec![0; 40 << 20]),
        tile(
            "TIFF: a tile that is no ZSTD",
            tiled("COMPRESS=ZSTD"),
            &[7; 500],
        ),
        tile("TIFF: a tile that is no LZW", lzw(), &[7; 500]),
        damaged(
            "TIFF: half a tile in LZW",
            lzw().set(TILE_BYTE_COUNTS, 4, half),
        ),
        changed("TIFF: a flipped bit in the middle of a tile", |tile| {
            tile[tile.len() / 2] ^= 1;
        }),
        changed("TIFF: a flipped bit in a tile's checksum", |tile| {
            *tile.last_mut().expect("some") ^= 1;
        }),
        changed("TIFF: a tile of zeros", |tile| tile.fill(0)),
    ]
}

fn cut(mut tiff: Tiff, by: usize) -> Vec<u8> {
    tiff.bytes.truncate(tiff.bytes.len() - by);
    tiff.bytes
}

fn wide_count(count: u64) -> Vec<u8> {
    // GDAL gives those of a small file fewer bits.
    let tiff = big();
    let mut counts = Vec::new();
    for tile in 0..9 {
        counts.extend(
            if tile == 4 {
                count
            } else {
                tiff.value(TILE_BYTE_COUNTS, tile)
            }
            .to_le_bytes(),
        );
    }
    let (at, end) = (tiff.entry(TILE_BYTE_COUNTS), tiff.bytes.len() as u64);
    let mut bytes = tiff.bytes;
    bytes.extend(counts);
    bytes[at + 2..at + 4].copy_from_slice(&16_u16.to_le_bytes());
    bytes[at + 12..at + 20].copy_from_slice(&end.to_le_bytes());
    bytes
}

fn geotiff_with_nodata() -> Vec<u8> {
    // GDAL_NODATA (42113) in the place of the sample format, with four characters in the entry.
    let mut tiff = plain();
    let at = tiff.entry(SAMPLE_FORMAT);
    tiff.bytes[at..at + 12].copy_from_slice(&[0x81, 0xa4, 2, 0, 4, 0, 0, 0, b'2', b',', b'5', 0]);
    tiff.sorted().bytes
}

pub(crate) fn places() -> Vec<Case> {
    let here = place();
    let moved = |name, place: Georeference, words| {
        let file = tilefleet_scenes::encode::geotiff(samples(), SIZE, SIZE, &place, "GTiff", &[]);
        refused(
            name,
            file.expect("GDAL writes it"),
            &["band_mismatch"],
            words,
        )
    };
    let transformed = |numbers: [f64; 16]| {
        let mut tiff = plain();
        let at = tiff.bytes.len() as u64;
        tiff.bytes
            .extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        let tiff = tiff
            .rename(PIXEL_SCALE, 65_000)
            .rename(TIEPOINT, TRANSFORMATION)
            .recount(TRANSFORMATION, 16);
        let (_, value) = tiff.places(TRANSFORMATION);
        let mut bytes = tiff.bytes;
        bytes[value..value + 4].copy_from_slice(&u32::try_from(at).expect("32 bits").to_le_bytes());
        Bytes::from(Tiff::of(bytes).sorted().bytes)
    };
    let turned = || {
        transformed([
            8.0, 6.0, 0.0, here.west, 6.0, -8.0, 0.0, here.north, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
            0.0, 1.0,
        ])
    };
    vec![
        moved(
            "TIFF: a pixel to the east",
            Georeference {
                west: here.west + 10.0,
                ..here
            },
            "position",
        ),
        moved(
            "TIFF: the neighbouring zone",
            Georeference {
                epsg: here.epsg + 1,
                ..here
            },
            "coordinate reference system",
        ),
        refused(
            "TIFF: no geo keys",
            plain().rename(GEO_KEYS, 65_000).sorted().bytes,
            NO_GEOREFERENCE,
            "",
        ),
        refused(
            "TIFF: no tie point",
            plain().rename(TIEPOINT, 65_000).sorted().bytes,
            NO_GEOREFERENCE,
            "",
        ),
        refused(
            "TIFF: no geo keys in the directory of them",
            plain().set(GEO_KEYS, 3, 0).bytes,
            NO_GEOREFERENCE,
            "",
        ),
        refused(
            "TIFF: 65535 geo keys",
            plain().set(GEO_KEYS, 3, 65535).bytes,
            &["no_georeference", "band_mismatch"],
            "",
        ),
        refused(
            "TIFF: geo keys of zeros",
            (0..8)
                .fold(plain(), |tiff, index| tiff.set(GEO_KEYS, index, 0))
                .bytes,
            NO_GEOREFERENCE,
            "",
        ),
        refused(
            "TIFF: one band rotated",
            turned(),
            &["band_mismatch", "unsupported"],
            "",
        ),
        Case {
            name: "TIFF: all bands rotated".into(),
            bands: [turned(), turned(), turned()],
            expected: Expected::RefusedAny(UNSUPPORTED, "north"),
        },
    ]
}
