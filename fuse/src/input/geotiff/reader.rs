//! `GeoTIFF` bands, Cloud Optimized ones among them: the tiles or strips of the first image, never
//! the overviews.
//!
//! The profile: one band of unsigned samples of 8 or 16 bits, black is 0; uncompressed, LZW,
//! DEFLATE or ZSTD, with or without the horizontal predictor; nodata 0 or not set. Anything else is
//! refused by name.

use std::io::Cursor;
use std::sync::{Mutex, PoisonError};

use tiff::decoder::Decoder;
use tiff::encoder::{TiffEncoder, colortype};
use tiff::tags::Tag;
use tiff::{ColorType, TiffResult};

use crate::band::Band;
use crate::error::FuseError;
use crate::gdal::Session;
use crate::georeference::Georeference;
use crate::grid::Rect;
use crate::input::band_reader::{DecodeScratch, OpenedBand, TileReader};
use crate::input::geotiff::stream::{Reader, TiffDecoder, explain};
use crate::input::geotiff::tiles::TiffTiles;
use crate::input::header::{Header, check_size};
use crate::input::stub;

/// Tags that place an image (OGC 19-008, `GeoTIFF` 1.1, section 7 and annex B).
const DOUBLES: [Tag; 4] = [
    Tag::ModelPixelScaleTag,
    Tag::ModelTiepointTag,
    Tag::ModelTransformationTag,
    Tag::GeoDoubleParamsTag,
];

pub(crate) fn open(
    session: &Session,
    band: &Band,
) -> Result<(OpenedBand, Georeference), FuseError> {
    let wrong = |error| explain(error, band);
    let mut decoder = Decoder::new(Reader::new(&band.bytes)).map_err(wrong)?;
    check_directory(band, &mut decoder)?;
    let (width, height) = decoder.dimensions().map_err(wrong)?;
    check_size(band, width, height)?;
    let bits = check_profile(band, &mut decoder)?;
    let tiles = TiffTiles::read(band, &mut decoder, (width, height), bits)?;
    let stub = place(&mut decoder).map_err(wrong)?;
    let georeference = stub::opened(stub, "GTiff", |dataset| {
        Georeference::read(session, dataset, band)
    })
    .map_err(|error| FuseError::NoGeoreference {
        input: band.into(),
        detail: session.reason(&error),
    })??;
    let opened = OpenedBand {
        header: Header {
            grid: tiles.grid.clone(),
            bits,
        },
        held: 0,
        working: tiles.working(),
        tiles: Box::new(GeotiffReader {
            band: band.clone(),
            tiles,
            readers: Mutex::default(),
        }),
    };
    Ok((opened, georeference))
}

/// The decoder passes over entries of a type that it does not know, as TIFF 6.0 has it in section
/// 2. There are no such types, though, and without its predictor or its nodata an image is another
/// one.
fn check_directory(band: &Band, decoder: &mut TiffDecoder) -> Result<(), FuseError> {
    let wrong = |error| explain(error, band);
    let Some(place) = decoder.ifd_pointer() else {
        return Ok(());
    };
    let head = band.bytes.read(0..4).map_err(|error| FuseError::Read {
        input: band.into(),
        error,
    })?;
    decoder
        .goto_offset_u64(place.0)
        .map_err(|error| wrong(error.into()))?;
    let entries = if head.contains(&43) {
        decoder.read_long8().map_err(|error| wrong(error.into()))?
    } else {
        decoder
            .read_short()
            .map_err(|error| wrong(error.into()))?
            .into()
    };
    let known = decoder.read_directory(place).map_err(wrong)?.len() as u64;
    if known == entries {
        return Ok(());
    }
    let detail = format!(
        "{known} of the {entries} entries of its directory have a known type and a tag of their own"
    );
    Err(FuseError::Malformed {
        input: band.into(),
        offset: place.0,
        detail,
    })
}

