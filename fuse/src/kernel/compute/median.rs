//! The median of the valid pixels in a square.

use std::ops::Range;

/// Pixels that are filtered together where all pixels around them are valid.
const LANES: usize = 8;

/// The largest side of a square that [`select`] is for; beyond, sorting each pixel's own is faster.
const LARGEST_SELECTION: usize = 7;

/// A median filter over rows, with what one thread needs for it.
#[derive(Clone, Debug)]
pub(super) struct Median {
    /// Pixels on each side of the centre.
    radius: usize,
    /// Of an even number of values, the lower one of the two in the middle; their mean otherwise.
    is_of_classes: bool,
    values: Vec<f32>,
    lanes: Vec<[f32; LANES]>,
    /// For a square of 3: least, middle, greatest value and the sum of each column.
    sorted: [Vec<f32>; 4],
}

impl Median {
    pub(super) fn new(side: u32, is_of_classes: bool) -> Self {
        Self {
            radius: side as usize / 2,
            is_of_classes,
            values: Vec::new(),
            lanes: Vec::new(),
            sorted: [const { Vec::new() }; 4],
        }
    }

    /// Filters the pixels of `out`, which begin at `start` of the rows. `rows` are those of the
    /// square that the image has; `centre` is the one that is filtered. The ends of a row that are
    /// nearer than half a square are ends of the image. NaN is no value.
    pub(super) fn row(&mut self, rows: &[&[f32]], centre: &[f32], start: usize, out: &mut [f32]) {
        // What has all its neighbours, in vectors; NaN otherwise.
        let side = 2 * self.radius + 1;
        match *rows {
            [a, b, c] if side == 3 => self.three([a, b, c], start, out),
            _ if rows.len() == side && side <= LARGEST_SELECTION => self.select(rows, start, out),
            _ => out.fill(f32::NAN),
        }
        // The others, one by one.
        for (column, out) in (start..).zip(out) {
            if out.is_nan() {
                *out = self.pixel(rows, centre, column);
            }
        }
    }

    /// Squares of 3: the median is that of the greatest of the least values of the columns, the
    /// middle of their middle ones, and the least of their greatest ones.
    fn three(&mut self, rows: [&[f32]; 3], start: usize, out: &mut [f32]) {
        let first = start.saturating_sub(1);
        let rows = rows.map(|row| row.get(first..).unwrap_or_default());
        let width = rows[0].len().min(start - first + out.len() + 1);
        for column in &mut self.sorted {
            column.resize(width, 0.0);
        }
        let [low, middle, high, sum] = &mut self.sorted;
        let sorted = low.iter_mut().zip(middle).zip(high).zip(sum);
        let values = rows[0].iter().zip(rows[1]).zip(rows[2]);
        for ((((low, middle), high), sum), ((&a, &b), &c)) in sorted.zip(values) {
            // NaN if one of them is.
            *sum = a + b + c;
            let (a, b) = (min(a, b), max(a, b));
            let (b, c) = (min(b, c), max(b, c));
            (*low, *middle, *high) = (min(a, b), max(a, b), c);
        }
        let [low, middle, high, sum] = self.sorted.each_ref().map(|row| row.array_windows::<3>());
        // The first pixel of an image has no neighbour on the left.
        let (edge, inside) = out.split_at_mut((1 - (start - first)).min(out.len()));
        edge.fill(f32::NAN);
        let inside_count = width.saturating_sub(2).min(inside.len());
        let (inside, edge) = inside.split_at_mut(inside_count);
        edge.fill(f32::NAN);
        let columns = low.zip(middle).zip(high).zip(sum);
        for (out, (((low, middle), high), sum)) in inside.iter_mut().zip(columns) {
            let low = max(max(low[0], low[1]), low[2]);
            let high = min(min(high[0], high[1]), high[2]);
            let middle = median_of(middle[0], middle[1], middle[2]);
            let median = median_of(low, middle, high);
            let sum = sum[0] + sum[1] + sum[2];
            *out = if sum.is_nan() { f32::NAN } else { median };
        }
    }

    fn select(&mut self, rows: &[&[f32]], start: usize, out: &mut [f32]) {
        let mut at = start;
        for out in out.chunks_mut(LANES) {
            let first = at.checked_sub(self.radius);
            let columns = first.map(|first| first..at + LANES + self.radius);
            at += out.len();
            match columns {
                Some(columns) if out.len() == LANES && self.gather(rows, &columns) => {
                    let count = self.lanes.len();
                    out.copy_from_slice(&select(&mut self.lanes, count));
                }
                _ => out.fill(f32::NAN),
            }
        }
    }

    /// Collects the values of the squares around `LANES` pixels, unless one of them is missing.
    fn gather(&mut self, rows: &[&[f32]], columns: &Range<usize>) -> bool {
        self.lanes.clear();
        let mut has_nan = false;
        for row in rows {
            let Some(row) = row.get(columns.clone()) else {
                return false;
            };
            has_nan |= row.iter().fold(false, |any, value| any | value.is_nan());
            self.lanes.extend(row.array_windows::<LANES>());
        }
        !has_nan
    }

