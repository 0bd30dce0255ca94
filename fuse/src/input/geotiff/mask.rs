//! The mask of a TIFF: a directory behind that of the image, whose samples say which pixels are
//! valid (TIFF 6.0, section 8, `NewSubfileType`; GDAL's RFC 15).

use std::collections::BTreeSet;

use tiff::decoder::IfdDecoder;
use tiff::tags::{ByteOrder, Tag};

use crate::band::Band;
use crate::error::FuseError;
use crate::input::geotiff::stream::{TiffDecoder, explain};
use crate::input::geotiff::tiles::{Part, TiffTiles};

/// Directories that are looked through. Overviews and their masks come to two dozen.
const MOST_DIRECTORIES: usize = 128;

/// `PhotometricInterpretation` of a mask (TIFF 6.0, section 8).
const MASK: u32 = 4;

/// What a directory is to the one that comes first.
enum Role {
    Reduced,
    Mask,
    /// An image of its own, with all that follows it.
    Page,
}

/// The mask of the first image, if it has one.
pub(crate) fn find(
    band: &Band,
    decoder: &mut TiffDecoder,
    size: (u32, u32),
) -> Result<Option<TiffTiles>, FuseError> {
    let wrong = |error| explain(error, band);
    // The directories are a list, each with the place of the next. It may be damaged.
    let order = decoder.byte_order();
    let mut next = decoder.image_ifd().directory().next();
    let mut seen = BTreeSet::new();
    seen.extend(decoder.ifd_pointer().map(|place| place.0));
    let mut found = None;
    while let Some(place) = next {
        if !seen.insert(place.0) {
            return Err(FuseError::Malformed {
                input: band.into(),
                offset: place.0,
                detail: "its directories follow each other in a circle".into(),
            });
        }
        if seen.len() > MOST_DIRECTORIES {
            return Err(unsupported(
                band,
                format!("more than {MOST_DIRECTORIES} directories follow its first one"),
            ));
        }
        // Only masks are read; behind an image of its own they are not those of the first.
        let directory = decoder.read_directory(place).map_err(wrong)?;
        next = directory.next();
        let mut tags = decoder.read_directory_tags(&directory);
        let Some(role) = role(&mut tags, size).map_err(wrong)? else {
            return Err(FuseError::Malformed {
                input: band.into(),
                offset: place.0,
                detail: "one tag of this directory says that it is a mask, and another that it \
                         is none"
                    .into(),
            });
        };
        match role {
            Role::Reduced => {}
            Role::Page => break,
            Role::Mask if found.is_some() => {
                return Err(unsupported(band, "it has two masks".into()));
            }
            Role::Mask => found = Some(read(band, &mut tags, order, size)?),
        }
    }
    Ok(found)
}

fn unsupported(band: &Band, detail: String) -> FuseError {
    FuseError::Unsupported {
        input: band.into(),
        detail,
    }
}

/// Nothing if the tags contradict each other: a damaged one must not make a mask disappear.
fn role(tags: &mut IfdDecoder<'_>, size: (u32, u32)) -> tiff::TiffResult<Option<Role>> {
    let mut number = |tag| tags.find_tag_unsigned::<u32>(tag);
    // Bits of NewSubfileType: 0 for a reduced image, 2 for a mask. Value 2 of the older SubfileType
    // is a reduced image. Masks have a Photometric of their own (TIFF 6.0, section 8).
    let (is_reduced, is_mask) = match number(Tag::NewSubfileType)? {
        Some(bits) => (bits & 1 != 0, bits & 4 != 0),
        None => (number(Tag::SubfileType)? == Some(2), false),
    };
    let photometric = number(Tag::PhotometricInterpretation)?;
    if photometric.is_some_and(|number| (number == MASK) != is_mask) {
        return Ok(None);
    }
    Ok(match (is_reduced, is_mask) {
        (false, false) => Some(Role::Page),
        (false, true) => Some(Role::Mask),
        (true, false) => Some(Role::Reduced),
        (true, true) => {
            let own = (number(Tag::ImageWidth)?, number(Tag::ImageLength)?);
            let is_whole = own == (Some(size.0), Some(size.1));
            (!is_whole).then_some(Role::Reduced)
        }
    })
}

/// The tiles of a mask of an image of this size.
fn read(
    band: &Band,
    tags: &mut IfdDecoder<'_>,
    order: ByteOrder,
    size: (u32, u32),
) -> Result<TiffTiles, FuseError> {
    // It covers the image pixel by pixel.
    let mut number = |tag, default: u32| {
        let value = tags
            .find_tag_unsigned_vec::<u32>(tag)
            .map_err(|error| explain(error, band))?;
        Ok::<_, FuseError>(
            value
                .and_then(|all| all.first().copied())
                .unwrap_or(default),
        )
    };
    let own = (number(Tag::ImageWidth, 0)?, number(Tag::ImageLength, 0)?);
    if own != size {
        let ((width, height), (w, h)) = (own, size);
        let detail = format!("its mask is {width}x{height} and its image {w}x{h}");
        return Err(unsupported(band, detail));
    }
    // One sample of 1 or 8 bits a pixel, of a mask, unsigned, high bits first.
    let bits = number(Tag::BitsPerSample, 1)?;
    for (tag, name, default, right) in [
        (Tag::SamplesPerPixel, "SamplesPerPixel", 1, 1),
        (Tag::PhotometricInterpretation, "Photometric", MASK, MASK),
        (Tag::FillOrder, "FillOrder", 1, 1),
        (Tag::SampleFormat, "SampleFormat", 1, 1),
    ] {
        let value = number(tag, default)?;
        if value != right {
            let detail = format!("its mask's tag {name} is {value} instead of {right}");
            return Err(unsupported(band, detail));
        }
    }
    let bits = match bits {
        1 => 1,
        8 => 8,
        other => {
            let detail = format!("its mask has {other}-bit samples; 1 and 8 are read");
            return Err(unsupported(band, detail));
        }
    };
    TiffTiles::read(band, Part::Mask, tags, order, (size, bits))
}
