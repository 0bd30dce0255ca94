//! The main header of a codestream: image size and coding style (ISO/IEC 15444-1 Annex A).

use super::{Flaw, Span};

pub(super) const SOC: u16 = 0xff4f;
pub(super) const SIZ: u16 = 0xff51;
pub(super) const COD: u16 = 0xff52;
pub(super) const COC: u16 = 0xff53;
pub(super) const PLT: u16 = 0xff58;
pub(super) const QCD: u16 = 0xff5c;
pub(super) const PPM: u16 = 0xff60;
pub(super) const PPT: u16 = 0xff61;
pub(super) const SOT: u16 = 0xff90;
pub(super) const SOD: u16 = 0xff93;
pub(super) const EOC: u16 = 0xffd9;

/// A marker with its segment (A.1.2).
pub(super) struct Segment<'a> {
    pub(super) marker: u16,
    pub(super) offset: u64,
    /// What follows the length field.
    pub(super) content: Span<'a>,
    /// Where the next marker is, in the span that was read from.
    pub(super) next: u64,
}

/// Reads the marker segment at `at`.
pub(super) fn segment(stream: Span<'_>, at: u64) -> Result<Segment<'_>, Flaw> {
    let offset = stream.offset(at);
    let cut = || Flaw::truncated(offset, format!("a marker segment runs past byte {}", stream.end()));
    let marker = stream.u16(at).ok_or_else(cut)?;
    // 0xff30 to 0xff3f and the delimiters have no length, and none of them belongs in a header (table A.2).
    if marker < 0xff40 || matches!(marker, SOC | SOD | EOC) {
        return Err(Flaw::malformed(offset, format!("0x{marker:04x} stands where a marker segment should")));
    }
    let length = u64::from(stream.u16(at.saturating_add(2)).ok_or_else(cut)?);
    let Some(content_length) = length.checked_sub(2) else {
        return Err(Flaw::malformed(
            offset,
            format!("the marker segment 0x{marker:04x} has length {length}"),
        ));
    };
    let content = stream.sub(at.saturating_add(4), content_length).ok_or_else(cut)?;
    Ok(Segment { marker, offset, content, next: at.saturating_add(2).saturating_add(length) })
}

/// The SIZ marker segment (A.5.1).
#[derive(Debug)]
pub(super) struct ImageSize {
    pub(super) x1: u32,
    pub(super) y1: u32,
    pub(super) x0: u32,
    pub(super) y0: u32,
    pub(super) tile_width: u32,
    pub(super) tile_height: u32,
    pub(super) tile_x0: u32,
    pub(super) tile_y0: u32,
    pub(super) tiles_across: u32,
    pub(super) tiles_down: u32,
    /// Sample format, horizontal and vertical subsampling of each; at least one.
    components: Vec<[u8; 3]>,
}

impl ImageSize {
    pub(super) fn width(&self) -> u32 {
        self.x1.saturating_sub(self.x0)
    }

    pub(super) fn height(&self) -> u32 {
        self.y1.saturating_sub(self.y0)
    }

    pub(super) fn tiles(&self) -> u32 {
        self.tiles_across.saturating_mul(self.tiles_down)
    }

    pub(super) fn component_count(&self) -> u16 {
        u16::try_from(self.components.len()).unwrap_or(u16::MAX)
    }

    /// `Ssiz` of the first component: bits less one, with the sign in the top bit.
    pub(super) fn sample_format(&self) -> u8 {
        self.components.first().map_or(0, |component| component[0])
    }

    pub(super) fn bits(&self) -> u8 {
        (self.sample_format() & 0x7f).saturating_add(1)
    }

    pub(super) fn signed(&self) -> bool {
        self.sample_format() & 0x80 != 0
    }

    pub(super) fn has_offset(&self) -> bool {
        [self.x0, self.y0, self.tile_x0, self.tile_y0].iter().any(|&offset| offset != 0)
    }

    pub(super) fn is_subsampled(&self) -> bool {
        self.components.iter().any(|&[_, across, down]| across != 1 || down != 1)
    }

    fn read(segment: &Segment<'_>) -> Result<Self, Flaw> {
        let wrong = |detail: &str| Flaw::malformed(segment.offset, format!("SIZ: {detail}"));
        let content = segment.content;
        let field = |index: u64| content.u32(2 + 4 * index).ok_or_else(|| wrong("too short"));
        let count = content.u16(34).ok_or_else(|| wrong("too short"))?;
        let format = content.from(36).map(Span::bytes).unwrap_or_default();
        let (components, rest) = format.as_chunks::<3>();
        if !rest.is_empty() || components.len() != usize::from(count) || count == 0 || count > 16384 {
            return Err(wrong("the number of components does not fit its length"));
        }
        let mut size = Self {
            x1: field(0)?,
            y1: field(1)?,
            x0: field(2)?,
            y0: field(3)?,
            tile_width: field(4)?,
            tile_height: field(5)?,
            tile_x0: field(6)?,
            tile_y0: field(7)?,
            tiles_across: 0,
            tiles_down: 0,
            components: components.to_vec(),
        };
        if size.width() == 0 || size.height() == 0 || size.tile_width == 0 || size.tile_height == 0 {
            return Err(wrong("the image or its tiles are empty"));
        }
        let first_tile_holds_origin = |tile0: u32, tile: u32, image0: u32| {
            tile0 <= image0 && u64::from(tile0) + u64::from(tile) > u64::from(image0)
        };
        if !first_tile_holds_origin(size.tile_x0, size.tile_width, size.x0)
            || !first_tile_holds_origin(size.tile_y0, size.tile_height, size.y0)
        {
            return Err(wrong("the first tile lies outside the image"));
        }
        if size
            .components
            .iter()
            .any(|&[format, across, down]| (format & 0x7f) > 37 || across == 0 || down == 0)
        {
            return Err(wrong("a component has an impossible depth or subsampling"));
        }
        size.tiles_across = size.x1.saturating_sub(size.tile_x0).div_ceil(size.tile_width);
        size.tiles_down = size.y1.saturating_sub(size.tile_y0).div_ceil(size.tile_height);
        if u64::from(size.tiles_across) * u64::from(size.tiles_down) > 65535 {
            return Err(wrong("there are more than 65535 tiles"));
        }
        Ok(size)
    }
}

/// The COD marker segment (A.6.1), as far as it says how many packets a tile has.
#[derive(Debug)]
pub(super) struct CodingStyle {
    /// Packets may begin with SOP marker segments or their headers end with EPH markers (A.8).
    pub(super) packet_markers: bool,
    pub(super) layers: u16,
    /// Decomposition levels, 0 to 32.
    pub(super) levels: u8,
    /// Exponents of width and height per resolution level; empty for the largest possible precincts.
    pub(super) precincts: Vec<(u8, u8)>,
}

impl CodingStyle {
    fn read(segment: &Segment<'_>) -> Result<Self, Flaw> {
        let wrong = |detail: &str| Flaw::malformed(segment.offset, format!("COD: {detail}"));
        let content = segment.content;
        let short = || wrong("too short");
        let style = content.u8(0).ok_or_else(short)?;
        let layers = content.u16(2).ok_or_else(short)?;
        let levels = content.u8(5).ok_or_else(short)?;
        let sizes = content.from(10).ok_or_else(short)?.bytes();
        if layers == 0 || levels > 32 {
            return Err(wrong("it has no layers or too many decomposition levels"));
        }
        let expected = if style & 1 == 0 { 0 } else { usize::from(levels) + 1 };
        if sizes.len() != expected {
            return Err(wrong("the number of precinct sizes does not fit the number of resolution levels"));
        }
        let precincts = sizes.iter().map(|size| (size & 0x0f, size >> 4)).collect();
        Ok(Self { packet_markers: style & 6 != 0, layers, levels, precincts })
    }
}

/// Everything in front of the first tile-part.
#[derive(Debug)]
pub(super) struct MainHeader {
    pub(super) size: ImageSize,
    pub(super) coding: CodingStyle,
    /// The coding style is the same for all components, so that packets can be counted from it.
    pub(super) uniform: bool,
    /// Packet headers are kept apart from the packets (PPM, A.7.4).
    pub(super) packed_headers: bool,
    /// Where the first SOT marker is, in the codestream.
    pub(super) tile_parts: u64,
}

/// Reads the main header, which ends at the first SOT marker (A.3).
pub(super) fn main_header(stream: Span<'_>) -> Result<MainHeader, Flaw> {
    let cut = || Flaw::truncated(stream.end(), "the codestream ends in its main header");
    if stream.u16(0).ok_or_else(cut)? != SOC {
        return Err(Flaw::malformed(stream.offset(0), "the codestream does not begin with SOC"));
    }
    let first = segment(stream, 2)?;
    if first.marker != SIZ {
        return Err(Flaw::malformed(first.offset, "the codestream does not begin with SOC and SIZ"));
    }
    let size = ImageSize::read(&first)?;
    let mut at = first.next;
    let mut coding = None;
    let mut quantization = false;
    let mut uniform = true;
    let mut packed_headers = false;
    while stream.u16(at).ok_or_else(cut)? != SOT {
        let next = segment(stream, at)?;
        match next.marker {
            SIZ => return Err(Flaw::malformed(next.offset, "there is a second SIZ")),
            COD => coding = Some(CodingStyle::read(&next)?),
            COC => uniform = false,
            QCD => quantization = true,
            PPM => packed_headers = true,
            _ => {}
        }
        at = next.next;
    }
    match coding {
        Some(coding) if quantization => {
            Ok(MainHeader { size, coding, uniform, packed_headers, tile_parts: at })
        }
        _ => Err(Flaw::malformed(stream.offset(at), "the main header lacks COD or QCD")),
    }
}
