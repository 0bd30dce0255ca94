//! The decoder and OpenJPEG decode every coding that OpenJPEG can write to the same samples.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod common;

use common::{Content, Raster, decoded, decoded_by_gdal, encode, raster};
use proptest::prelude::*;

/// How to encode a file.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one option of the driver"
)]
#[derive(Clone, Debug)]
struct Encoding {
    width: usize,
    height: usize,
    bits: u8,
    content: Content,
    seed: u64,
    /// Width and height, 32 at least for GDAL.
    tile: (usize, usize),
    /// Exponents.
    block: (u32, u32),
    resolutions: u32,
    progression: &'static str,
    /// A list of qualities, one per layer. Below 100, OpenJPEG truncates passes.
    quality: &'static str,
    /// Exponents of width and height, the same for all resolutions.
    precinct: Option<(u32, u32)>,
    plt: bool,
    tlm: bool,
    sop: bool,
    eph: bool,
    tile_parts: &'static str,
}

impl Default for Encoding {
    /// The coding of Sentinel-2's 10 m bands, on a small scale.
    fn default() -> Self {
        Self {
            width: 150,
            height: 140,
            bits: 15,
            content: Content::Edge,
            seed: 1,
            tile: (64, 64),
            block: (4, 4),
            resolutions: 5,
            progression: "LRCP",
            quality: "100",
            precinct: Some((5, 5)),
            plt: true,
            tlm: false,
            sop: false,
            eph: false,
            tile_parts: "DISABLED",
        }
    }
}

impl Encoding {
    fn options(&self) -> Vec<String> {
        let yes_no = |yes: bool| if yes { "YES" } else { "NO" };
        let mut options = vec![
            format!("BLOCKXSIZE={}", self.tile.0),
            format!("BLOCKYSIZE={}", self.tile.1),
            format!("CODEBLOCK_WIDTH={}", 1 << self.block.0),
            format!("CODEBLOCK_HEIGHT={}", 1 << self.block.1),
            format!("RESOLUTIONS={}", self.resolutions),
            format!("PROGRESSION={}", self.progression),
            format!("QUALITY={}", self.quality),
            format!("TILEPARTS={}", self.tile_parts),
            format!("PLT={}", yes_no(self.plt)),
            format!("TLM={}", yes_no(self.tlm)),
            format!("SOP={}", yes_no(self.sop)),
            format!("EPH={}", yes_no(self.eph)),
        ];
        if let Some((wide, tall)) = self.precinct {
            let sizes = vec![format!("{{{},{}}}", 1 << wide, 1 << tall); self.resolutions as usize];
            options.push(format!("PRECINCTS={}", sizes.join(",")));
        }
        options
    }

    fn samples(&self) -> Raster {
        raster(self.content, self.width, self.height, self.bits, self.seed)
    }

    /// Encodes and decodes, and compares with what GDAL decodes. `None` if GDAL refuses the
    /// parameters, or cannot read its own file, which happens with small precincts.
    fn check(&self) -> Option<Raster> {
        let original = self.samples();
        let file = encode(&original, self.bits, &self.options()).ok()?;
        let expected = decoded_by_gdal(&file).ok()?;
        // OpenJPEG also writes files that it decodes wrongly: with few bits, a coefficient may need
        // more bit-planes than its headers have room for.
        let lossless = self.quality.ends_with("100");
        if if lossless {
            expected != original
        } else {
            self.bits < 4
        } {
            return None;
        }
        let (samples, _) = decoded(&file).unwrap_or_else(|error| panic!("{self:?}: {error}"));
        if let Some((x, y, ours, theirs)) = samples.difference(&expected) {
            panic!("{self:?}: at column {x}, row {y} the sample is {ours}, OpenJPEG's {theirs}");
        }
        if lossless {
            assert_eq!(samples.difference(&original), None, "{self:?} is lossless");
        }
        Some(samples)
    }
}

fn checked(encoding: &Encoding) -> Raster {
    encoding
        .check()
        .unwrap_or_else(|| panic!("GDAL refuses {encoding:?}"))
}

#[test]
fn the_coding_of_sentinel_2_is_read() {
    let _ = checked(&Encoding::default());
    for bits in [8, 12, 16] {
        let _ = checked(&Encoding {
            bits,
            ..Encoding::default()
        });
    }
}

#[test]
fn every_progression_order_is_read_with_layers_and_precincts() {
    for progression in ["LRCP", "RLCP", "RPCL", "PCRL", "CPRL"] {
        for quality in ["100", "20,50,100"] {
            let encoding = Encoding {
                progression,
                quality,
                content: Content::Land,
                ..Encoding::default()
            };
            let _ = checked(&encoding);
        }
    }
}

