//! `GeoTIFF` bands, Cloud Optimized ones among them: the tiles or strips of the first image and of
//! its mask, never the overviews.
//!
//! The profile: one band of integers of up to 16 bits, packed or not, black is 0; uncompressed,
//! LZW, DEFLATE or ZSTD, with or without the horizontal predictor. Valid are the pixels that the
//! mask says, else those that are not the nodata value, else those that are not 0; they must be
//! above 0, which is nodata from here on. Anything else is refused by name.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use tiff::ColorType;
use tiff::decoder::Decoder;
use tiff::tags::{IfdPointer, Tag};

use crate::band::Band;
use crate::cog::{GeoKeys, pixel};
use crate::error::FuseError;
use crate::gdal::{Session, opened};
use crate::georeference::Georeference;
use crate::grid::Rect;
use crate::input::band_reader::{DecodeScratch, OpenedBand, TileReader, fit};
use crate::input::geotiff::samples::{Nodata, SampleKind};
use crate::input::geotiff::stream::{Reader, TiffDecoder, explain};
use crate::input::geotiff::tiles::{Part, TiffTiles};
use crate::input::geotiff::{mask, tags};
use crate::input::header::{Header, check_size, read_scale};

pub(crate) fn open(
    session: &Session,
    band: &Band,
) -> Result<(OpenedBand, Georeference), FuseError> {
    let wrong = |error| explain(error, band);
    // The image and its mask.
    let mut decoder = Decoder::new(Reader::new(&band.bytes)).map_err(wrong)?;
    if let Some(place) = decoder.ifd_pointer() {
        check_directory(band, &mut decoder, place)?;
    }
    let size = decoder.dimensions().map_err(wrong)?;
    check_size(band, size.0, size.1)?;
    let kind = check_profile(band, &mut decoder)?;
    let order = decoder.byte_order();
    let image = (size, kind.bits);
    let tiles = TiffTiles::read(band, Part::Image, &mut decoder.image_ifd(), order, image)?;
    let mask = mask::find(band, &mut decoder, size)?;
    // Its place and its scale, which GDAL reads from an image of one pixel with the same tags.
    let fields = tags::for_gdal(&mut decoder).map_err(wrong)?;
    let keys = GeoKeys::of(&fields);
    let read = opened(pixel(fields), "GTiff", |dataset| {
        let georeference = Georeference::read(session, dataset, band)?;
        Ok::<_, FuseError>((georeference, read_scale(dataset, band)?))
    });
    let (georeference, scale) = read.map_err(|error| FuseError::NoGeoreference {
        input: band.into(),
        detail: session.reason(&error),
    })??;
    // A mask is decoded after the tile, and its samples are beside those of the tile.
    let of_mask = mask.as_ref().map_or(0, |mask| {
        let samples = mask.grid.largest().saturating_mul(2);
        let beside = tiles.grid.largest().saturating_mul(2);
        mask.working()
            .saturating_add(samples)
            .saturating_add(beside)
    });
    let opened = OpenedBand {
        header: Header {
            grid: tiles.grid.clone(),
            bits: kind.bits,
            scale,
        },
        held: 0,
        working: tiles.working().saturating_add(of_mask),
        tiles: Box::new(GeotiffReader {
            band: band.clone(),
            kind,
            tiles,
            mask,
            readers: Mutex::default(),
        }),
    };
    Ok((opened, georeference.with_keys(keys)))
}

