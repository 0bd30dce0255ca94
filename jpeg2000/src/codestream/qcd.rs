//! The QCD marker segment: the quantization (A.6.4).

use super::marker::MarkerSegment;
use crate::error::Flaw;
use crate::read::Fields;

/// Most magnitude bit-planes of a subband inside the profile. 16-bit samples have 18 in HH and at
/// most 7 guard bits. More would not fit the arithmetic of the wavelet.
const MOST_PLANES: u8 = 26;

/// The content of a QCD marker segment.
#[derive(Clone, Debug)]
pub(crate) struct Quantization {
    /// 0 for none, 1 for steps derived from that of LL, 2 for a step per subband (table A.28).
    pub(super) style: u8,
    guard_bits: u8,
    /// By subband: LL, then HL, LH and HH of each resolution level. Only LL has one where the
    /// others are derived from it.
    pub(super) exponents: Vec<u8>,
}

impl Quantization {
    pub(crate) fn read(segment: &MarkerSegment) -> Result<Self, Flaw> {
        let wrong = |detail: &str| Flaw::malformed(segment.offset, format!("QCD: {detail}"));
        let fields = Fields(&segment.content);
        let style = fields.u8(0).ok_or_else(|| wrong("too short"))?;
        let steps = fields.from(1).unwrap_or_default();
        // Each subband has one byte without quantization, and two bytes with it. The exponent is in
        // the upper 5 bits (tables A.28 to A.30).
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

    /// Magnitude bit-planes of a subband (E-2). Subbands are numbered as in `exponents`.
    pub(crate) fn planes(&self, subband: usize) -> Option<u8> {
        let exponent = if self.style == 1 {
            // One less for each level above the lowest (E-5).
            let level = u8::try_from(subband.saturating_sub(1) / 3).unwrap_or(u8::MAX);
            self.exponents.first()?.saturating_sub(level)
        } else {
            *self.exponents.get(subband)?
        };
        Some((self.guard_bits + exponent).saturating_sub(1))
    }

    /// Why the quantization of `levels` decomposition levels is outside the profile, if it is.
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
