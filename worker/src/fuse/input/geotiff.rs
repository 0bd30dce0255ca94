//! `GeoTIFF` bands, Cloud Optimized ones among them: the tiles or strips of the first image, never
//! the overviews.
//!
//! The profile: one band of unsigned samples of 8 or 16 bits, black is 0; uncompressed, LZW,
//! DEFLATE or ZSTD, with or without the horizontal predictor; nodata 0 or not set. Anything else is
//! refused by name.

use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tiff::decoder::Decoder;
use tiff::encoder::{TiffEncoder, colortype};
use tiff::tags::Tag;
use tiff::{ColorType, TiffError, TiffResult};

use super::super::Band;
use super::super::error::FuseError;
use super::super::georeference::Georeference;
use super::super::grid::Rect;
use super::super::header::{Header, check_size};
use super::super::session::Session;
use super::super::source::Source;
use super::tiff_tiles::TiffTiles;
use super::{Desk, Opened, TileReader, stub};

/// Tags that place an image (OGC 19-008, `GeoTIFF` 1.1, section 7 and annex B).
const DOUBLES: [Tag; 4] = [
    Tag::ModelPixelScaleTag,
    Tag::ModelTiepointTag,
    Tag::ModelTransformationTag,
    Tag::GeoDoubleParamsTag,
];

/// Bytes read at least where the decoder asks for fewer.
const READ_AHEAD: u64 = 64 << 10;

pub(super) type TiffDecoder = Decoder<Reader>;

pub(super) fn open(session: &Session, band: &Band) -> Result<(Opened, Georeference), FuseError> {
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
    let opened = Opened {
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

pub(super) fn explain(error: TiffError, band: &Band) -> FuseError {
    let input = band.into();
    match error {
        TiffError::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            let detail = "a directory, tile or strip ends too early".into();
            FuseError::Truncated {
                input,
                offset: band.bytes.len(),
                detail,
            }
        }
        TiffError::IoError(error) => match error.downcast::<Failed>() {
            Ok(Failed(error)) => FuseError::Read { input, error },
            // A decompressor's word for bytes that it did not write.
            Err(error) => FuseError::Malformed {
                input,
                offset: 0,
                detail: error.to_string(),
            },
        },
        TiffError::UnsupportedError(error) => FuseError::Unsupported {
            input,
            detail: format!("{error}; {PROFILE}"),
        },
        TiffError::LimitsExceeded => FuseError::Unsupported {
            input,
            detail: "its directory or a tile is too large".into(),
        },
        error => FuseError::Malformed {
            input,
            offset: 0,
            detail: error.to_string(),
        },
    }
}

pub(super) const PROFILE: &str =
    "a GeoTIFF of one band is read, uncompressed, LZW, DEFLATE or ZSTD";

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
    let colour = decoder.colortype().map_err(wrong)?;
    let bits = match colour {
        ColorType::Gray(bits @ (8 | 16)) => bits,
        other => return unsupported(format!("it has pixels of the kind {other:?}")),
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
        desk: &mut Desk,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<(), FuseError> {
        if stop() {
            return Err(FuseError::Cancelled);
        }
        desk.fit(rect.area())?;
        let Desk {
            samples,
            coded,
            raw,
            ..
        } = desk;
        let Some(range) = self.tiles.range(tile) else {
            samples.fill(0);
            return Ok(());
        };
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

/// A source's error on its way through the TIFF decoder.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Failed(#[source] io::Error);

/// A source as a stream with a window of bytes that have been read.
pub(super) struct Reader {
    source: Arc<dyn Source>,
    at: u64,
    start: u64,
    window: Bytes,
}

impl Reader {
    fn new(source: &Arc<dyn Source>) -> Self {
        Self {
            source: Arc::clone(source),
            at: 0,
            start: 0,
            window: Bytes::new(),
        }
    }

    /// Reads exactly the bytes of a range, whose length the caller has bounded.
    fn read_range(&mut self, range: Range<u64>, out: &mut Vec<u8>) -> io::Result<()> {
        let length =
            usize::try_from(range.end.saturating_sub(range.start)).map_err(io::Error::other)?;
        out.resize(length, 0);
        self.at = range.start;
        self.read_exact(out)
    }
}

impl Read for Reader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let end = self.source.len();
        if self.at >= end || out.is_empty() {
            return Ok(0);
        }
        let behind = self.start.saturating_add(self.window.len() as u64);
        if self.at < self.start || self.at >= behind {
            let ahead = READ_AHEAD.max(out.len() as u64);
            let range = self.at..end.min(self.at.saturating_add(ahead));
            self.window = self
                .source
                .read(range)
                .map_err(|error| io::Error::other(Failed(error)))?;
            self.start = self.at;
        }
        let skip = usize::try_from(self.at - self.start).map_err(io::Error::other)?;
        let there = self.window.get(skip..).unwrap_or_default();
        let count = there.len().min(out.len());
        for (out, &byte) in out.iter_mut().zip(there) {
            *out = byte;
        }
        self.at = self.at.saturating_add(count as u64);
        Ok(count)
    }
}

impl Seek for Reader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.source.len().checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = target.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}