/// Bits of a sample, if it is one that is read here.
fn check_profile(band: &Band, decoder: &mut TiffDecoder) -> Result<u8, FuseError> {
    let unsupported = |detail: String| {
        Err(FuseError::Unsupported {
            input: band.into(),
            detail,
        })
    };
    let wrong = |error| explain(error, band);
    // One band of grey levels of 8 or 16 bits.
    let colour = decoder.colortype().map_err(wrong)?;
    let bits = match colour {
        ColorType::Gray(bits @ (8 | 16)) => bits,
        ColorType::Gray(bits) => {
            return unsupported(format!("it has {bits}-bit samples; 8 and 16 are read"));
        }
        other if other.num_samples() > 1 => {
            let samples = other.num_samples();
            return unsupported(format!("it has {samples} samples in a pixel; 1 is read"));
        }
        other => {
            return unsupported(format!("its samples are not grey levels, but {other:?}"));
        }
    };
    // TIFF 6.0, sections 19, 4 and 8: 1 is the default of all, unsigned integers, black is 0, high
    // bits first.
    for (tag, name) in [
        (Tag::SampleFormat, "SampleFormat"),
        (Tag::PhotometricInterpretation, "Photometric"),
        (Tag::FillOrder, "FillOrder"),
    ] {
        let value = decoder.find_tag_unsigned_vec::<u16>(tag).map_err(wrong)?;
        if let Some(value) = value
            .and_then(|values| values.first().copied())
            .filter(|&value| value != 1)
        {
            return unsupported(format!("its tag {name} is {value} instead of 1"));
        }
    }
    // Nodata is 0, or not named.
    if let Some(value) = decoder.find_tag(Tag::GdalNodata).map_err(wrong)? {
        let text = value.into_string().map_err(wrong)?;
        let text = text.trim_matches(['\0', ' ']);
        if text.parse::<f64>().ok() != Some(0.0) {
            return unsupported(format!(
                "its nodata value is {text}, and 0 is what the output has"
            ));
        }
    }
    Ok(bits)
}

/// An image of one pixel in the same place.
fn place(decoder: &mut TiffDecoder) -> TiffResult<Vec<u8>> {
    let mut file = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut file)?;
    let mut image = encoder.new_image::<colortype::Gray8>(1, 1)?;
    for tag in DOUBLES {
        if let Some(value) = decoder.find_tag(tag)? {
            image
                .encoder()
                .write_tag(tag, value.into_f64_vec()?.as_slice())?;
        }
    }
    if let Some(value) = decoder.find_tag(Tag::GeoKeyDirectoryTag)? {
        image
            .encoder()
            .write_tag(Tag::GeoKeyDirectoryTag, value.into_u16_vec()?.as_slice())?;
    }
    if let Some(value) = decoder.find_tag(Tag::GeoAsciiParamsTag)? {
        image
            .encoder()
            .write_tag(Tag::GeoAsciiParamsTag, value.into_string()?.as_str())?;
    }
    image.write_data(&[0])?;
    Ok(file.into_inner())
}

struct GeotiffReader {
    band: Band,
    tiles: TiffTiles,
    /// Not in use at the moment; a thread takes one, or makes one more.
    readers: Mutex<Vec<Reader>>,
}

impl TileReader for GeotiffReader {
    fn read(
        &self,
        tile: u32,
        rect: Rect,
        scratch: &mut DecodeScratch,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<(), FuseError> {
        if stop() {
            return Err(FuseError::Cancelled);
        }
        scratch.fit(rect.area())?;
        let DecodeScratch {
            samples,
            coded,
            raw,
            ..
        } = scratch;
        // A tile that is not stored is nodata.
        let Some(range) = self.tiles.range(tile) else {
            samples.fill(0);
            return Ok(());
        };
        // Read its bytes with a reader that no other thread uses.
        let idle = self
            .readers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let mut reader = idle.unwrap_or_else(|| Reader::new(&self.band.bytes));
        reader
            .read_range(range.clone(), coded)
            .map_err(|error| explain(error.into(), &self.band))?;
        self.readers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(reader);
        // Decode them.
        self.tiles
            .decode(rect, coded, raw, samples)
            .map_err(|detail| {
                let detail = format!("tile or strip {tile} cannot be decompressed: {detail}");
                FuseError::Malformed {
                    input: (&self.band).into(),
                    offset: range.start,
                    detail,
                }
            })
    }

    fn finish(&self) -> Result<(), FuseError> {
        Ok(())
    }
}
