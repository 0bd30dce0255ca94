//! The inverse transformation of one resolution level (F.3).
//!
//! It transforms horizontally first, then vertically, as F.3.2 says. The rounding makes the order
//! matter. Both happen in one pass from the top, row by row: a row of the output needs at most two
//! rows above and below it, and these stay in the cache.

use super::lifting;
use crate::error::Error;
use crate::rect::Rect;

/// The coefficients of a subband, row by row without gaps; `None` if all are zero.
pub(crate) type Coefficients<'a> = Option<&'a [i32]>;

/// The subbands of a resolution level. LL is the resolution level below.
#[derive(Clone, Copy)]
pub(crate) struct Subbands<'a> {
    pub(crate) ll: Coefficients<'a>,
    pub(crate) hl: Coefficients<'a>,
    pub(crate) lh: Coefficients<'a>,
    pub(crate) hh: Coefficients<'a>,
}

/// A finished row in two halves: the samples at even distances from its first sample, and those at
/// odd distances.
pub(crate) struct Row<'a> {
    pub(crate) first: &'a [i32],
    pub(crate) second: &'a [i32],
}

/// How many even and odd coordinates a row or column has, and whether it begins with an odd one.
#[derive(Clone, Copy)]
struct Axis {
    even: usize,
    odd: usize,
    begins_odd: bool,
}

impl Axis {
    fn new(start: u32, end: u32) -> Self {
        let even = end.div_ceil(2).saturating_sub(start.div_ceil(2)) as usize;
        let odd = (end / 2).saturating_sub(start / 2) as usize;
        Self {
            even,
            odd,
            begins_odd: start % 2 == 1,
        }
    }

    fn len(self) -> usize {
        self.even + self.odd
    }
}

/// Transforms resolution levels. It keeps the memory of its rows from one level to the next.
#[derive(Default)]
pub(crate) struct InverseTransform {
    zeros: Vec<i32>,
    /// The last two rows with odd coordinates, transformed horizontally, by the parity of their
    /// number.
    high: [Vec<i32>; 2],
    /// The last two finished rows with even coordinates.
    even: [Vec<i32>; 2],
    /// A row with even coordinates, transformed horizontally.
    low: Vec<i32>,
    /// A finished row with an odd coordinate.
    odd: Vec<i32>,
}

