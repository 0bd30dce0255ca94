//! Tiles as the file has them: compressed, with leader and trailer.

use std::fmt;

use libdeflater::{CompressionLvl, Compressor};

use crate::cog::error::CogError;
use crate::cog::tile::compression::{Compression, Predictor};
use crate::cog::tile::interleave::{Pixels, TileSample, Tiling};
use crate::cog::tile::lerc;

/// Bytes around the data of a tile: its length in front, its last bytes again behind (GDAL's "COG
/// driver" page, "Tile data leader and trailer").
pub(crate) const LEADER: usize = 4;
/// See [`LEADER`].
pub(crate) const TRAILER: usize = 4;

/// Encodes tiles, one after the other; keeps its buffers from tile to tile of a chunk.
pub(crate) struct Encoder {
    compression: Compression,
    codec: Codec,
    /// The tile as the compressor takes it.
    interleaved: Vec<u8>,
    /// What the compressor made of it, with leader and trailer. The bytes behind them are
    /// unspecified.
    encoded: Vec<u8>,
}

enum Codec {
    Deflate(Compressor),
    Zstd(zstd::bulk::Compressor<'static>),
    Lerc,
    None,
}

impl Encoder {
    pub(crate) fn new(compression: Compression) -> Result<Self, CogError> {
        let codec = match compression {
            Compression::Deflate { level } => {
                let level = CompressionLvl::new(level.into())
                    .map_err(|_| compression.failed("there is no such level"))?;
                Codec::Deflate(Compressor::new(level))
            }
            Compression::Zstd { level } => Codec::Zstd(
                zstd::bulk::Compressor::new(level.into())
                    .map_err(|error| compression.failed(error))?,
            ),
            Compression::Lerc => Codec::Lerc,
            Compression::None => Codec::None,
        };
        Ok(Self {
            compression,
            codec,
            interleaved: Vec::new(),
            encoded: Vec::new(),
        })
    }

    /// Gives back the buffers: a thread that decodes the next chunk needs about as much for that.
    pub(crate) fn release(&mut self) {
        self.interleaved = Vec::new();
        self.encoded = Vec::new();
    }

    pub(crate) fn compression(&self) -> Compression {
        self.compression
    }

    /// The tile with leader and trailer; pixels beyond the image are filled in.
    pub(crate) fn encode<T: TileSample>(
        &mut self,
        tiling: Tiling,
        pixels: &Pixels<'_, T>,
        predictor: Predictor,
    ) -> Result<&[u8], CogError> {
        let compression = self.compression;
        let failed = |detail: &dyn fmt::Display| compression.failed(detail);
        if !matches!(self.codec, Codec::Lerc) {
            tiling.interleave(pixels, predictor, &mut self.interleaved);
        }
        let data = &self.interleaved;
        let out = &mut self.encoded;
        let length = match &mut self.codec {
            Codec::Deflate(compressor) => {
                let bound = compressor.zlib_compress_bound(data.len());
                compressor
                    .zlib_compress(data, room(out, bound))
                    .map_err(|error| failed(&error))?
            }
            Codec::Zstd(compressor) => {
                let bound = zstd::zstd_safe::compress_bound(data.len());
                compressor
                    .compress_to_buffer(data, room(out, bound))
                    .map_err(|error| failed(&error))?
            }
            Codec::Lerc if tiling.bands > 1 && has_nan(pixels) => {
                // libtiff reads such a tile without the mask that says where the NaN are.
                return Err(failed(&"a LERC tile of several bands cannot hold NaN"));
            }
            Codec::Lerc => {
                let data = lerc::encode(tiling, pixels).map_err(|error| failed(&error))?;
                room(out, data.len()).copy_from_slice(&data);
                data.len()
            }
            Codec::None => {
                room(out, data.len()).copy_from_slice(data);
                data.len()
            }
        };
        let leader = u32::try_from(length).map_err(|_| failed(&"the tile has 4 GiB or more"))?;
        let end = LEADER.saturating_add(length);
        // Data of fewer bytes than the trailer repeats would repeat a part of the leader, which no
        // compressor here does.
        out.copy_within(end.saturating_sub(TRAILER)..end, end);
        out.get_mut(..LEADER)
            .unwrap_or_default()
            .copy_from_slice(&leader.to_le_bytes());
        Ok(out.get(..end.saturating_add(TRAILER)).unwrap_or_default())
    }
}

/// Whether any sample is NaN.
#[expect(clippy::eq_op, reason = "only NaN differs from itself")]
fn has_nan<T: TileSample>(pixels: &Pixels<'_, T>) -> bool {
    let is_nan = |sample: &T| sample != sample;
    pixels.planes.iter().any(|plane| plane.iter().any(is_nan))
}

/// Room for this much data between leader and trailer. It is not cleared from tile to tile.
fn room(out: &mut Vec<u8>, bytes: usize) -> &mut [u8] {
    let end = LEADER.saturating_add(bytes);
    let length = end.saturating_add(TRAILER);
    if out.len() < length {
        out.resize(length, 0);
    }
    out.get_mut(LEADER..end).unwrap_or_default()
}
