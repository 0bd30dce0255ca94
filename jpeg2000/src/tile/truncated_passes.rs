//! Coding passes that a writer left out, which makes the coding lossy (ISO/IEC 15444-1 D.3 and
//! E.1).

use crate::tier1::Subband;
use crate::tier2::geometry::Grid;
use crate::tier2::packets::Block;

/// What is missing of the coding passes of a tile, subband by subband.
#[derive(Debug, Default)]
pub(crate) struct Dropped {
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
    /// Bit-planes of which some block lacks a pass or more.
    fn planes(self) -> u32 {
        self.most.div_ceil(3)
    }
}

impl Dropped {
    /// Takes a block that is included into account.
    pub(crate) fn add(&mut self, block: &Block) {
        let level = usize::from(block.resolution);
        let subband = if level == 0 {
            0
        } else {
            3 * level - 2 + usize::from(block.band)
        };
        if self.subbands.len() <= subband {
            self.subbands.resize(subband + 1, None);
        }
        // The first bit-plane has one pass, the others three (D.3).
        let missing = (3 * u32::from(block.planes)).saturating_sub(u32::from(block.passes) + 2);
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

    /// How far the samples may be off, if any pass was dropped: twice the sum of what the
    /// coefficients may be off.
    ///
    /// A coefficient of which n bit-planes are incomplete is off by less than 2^n, and the 5/3
    /// wavelet amplifies no subband: the absolute values of its synthesis filters (F.3.8.2) add up
    /// to 1 for either parity of the position.
    pub(crate) fn effect(&self) -> Option<u32> {
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

    /// Why the quantization cannot be what the blocks were coded with.
    ///
    /// Where QCD has a guard bit or an exponent too many, every block of the subband lacks as many
    /// whole bit-planes. Writers that drop passes hardly do that, and those that leave more room
    /// for a subband than one bit above its nominal range (E-4) code all of it.
    pub(crate) fn contradiction(&self, grid: &Grid, bits: u8) -> Option<String> {
        let bands = grid.resolutions.iter().flat_map(|level| &level.bands);
        bands.zip(&self.subbands).find_map(|(band, passes)| {
            let Passes { least, most } = (*passes)?;
            // Table E.1.
            let gain = match band.subband {
                Subband::Ll => 0,
                Subband::Hl | Subband::Lh => 1,
                Subband::Hh => 2,
            };
            let whole_planes = least == most && most > 0 && most.is_multiple_of(3);
            (whole_planes && band.planes > bits + gain + 1).then(|| {
                format!(
                    "all code blocks of a subband of {} bit-planes lack {} of them, so the quantization (QCD) is damaged",
                    band.planes,
                    most / 3
                )
            })
        })
    }
}
