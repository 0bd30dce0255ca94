//! JPEG 2000 bands, decoded by this project's own decoder as far as its profile goes.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, OnceLock, PoisonError};

use tilefleet_jpeg2000::{Error, Flaw, FlawKind, Image, Tiles};

use crate::band::{Band, Input};
use crate::error::FuseError;
use crate::gdal::{Session, opened};
use crate::georeference::Georeference;
use crate::grid::{Rect, TileGrid};
use crate::input::band_reader::{DecodeScratch, OpenedBand, TileReader};
use crate::input::header::{Header, check_size, read_scale};
use crate::input::jpeg2000::explain::{BandBytes, explain};
use crate::input::jpeg2000::gdal_reader::GdalReader;
use crate::input::jpeg2000::stub;
use crate::scale::ScaleOffset;

/// Samples of the largest tile that is read, by whatever decoder: one that holds a whole Sentinel-2
/// band fits.
const LARGEST_TILE: u64 = 1 << 27;

/// Side of the pieces in which GDAL decodes an image of one tile.
const GDAL_BLOCK: u32 = 1024;

/// Bytes that `OpenJPEG` keeps for each tile of an image (measured with version 2.5.0).
const OPENJPEG_TILE: u64 = 12 << 10;

/// Encoded bytes that a tile may have besides four for each sample: none is incompressible enough
/// to need them.
const SPARE_BYTES: u64 = 1 << 20;

pub(crate) fn open(
    session: &Session,
    band: &Band,
) -> Result<(OpenedBand, Georeference), FuseError> {
    let wrong = |error| explain(error, band);
    let source = &*band.bytes;
    let image = Image::read(&BandBytes(source)).map_err(wrong)?;
    check_component(band, &image)?;
    check_size(band, image.width(), image.height())?;
    let tile = u64::from(image.tile_width().min(image.width()))
        .saturating_mul(image.tile_height().min(image.height()).into());
    if tile > LARGEST_TILE {
        let detail = format!("it has a tile of {tile} pixels, and {LARGEST_TILE} are the most");
        return Err(FuseError::Unsupported {
            input: band.into(),
            detail,
        });
    }
    let (georeference, scale) = georeference(session, band, &image)?;
    let header = |grid| Header {
        grid,
        bits: image.bits(),
        scale,
    };
    if let Some(reason) = image.outside_profile() {
        tracing::info!(
            band = band.name,
            source = band.source,
            reason,
            "decoding with GDAL"
        );
        // GDAL's blocks: the tiles, if there are several.
        let side = |tile, length| if tile < length { tile } else { GDAL_BLOCK };
        let (width, height) = (image.width(), image.height());
        let blocks = (
            side(image.tile_width(), width),
            side(image.tile_height(), height),
        );
        let grid = TileGrid::regular(width, height, blocks.0, blocks.1);
        let tiles = u64::from(image.tiles_across()) * u64::from(image.tiles_down());
        // OpenJPEG keeps 32-bit samples and coefficients of a whole tile, which may be larger than
        // a block.
        let opened = OpenedBand {
            header: header(grid),
            held: source
                .len()
                .saturating_add(tiles.saturating_mul(OPENJPEG_TILE)),
            working: tile.saturating_mul(10),
            tiles: Box::new(GdalReader::new(band, image)),
        };
        return Ok((opened, georeference));
    }
    let count = image.tiles_across().saturating_mul(image.tiles_down());
    let rect = |tile| {
        let (x, y, width, height) = image.tile_rect(tile);
        Rect {
            x,
            y,
            width,
            height,
        }
    };
    let grid = TileGrid {
        width: image.width(),
        height: image.height(),
        tiles: (0..count).map(rect).collect(),
    };
    // Coefficients and two levels of the wavelet of 32 bits, and the encoded bytes.
    let working = grid.largest().saturating_mul(4 + 4 + 2 + 2);
    let cursor = Cursor {
        tiles: Tiles::new(&image),
        ahead: BTreeMap::new(),
    };
    let opened = OpenedBand {
        header: header(grid),
        held: 0,
        working,
        tiles: Box::new(Jpeg2000Reader {
            band: band.clone(),
            image,
            cursor: Mutex::new(cursor),
            fallback: OnceLock::new(),
        }),
    };
    Ok((opened, georeference))
}

/// What no decoder could make a band of.
fn check_component(band: &Band, image: &Image) -> Result<(), FuseError> {
    let unsupported = |detail: String| {
        Err(FuseError::Unsupported {
            input: band.into(),
            detail,
        })
    };
    if image.components() != 1 {
        return unsupported(format!(
            "it has {} components, like a true-colour image",
            image.components()
        ));
    }
    if image.subsampled() {
        return unsupported("its component is subsampled".into());
    }
    if image.signed() || image.bits() > 16 {
        let sign = if image.signed() { "signed" } else { "unsigned" };
        return unsupported(format!("its samples are {sign} with {} bits", image.bits()));
    }
    Ok(())
}

