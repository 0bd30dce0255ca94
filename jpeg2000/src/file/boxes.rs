//! The boxes of a JP2 file, as far as the way to the codestream needs them (Annex I).

use std::ops::Range;

use crate::codestream::ImageSize;
use crate::error::{Error, Flaw};
use crate::read::{BufferedReader, Fields};

/// Bytes of the signature box that every JP2 file begins with (I.5.1).
const SIGNATURE_LENGTH: u64 = 12;

/// Most boxes before or after the codestream. A Sentinel-2 band has four.
const MOST_BOXES: usize = 4096;

/// Bytes to read of the file type box. Its list of compatible brands has one or two entries of 4
/// bytes in plain JP2.
const BRANDS_READ: u64 = 4096;

/// What a JP2 file holds up to the end of its codestream.
pub(crate) struct Container {
    pub(crate) header: ImageHeader,
    /// The whole boxes before the codestream, in order. The first is the signature box.
    pub(crate) before: Vec<Range<u64>>,
    /// The content of the codestream box.
    pub(crate) codestream: Range<u64>,
    /// Where the box after the codestream would begin.
    pub(crate) after: u64,
}

/// The image header box (I.5.3.1).
pub(crate) struct ImageHeader {
    offset: u64,
    height: u32,
    width: u32,
    components: u16,
    bits: u8,
}

impl ImageHeader {
    /// Checks that the box repeats what the codestream says. Otherwise the two do not belong
    /// together.
    pub(crate) fn check_agrees_with(&self, size: &ImageSize) -> Result<(), Flaw> {
        let differs = |what: &str, here: u32, there: u32| {
            let detail =
                format!("the image header box says {what} {here}, the codestream says {there}");
            Err(Flaw::malformed(self.offset, detail))
        };
        if self.width != size.width() {
            return differs("width", self.width, size.width());
        }
        if self.height != size.height() {
            return differs("height", self.height, size.height());
        }
        if self.components != size.component_count() {
            return differs(
                "components",
                self.components.into(),
                size.component_count().into(),
            );
        }
        // 255 means that components differ (table I.6).
        if self.bits != 255 && self.bits != size.sample_format() {
            return differs(
                "bit depth code",
                self.bits.into(),
                size.sample_format().into(),
            );
        }
        Ok(())
    }
}

/// A box: its type, where it begins, and its content, in bytes of the file.
struct Jp2Box {
    kind: [u8; 4],
    start: u64,
    content: Range<u64>,
}

impl Jp2Box {
    /// Where the next box begins.
    fn next(&self) -> u64 {
        self.content.end
    }

    fn content_length(&self) -> u64 {
        self.content.end - self.content.start
    }
}

fn name(kind: [u8; 4]) -> String {
    format!("'{}'", kind.escape_ascii())
}

/// Reads the header of the box at `at`. The whole box must end at `end` or before (I.4).
fn read_box(
    reader: &mut BufferedReader<'_>,
    at: u64,
    end: u64,
    top_level: bool,
) -> Result<Jp2Box, Error> {
    let cut = |what: &str| Error::from(Flaw::truncated(at, format!("{what} runs past byte {end}")));
    if end.saturating_sub(at) < 8 {
        return Err(cut("a box header"));
    }
    let (Some(short), Some(kind)) = (reader.u32(at)?, reader.tag(at.saturating_add(4))?) else {
        return Err(cut("a box header"));
    };
    let (header, length) = match short {
        // Length 0 means up to the end of the file. Only the last box of the file may have it.
        0 if top_level => (8, end.saturating_sub(at)),
        1 => {
            let long = reader.u64(at.saturating_add(8))?;
            (16, long.ok_or_else(|| cut("a box header"))?)
        }
        short => (8, u64::from(short)),
    };
    if length < header {
        let detail = format!("the box {} has the impossible length {length}", name(kind));
        return Err(Flaw::malformed(at, detail).into());
    }
    match at.checked_add(length).filter(|&next| next <= end) {
        Some(next) => Ok(Jp2Box {
            kind,
            start: at,
            content: at.saturating_add(header)..next,
        }),
        None => Err(cut(&format!("the box {} of {length} bytes", name(kind)))),
    }
}

