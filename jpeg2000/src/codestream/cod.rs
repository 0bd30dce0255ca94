//! Coding style and quantization (ISO/IEC 15444-1 A.6.1 and A.6.4).

use crate::codestream::marker::Segment;
use crate::error::Flaw;
use crate::read::buffered::Fields;

/// The order of the packets of a tile (table A.16 and B.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progression {
    LayerResolution,
    ResolutionLayer,
    ResolutionPosition,
    PositionResolution,
    /// By component first, which is by position for the only one.
    ComponentPosition,
}

/// The COD marker segment (A.6.1).
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
    pub(crate) block: (u8, u8),
    /// Exponents of width and height per resolution level; empty for the largest possible
    /// precincts.
    precincts: Vec<(u8, u8)>,
    component_transformation: u8,
    block_style: u8,
    transformation: u8,
}

impl CodingStyle {
    pub(crate) fn read(segment: &Segment) -> Result<Self, Flaw> {
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
        let layers = u16::from_be_bytes([high, low]);
        if layers == 0 || levels > 32 {
            return Err(wrong("it has no layers or too many decomposition levels"));
        }
        let progression = match progression {
            0 => Progression::LayerResolution,
            1 => Progression::ResolutionLayer,
            2 => Progression::ResolutionPosition,
            3 => Progression::PositionResolution,
            4 => Progression::ComponentPosition,
            _ => return Err(wrong("it names no progression order")),
        };
        // Table A.18: the fields hold the exponents less 2.
        if wide > 8 || tall > 8 || wide + tall > 8 {
            return Err(wrong("its code blocks are larger than 4096 samples"));
        }
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
        // A precinct of 1 sample would leave its subbands with half a sample (table A.21).
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
            block: (wide + 2, tall + 2),
            precincts,
            component_transformation,
            block_style,
            transformation,
        })
    }

    /// Exponents of the width and height of the precincts of a resolution level.
    pub(crate) fn precinct(&self, resolution: u8) -> (u8, u8) {
        // Precincts of 2^15 are what applies where none are given (table A.13).
        self.precincts
            .get(usize::from(resolution))
            .copied()
            .unwrap_or((15, 15))
    }

    /// What one marker segment says and the other excludes, for an image of so many components.
    ///
    /// Nothing else in a file repeats what these two say, so this is what shows damage in them.
    pub(crate) fn contradiction(
        &self,
        quantization: &Quantization,
        components: u16,
    ) -> Option<String> {
        let subbands = 3 * usize::from(self.levels) + 1;
        // G.2: the transformations are of three components.
        if self.component_transformation != 0 && components < 3 {
            return Some(format!(
                "a transformation of three components and has {components}"
            ));
        }
        match (quantization.style, self.transformation) {
            // Table A.28 and E.1: without quantization there are no step sizes, and the 9/7 wavelet
            // needs them.
            (0, 0) => return Some("the irreversible 9/7 wavelet and no quantization".into()),
            (1 | 2, 1) => return Some("the reversible 5/3 wavelet and a quantization".into()),
            (0..=2, _) => {}
            (style, _) => return Some(format!("quantization style {style}, which does not exist")),
        }
        let expected = if quantization.style == 1 { 1 } else { subbands };
        let listed = quantization.exponents.len();
        (listed < expected).then(|| format!("exponents for {listed} of {expected} subbands"))
    }

    /// Code-block style flags (table A.19).
    pub(crate) fn block_style(&self) -> u8 {
        self.block_style
    }

    /// Why this coding is none that the decoder takes.
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

/// The QCD marker segment (A.6.4).
#[derive(Clone, Debug)]
pub(crate) struct Quantization {
    style: u8,
    guard_bits: u8,
    /// By subband: LL, then HL, LH, HH per resolution level; of LL alone where the others are
    /// derived from it.
    exponents: Vec<u8>,
}

/// Most magnitude bit-planes of a subband that are taken. 16-bit samples have 18 in HH and at most
/// 7 guard bits; anything beyond would not fit the arithmetic of the wavelet either.
const MOST_PLANES: u8 = 26;

impl Quantization {
    pub(crate) fn read(segment: &Segment) -> Result<Self, Flaw> {
        let wrong = |detail: &str| Flaw::malformed(segment.offset, format!("QCD: {detail}"));
        let fields = Fields(&segment.content);
        let style = fields.u8(0).ok_or_else(|| wrong("too short"))?;
        let steps = fields.from(1).unwrap_or_default();
        // Tables A.28 to A.30: the exponent is in the upper 5 bits of one byte per subband without
        // quantization, of two with it.
        let (style, guard_bits) = (style & 0x1f, style >> 5);
        let bytes = if style == 0 { 1 } else { 2 };
        let exponents = steps
            .chunks_exact(bytes)
            .filter_map(|step| Some(step.first()? >> 3))
            .collect();
        Ok(Self {
            style,
            guard_bits,
            exponents,
        })
    }

    /// Magnitude bit-planes of a subband (E-2), counted as in [`Quantization::exponents`].
    pub(crate) fn planes(&self, subband: usize) -> Option<u8> {
        let exponent = if self.style == 1 {
            // E-5: one less per level, from the lowest on.
            let level = u8::try_from(subband.saturating_sub(1) / 3).unwrap_or(u8::MAX);
            self.exponents.first()?.saturating_sub(level)
        } else {
            *self.exponents.get(subband)?
        };
        Some((self.guard_bits + exponent).saturating_sub(1))
    }

    /// Why this coding is none that the decoder takes.
    pub(crate) fn outside_profile(&self, levels: u8) -> Option<String> {
        if self.style != 0 {
            return Some(format!("quantization style {}", self.style));
        }
        let subbands = 3 * usize::from(levels) + 1;
        let most = (0..subbands)
            .filter_map(|subband| self.planes(subband))
            .max()
            .unwrap_or_default();
        (most > MOST_PLANES).then(|| format!("{most} magnitude bit-planes"))
    }
}
