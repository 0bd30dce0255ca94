//! Markers and marker segments (A.1 and table A.2).

use bytes::Bytes;

use crate::error::{Error, Flaw};
use crate::read::BufferedReader;

pub(crate) const SOC: u16 = 0xff4f;
pub(crate) const CAP: u16 = 0xff50;
pub(crate) const SIZ: u16 = 0xff51;
pub(crate) const COD: u16 = 0xff52;
pub(crate) const COC: u16 = 0xff53;
pub(crate) const TLM: u16 = 0xff55;
pub(crate) const PLM: u16 = 0xff57;
pub(crate) const PLT: u16 = 0xff58;
pub(crate) const QCD: u16 = 0xff5c;
pub(crate) const QCC: u16 = 0xff5d;
pub(crate) const RGN: u16 = 0xff5e;
pub(crate) const POC: u16 = 0xff5f;
pub(crate) const PPM: u16 = 0xff60;
pub(crate) const PPT: u16 = 0xff61;
pub(crate) const SOT: u16 = 0xff90;
pub(crate) const SOP: u16 = 0xff91;
pub(crate) const EPH: u16 = 0xff92;
pub(crate) const SOD: u16 = 0xff93;
pub(crate) const EOC: u16 = 0xffd9;

/// Why a marker segment takes a file out of the profile, for those that do.
pub(crate) fn outside_profile(marker: u16) -> Option<&'static str> {
    Some(match marker {
        CAP => "capabilities of other parts of the standard (CAP)",
        COC => "a coding style per component (COC)",
        QCC => "a quantization per component (QCC)",
        RGN => "a region of interest (RGN)",
        POC => "changes of the progression order (POC)",
        PPM | PPT => "packed packet headers (PPM, PPT)",
        _ => return None,
    })
}

/// A marker with its segment (A.1.2).
pub(crate) struct MarkerSegment {
    pub(crate) marker: u16,
    /// Position of the marker in the file.
    pub(crate) offset: u64,
    /// The bytes after the length field.
    pub(crate) content: Bytes,
    /// Position of the next marker in the file.
    pub(crate) next: u64,
}

impl MarkerSegment {
    /// Reads the marker segment at `offset`. It must end where the reader does, or before.
    pub(crate) fn read(reader: &mut BufferedReader<'_>, offset: u64) -> Result<Self, Error> {
        let end = reader.end();
        let cut = || Flaw::truncated(offset, format!("a marker segment runs past byte {end}"));
        let marker = reader.u16(offset)?.ok_or_else(cut)?;
        // Markers 0xff30 to 0xff3f and the delimiters have no length, and no header may hold them
        // (table A.2).
        if marker < 0xff40 || matches!(marker, SOC | SOD | EPH | EOC) {
            let detail = format!("found 0x{marker:04x} instead of a marker segment");
            return Err(Flaw::malformed(offset, detail).into());
        }
        let length = u64::from(reader.u16(offset.saturating_add(2))?.ok_or_else(cut)?);
        let Some(content_length) = length.checked_sub(2) else {
            let detail = format!("the marker segment 0x{marker:04x} has length {length}");
            return Err(Flaw::malformed(offset, detail).into());
        };
        let content = reader
            .get(offset.saturating_add(4), content_length)?
            .ok_or_else(cut)?;
        Ok(Self {
            marker,
            offset,
            content,
            next: offset.saturating_add(2).saturating_add(length),
        })
    }
}