/// Finds the image header and the codestream.
///
/// It skips the boxes between them without reading their content. They may hold the georeference,
/// which is the caller's to read.
pub(crate) fn container(reader: &mut BufferedReader<'_>) -> Result<Container, Error> {
    // The signature box and the file type box come first.
    let end = reader.end();
    let file_type = read_box(reader, SIGNATURE_LENGTH, end, true)?;
    check_file_type(reader, &file_type)?;
    let mut before = vec![0..SIGNATURE_LENGTH, file_type.start..file_type.next()];
    // The JP2 header box comes somewhere before the codestream.
    let mut at = file_type.next();
    let mut header = None;
    while at < end {
        let found = read_box(reader, at, end, true)?;
        match &found.kind {
            b"jp2h" if header.is_none() => header = Some(image_header(reader, &found)?),
            b"jp2h" => {
                return Err(Flaw::malformed(found.start, "there is a second box 'jp2h'").into());
            }
            b"jp2c" => {
                let Some(header) = header else {
                    let detail = "the codestream comes before the box 'jp2h'";
                    return Err(Flaw::malformed(found.start, detail).into());
                };
                return Ok(Container {
                    header,
                    before,
                    after: found.next(),
                    codestream: found.content,
                });
            }
            _ => {}
        }
        at = found.next();
        before.push(found.start..found.next());
        check_count(&before)?;
    }
    Err(Flaw::truncated(end, "the file ends before its codestream").into())
}

/// Bounds the list of boxes, so that a file of nothing but boxes does not fill the memory.
fn check_count(boxes: &[Range<u64>]) -> Result<(), Flaw> {
    match boxes.last() {
        Some(last) if boxes.len() > MOST_BOXES => Err(Flaw::unsupported(
            last.start,
            format!("it has more than {MOST_BOXES} boxes in a row"),
        )),
        _ => Ok(()),
    }
}

/// Checks the file type box (I.5.2): a reader of plain JP2 must be able to read the file.
fn check_file_type(reader: &mut BufferedReader<'_>, found: &Jp2Box) -> Result<(), Error> {
    if &found.kind != b"ftyp" {
        let detail = format!("the second box is {} instead of 'ftyp'", name(found.kind));
        return Err(Flaw::malformed(found.start, detail).into());
    }
    let content = reader.get(found.content.start, found.content_length().min(BRANDS_READ))?;
    // The list of compatible brands follows the brand and the minor version.
    let compatible = content
        .as_deref()
        .and_then(|content| content.get(8..))
        .unwrap_or_default();
    if compatible.chunks(4).any(|brand| brand == b"jp2 ") {
        Ok(())
    } else {
        Err(Flaw::unsupported(
            found.start,
            "its file type box does not list the brand 'jp2 '",
        )
        .into())
    }
}

/// Reads the JP2 header box (I.5.3). It must begin with the image header and have no palette.
fn image_header(reader: &mut BufferedReader<'_>, parent: &Jp2Box) -> Result<ImageHeader, Error> {
    let mut header = None;
    let mut at = parent.content.start;
    while at < parent.content.end {
        let found = read_box(reader, at, parent.content.end, false)?;
        match (&found.kind, &header) {
            (b"ihdr", None) => header = Some(read_image_header(reader, &found)?),
            (_, None) => {
                let detail = "the box 'jp2h' does not begin with 'ihdr'";
                return Err(Flaw::malformed(found.start, detail).into());
            }
            (b"pclr", _) => {
                let detail = "its samples are indices into a palette";
                return Err(Flaw::unsupported(found.start, detail).into());
            }
            _ => {}
        }
        at = found.next();
    }
    header.ok_or_else(|| Flaw::malformed(parent.start, "the box 'jp2h' is empty").into())
}

/// Reads the image header box (I.5.3.1).
fn read_image_header(
    reader: &mut BufferedReader<'_>,
    found: &Jp2Box,
) -> Result<ImageHeader, Error> {
    let wrong = || {
        Flaw::malformed(
            found.start,
            "the box 'ihdr' does not have 14 bytes of content",
        )
    };
    if found.content_length() != 14 {
        return Err(wrong().into());
    }
    let content = reader.get(found.content.start, 14)?.unwrap_or_default();
    let fields = Fields(&content);
    let read = || {
        Some(ImageHeader {
            offset: found.start,
            height: fields.u32(0)?,
            width: fields.u32(4)?,
            components: fields.u16(8)?,
            bits: fields.u8(10)?,
        })
    };
    Ok(read().ok_or_else(wrong)?)
}

/// Types of boxes that writers put after a codestream.
const TRAILING: [&[u8; 4]; 6] = [b"xml ", b"uuid", b"asoc", b"uinf", b"jp2i", b"free"];

/// The boxes after the codestream, from `at` on.
///
/// A box of a known type that runs past the end shows that the file was cut. Anything else is
/// padding, which archives do append, and ends the list.
pub(crate) fn trailing(
    reader: &mut BufferedReader<'_>,
    mut at: u64,
) -> Result<Vec<Range<u64>>, Error> {
    let mut boxes = Vec::new();
    let end = reader.end();
    while let Some(kind) = reader.tag(at.saturating_add(4))? {
        if !TRAILING.contains(&&kind) {
            break;
        }
        let found = read_box(reader, at, end, true)?;
        boxes.push(found.start..found.next());
        check_count(&boxes)?;
        at = found.next();
    }
    Ok(boxes)
}
