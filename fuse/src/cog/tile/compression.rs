//! How the tiles of the output are compressed.

use std::fmt;
use std::str::FromStr;

use crate::cog::error::CogError;
use crate::sample::SampleType;

/// Compression of the output. As text: `deflate:6`, `zstd:1`, `lerc`, `none`; the level may be left
/// out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// With a predictor. Read by everything that reads TIFF.
    Deflate {
        /// 1 is fastest, 12 smallest; libdeflate's levels.
        level: u8,
    },
    /// With a predictor. For readers with libtiff 4.0.10 or later, such as GDAL.
    Zstd {
        /// 1 is fastest, 22 smallest.
        level: u8,
    },
    /// Esri's Limited Error Raster Compression, here without error. For GDAL and Esri's software.
    Lerc,
    /// Samples as they are.
    None,
}

/// What is done to samples before they are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Predictor {
    /// Nothing.
    None,
    /// Samples are replaced by their difference to the one on their left (TIFF 6.0, section 14).
    Horizontal,
    /// The bytes of samples are regrouped, and replaced by their differences ("TIFF Technical
    /// Note 3").
    FloatingPoint,
}

impl Predictor {
    /// Value of TIFF's tag Predictor.
    pub(crate) fn tag(self) -> u16 {
        match self {
            Self::None => 1,
            Self::Horizontal => 2,
            Self::FloatingPoint => 3,
        }
    }
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

/// The text does not name a compression.
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
    pub(crate) fn tag(self) -> u16 {
        match self {
            Self::Deflate { .. } => 8,
            Self::Zstd { .. } => 50000,
            Self::Lerc => 34887,
            Self::None => 1,
        }
    }

    /// The predictor for samples of this type.
    pub(crate) fn predictor(self, sample_type: SampleType) -> Predictor {
        match (self, sample_type) {
            (Self::Lerc | Self::None, _) => Predictor::None,
            (_, SampleType::F32) => Predictor::FloatingPoint,
            _ => Predictor::Horizontal,
        }
    }

    pub(crate) fn failed(self, detail: impl fmt::Display) -> CogError {
        CogError::Compress {
            compression: self.to_string(),
            detail: detail.to_string(),
        }
    }
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
    fn an_unknown_compression_is_answered_with_all_there_are() {
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
