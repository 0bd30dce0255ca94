//! The COD marker segment: the coding style (A.6.1).

use super::marker::MarkerSegment;
use crate::error::Flaw;

/// The order of the packets of a tile (table A.16 and B.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progression {
    /// Layer, resolution level, component, position.
    Lrcp,
    /// Resolution level, layer, component, position.
    Rlcp,
    /// Resolution level, position, component, layer.
    Rpcl,
    /// Position, component, resolution level, layer.
    Pcrl,
    /// Component, position, resolution level, layer.
    Cprl,
}

/// The content of a COD marker segment.
#[derive(Clone, Debug)]
pub(crate) struct CodingStyle {
    /// Packets may begin with SOP marker segments (A.8.1).
    pub(crate) sop: bool,
    /// Packet headers end with EPH markers (A.8.2).
    pub(crate) eph: bool,
    pub(crate) progression: Progression,
    /// At least one.
    pub(crate) layers: u16,
    /// Decomposition levels, 0 to 32.
    pub(crate) levels: u8,
    /// Exponents of width and height of a code block, 2 to 10, together 12 at most.
    pub(crate) code_block: (u8, u8),
    /// Exponents of width and height of the precincts, per resolution level. Empty stands for the
    /// largest possible precincts.
    precincts: Vec<(u8, u8)>,
    /// 0 for none (table A.17).
    pub(super) component_transformation: u8,
    /// Code-block style flags (table A.19).
    pub(crate) block_style: u8,
    /// 0 for the irreversible 9/7 wavelet, 1 for the reversible 5/3 one (table A.20).
    pub(super) transformation: u8,
}

impl CodingStyle {
    pub(crate) fn read(segment: &MarkerSegment) -> Result<Self, Flaw> {
        let wrong = |detail: &str| Flaw::malformed(segment.offset, format!("COD: {detail}"));
        let Some((
            &[
                style,
                progression,
                high,
                low,
                component_transformation,
                levels,
                wide,
                tall,
                block_style,
                transformation,
            ],
            sizes,
        )) = segment.content.split_first_chunk::<10>()
        else {
            return Err(wrong("too short"));
        };
        // Check the fixed fields.
        let layers = u16::from_be_bytes([high, low]);
        if layers == 0 || levels > 32 {
            return Err(wrong("it has no layers or too many decomposition levels"));
        }
        let progression = match progression {
            0 => Progression::Lrcp,
            1 => Progression::Rlcp,
            2 => Progression::Rpcl,
            3 => Progression::Pcrl,
            4 => Progression::Cprl,
            _ => return Err(wrong("unknown progression order")),
        };
        // The fields hold the exponents less 2 (table A.18).
        if wide > 8 || tall > 8 || wide + tall > 8 {
            return Err(wrong("its code blocks are larger than 4096 samples"));
        }
        // The sizes of precincts follow, one per resolution level, if the style says so.
        let expected = if style & 1 == 0 {
            0
        } else {
            usize::from(levels) + 1
        };
        if sizes.len() != expected {
            return Err(wrong(
                "the number of precinct sizes does not fit the number of resolution levels",
            ));
        }
        let precincts: Vec<_> = sizes.iter().map(|size| (size & 0x0f, size >> 4)).collect();
        // A precinct of 1 sample would leave half a sample to each subband (table A.21).
        if precincts
            .iter()
            .skip(1)
            .any(|&(wide, tall)| wide == 0 || tall == 0)
        {
            return Err(wrong("it has precincts of 1 sample"));
        }
        Ok(Self {
            sop: style & 2 != 0,
            eph: style & 4 != 0,
            progression,
            layers,
            levels,
            code_block: (wide + 2, tall + 2),
            precincts,
            component_transformation,
            block_style,
            transformation,
        })
    }

    /// Exponents of the width and height of the precincts of a resolution level.
    pub(crate) fn precinct(&self, resolution: u8) -> (u8, u8) {
        // Without sizes in the segment, precincts have sides of 2^15 (table A.13).
        self.precincts
            .get(usize::from(resolution))
            .copied()
            .unwrap_or((15, 15))
    }

    /// Why the coding style is outside the profile, if it is.
    pub(crate) fn outside_profile(&self) -> Option<String> {
        if self.transformation != 1 {
            return Some(match self.transformation {
                0 => "the irreversible 9/7 wavelet".into(),
                other => format!("wavelet transformation {other}"),
            });
        }
        if self.block_style != 0 {
            return Some(format!("code-block style flags 0x{:02x}", self.block_style));
        }
        if self.component_transformation != 0 {
            return Some("a multiple component transformation".into());
        }
        None
    }
}