impl InverseTransform {
    /// Transforms the level that covers `rect`, and passes its rows to `emit` from the top.
    ///
    /// # Errors
    /// The first error that `emit` returns.
    pub(crate) fn run(
        &mut self,
        rect: Rect,
        subbands: Subbands<'_>,
        mut emit: impl FnMut(Row<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let (across, down) = (Axis::new(rect.x0, rect.x1), Axis::new(rect.y0, rect.y1));
        let width = across.len();
        if width == 0 {
            return Ok(());
        }
        // Make the rows as wide as the level.
        let rows = [&mut self.low, &mut self.odd]
            .into_iter()
            .chain(&mut self.high)
            .chain(&mut self.even);
        for row in rows {
            row.resize(width, 0);
        }
        self.zeros.resize(self.zeros.len().max(width), 0);
        let zeros = self.zeros.as_slice();
        let low_row = |number: usize, out: &mut [i32]| {
            let low = row_of(subbands.ll, across.even, number, zeros);
            horizontal(
                low,
                row_of(subbands.hl, across.odd, number, zeros),
                across,
                out,
            );
        };
        let high_row = |number: usize, out: &mut [i32]| {
            let low = row_of(subbands.lh, across.even, number, zeros);
            horizontal(
                low,
                row_of(subbands.hh, across.odd, number, zeros),
                across,
                out,
            );
        };
        let finished = |values: &[i32], emit: &mut dyn FnMut(Row<'_>) -> Result<(), Error>| {
            let (even, odd) = values.split_at(across.even);
            let (first, second) = if across.begins_odd {
                (odd, even)
            } else {
                (even, odd)
            };
            emit(Row { first, second })
        };

        // Each even row needs the odd rows before and after it, and each odd row needs its even
        // neighbours. So finish an even row as soon as its odd neighbours are there, and then the
        // odd row above it.
        let offset = usize::from(down.begins_odd);
        if down.even == 0 {
            // A single row with an odd coordinate is halved (F.3.6).
            for number in 0..down.odd {
                high_row(number, &mut self.odd);
                self.odd.iter_mut().for_each(|value| *value /= 2);
                finished(&self.odd, &mut emit)?;
            }
            return Ok(());
        }
        let mut known = 0;
        for number in 0..down.even {
            low_row(number, &mut self.low);
            let [even, high] = [&mut self.even, &mut self.high];
            // Rows beyond the edge are mirrored at it (F.3.7). At most one is missing, so the
            // mirrored row is the last one.
            let after = (number + offset).min(down.odd.saturating_sub(1));
            let before = (number + offset).saturating_sub(1).min(after);
            while known <= after && known < down.odd {
                if let Some(row) = high.get_mut(known % 2) {
                    high_row(known, row);
                }
                known += 1;
            }
            let [even_row, previous] = by_parity(even, number);
            if down.odd == 0 {
                even_row.copy_from_slice(&self.low);
            } else {
                let [before, after] = [&high[before % 2], &high[after % 2]];
                lifting::even(&self.low, before, after, even_row);
            }
            // The odd row above this one, if there is any, has both its neighbours now.
            if let Some(odd) = (number + offset)
                .checked_sub(1)
                .filter(|&odd| odd < down.odd)
            {
                let above = if number == 0 { &*even_row } else { &*previous };
                lifting::odd(&high[odd % 2], above, even_row, &mut self.odd);
                finished(&self.odd, &mut emit)?;
            }
            finished(even_row, &mut emit)?;
        }
        let last = down.even - 1;
        if last + offset < down.odd {
            let above = &self.even[last % 2];
            lifting::odd(&self.high[(last + offset) % 2], above, above, &mut self.odd);
            finished(&self.odd, &mut emit)?;
        }
        Ok(())
    }
}

/// The row with the parity of `number`, and the other one.
fn by_parity(rows: &mut [Vec<i32>; 2], number: usize) -> [&mut Vec<i32>; 2] {
    let [zeroth, first] = rows;
    if number.is_multiple_of(2) {
        [zeroth, first]
    } else {
        [first, zeroth]
    }
}

/// Row `number` of a subband of `width` columns.
fn row_of<'a>(
    coefficients: Coefficients<'a>,
    width: usize,
    number: usize,
    zeros: &'a [i32],
) -> &'a [i32] {
    let row = coefficients.and_then(|all| all.get(number * width..(number + 1) * width));
    row.or(zeros.get(..width)).unwrap_or_default()
}

