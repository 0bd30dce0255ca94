//! Is this JP2 file whole? Answered from its structure alone, without decoding a pixel.
//!
//! `OpenJPEG`, as GDAL drives it, decodes half a file without an error and fills the rest with zeros, which in
//! Sentinel-2 data are indistinguishable from nodata. So completeness is established here, before any decoder sees the
//! bytes: the boxes ([`boxes`], ISO/IEC 15444-1 Annex I), the main header ([`codestream`], Annex A), and every
//! tile-part of every tile ([`tile_parts`], A.4.2 and A.7.3), including the number of packets ([`packets`], Annex B).
//!
//! Nothing here allocates more than a few bytes per tile (at most 65535 of them, A.5.1) and nothing panics, whatever
//! the bytes are. Damage inside a packet is out of its reach, unless it looks like a marker; it takes a decoder that
//! follows every code block to its end to notice that.

mod boxes;
mod codestream;
mod packets;
mod span;
mod tile_parts;

#[cfg(test)]
mod tests;

use span::Span;

/// What kind of trouble a file is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FlawKind {
    /// Bytes or tiles that the file announces are not there.
    Truncated,
    /// The structure contradicts itself or the standard.
    Malformed,
    /// Legal, but nothing that this program reads.
    Unsupported,
}

/// The first thing found wrong with a file.
#[derive(Clone, Debug)]
pub(super) struct Flaw {
    pub(super) kind: FlawKind,
    /// Where, in bytes from the beginning of the object.
    pub(super) offset: u64,
    pub(super) detail: String,
}

impl Flaw {
    fn truncated(offset: u64, detail: impl Into<String>) -> Self {
        Self { kind: FlawKind::Truncated, offset, detail: detail.into() }
    }

    fn malformed(offset: u64, detail: impl Into<String>) -> Self {
        Self { kind: FlawKind::Malformed, offset, detail: detail.into() }
    }

    fn unsupported(offset: u64, detail: impl Into<String>) -> Self {
        Self { kind: FlawKind::Unsupported, offset, detail: detail.into() }
    }
}

/// What the headers of a complete file say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) components: u16,
    /// Bits of a sample of the first component, 1 to 38.
    pub(super) bits: u8,
    pub(super) signed: bool,
    /// Nominal size of a tile; tiles at the right and lower edge are smaller.
    pub(super) tile_width: u32,
    pub(super) tile_height: u32,
    pub(super) tiles_across: u32,
    pub(super) tiles_down: u32,
    /// Bytes of the largest tile, all its tile-parts together.
    pub(super) largest_tile: u64,
}

/// The signature box that every JP2 file begins with (I.5.1).
pub(super) const SIGNATURE: [u8; 12] = *b"\0\0\0\x0cjP  \r\n\x87\n";

/// Checks that the file is complete, and reads its headers.
///
/// # Errors
/// The first flaw. The caller has made sure that the file begins with [`SIGNATURE`].
pub(super) fn check(bytes: &[u8]) -> Result<Layout, Flaw> {
    let file = Span::of_object(bytes);
    let container = boxes::container(file)?;
    let main = codestream::main_header(container.codestream)?;
    let size = &main.size;
    container.image.agrees_with(size)?;
    if size.has_offset() || size.is_subsampled() {
        return Err(Flaw::unsupported(
            container.codestream.offset(2),
            "its image or tile grid does not start at 0,0, or its component is subsampled",
        ));
    }
    let largest_tile = tile_parts::walk(container.codestream, &main)?;
    Ok(Layout {
        width: size.width(),
        height: size.height(),
        components: size.component_count(),
        bits: size.bits(),
        signed: size.signed(),
        tile_width: size.tile_width,
        tile_height: size.tile_height,
        tiles_across: size.tiles_across,
        tiles_down: size.tiles_down,
        largest_tile,
    })
}
