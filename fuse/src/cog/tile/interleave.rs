//! From planes of samples to the tiles of a TIFF: pixel after pixel, with or without differencing.

use crate::cog::tile::compression::Predictor;
use crate::sample::Sample;

/// What all tiles of a file have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tiling {
    /// Width and height of a tile in pixels.
    pub(crate) size: usize,
    pub(crate) bands: usize,
}

/// The part of a tile that lies inside the image, as a window of larger blocks of samples.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pixels<'a, T> {
    /// Blocks from top to bottom, of each the bands one after the other.
    pub(crate) planes: &'a [&'a [T]],
    pub(crate) bands: usize,
    /// Rows of a block; the last one may have fewer.
    pub(crate) block_rows: usize,
    /// Samples from one row to the next.
    pub(crate) row_stride: usize,
    /// Column and row of the upper left pixel, from the first row of the first block on.
    pub(crate) origin: (usize, usize),
    pub(crate) width: usize,
    pub(crate) height: usize,
}

impl<T> Pixels<'_, T> {
    /// The samples of a row; none if there is no such row.
    pub(crate) fn row(&self, band: usize, row: usize) -> &[T] {
        let row = self.origin.1.saturating_add(row);
        let (block, row) = (row / self.block_rows.max(1), row % self.block_rows.max(1));
        let plane = self
            .planes
            .get(block.saturating_mul(self.bands).saturating_add(band));
        let start = row
            .saturating_mul(self.row_stride)
            .saturating_add(self.origin.0);
        plane
            .and_then(|plane| plane.get(start..start.saturating_add(self.width)))
            .unwrap_or_default()
    }
}

/// A type of samples that can be put into tiles.
pub trait TileSample: Sample {
    /// Bytes of a sample.
    const BYTES: usize;

    /// Puts the little-endian bytes of the sample at the beginning of `cell`.
    fn store(self, cell: &mut [u8]);

    /// The difference to the sample on the left, modulo 2^n. Of integers only.
    fn difference(self, left: Self) -> Self;

    /// Does the horizontal differencing of a row of three bands in one go, if the type can.
    fn three_differences(_rows: [&[Self]; 3], _out: &mut [u8]) -> bool {
        false
    }
}

macro_rules! stored {
    () => {
        const BYTES: usize = size_of::<Self>();

        #[inline]
        fn store(self, cell: &mut [u8]) {
            if let Some(cell) = cell.first_chunk_mut() {
                *cell = self.to_le_bytes();
            }
        }
    };
}

impl TileSample for u8 {
    stored!();

    #[inline]
    fn difference(self, left: Self) -> Self {
        self.wrapping_sub(left)
    }
}

impl TileSample for u16 {
    stored!();

    #[inline]
    fn difference(self, left: Self) -> Self {
        self.wrapping_sub(left)
    }

    fn three_differences(rows: [&[Self]; 3], out: &mut [u8]) -> bool {
        colour_differences(rows, out);
        true
    }
}

impl TileSample for i16 {
    stored!();

    #[inline]
    fn difference(self, left: Self) -> Self {
        self.wrapping_sub(left)
    }
}

impl TileSample for f32 {
    stored!();

    #[inline]
    fn difference(self, _left: Self) -> Self {
        self
    }
}

impl Tiling {
    /// The bytes of a tile before compression: little-endian samples, all bands of a pixel
    /// together.
    ///
    /// Outside of the image a row goes on with its last pixel, which differs from itself by
    /// nothing, and rows are 0.
    pub(crate) fn interleave<T: TileSample>(
        self,
        pixels: &Pixels<'_, T>,
        predictor: Predictor,
        out: &mut Vec<u8>,
    ) {
        let pixel_bytes = self.bands.saturating_mul(T::BYTES);
        let row_bytes = self.size.saturating_mul(pixel_bytes);
        out.clear();
        out.resize(row_bytes.saturating_mul(self.size), 0);
        let rows = out.chunks_exact_mut(row_bytes.max(1)).take(pixels.height);
        let differences = predictor == Predictor::Horizontal;
        let mut row = Vec::new();
        for (index, out) in rows.enumerate() {
            if differences
                && self.bands == 3
                && T::three_differences([0, 1, 2].map(|band| pixels.row(band, index)), out)
            {
                continue;
            }
            for band in 0..self.bands {
                let out = out.get_mut(band.saturating_mul(T::BYTES)..);
                let out = out.unwrap_or_default();
                place(pixels.row(band, index), out, pixel_bytes, differences);
            }
            if predictor == Predictor::FloatingPoint {
                row.clear();
                row.extend_from_slice(out);
                split_bytes::<T>(&row, self.bands, out);
            }
        }
    }
}