/// Transforms a row (F.3.6). Even samples go to the front of `out`, odd ones follow.
fn horizontal(low: &[i32], high: &[i32], axis: Axis, out: &mut [i32]) {
    let (even, odd) = out.split_at_mut(axis.even);
    let (Some(&first_high), Some(&last_high)) = (high.first(), high.last()) else {
        even.copy_from_slice(low);
        return;
    };
    // A single sample with an odd coordinate is halved.
    if even.is_empty() {
        for (out, high) in odd.iter_mut().zip(high) {
            *out = high / 2;
        }
        return;
    }
    // Samples beyond an edge are mirrored at it (F.3.7). So the outermost sample has the same
    // neighbour on both sides.
    let even_end =
        |low: i32, high: i32| low.wrapping_sub(high.wrapping_add(high).wrapping_add(2) >> 2);
    let odd_end = |high: i32, even: i32| high.wrapping_add(even.wrapping_add(even) >> 1);
    // All even samples come first, because the odd ones need them.
    let both = axis.even.min(axis.odd);
    if axis.begins_odd {
        let pairs = axis.even.min(axis.odd - 1);
        lifting::even(
            &low[..pairs],
            &high[..pairs],
            &high[1..=pairs],
            &mut even[..pairs],
        );
        if pairs < axis.even {
            even[pairs] = even_end(low[pairs], last_high);
        }
        odd[0] = odd_end(first_high, even[0]);
        lifting::odd(
            &high[1..both],
            &even[..both - 1],
            &even[1..both],
            &mut odd[1..both],
        );
        if both < axis.odd {
            odd[both] = odd_end(high[both], even[both - 1]);
        }
    } else {
        even[0] = even_end(low[0], first_high);
        lifting::even(
            &low[1..both],
            &high[..both - 1],
            &high[1..both],
            &mut even[1..both],
        );
        if both < axis.even {
            even[both] = even_end(low[both], last_high);
        }
        let pairs = axis.odd.min(axis.even - 1);
        lifting::odd(
            &high[..pairs],
            &even[..pairs],
            &even[1..=pairs],
            &mut odd[..pairs],
        );
        if pairs < axis.odd {
            odd[pairs] = odd_end(high[pairs], even[pairs]);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The forward transformation of a line whose first sample has coordinate `start` (F.4.8). The
    /// line is extended at both ends. Odd coordinates come first.
    fn forward(line: &mut [i32], start: usize) {
        if line.len() == 1 {
            line[0] <<= start % 2;
            return;
        }
        let last = line.len() - 1;
        let mirrored = |place: usize, step: isize| match place.checked_add_signed(step) {
            Some(place) if place <= last => place,
            Some(_) => last - 1,
            None => 1,
        };
        for odd in [true, false] {
            for place in (0..line.len()).filter(|place| (start + place) % 2 == usize::from(odd)) {
                let both = line[mirrored(place, -1)] + line[mirrored(place, 1)];
                if odd {
                    line[place] -= both >> 1;
                } else {
                    line[place] += (both + 2) >> 2;
                }
            }
        }
    }

    /// The subbands of one level over `rect`: vertically first, then horizontally (F.4.2).
    fn analysed(samples: &[i32], rect: Rect) -> [Vec<i32>; 4] {
        let (width, height) = (rect.width() as usize, rect.height() as usize);
        let mut samples = samples.to_vec();
        for x in 0..width {
            let mut column: Vec<_> = (0..height).map(|y| samples[y * width + x]).collect();
            forward(&mut column, rect.y0 as usize);
            column
                .iter()
                .enumerate()
                .for_each(|(y, &value)| samples[y * width + x] = value);
        }
        let mut bands = [const { Vec::new() }; 4];
        for (y, row) in samples.chunks_mut(width).enumerate() {
            forward(row, rect.x0 as usize);
            for (x, &value) in row.iter().enumerate() {
                bands[(rect.x0 as usize + x) % 2 + (rect.y0 as usize + y) % 2 * 2].push(value);
            }
        }
        bands
    }

    fn synthesised(bands: &[Vec<i32>; 4], rect: Rect) -> Vec<i32> {
        let [ll, hl, lh, hh] = bands.each_ref().map(|band| Some(band.as_slice()));
        let mut out = Vec::new();
        let mut transform = InverseTransform::default();
        let emit = |row: Row<'_>| {
            let mut whole = vec![0; rect.width() as usize];
            lifting::interleave(row.first, row.second, &mut whole);
            out.extend(whole);
            Ok(())
        };
        transform
            .run(rect, Subbands { ll, hl, lh, hh }, emit)
            .expect("nothing fails");
        out
    }

    #[test]
    fn every_small_size_and_parity_is_the_inverse_of_the_forward_transformation() {
        for place in 0..4 * 9 * 9 {
            let (x0, y0) = (place % 2, place / 2 % 2);
            let (width, height) = (place / 4 % 9 + 1, place / 36 + 1);
            let rect = Rect {
                x0,
                y0,
                x1: x0 + width,
                y1: y0 + height,
            };
            let samples: Vec<_> = (0..width * height)
                .map(|n| (n.wrapping_mul(7919) % 512).cast_signed() - 256)
                .collect();
            assert_eq!(
                synthesised(&analysed(&samples, rect), rect),
                samples,
                "{rect:?}"
            );
        }
    }

    #[test]
    fn subbands_without_coefficients_count_as_zero() {
        let rect = Rect {
            x0: 1,
            y0: 0,
            x1: 20,
            y1: 7,
        };
        let mut bands = analysed(&vec![1234; 19 * 7], rect);
        assert!(bands[1..].iter().flatten().all(|&value| value == 0));
        let with_zeros = synthesised(&bands, rect);
        bands[1..].iter_mut().for_each(Vec::clear);
        assert_eq!(synthesised(&bands, rect), with_zeros);
        assert_eq!(with_zeros, vec![1234; 19 * 7]);
    }

    proptest! {
        #[test]
        fn any_samples_come_back(
            (x0, y0, width, height) in (0_u32..1000, 0_u32..1000, 1_u32..70, 1_u32..40),
            seed in any::<u32>(),
        ) {
            let rect = Rect { x0, y0, x1: x0 + width, y1: y0 + height };
            let sample = |n: u32| ((n ^ seed).wrapping_mul(2_654_435_761) >> 16).cast_signed() - (1 << 15);
            let samples: Vec<_> = (0..width * height).map(sample).collect();
            prop_assert_eq!(synthesised(&analysed(&samples, rect), rect), samples);
        }
    }
}
