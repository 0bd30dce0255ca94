//! The tags of a TIFF that GDAL interprets: where the image lies, and what its numbers stand for.

use tiff::TiffError;
use tiff::TiffResult;
use tiff::tags::{Tag, Type};

use crate::cog::Field;
use crate::input::geotiff::stream::TiffDecoder;

/// Tags that place an image (OGC 19-008, `GeoTIFF` 1.1, section 7 and annex B).
const DOUBLES: [Tag; 4] = [
    Tag::ModelPixelScaleTag,
    Tag::ModelTiepointTag,
    Tag::ModelTransformationTag,
    Tag::GeoDoubleParamsTag,
];

/// Texts of the keys, and `GDAL_METADATA` (GDAL's "`GTiff` driver" page, "Metadata"), which has
/// scale and offset.
const TEXTS: [Tag; 2] = [Tag::GeoAsciiParamsTag, Tag::Unknown(42112)];

/// Bytes of the longest text that is read. Metadata of a band comes to some kilobytes.
const LONGEST_TEXT: u64 = 8 << 20;

/// The tags of the first directory that GDAL interprets.
pub(crate) fn for_gdal(decoder: &mut TiffDecoder) -> TiffResult<Vec<Field>> {
    let mut fields = Vec::new();
    for tag in DOUBLES {
        if let Some(value) = decoder.find_tag(tag)? {
            fields.push(Field::doubles(tag.to_u16(), &value.into_f64_vec()?));
        }
    }
    if let Some(value) = decoder.find_tag(Tag::GeoKeyDirectoryTag)? {
        let tag = Tag::GeoKeyDirectoryTag.to_u16();
        fields.push(Field::shorts(tag, &value.into_u16_vec()?));
    }
    for tag in TEXTS {
        if let Some(bytes) = text(decoder, tag)? {
            fields.push(Field::text(tag.to_u16(), bytes));
        }
    }
    Ok(fields)
}

/// The bytes of a text, which need not be UTF-8.
fn text(decoder: &mut TiffDecoder, tag: Tag) -> TiffResult<Option<Vec<u8>>> {
    let mut directory = decoder.image_ifd();
    let Some(entry) = directory.find_entry(tag) else {
        return Ok(None);
    };
    if entry.field_type() != Type::ASCII {
        let error = tiff::TiffFormatError::InvalidTagValueType(tag);
        return Err(TiffError::FormatError(error));
    }
    let length = usize::try_from(entry.count())
        .ok()
        .filter(|&length| length as u64 <= LONGEST_TEXT)
        .ok_or(TiffError::LimitsExceeded)?;
    let mut bytes = vec![0; length];
    directory.find_tag_bytes(tag, &mut bytes, 0)?;
    Ok(Some(bytes))
}
