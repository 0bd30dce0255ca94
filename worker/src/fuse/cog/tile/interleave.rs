//! From planes of samples to the tiles of a TIFF: pixel after pixel, with or without differencing.

use super::SampleType;

/// What all tiles of a file have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tiling {
    /// Width and height of a tile in pixels.
    pub(super) size: usize,
    pub(super) bands: usize,
    pub(super) sample_type: SampleType,
}

/// The part of a tile that lies inside the image, as a window of larger blocks of samples.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pixels<'a> {
    /// Blocks from top to bottom, of each the bands one after the other.
    pub(super) planes: &'a [&'a [u16]],
    pub(super) bands: usize,
    /// Rows of a block; the last one may have fewer.
    pub(super) block_rows: usize,
    /// Samples from one row to the next.
    pub(super) row_stride: usize,
    /// Column and row of the upper left pixel, from the first row of the first block on.
    pub(super) origin: (usize, usize),
    pub(super) width: usize,
    pub(super) height: usize,
}

impl Pixels<'_> {
    /// The samples of a row; none if there is no such row.
    pub(super) fn row(&self, band: usize, row: usize) -> &[u16] {
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

impl Tiling {
    /// The bytes of a tile before compression: little-endian samples, all bands of a pixel
    /// together.
    ///
    /// Outside of the image a row goes on with its last pixel, which differs from itself by
    /// nothing, and rows are 0.
    pub(super) fn interleave(self, pixels: &Pixels<'_>, differences: bool, out: &mut Vec<u8>) {
        let width = match self.sample_type {
            SampleType::U8 => 1,
            SampleType::U16 => 2,
        };
        let row_bytes = self.size.saturating_mul(self.bands).saturating_mul(width);
        out.clear();
        out.resize(row_bytes.saturating_mul(self.size), 0);
        for (index, out) in out
            .chunks_exact_mut(row_bytes.max(1))
            .take(pixels.height)
            .enumerate()
        {
            if let (SampleType::U16, 3, true) = (self.sample_type, self.bands, differences) {
                colour_differences([0, 1, 2].map(|band| pixels.row(band, index)), out);
                continue;
            }
            for band in 0..self.bands {
                let row = pixels.row(band, index);
                match self.sample_type {
                    SampleType::U8 => place(row, &mut out[band..], self.bands, differences, low),
                    SampleType::U16 => {
                        place(
                            row,
                            &mut out[2 * band..],
                            2 * self.bands,
                            differences,
                            u16::to_le_bytes,
                        );
                    }
                }
            }
        }
    }
}

/// Puts the samples of a row `step` bytes apart.
fn place<const WIDTH: usize>(
    row: &[u16],
    out: &mut [u8],
    step: usize,
    differences: bool,
    bytes: fn(u16) -> [u8; WIDTH],
) {
    let mut cells = out
        .chunks_mut(step.max(1))
        .filter_map(|cell| cell.first_chunk_mut::<WIDTH>());
    if differences {
        // Subtracting before narrowing is the same as after it.
        let mut before = 0_u16;
        for (&sample, cell) in row.iter().zip(cells) {
            *cell = bytes(sample.wrapping_sub(before));
            before = sample;
        }
    } else {
        for (&sample, cell) in row.iter().zip(&mut cells) {
            *cell = bytes(sample);
        }
        let last = bytes(row.last().copied().unwrap_or_default());
        cells.for_each(|cell| *cell = last);
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

/// An 8-bit sample in 16 bits, or a difference of two.
#[expect(
    clippy::cast_possible_truncation,
    reason = "8-bit samples have nothing in the upper half"
)]
fn low(sample: u16) -> [u8; 1] {
    [sample as u8]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interleaved(sample_type: SampleType, differences: bool) -> Vec<u8> {
        let tiling = Tiling {
            size: 4,
            bands: 2,
            sample_type,
        };
        // Two bands of 3 x 2 samples, of which the tile starts in the second column.
        let samples = [9, 10, 12, 9, 20, 19, 9, 200, 7, 9, 0, 255];
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
        tiling.interleave(&pixels, differences, &mut out);
        out
    }

    #[test]
    fn bands_alternate_and_rows_go_on_with_their_last_pixel() {
        let mut expected = vec![
            10, 200, 12, 7, 12, 7, 12, 7, 20, 0, 19, 255, 19, 255, 19, 255,
        ];
        expected.resize(32, 0);
        assert_eq!(interleaved(SampleType::U8, false), expected);
        let wide: Vec<u8> = expected.iter().flat_map(|&sample| [sample, 0]).collect();
        assert_eq!(interleaved(SampleType::U16, false), wide);
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
        assert_eq!(interleaved(SampleType::U8, true), expected);
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
        assert_eq!(words(&interleaved(SampleType::U16, true)), expected);
    }

    #[test]
    fn three_bands_at_once_are_what_they_are_one_by_one() {
        let samples: Vec<u16> = (0..3_u16 * 23 * 2)
            .map(|at| at.wrapping_mul(40_503))
            .collect();
        let tiling = Tiling {
            size: 32,
            bands: 3,
            sample_type: SampleType::U16,
        };
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
            tiling.interleave(&pixels, true, &mut differences);
            tiling.interleave(&pixels, false, &mut plain);
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
}