    fn pixel(&mut self, rows: &[&[f32]], centre: &[f32], column: usize) -> f32 {
        if centre.get(column).is_none_or(|value| value.is_nan()) {
            return f32::NAN;
        }
        let first = column.saturating_sub(self.radius);
        self.values.clear();
        for row in rows {
            let end = (column + self.radius + 1).min(row.len());
            let valid = row[first..end].iter().filter(|value| !value.is_nan());
            self.values.extend(valid);
        }
        let middle = self.values.len() / 2;
        let is_even = self.values.len() % 2 == 0;
        let (below, &mut upper, _) = self.values.select_nth_unstable_by(middle, f32::total_cmp);
        if !is_even {
            return upper;
        }
        let lower = below.iter().copied().max_by(f32::total_cmp);
        let lower = lower.unwrap_or(upper);
        if self.is_of_classes {
            lower
        } else {
            f32::midpoint(lower, upper)
        }
    }
}

/// The median of an odd number of values in each lane. Of a little more than half of the values,
/// neither the least nor the greatest can be the median: both are dropped, and the next value takes
/// a place, until one is left ("forgetful selection").
fn select(values: &mut [[f32; LANES]], count: usize) -> [f32; LANES] {
    let mut kept = count / 2 + 2;
    let mut next = kept;
    while kept > 2 {
        let mut median = [0.0; LANES];
        // The least comes to the front and the greatest to the back.
        if let Some((least, others)) = values[..kept].split_first_mut() {
            for other in &mut *others {
                exchange(least, other);
            }
            if let Some((greatest, others)) = others.split_last_mut() {
                for other in others {
                    exchange(other, greatest);
                    median = *other;
                }
            }
        }
        kept -= 1;
        if next < count {
            values[0] = values[next];
            next += 1;
        } else if kept == 2 {
            return median;
        }
    }
    [f32::NAN; LANES]
}

/// Puts the lesser values to `low` and the greater ones to `high`.
#[inline]
fn exchange(low: &mut [f32; LANES], high: &mut [f32; LANES]) {
    for (low, high) in low.iter_mut().zip(high) {
        (*low, *high) = (min(*low, *high), max(*low, *high));
    }
}

/// A single instruction, which `f32::min` is not. One of the values, if one is NaN.
#[inline]
fn min(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

/// Like [`min`].
#[inline]
fn max(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

#[inline]
fn median_of(a: f32, b: f32, c: f32) -> f32 {
    max(min(a, b), min(max(a, b), c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_definition(image: &[Vec<f32>], (x, y): (usize, usize), radius: usize) -> f32 {
        if image[y][x].is_nan() {
            return f32::NAN;
        }
        let near = |at: usize, size: usize| at.saturating_sub(radius)..(at + radius + 1).min(size);
        let rows = near(y, image.len());
        let values = rows.flat_map(|y| image[y][near(x, image[y].len())].to_vec());
        let mut values: Vec<f32> = values.filter(|value| !value.is_nan()).collect();
        values.sort_by(f32::total_cmp);
        let (n, half) = (values.len(), values.len() / 2);
        if n % 2 == 1 {
            values[half]
        } else {
            (values[half - 1] + values[half]) / 2.0
        }
    }

    #[test]
    fn each_pixel_has_the_median_of_the_valid_pixels_around_it() {
        let (width, height) = (61_usize, 23_usize);
        let value = |n: usize| {
            let mixed = u32::try_from(n).unwrap().wrapping_mul(2_654_435_761);
            let is_missing = mixed.rotate_left(3) % 97 < 2;
            let value = f32::from(u16::try_from(mixed >> 20).unwrap()) - 2000.0;
            if is_missing { f32::NAN } else { value }
        };
        let rows = (0..height).map(|y| (0..width).map(|x| value(y * width + x)).collect());
        let image: Vec<Vec<f32>> = rows.collect();
        for side in [3_u32, 5, 7, 9, 15] {
            let radius = side as usize / 2;
            let mut median = Median::new(side, false);
            for y in 0..height {
                let near = y.saturating_sub(radius)..(y + radius + 1).min(height);
                let rows: Vec<&[f32]> = image[near].iter().map(Vec::as_slice).collect();
                let mut out = vec![0.0; width - 1];
                median.row(&rows, &image[y], 1, &mut out);
                for (x, value) in (1..).zip(out) {
                    let expected = by_definition(&image, (x, y), radius);
                    assert!(
                        value.to_bits() == expected.to_bits()
                            || value.is_nan() && expected.is_nan(),
                        "{side}: {value} and not {expected} at {x}, {y}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_median_of_classes_is_a_class() {
        let rows: [&[f32]; 1] = [&[4.0, 7.0, f32::NAN]];
        for (is_of_classes, expected) in [(true, 4.0), (false, 5.5)] {
            let mut out = [0.0; 2];
            Median::new(3, is_of_classes).row(&rows, rows[0], 0, &mut out);
            assert_eq!(out, [expected; 2]);
        }
    }
}
