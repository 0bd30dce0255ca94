//! The filter, for all sizes of squares and for missing pixels.

use super::five::Five;
use super::selection::Selection;
use super::three::Three;

/// A median filter over rows, with what one thread needs for it.
#[derive(Clone, Debug)]
pub(in super::super) struct Median {
    /// Pixels on each side of the centre.
    radius: usize,
    /// Of an even number of values, the lower one of the two in the middle; their mean otherwise.
    is_of_classes: bool,
    three: Three,
    five: Five,
    selection: Selection,
    /// The valid ones of one square.
    values: Vec<f32>,
}

impl Median {
    pub(in super::super) fn new(side: u32, is_of_classes: bool) -> Self {
        Self {
            radius: side as usize / 2,
            is_of_classes,
            three: Three::default(),
            five: Five::default(),
            selection: Selection::default(),
            values: Vec::new(),
        }
    }

    /// Filters the pixels of `out`, which begin at `start` of the rows. `rows` are those of the
    /// square that the image has; `centre` is the one that is filtered. The ends of a row that are
    /// nearer than half a square are ends of the image. NaN is no value.
    pub(in super::super) fn row(
        &mut self,
        rows: &[&[f32]],
        centre: &[f32],
        start: usize,
        out: &mut [f32],
    ) {
        let (radius, side) = (self.radius, 2 * self.radius + 1);
        out.fill(f32::NAN);
        // Squares that are whole are filtered together; those that miss a pixel stay NaN.
        let first = radius.saturating_sub(start).min(out.len());
        let end = centre.len().saturating_sub(radius + start).min(out.len());
        if rows.len() == side && first < end {
            let inside = &mut out[first..end];
            let columns = start + first - radius..start + end + radius;
            let part = |index: usize| &rows[index][columns.clone()];
            match side {
                3 => self.three.row(std::array::from_fn(part), inside),
                5 => self.five.row(std::array::from_fn(part), inside),
                7 => {
                    let rows: [&[f32]; 7] = std::array::from_fn(part);
                    self.selection.row(&rows, inside);
                }
                // One by one is faster for many values.
                _ => {}
            }
        }
        // The others are filtered one by one.
        for (column, out) in (start..).zip(out) {
            if out.is_nan() {
                *out = self.pixel(rows, centre, column);
            }
        }
    }

    /// The median of the valid pixels of one square.
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
        let is_even = self.values.len().is_multiple_of(2);
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
            f32::midpoint(values[half - 1], values[half])
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
            assert_eq!(out.map(f32::to_bits), [f32::to_bits(expected); 2]);
        }
    }
}