#[test]
fn truncated_passes_are_reconstructed_and_clamped_as_openjpeg_does() {
    for (content, bits) in [
        (Content::Noise, 8),
        (Content::Noise, 15),
        (Content::Edge, 15),
        (Content::Full, 16),
    ] {
        for quality in ["5", "30", "10,60"] {
            let _ = checked(&Encoding {
                bits,
                content,
                quality,
                ..Encoding::default()
            });
        }
    }
}

#[test]
fn code_blocks_cut_short_are_read() {
    // OpenJPEG cuts a code block of this file after 3 of the 12 bytes of its passes. The missing
    // bits are all ones, which a decoder puts in their place.
    let encoding = Encoding {
        width: 90,
        height: 138,
        bits: 9,
        seed: 11_413_837_841_293_155_029,
        tile: (32, 93),
        resolutions: 2,
        quality: "30",
        precinct: Some((4, 4)),
        ..Encoding::default()
    };
    let _ = checked(&encoding);
}

#[test]
fn images_of_one_row_or_column_or_sample_are_read() {
    for (width, height, resolutions) in [(1, 1, 1), (1, 77, 1), (77, 1, 1), (2, 2, 2), (3, 130, 2)]
    {
        let _ = checked(&Encoding {
            width,
            height,
            resolutions,
            precinct: None,
            ..Encoding::default()
        });
    }
}

#[test]
fn tiles_of_one_row_or_column_at_the_edges_are_read() {
    for (width, height) in [(65, 65), (65, 129), (129, 66)] {
        let _ = checked(&Encoding {
            width,
            height,
            ..Encoding::default()
        });
    }
}

#[test]
fn images_without_any_detail_are_read() {
    for content in [Content::Zeros, Content::Full] {
        for resolutions in [1, 4] {
            let _ = checked(&Encoding {
                content,
                resolutions,
                precinct: None,
                ..Encoding::default()
            });
        }
    }
}

#[test]
fn packet_markers_and_length_lists_are_read_in_every_combination() {
    for combination in 0..16 {
        let has = |bit: u32| combination >> bit & 1 == 1;
        let _ = checked(&Encoding {
            plt: has(0),
            tlm: has(1),
            sop: has(2),
            eph: has(3),
            ..Encoding::default()
        });
    }
}

#[test]
fn several_tile_parts_are_read() {
    for (tile_parts, progression) in TILE_PARTS {
        for (plt, tlm) in [(false, false), (true, true)] {
            let encoding = Encoding {
                tile_parts,
                progression,
                quality: "40,100",
                precinct: None,
                plt,
                tlm,
                ..Encoding::default()
            };
            let _ = checked(&encoding);
        }
    }
}

/// Divisions into tile-parts, with the progression orders for which OpenJPEG mostly writes sound
/// files. The random codings leave them out: with some, OpenJPEG overruns its own memory.
const TILE_PARTS: [(&str, &str); 2] = [("LAYERS", "LRCP"), ("RESOLUTIONS", "RPCL")];

prop_compose! {
    fn encoding()(
        (width, height, bits, seed) in (1_usize..160, 1_usize..160, 1_u8..=16, any::<u64>()),
        content in prop_oneof![
            3 => Just(Content::Land), 3 => Just(Content::Edge), 3 => Just(Content::Noise),
            1 => Just(Content::Zeros), 1 => Just(Content::Full),
        ],
        tile in (32_usize..140, 32_usize..140),
        block in (2_u32..=10, 2_u32..=10).prop_filter("4096 samples", |(wide, tall)| wide + tall <= 12),
        resolutions in 1_u32..=7,
        progression in prop_oneof![Just("LRCP"), Just("RLCP"), Just("RPCL"), Just("PCRL"), Just("CPRL")],
        quality in prop_oneof![Just("100"), Just("100"), Just("30"), Just("3"), Just("10,25,60"), Just("50,100")],
        precinct in proptest::option::of((1_u32..=8, 1_u32..=8)),
        (plt, tlm, sop, eph) in any::<(bool, bool, bool, bool)>(),
    ) -> Encoding {
        Encoding {
            width, height, bits, content, seed, tile, block, resolutions, progression, quality, precinct, plt, tlm,
            sop, eph, tile_parts: "DISABLED",
        }
    }
}

proptest! {
    #![proptest_config(common::cases(48))]

    #[test]
    fn any_coding_decodes_to_what_openjpeg_decodes(encoding in encoding()) {
        prop_assume!(encoding.check().is_some());
    }
}