/// Where the image lies, and what its numbers stand for.
fn georeference(
    session: &Session,
    band: &Band,
    image: &Image,
) -> Result<(Georeference, Option<ScaleOffset>), FuseError> {
    let read = |trailing| {
        let stub = stub::jp2(image, &BandBytes(&*band.bytes), trailing)
            .map_err(|error| explain(error, band))?;
        let read = opened(stub, "JP2OpenJPEG", |dataset| {
            let georeference = Georeference::read(session, dataset, band)?;
            Ok::<_, FuseError>((georeference, read_scale(dataset, band)?))
        });
        read.map_err(|error| GdalReader::failed(band, session.reason(&error)))?
    };
    match read(false) {
        // Boxes behind the codestream may hold it too; they are at the far end of the file.
        Err(FuseError::NoGeoreference { .. }) => read(true),
        other => other,
    }
}

struct Jpeg2000Reader {
    band: Band,
    image: Image,
    cursor: Mutex<Cursor>,
    /// For tiles whose own headers lead out of the profile.
    fallback: OnceLock<GdalReader>,
}

/// Finds the parts of the tiles. A file may have its tiles in any order; they are decoded row by
/// row all the same, so that few chunks are open at a time.
struct Cursor {
    tiles: Tiles,
    /// Tiles that the file has before their turn.
    ahead: BTreeMap<u32, Vec<Range<u64>>>,
}

impl Jpeg2000Reader {
    fn explain(&self, error: Error) -> FuseError {
        explain(error, &self.band)
    }

    fn parts(&self, tile: u32) -> Result<Vec<Range<u64>>, FuseError> {
        let mut cursor = self.cursor.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(parts) = cursor.ahead.remove(&tile) {
            return Ok(parts);
        }
        loop {
            let next = cursor
                .tiles
                .next(&BandBytes(&*self.band.bytes))
                .map_err(|error| self.explain(error))?;
            match next {
                Some(found) if found.index == tile => return Ok(found.parts),
                Some(found) => cursor.ahead.insert(found.index, found.parts),
                None => {
                    let offset = self.image.codestream().end;
                    let detail = format!("tile {tile} is missing");
                    return Err(FuseError::Truncated {
                        input: Input::from(&self.band),
                        offset,
                        detail,
                    });
                }
            };
        }
    }
}

impl TileReader for Jpeg2000Reader {
    fn read(
        &self,
        tile: u32,
        rect: Rect,
        scratch: &mut DecodeScratch,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<(), FuseError> {
        let input = || Input::from(&self.band);
        // Find the tile's parts, and refuse a length that no tile of this size has.
        let ranges = self.parts(tile)?;
        let bytes: u64 = ranges
            .iter()
            .map(|range| range.end.saturating_sub(range.start))
            .sum();
        if bytes > rect.area().saturating_mul(4).saturating_add(SPARE_BYTES) {
            let offset = ranges.first().map_or(0, |range| range.start);
            let detail = format!(
                "tile {tile} of {}x{} pixels has {bytes} bytes",
                rect.width, rect.height
            );
            return Err(FuseError::Malformed {
                input: input(),
                offset,
                detail,
            });
        }
        // Read them, which waits until they have arrived.
        let mut parts = Vec::with_capacity(ranges.len());
        for range in ranges {
            if stop() {
                return Err(FuseError::Cancelled);
            }
            let bytes = self.band.bytes.read(range.clone());
            parts.push((
                range.start,
                bytes.map_err(|error| FuseError::Read {
                    input: input(),
                    error,
                })?,
            ));
        }
        // Decode them: with our decoder, or with GDAL if the coding is not one of ours.
        scratch.fit(rect.area())?;
        let DecodeScratch {
            decoder, samples, ..
        } = scratch;
        let decoded = decoder.decode(
            &self.image,
            tile,
            &parts,
            samples,
            rect.width as usize,
            stop,
        );
        match decoded {
            Ok(()) => Ok(()),
            Err(Error::Flaw(Flaw {
                kind: FlawKind::Unsupported,
                detail,
                ..
            })) => {
                let gdal = self.fallback.get_or_init(|| {
                    let Band { name, source, .. } = &self.band;
                    tracing::info!(
                        band = name,
                        source,
                        tile,
                        reason = detail,
                        "decoding with GDAL"
                    );
                    GdalReader::new(&self.band, self.image.clone())
                });
                gdal.read(tile, rect, scratch, stop)
            }
            Err(error) => Err(self.explain(error)),
        }
    }

    fn finish(&self) -> Result<(), FuseError> {
        let mut cursor = self.cursor.lock().unwrap_or_else(PoisonError::into_inner);
        match cursor
            .tiles
            .next(&BandBytes(&*self.band.bytes))
            .map_err(|error| self.explain(error))?
        {
            None => Ok(()),
            Some(found) => {
                let offset = found.parts.first().map_or(0, |part| part.start);
                let detail = format!("tile {} comes twice", found.index);
                Err(FuseError::Malformed {
                    input: Input::from(&self.band),
                    offset,
                    detail,
                })
            }
        }
    }
}
