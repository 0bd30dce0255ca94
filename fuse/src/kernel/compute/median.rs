//! The median of the valid pixels in a square.

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
}

impl Median {
    pub(super) fn new(side: u32, is_of_classes: bool) -> Self {
        Self {
            radius: side as usize / 2,
            is_of_classes,
            values: Vec::new(),
            lanes: Vec::new(),
        }
    }

    /// Filters the pixels of `out`, which begin at `start` of the rows. `rows` are those of the
    /// square that the image has; `centre` is the one that is filtered. The ends of a row that are
    /// nearer than half a square are ends of the image. NaN is no value.
    pub(super) fn row(&mut self, rows: &[&[f32]], centre: &[f32], start: usize, out: &mut [f32]) {
        let side = 2 * self.radius + 1;
        let mut done = 0;
        while done < out.len() {
            let at = start + done;
            let columns = at.checked_sub(self.radius)..Some(at + LANES + self.radius);
            let is_whole = rows.len() == side && side <= LARGEST_SELECTION;
            if let (true, Some(out), (Some(first), Some(end))) = (
                is_whole,
                out.get_mut(done..done + LANES),
                (columns.start, columns.end),
            ) && self.gather(rows, first..end)
            {
                out.copy_from_slice(&select(&mut self.lanes, side * side));
                done += LANES;
                continue;
            }
            let end = (done + LANES).min(out.len());
            for (column, out) in (at..).zip(&mut out[done..end]) {
                *out = self.pixel(rows, centre, column);
            }
            done = end;
        }
    }

    /// Collects the values of the squares around `LANES` pixels, unless one of them is missing.
    fn gather(&mut self, rows: &[&[f32]], columns: std::ops::Range<usize>) -> bool {
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
        // The least comes to the front and the greatest to the back.
        for other in 1..kept {
            exchange(values, 0, other);
        }
        for other in 1..kept - 1 {
            exchange(values, other, kept - 1);
        }
        kept -= 1;
        if next < count {
            values[0] = values[next];
            next += 1;
        }
    }
    values[1]
}

/// Puts the lesser values to `low` and the greater ones to `high`.
#[inline]
fn exchange(values: &mut [[f32; LANES]], low: usize, high: usize) {
    let (a, b) = (values[low], values[high]);
    for lane in 0..LANES {
        let (x, y) = (a[lane], b[lane]);
        values[low][lane] = if y < x { y } else { x };
        values[high][lane] = if y < x { x } else { y };
    }
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
