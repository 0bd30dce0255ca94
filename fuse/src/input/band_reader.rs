//! A band whose headers have been read: tiles that any thread can decode, whatever their format.

use tilefleet_jpeg2000::TileDecoder;

use crate::band::Band;
use crate::error::FuseError;
use crate::grid::Rect;
use crate::input::header::Header;

/// Decodes the tiles of one band, in any order and on any thread.
pub(crate) trait TileReader: Send + Sync {
    /// Decodes the tile with this number in the grid of the header, which covers `rect`, into the
    /// samples of `scratch`.
    ///
    /// Ends soon after `stop` has begun to return true, with [`FuseError::Cancelled`].
    fn read(
        &self,
        tile: u32,
        rect: Rect,
        scratch: &mut DecodeScratch,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<(), FuseError>;

    /// Makes sure, when all tiles have been read, that nothing is wrong with what is left of the
    /// file.
    fn finish(&self) -> Result<(), FuseError>;
}

/// What a thread decodes with; kept from tile to tile of a chunk.
pub(crate) struct DecodeScratch {
    pub(crate) decoder: TileDecoder,
    /// The tile that was decoded last, row by row without gaps.
    pub(crate) samples: Vec<u16>,
    /// The tile's bytes as the file has them, and decompressed, where a format needs them in one
    /// piece.
    pub(crate) coded: Vec<u8>,
    pub(crate) raw: Vec<u8>,
    /// Which of the tile's pixels are valid, 0 for those that are not, and a tile of the mask that
    /// says so, where a file has one.
    pub(crate) mask: Vec<u16>,
    pub(crate) masks: Vec<u16>,
}

impl DecodeScratch {
    pub(crate) fn new() -> Self {
        Self {
            decoder: TileDecoder::new(),
            samples: Vec::new(),
            coded: Vec::new(),
            raw: Vec::new(),
            mask: Vec::new(),
            masks: Vec::new(),
        }
    }

    /// Gives back what was decoded with: a thread that compresses a chunk needs about as much for
    /// that.
    pub(crate) fn release(&mut self) {
        self.decoder = TileDecoder::new();
    }

    /// Makes room for `pixels` samples.
    pub(crate) fn fit(&mut self, pixels: u64) -> Result<&mut [u16], FuseError> {
        fit(&mut self.samples, pixels)?;
        Ok(&mut self.samples)
    }
}

/// Gives `samples` the length `pixels`; its contents are unspecified.
pub(crate) fn fit(samples: &mut Vec<u16>, pixels: u64) -> Result<(), FuseError> {
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
pub(crate) struct OpenedBand {
    pub(crate) header: Header,
    pub(crate) tiles: Box<dyn TileReader>,
    /// Bytes that it keeps in memory for as long as it is read.
    pub(crate) held: u64,
    /// Bytes that a thread needs to decode one of its tiles, the samples not included.
    pub(crate) working: u64,
}

/// Pieces in which a file is read that is needed whole.
const PIECE: u64 = 4 << 20;

/// The whole file. Checks `stop` between its pieces.
pub(crate) fn whole(band: &Band, stop: &dyn Fn() -> bool) -> Result<Vec<u8>, FuseError> {
    let source = &band.bytes;
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
