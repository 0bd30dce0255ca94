//! Which samples of a TIFF are valid, and what becomes of them: numbers above 0, and 0 for nodata.

use std::num::ParseFloatError;

use crate::band::Band;
use crate::error::FuseError;
use crate::grid::Rect;

/// What the samples of a file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SampleKind {
    /// 1 to 16.
    pub(crate) bits: u8,
    /// Two's complement of 16 bits.
    pub(crate) is_signed: bool,
    /// Nodata, if it is not 0 and the file says so.
    pub(crate) nodata: Option<Nodata>,
}

/// A nodata value other than 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nodata {
    Value(i32),
    /// One that no sample can have, such as NaN: all samples are valid.
    Never,
}

impl Nodata {
    /// What GDAL's text for it says (GDAL's "`GTiff` driver" page, "Nodata value"); nothing for 0
    /// and for no text at all.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a whole number in this range fits"
    )]
    pub(crate) fn parse(text: &str) -> Result<Option<Self>, ParseFloatError> {
        let text = text.trim_matches(['\0', ' ']);
        if text.is_empty() {
            return Ok(None);
        }
        let value: f64 = text.parse()?;
        let is_whole = value.fract() == 0.0 && (-32768.0..=65535.0).contains(&value);
        Ok(match value as i32 {
            0 if is_whole => None,
            number if is_whole => Some(Self::Value(number)),
            _ => Some(Self::Never),
        })
    }

    /// The sample that stands for nodata where a tile is not stored.
    fn stored(self) -> u16 {
        match self {
            Self::Value(value) => low(value),
            Self::Never => 0,
        }
    }
}

/// Two's complement of 16 bits.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a nodata value has 16 bits, with or without a sign"
)]
fn low(value: i32) -> u16 {
    value as u16
}

impl SampleKind {
    /// Samples of a tile that is not stored (GDAL's "`GTiff` driver" page, "Sparse files").
    pub(crate) fn not_stored(self) -> u16 {
        self.nodata.map_or(0, Nodata::stored)
    }

    /// Turns samples as they are stored, of the pixels of `rect`, into numbers above 0, and 0 for
    /// nodata. A mask, 0 where nothing is valid, decides alone if there is one, as it does for
    /// GDAL (GDAL's RFC 15, "Band masks").
    ///
    /// A valid pixel that is 0 or less has no number in the output.
    pub(crate) fn finish(
        self,
        band: &Band,
        rect: Rect,
        samples: &mut [u16],
        mask: Option<&[u16]>,
    ) -> Result<(), FuseError> {
        let failed = match (mask, self.nodata, self.is_signed) {
            (None, None, false) => return Ok(()),
            (Some(mask), _, _) => {
                let mut valid = mask.iter();
                self.keep(samples, |_| valid.next().is_some_and(|&valid| valid != 0))
            }
            (None, None, true) => self.keep(samples, |number| number != 0),
            (None, Some(Nodata::Value(nodata)), _) => self.keep(samples, |number| number != nodata),
            (None, Some(Nodata::Never), _) => self.keep(samples, |_| true),
        };
        let Err((index, value)) = failed else {
            return Ok(());
        };
        // Say where it is, and what makes it valid.
        let (row, column) = (index / rect.width as usize, index % rect.width as usize);
        let at = |start: u32, index| start.saturating_add(u32::try_from(index).unwrap_or(u32::MAX));
        let because = match (mask, self.nodata) {
            (Some(_), _) => "its mask says so".to_owned(),
            (None, None) => "only 0 is nodata".to_owned(),
            (None, Some(Nodata::Value(nodata))) => format!("its nodata value is {nodata}"),
            (None, Some(Nodata::Never)) => "its nodata value is none that it can have".to_owned(),
        };
        Err(FuseError::SampleOutOfRange {
            input: band.into(),
            value,
            column: at(rect.x, column),
            row: at(rect.y, row),
            because,
        })
    }

    /// Makes samples 0 that are not valid; fails with the index and value of the first one that is
    /// valid and not above 0.
    fn keep(
        self,
        samples: &mut [u16],
        mut is_valid: impl FnMut(i32) -> bool,
    ) -> Result<(), (usize, i32)> {
        for (index, sample) in samples.iter_mut().enumerate() {
            let number: i32 = if self.is_signed {
                sample.cast_signed().into()
            } else {
                (*sample).into()
            };
            if !is_valid(number) {
                *sample = 0;
            } else if number <= 0 {
                return Err((index, number));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodata_is_what_gdal_reads() {
        let value = |value| Some(Some(Nodata::Value(value)));
        for (text, expected) in [
            ("", Some(None)),
            ("0", Some(None)),
            ("-0.0\0", Some(None)),
            ("65535", value(65535)),
            (" -9999 ", value(-9999)),
            ("1e3", value(1000)),
            ("nan", Some(Some(Nodata::Never))),
            ("0.5", Some(Some(Nodata::Never))),
            ("-1.7976931348623157e+308", Some(Some(Nodata::Never))),
            ("none", None),
        ] {
            assert_eq!(Nodata::parse(text).ok(), expected, "{text}");
        }
    }
}