/// The decoder passes over entries of a type that it does not know, as TIFF 6.0 has it in section
/// 2. There are no such types, though, and without its predictor or its nodata an image is another
/// one.
fn check_directory(
    band: &Band,
    decoder: &mut TiffDecoder,
    place: IfdPointer,
) -> Result<(), FuseError> {
    let wrong = |error| explain(error, band);
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

/// What the samples are, if they are what is read here.
fn check_profile(band: &Band, decoder: &mut TiffDecoder) -> Result<SampleKind, FuseError> {
    let unsupported = |detail: String| {
        Err(FuseError::Unsupported {
            input: band.into(),
            detail,
        })
    };
    let wrong = |error| explain(error, band);
    // One band of grey levels of at most 16 bits.
    let colour = decoder.colortype().map_err(wrong)?;
    let bits = match colour {
        ColorType::Gray(bits @ 1..=16) => bits,
        ColorType::Gray(bits) => {
            return unsupported(format!("it has {bits}-bit samples; 1 to 16 are read"));
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
    // bits first. 2 are signed integers.
    let mut is_signed = false;
    for (tag, name) in [
        (Tag::SampleFormat, "SampleFormat"),
        (Tag::PhotometricInterpretation, "Photometric"),
        (Tag::FillOrder, "FillOrder"),
    ] {
        let value = decoder.find_tag_unsigned_vec::<u16>(tag).map_err(wrong)?;
        match value.and_then(|values| values.first().copied()) {
            None | Some(1) => {}
            Some(2) if tag == Tag::SampleFormat && bits == 16 => is_signed = true,
            Some(value) => {
                return unsupported(format!("its tag {name} is {value} instead of 1"));
            }
        }
    }
    let mut nodata = None;
    if let Some(value) = decoder.find_tag(Tag::GdalNodata).map_err(wrong)? {
        let text = value.into_string().map_err(wrong)?;
        let Ok(parsed) = Nodata::parse(&text) else {
            let text = text.escape_debug();
            return unsupported(format!(
                "its nodata value is \"{text}\", which is no number"
            ));
        };
        nodata = parsed;
    }
    Ok(SampleKind {
        bits,
        is_signed,
        nodata,
    })
}

struct GeotiffReader {
    band: Band,
    kind: SampleKind,
    tiles: TiffTiles,
    mask: Option<TiffTiles>,
    /// Not in use at the moment; a thread takes one, or makes one more.
    readers: Mutex<Vec<Reader>>,
}

impl GeotiffReader {
    /// Reads bytes with a reader that no other thread uses.
    fn read_range(&self, range: Range<u64>, coded: &mut Vec<u8>) -> Result<(), FuseError> {
        let lock = || self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = lock().pop();
        let mut reader = idle.unwrap_or_else(|| Reader::new(&self.band.bytes));
        reader
            .read_range(range, coded)
            .map_err(|error| explain(error.into(), &self.band))?;
        lock().push(reader);
        Ok(())
    }

    /// Decodes a tile that is stored in `range`; `part` says whose it is.
    fn decode(
        &self,
        (part, tiles): (Part, &TiffTiles),
        (tile, rect, range): (u32, Rect, Range<u64>),
        (coded, raw): (&mut Vec<u8>, &mut Vec<u8>),
        samples: &mut [u16],
    ) -> Result<(), FuseError> {
        let offset = range.start;
        self.read_range(range, coded)?;
        tiles.decode(rect, coded, raw, samples).map_err(|detail| {
            let detail = format!("{part} tile or strip {tile} cannot be decompressed: {detail}");
            FuseError::Malformed {
                input: (&self.band).into(),
                offset,
                detail,
            }
        })
    }
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
            mask: valid,
            masks,
            ..
        } = scratch;
        // The samples, as they are stored.
        match self.tiles.range(tile) {
            Some(range) => self.decode(
                (Part::Image, &self.tiles),
                (tile, rect, range),
                (coded, raw),
                samples,
            )?,
            None => samples.fill(self.kind.not_stored()),
        }
        let Some(mask) = &self.mask else {
            return self.kind.finish(&self.band, rect, samples, None);
        };
        // The parts of the mask's tiles that lie on this one. Where none is stored, nothing is
        // valid.
        fit(valid, rect.area())?;
        valid.fill(0);
        for (tile, place) in mask.touched(rect) {
            if stop() {
                return Err(FuseError::Cancelled);
            }
            let Some(range) = mask.range(tile) else {
                continue;
            };
            fit(masks, place.area())?;
            let of_tile = (tile, place, range);
            self.decode((Part::Mask, mask), of_tile, (coded, raw), masks)?;
            paste((masks, place), (valid, rect));
        }
        self.kind.finish(&self.band, rect, samples, Some(valid))
    }

    fn finish(&self) -> Result<(), FuseError> {
        Ok(())
    }
}

/// Copies what two rectangles have in common from the samples of one to those of the other.
fn paste((from, source): (&[u16], Rect), (to, target): (&mut [u16], Rect)) {
    let common = source.intersection(target);
    for row in common.rows() {
        let start = |rect: Rect| {
            let (x, y) = (common.x.saturating_sub(rect.x), row.saturating_sub(rect.y));
            y as usize * rect.width as usize + x as usize
        };
        let (from, to) = (from.get(start(source)..), to.get_mut(start(target)..));
        if let (Some(from), Some(to)) = (from, to) {
            to.iter_mut()
                .zip(from)
                .take(common.width as usize)
                .for_each(|(to, &from)| *to = from);
        }
    }
}
