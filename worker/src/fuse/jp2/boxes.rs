//! The boxes of a JP2 file, as far as they matter to finding a complete codestream (ISO/IEC 15444-1 Annex I).

use super::codestream::ImageSize;
use super::{Flaw, SIGNATURE, Span};

/// The parts of a JP2 file that the rest of the check needs.
pub(super) struct Container<'a> {
    pub(super) image: ImageHeader,
    pub(super) codestream: Span<'a>,
}

/// The image header box (I.5.3.1).
pub(super) struct ImageHeader {
    offset: u64,
    height: u32,
    width: u32,
    components: u16,
    bits: u8,
}

impl ImageHeader {
    /// The box repeats what the codestream says; a disagreement means that the two do not belong together.
    pub(super) fn agrees_with(&self, size: &ImageSize) -> Result<(), Flaw> {
        let differs = |what: &str, here: u32, there: u32| {
            let detail = format!("the image header box says {what} {here}, the codestream says {there}");
            Err(Flaw::malformed(self.offset, detail))
        };
        if self.width != size.width() {
            return differs("width", self.width, size.width());
        }
        if self.height != size.height() {
            return differs("height", self.height, size.height());
        }
        if self.components != size.component_count() {
            return differs("components", self.components.into(), size.component_count().into());
        }
        // 255 stands for "differs between components" (table I.6).
        if self.bits != 255 && self.bits != size.sample_format() {
            return differs("bit depth code", self.bits.into(), size.sample_format().into());
        }
        Ok(())
    }
}

struct Jp2Box<'a> {
    kind: [u8; 4],
    start: u64,
    content: Span<'a>,
    /// Where the next box begins, in the parent.
    next: u64,
}

impl Jp2Box<'_> {
    fn name(&self) -> String {
        name(self.kind)
    }
}

fn name(kind: [u8; 4]) -> String {
    format!("'{}'", kind.escape_ascii())
}

/// Reads the box at `at`, which must lie inside `parent` with its whole content (I.4).
fn read_box(parent: Span<'_>, at: u64, top_level: bool) -> Result<Jp2Box<'_>, Flaw> {
    let start = parent.offset(at);
    let cut = |what: &str| Flaw::truncated(start, format!("{what} runs past byte {}", parent.end()));
    let (Some(short), Some(kind)) = (parent.u32(at), parent.tag(at.saturating_add(4))) else {
        return Err(cut("a box header"));
    };
    let (header, length) = match short {
        // Length 0: the box goes on to the end of the file, which only the last box can.
        0 if top_level => (8, parent.len().saturating_sub(at)),
        1 => {
            let long = parent.u64(at.saturating_add(8));
            (16, long.ok_or_else(|| cut("a box header"))?)
        }
        short => (8, u64::from(short)),
    };
    let Some(content_length) = length.checked_sub(header) else {
        return Err(Flaw::malformed(
            start,
            format!("the box {} has the impossible length {length}", name(kind)),
        ));
    };
    let content = parent.sub(at.saturating_add(header), content_length);
    let content = content.ok_or_else(|| cut(&format!("the box {} of {length} bytes", name(kind))))?;
    Ok(Jp2Box { kind, start, content, next: at.saturating_add(length) })
}

/// Finds the image header and the codestream.
///
/// Boxes between them are stepped over unread: the georeference in them is GDAL's business.
pub(super) fn container(file: Span<'_>) -> Result<Container<'_>, Flaw> {
    let mut at = SIGNATURE.len() as u64;
    let file_type = read_box(file, at, true)?;
    check_file_type(&file_type)?;
    at = file_type.next;
    let mut image = None;
    while at < file.len() {
        let found = read_box(file, at, true)?;
        match &found.kind {
            b"jp2h" if image.is_none() => image = Some(image_header(&found)?),
            b"jp2h" => return Err(Flaw::malformed(found.start, "there is a second box 'jp2h'")),
            b"jp2c" => {
                let Some(image) = image else {
                    return Err(Flaw::malformed(found.start, "the codestream comes before the box 'jp2h'"));
                };
                check_trailer(file, found.next)?;
                return Ok(Container { image, codestream: found.content });
            }
            _ => {}
        }
        at = found.next;
    }
    Err(Flaw::truncated(file.len(), "the file ends before its codestream"))
}

/// The file type box (I.5.2) must promise that a reader of plain JP2 can read the file.
fn check_file_type(found: &Jp2Box<'_>) -> Result<(), Flaw> {
    if &found.kind != b"ftyp" {
        let detail = format!("the second box is {} instead of 'ftyp'", found.name());
        return Err(Flaw::malformed(found.start, detail));
    }
    // Brand and minor version come first, then the list of compatible brands.
    let compatible = found.content.bytes().get(8..).unwrap_or_default();
    if compatible.chunks(4).any(|brand| brand == b"jp2 ") {
        Ok(())
    } else {
        Err(Flaw::unsupported(found.start, "its file type box does not list the brand 'jp2 '"))
    }
}

fn image_header(parent: &Jp2Box<'_>) -> Result<ImageHeader, Flaw> {
    let mut image = None;
    let mut at = 0;
    while at < parent.content.len() {
        let found = read_box(parent.content, at, false)?;
        match (&found.kind, &image) {
            (b"ihdr", None) => image = Some(read_image_header(&found)?),
            (_, None) => {
                return Err(Flaw::malformed(found.start, "the box 'jp2h' does not begin with 'ihdr'"));
            }
            (b"pclr", _) => {
                return Err(Flaw::unsupported(found.start, "its samples are indices into a palette"));
            }
            _ => {}
        }
        at = found.next;
    }
    image.ok_or_else(|| Flaw::malformed(parent.start, "the box 'jp2h' is empty"))
}

fn read_image_header(found: &Jp2Box<'_>) -> Result<ImageHeader, Flaw> {
    let content = found.content;
    let read = || {
        let whole = content.len() == 14;
        whole.then_some(ImageHeader {
            offset: found.start,
            height: content.u32(0)?,
            width: content.u32(4)?,
            components: content.u16(8)?,
            bits: content.u8(10)?,
        })
    };
    read().ok_or_else(|| Flaw::malformed(found.start, "the box 'ihdr' does not have 14 bytes of content"))
}

/// Boxes that writers put behind a codestream.
const TRAILING: [&[u8; 4]; 6] = [b"xml ", b"uuid", b"asoc", b"uinf", b"jp2i", b"free"];

/// What follows the codestream is of no consequence, unless it shows that the file was cut: a box of a known type that
/// runs past the end. Anything else is taken for padding, which archives do append.
fn check_trailer(file: Span<'_>, mut at: u64) -> Result<(), Flaw> {
    while let Some(kind) = file.tag(at.saturating_add(4)) {
        if !TRAILING.contains(&&kind) {
            return Ok(());
        }
        at = read_box(file, at, true)?.next;
    }
    Ok(())
}
