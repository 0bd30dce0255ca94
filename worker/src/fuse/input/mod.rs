//! The bands as tiles that any thread can decode, whatever their format.

mod gdal;
mod geotiff;
mod jpeg2000;
mod stub;
mod tiff_tiles;

use std::sync::Arc;

use tilefleet_jpeg2000::TileDecoder;

use super::error::FuseError;
use super::georeference::Georeference;
use super::grid::Rect;
use super::header::Header;
use super::session::Session;
use super::sniff::{self, Kind};
use super::source::Source;
use super::{Band, Cancel};

/// Decodes the tiles of one band, in any order and on any thread.
pub(super) trait TileReader: Send + Sync {
    /// Decodes the tile with this number in the grid of the header, which covers `rect`, into the
    /// samples of `desk`.
    ///
    /// Ends soon after `stop` has begun to say yes, with [`FuseError::Cancelled`].
    fn read(
        &self,
        tile: u32,
        rect: Rect,
        desk: &mut Desk,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<(), FuseError>;

    /// Makes sure, when all tiles have been read, that nothing is wrong with what is left of the
    /// file.
    fn finish(&self) -> Result<(), FuseError>;
}

/// What a thread decodes with; kept from tile to tile of a chunk.
pub(super) struct Desk {
    decoder: TileDecoder,
    /// The tile that was decoded last, row by row without gaps.
    pub(super) samples: Vec<u16>,
    /// The tile's bytes as the file has them, and decompressed, where a format needs them in one
    /// piece.
    coded: Vec<u8>,
    raw: Vec<u8>,
}

impl Desk {
    pub(super) fn new() -> Self {
        Self {
            decoder: TileDecoder::new(),
            samples: Vec::new(),
            coded: Vec::new(),
            raw: Vec::new(),
        }
    }

    /// Gives back what was decoded with: a thread that compresses a chunk needs about as much for
    /// that.
    pub(super) fn clear_away(&mut self) {
        self.decoder = TileDecoder::new();
    }

    /// Makes room for `pixels` samples.
    fn fit(&mut self, pixels: u64) -> Result<&mut [u16], FuseError> {
        fit(&mut self.samples, pixels)?;
        Ok(&mut self.samples)
    }
}

/// Gives `samples` the length `pixels`; what it holds is of no meaning.
pub(super) fn fit(samples: &mut Vec<u16>, pixels: u64) -> Result<(), FuseError> {
    let no_memory = |detail: String| FuseError::Memory {
        needed: pixels.saturating_mul(size_of::<u16>() as u64),
        detail,
    };
    let length = usize::try_from(pixels).map_err(|error| no_memory(error.to_string()))?;
    let more = length.saturating_sub(samples.len());
    samples
        .try_reserve_exact(more)
        .map_err(|error| no_memory(error.to_string()))?;
    samples.resize(length, 0);
    Ok(())
}

/// A band whose headers have been read.
pub(super) struct Opened {
    pub(super) header: Header,
    pub(super) tiles: Box<dyn TileReader>,
    /// Bytes that it keeps in memory for as long as it is read.
    pub(super) held: u64,
    /// Bytes that a thread needs to decode one of its tiles, the samples not included.
    pub(super) working: u64,
}

/// Reads the headers of a band with a few small reads.
pub(super) fn open(
    session: &Session,
    band: &Band,
    cancel: &Cancel,
) -> Result<(Opened, Georeference), FuseError> {
    cancel.check()?;
    let source = &band.bytes;
    let head = source.read(0..source.len().min(sniff::WINDOW));
    let head = head.map_err(|error| FuseError::Read {
        input: band.into(),
        error,
    })?;
    match sniff::kind(&head) {
        Kind::Jp2 => jpeg2000::open(session, band),
        Kind::Tiff => geotiff::open(session, band),
        Kind::Other(looks_like) => Err(FuseError::NotJp2 {
            input: band.into(),
            looks_like,
        }),
    }
}

/// Pieces in which a file is read that is needed whole.
const PIECE: u64 = 4 << 20;

/// The whole file. Asks `stop` between its pieces.
fn whole(
    band: &Band,
    source: &Arc<dyn Source>,
    stop: &dyn Fn() -> bool,
) -> Result<Vec<u8>, FuseError> {
    let length = source.len();
    let no_memory = |detail: String| FuseError::Memory {
        needed: length,
        detail,
    };
    let mut bytes = Vec::new();
    let capacity = usize::try_from(length).map_err(|error| no_memory(error.to_string()))?;
    bytes
        .try_reserve_exact(capacity)
        .map_err(|error| no_memory(error.to_string()))?;
    let mut at = 0;
    while at < length {
        if stop() {
            return Err(FuseError::Cancelled);
        }
        let end = length.min(at.saturating_add(PIECE));
        let piece = source.read(at..end).map_err(|error| FuseError::Read {
            input: band.into(),
            error,
        })?;
        bytes.extend_from_slice(&piece);
        at = end;
    }
    Ok(bytes)
}