/// Puts the samples of a row `step` bytes apart.
fn place<T: TileSample>(row: &[T], out: &mut [u8], step: usize, differences: bool) {
    let mut cells = out.chunks_mut(step.max(1));
    if differences {
        let mut left = T::default();
        for (&sample, cell) in row.iter().zip(cells) {
            sample.difference(left).store(cell);
            left = sample;
        }
    } else {
        for (&sample, cell) in row.iter().zip(&mut cells) {
            sample.store(cell);
        }
        let last = row.last().copied().unwrap_or_default();
        cells.for_each(|cell| last.store(cell));
    }
}

/// The floating-point predictor ("TIFF Technical Note 3"): the most significant bytes of all samples
/// of a row, then the next ones, and so on; then the difference of each byte to the one a pixel
/// before.
fn split_bytes<T: TileSample>(row: &[u8], bands: usize, out: &mut [u8]) {
    let samples = row.len() / T::BYTES;
    for (rank, plane) in out.chunks_exact_mut(samples.max(1)).enumerate() {
        let byte = T::BYTES.saturating_sub(1).saturating_sub(rank);
        for (out, sample) in plane.iter_mut().zip(row.chunks_exact(T::BYTES)) {
            *out = sample.get(byte).copied().unwrap_or_default();
        }
    }
    for at in (bands..out.len()).rev() {
        let left = out.get(at.saturating_sub(bands)).copied();
        if let Some(byte) = out.get_mut(at) {
            *byte = byte.wrapping_sub(left.unwrap_or_default());
        }
    }
}

/// Pixels of a row of three bands that are interleaved together.
const TOGETHER: usize = 4;

/// As [`place`] for all three bands of 16 bits, which most images have: twice as fast as one after
/// the other.
fn colour_differences(rows: [&[u16]; 3], out: &mut [u8]) {
    let [red, green, blue] = rows.map(|row| row.as_chunks::<TOGETHER>().0);
    let whole = red.len().saturating_mul(TOGETHER);
    let (groups, _) = out.as_chunks_mut::<{ 6 * TOGETHER }>();
    let mut before = [0_u16; 3];
    for (group, ((red, green), blue)) in groups.iter_mut().zip(red.iter().zip(green).zip(blue)) {
        let last = [red[3], green[3], blue[3]];
        let [red, green, blue] =
            [(red, before[0]), (green, before[1]), (blue, before[2])].map(difference);
        before = last;
        let words = [
            red[0] | green[0] << 16 | blue[0] << 32 | red[1] << 48,
            green[1] | blue[1] << 16 | red[2] << 32 | green[2] << 48,
            blue[2] | red[3] << 16 | green[3] << 32 | blue[3] << 48,
        ];
        for (target, word) in group.as_chunks_mut::<8>().0.iter_mut().zip(words) {
            *target = word.to_le_bytes();
        }
    }
    let pixels = out.as_chunks_mut::<6>().0.iter_mut().skip(whole);
    let rest = rows.map(|row| row.get(whole..).unwrap_or_default());
    for (at, pixel) in pixels.take(rest[0].len()).enumerate() {
        for ((target, row), before) in pixel
            .as_chunks_mut::<2>()
            .0
            .iter_mut()
            .zip(rest)
            .zip(&mut before)
        {
            let sample = row.get(at).copied().unwrap_or_default();
            *target = sample.wrapping_sub(*before).to_le_bytes();
            *before = sample;
        }
    }
}

