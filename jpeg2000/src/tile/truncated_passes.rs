//! Coding passes that a writer left out, which makes the coding lossy (ISO/IEC 15444-1 D.3 and
//! E.1).

use crate::tier1::{Subband, pass_count};
use crate::tier2::{CodeBlock, TileGeometry};

/// How many coding passes the code blocks of a tile lack, by subband.
#[derive(Debug, Default)]
pub(super) struct TruncatedPasses {
    /// LL, then HL, LH and HH of each resolution level.
    subbands: Vec<Option<Passes>>,
}

/// The least and the most passes that a code block of a subband lacks.
#[derive(Clone, Copy, Debug)]
struct Passes {
    least: u32,
    most: u32,
}

impl Passes {
    /// Bit-planes of which some block lacks a pass.
    fn planes(self) -> u32 {
        self.most.div_ceil(3)
    }
}

impl TruncatedPasses {
    /// Counts a block that some packet includes.
    pub(super) fn add(&mut self, block: &CodeBlock) {
        let level = usize::from(block.resolution);
        let subband = if level == 0 {
            0
        } else {
            3 * level - 2 + usize::from(block.band)
        };
        if self.subbands.len() <= subband {
            self.subbands.resize(subband + 1, None);
        }
        let missing = pass_count(block.bit_planes.into()).saturating_sub(block.passes.into());
        if let Some(passes) = self.subbands.get_mut(subband) {
            let Passes { least, most } = passes.unwrap_or(Passes {
                least: missing,
                most: missing,
            });
            *passes = Some(Passes {
                least: least.min(missing),
                most: most.max(missing),
            });
        }
    }

    /// How far the samples may be off, if any pass is missing: twice the sum of what the
    /// coefficients may be off.
    ///
    /// A coefficient with n incomplete bit-planes is off by less than 2^n. The 5/3 wavelet
    /// amplifies no subband: the absolute values of its synthesis filters (F.3.8.2) add up to 1 for
    /// both parities of the position.
    pub(super) fn effect(&self) -> Option<u32> {
        let lossy = self
            .subbands
            .iter()
            .flatten()
            .filter(|passes| passes.most > 0);
        let effect = lossy
            .map(|passes| 2_u32 << passes.planes().min(30))
            .fold(0, u32::saturating_add);
        (effect > 0).then_some(effect)
    }

    /// Why the blocks cannot have been coded with the quantization in the header, if they cannot.
    ///
    /// Where QCD has a guard bit or an exponent too many, every block of the subband lacks as many
    /// whole bit-planes. Writers that truncate passes hardly do that. Writers that leave a subband
    /// more room than one bit above its nominal range (E-4) code all of it.
    pub(super) fn contradiction(&self, geometry: &TileGeometry, bits: u8) -> Option<String> {
        let bands = geometry.resolutions.iter().flat_map(|level| &level.bands);
        bands.zip(&self.subbands).find_map(|(band, passes)| {
            let Passes { least, most } = (*passes)?;
            // The gain of the subband (table E.1).
            let gain = match band.subband {
                Subband::Ll => 0,
                Subband::Hl | Subband::Lh => 1,
                Subband::Hh => 2,
            };
            let whole_planes = least == most && most > 0 && most.is_multiple_of(3);
            (whole_planes && band.bit_planes > bits + gain + 1).then(|| {
                format!(
                    "all code blocks of a subband of {} bit-planes lack {} of them, so the quantization (QCD) is damaged",
                    band.bit_planes,
                    most / 3
                )
            })
        })
    }
}
