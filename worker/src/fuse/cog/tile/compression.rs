//! How the tiles of the output are compressed.

use std::fmt;
use std::str::FromStr;

use libdeflater::{CompressionLvl, Compressor};

use super::lerc;
use super::tile::{Pixels, Tiling};
use super::{CogError, SampleType};

/// Compression of the output. As text: `deflate:6`, `zstd:1`, `lerc`, `none`; the level may be left
/// out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// With the horizontal predictor. Read by everything that reads TIFF.
    Deflate {
        /// 1 is fastest, 12 smallest; libdeflate's levels.
        level: u8,
    },
    /// With the horizontal predictor. For readers with libtiff 4.0.10 or later, such as GDAL.
    Zstd {
        /// 1 is fastest, 22 smallest.
        level: u8,
    },
    /// Esri's Limited Error Raster Compression, here without error. For GDAL and Esri's software.
    Lerc,
    /// Samples as they are.
    None,
}

impl Default for Compression {
    fn default() -> Self {
        Self::Deflate { level: 1 }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deflate { level } => write!(f, "deflate:{level}"),
            Self::Zstd { level } => write!(f, "zstd:{level}"),
            Self::Lerc => f.write_str("lerc"),
            Self::None => f.write_str("none"),
        }
    }
}

/// The text does not name a compression. Ask again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{text}\" is not a compression: write deflate or deflate:1 to deflate:12, zstd or zstd:1 to zstd:22, lerc, or \
     none"
)]
pub struct NotACompression {
    text: String,
}

impl FromStr for Compression {
    type Err = NotACompression;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, level) = match text.split_once(':') {
            Some((name, level)) => (name, Some(level)),
            None => (text, None),
        };
        let level = |default, highest| match level {
            None => Some(default),
            Some(level) => level
                .parse()
                .ok()
                .filter(|level| (1..=highest).contains(level)),
        };
        let compression = match name.to_ascii_lowercase().as_str() {
            "deflate" => level(1, 12).map(|level| Self::Deflate { level }),
            "zstd" => level(1, 22).map(|level| Self::Zstd { level }),
            "lerc" if !text.contains(':') => Some(Self::Lerc),
            "none" if !text.contains(':') => Some(Self::None),
            _ => None,
        };
        compression.ok_or_else(|| NotACompression { text: text.into() })
    }
}

impl Compression {
    /// Value of TIFF's tag Compression: 8 is "Adobe Deflate" (TIFF Specification Supplement 2),
    /// 50000 ZSTD and 34887 LERC (libtiff's `tiff.h`), 1 none (TIFF 6.0, section 8).
    pub(super) fn tag(self) -> u16 {
        match self {
            Self::Deflate { .. } => 8,
            Self::Zstd { .. } => 50000,
            Self::Lerc => 34887,
            Self::None => 1,
        }
    }

    /// Whether samples are replaced by their difference to the one on their left (TIFF 6.0, section
    /// 14).
    pub(super) fn has_predictor(self) -> bool {
        matches!(self, Self::Deflate { .. } | Self::Zstd { .. })
    }

    fn failed(self, detail: impl fmt::Display) -> CogError {
        CogError::Compress {
            compression: self.to_string(),
            detail: detail.to_string(),
        }
    }
}

/// Bytes around the data of a tile: its length in front, its last bytes again behind (GDAL's "COG
/// driver" page, "Tile data leader and trailer").
pub(super) const LEADER: usize = 4;
/// See [`LEADER`].
pub(super) const TRAILER: usize = 4;

/// Encodes tiles, one after the other; keeps its buffers from tile to tile of a chunk.
pub(super) struct Encoder {
    compression: Compression,
    codec: Codec,
    /// The tile as the compressor takes it.
    interleaved: Vec<u8>,
    /// What the compressor made of it, with leader and trailer; what is behind them is of no
    /// meaning.
    encoded: Vec<u8>,
}

enum Codec {
    Deflate(Compressor),
    Zstd(zstd::bulk::Compressor<'static>),
    Lerc,
    None,
}

impl Encoder {
    pub(super) fn new(compression: Compression) -> Result<Self, CogError> {
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
    pub(super) fn clear_away(&mut self) {
        self.interleaved = Vec::new();
        self.encoded = Vec::new();
    }

    pub(super) fn compression(&self) -> Compression {
        self.compression
    }

    /// The tile with leader and trailer; pixels beyond the image are filled in.
    pub(super) fn encode(
        &mut self,
        tiling: Tiling,
        pixels: &Pixels<'_>,
    ) -> Result<&[u8], CogError> {
        let compression = self.compression;
        let failed = |detail: &dyn fmt::Display| compression.failed(detail);
        if !matches!(self.codec, Codec::Lerc) {
            tiling.interleave(pixels, compression.has_predictor(), &mut self.interleaved);
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
            Codec::Lerc => {
                let data = match tiling.sample_type {
                    SampleType::U8 => lerc::encode::<u8>(tiling, pixels),
                    SampleType::U16 => lerc::encode::<u16>(tiling, pixels),
                };
                let data = data.map_err(|error| failed(&error))?;
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

/// Room for this much data between leader and trailer. It is not cleared from tile to tile.
fn room(out: &mut Vec<u8>, bytes: usize) -> &mut [u8] {
    let end = LEADER.saturating_add(bytes);
    let length = end.saturating_add(TRAILER);
    if out.len() < length {
        out.resize(length, 0);
    }
    out.get_mut(LEADER..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressions_are_read_as_they_are_written() {
        for text in ["deflate:1", "deflate:12", "zstd:22", "lerc", "none"] {
            assert_eq!(text.parse::<Compression>().unwrap().to_string(), text);
        }
        assert_eq!("DEFLATE".parse(), Ok(Compression::default()));
        assert_eq!("zstd".parse(), Ok(Compression::Zstd { level: 1 }));
    }

    #[test]
    fn what_is_no_compression_is_answered_with_all_there_are() {
        for text in [
            "",
            "gzip",
            "deflate:0",
            "deflate:13",
            "zstd:23",
            "zstd:fast",
            "lerc:1",
            "none:",
        ] {
            assert!(text.parse::<Compression>().is_err(), "{text}");
        }
        assert_eq!(
            "lzw:3".parse::<Compression>().unwrap_err().to_string(),
            "\"lzw:3\" is not a compression: write deflate or deflate:1 to deflate:12, zstd or zstd:1 to zstd:22, lerc, \
             or none"
        );
    }
}