/// Of each sample to the one on its left.
fn difference((samples, before): (&[u16; TOGETHER], u16)) -> [u64; TOGETHER] {
    let left = [before, samples[0], samples[1], samples[2]];
    std::array::from_fn(|at| samples[at].wrapping_sub(left[at]).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interleaved<T: TileSample + From<u8>>(predictor: Predictor) -> Vec<u8> {
        let tiling = Tiling { size: 4, bands: 2 };
        // Two bands of 3 x 2 samples, of which the tile starts in the second column.
        let samples = [9, 10, 12, 9, 20, 19, 9, 200, 7, 9, 0, 255].map(T::from);
        let planes: Vec<_> = samples.chunks(6).collect();
        let pixels = Pixels {
            planes: &planes,
            bands: 2,
            block_rows: 2,
            row_stride: 3,
            origin: (1, 0),
            width: 2,
            height: 2,
        };
        let mut out = vec![77; 3];
        tiling.interleave(&pixels, predictor, &mut out);
        out
    }

    #[test]
    fn bands_alternate_and_rows_go_on_with_their_last_pixel() {
        let mut expected = vec![
            10, 200, 12, 7, 12, 7, 12, 7, 20, 0, 19, 255, 19, 255, 19, 255,
        ];
        expected.resize(32, 0);
        assert_eq!(interleaved::<u8>(Predictor::None), expected);
        let wide: Vec<u8> = expected.iter().flat_map(|&sample| [sample, 0]).collect();
        assert_eq!(interleaved::<u16>(Predictor::None), wide);
    }

    #[test]
    fn a_tile_goes_on_in_the_block_below() {
        let blocks: [&[u16]; 4] = [&[1, 2, 3, 4], &[5, 6, 7, 8], &[11, 12], &[15, 16]];
        let pixels = Pixels {
            planes: &blocks,
            bands: 2,
            block_rows: 2,
            row_stride: 2,
            origin: (1, 1),
            width: 1,
            height: 2,
        };
        let column = |band| [0, 1, 2].map(|row| pixels.row(band, row).to_vec());
        assert_eq!(column(0), [vec![4], vec![12], vec![]]);
        assert_eq!(column(1), [vec![8], vec![16], vec![]]);
    }

    #[test]
    fn differences_start_anew_in_every_row_and_wrap() {
        let mut expected = vec![10, 200, 2, 63, 0, 0, 0, 0, 20, 0, 255, 255, 0, 0, 0, 0];
        expected.resize(32, 0);
        assert_eq!(interleaved::<u8>(Predictor::Horizontal), expected);
        let words = |bytes: &[u8]| -> Vec<u16> {
            bytes
                .as_chunks::<2>()
                .0
                .iter()
                .map(|&pair| u16::from_le_bytes(pair))
                .collect()
        };
        let mut expected = vec![10, 200, 2, 65343, 0, 0, 0, 0, 20, 0, 65535, 255, 0, 0, 0, 0];
        expected.resize(32, 0);
        assert_eq!(words(&interleaved::<u16>(Predictor::Horizontal)), expected);
    }

    #[test]
    fn three_bands_at_once_are_what_they_are_one_by_one() {
        let samples: Vec<u16> = (0..3_u16 * 23 * 2)
            .map(|at| at.wrapping_mul(40_503))
            .collect();
        let tiling = Tiling { size: 32, bands: 3 };
        let planes: Vec<_> = samples.chunks(46).collect();
        for width in 1..=23 {
            let pixels = Pixels {
                planes: &planes,
                bands: 3,
                block_rows: 2,
                row_stride: 23,
                origin: (0, 0),
                width,
                height: 2,
            };
            let (mut differences, mut plain) = (Vec::new(), Vec::new());
            tiling.interleave(&pixels, Predictor::Horizontal, &mut differences);
            tiling.interleave(&pixels, Predictor::None, &mut plain);
            for row in differences.chunks_exact_mut(32 * 6) {
                let mut sum = [0_u16; 3];
                for pixel in row.as_chunks_mut::<6>().0 {
                    for (sample, sum) in pixel.as_chunks_mut::<2>().0.iter_mut().zip(&mut sum) {
                        *sum = sum.wrapping_add(u16::from_le_bytes(*sample));
                        *sample = sum.to_le_bytes();
                    }
                }
            }
            assert_eq!(differences, plain, "{width} pixels");
        }
    }

    #[test]
    fn bytes_of_floating_point_numbers_come_by_their_rank() {
        let row: Vec<u8> = [1_u32, 0x0203_0405]
            .iter()
            .flat_map(|bits| bits.to_le_bytes())
            .collect();
        let mut out = vec![0; 8];
        split_bytes::<f32>(&row, 1, &mut out);
        // 0 2, 0 3, 0 4, 1 5, and their differences.
        assert_eq!(out, [0, 2, 254, 3, 253, 4, 253, 4]);
    }
}
