//! Small JP2 files that have a band's georeference and nothing else, for GDAL to read it from.
//!
//! What GDAL gets to see of a file is bounded here, and it is GDAL that knows GMLJP2 and `GeoTIFF`
//! keys.

use tilefleet_jpeg2000::{Error, Flaw, FlawKind, Image, ReadRange};

/// Bytes of boxes and headers that are handed to GDAL. Those of a Sentinel-2 band have 3 KB; a
/// true-colour image with a thumbnail and metadata comes to some hundreds.
const MOST_BYTES: u64 = 8 << 20;

/// What follows the main header: the shortest tile-part there can be (ISO/IEC 15444-1 A.4.2 and
/// A.4.3), and EOC.
const EMPTY_TILE: [u8; 16] = [
    0xff, 0x90, 0, 10, 0, 0, 0, 0, 0, 14, 0, 1, 0xff, 0x93, 0xff, 0xd9,
];

/// A JP2 file with the boxes in front of the codestream, those behind it if `trailing` says so, and
/// a codestream that ends where the tiles would begin. Its image is one tile: `OpenJPEG` takes ten
/// kilobytes for each tile that is announced, and there may be 65535 of them in a file of some
/// hundred bytes.
pub(crate) fn jp2(image: &Image, source: &dyn ReadRange, trailing: bool) -> Result<Vec<u8>, Error> {
    let mut stub = Vec::new();
    let copy = |stub: &mut Vec<u8>, range: std::ops::Range<u64>| {
        let length = range.end.saturating_sub(range.start);
        if length.saturating_add(stub.len() as u64) > MOST_BYTES {
            let detail = format!("its boxes and headers take more than {MOST_BYTES} bytes");
            return Err(Error::Flaw(Flaw {
                kind: FlawKind::Unsupported,
                offset: range.start,
                detail,
            }));
        }
        stub.extend_from_slice(&source.read_range(range).map_err(Error::Read)?);
        Ok(())
    };
    for range in image.boxes() {
        copy(&mut stub, range.clone())?;
    }
    let header = image.main_header();
    let length = header
        .end
        .saturating_sub(header.start)
        .saturating_add(8 + EMPTY_TILE.len() as u64);
    stub.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    stub.extend_from_slice(b"jp2c");
    let start = stub.len();
    copy(&mut stub, header)?;
    merge_tiles(stub.get_mut(start..).unwrap_or_default());
    stub.extend_from_slice(&EMPTY_TILE);
    if trailing {
        for range in image.trailing_boxes(source)? {
            copy(&mut stub, range)?;
        }
    }
    check_xml(&stub)?;
    Ok(stub)
}

/// Makes the image one tile. SIZ follows SOC; behind its marker, its length and its capabilities
/// are the size and offset of the image, and those of the tiles (ISO/IEC 15444-1 A.5.1).
fn merge_tiles(main_header: &mut [u8]) {
    if let Some([image @ .., _, _, tile_width, tile_height, tile_x, tile_y]) = main_header
        .get_mut(8..)
        .and_then(|fields| fields.as_chunks_mut::<4>().0.first_chunk_mut::<8>())
    {
        (*tile_width, *tile_height) = (image[0], image[1]);
        (*tile_x, *tile_y) = ([0; 4], [0; 4]);
    }
}

/// Fails for XML that declares a document type. GMLJP2 has none, and what entities expand to is not
/// bounded.
fn check_xml(boxes: &[u8]) -> Result<(), Error> {
    let starts = |tag: &[u8], word: &[u8]| {
        tag.get(..word.len())
            .is_some_and(|beginning| beginning.eq_ignore_ascii_case(word))
    };
    let declares = |tag: &[u8]| starts(tag, b"!DOCTYPE") || starts(tag, b"!ENTITY");
    if boxes.split(|&byte| byte == b'<').any(declares) {
        let detail = "its XML declares a document type or entities".to_owned();
        return Err(Error::Flaw(Flaw {
            kind: FlawKind::Unsupported,
            offset: 0,
            detail,
        }));
    }
    Ok(())
}
