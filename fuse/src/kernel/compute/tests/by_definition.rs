//! What the kernel should make of an image, pixel by pixel as the operations are defined.

use super::image::Band;
use crate::kernel::compute::{Computation, Downsample, Mask, MaskTest, Measure, Upsample};

/// The value of an input at each pixel of the output: masked, resampled, measured.
pub(super) fn measured(
    computation: &Computation,
    bands: &[Band],
    index: usize,
    image: (u32, u32),
) -> Vec<f32> {
    let keeps = kept(computation.mask.as_ref(), bands, &bands[index]);
    let pixels = (0..image.1).flat_map(|y| (0..image.0).map(move |x| (x, y)));
    let values = pixels.map(|pixel| {
        let number = resampled(computation, &bands[index], index, &keeps, pixel);
        match computation.measures[index] {
            Measure::Reflectance {
                scale,
                offset,
                clamp,
            } => {
                let scale = scale.to_string().parse::<f32>().unwrap();
                let offset = offset.to_string().parse::<f32>().unwrap();
                let value = number * scale + offset;
                if clamp && value < scale { scale } else { value }
            }
            Measure::Number | Measure::Class => number,
        }
    });
    values.collect()
}

/// Whether each sample of a band is valid: not nodata, and not masked.
fn kept(mask: Option<&Mask>, bands: &[Band], band: &Band) -> Vec<bool> {
    let (width, height) = band.input.size;
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let kept = pixels.map(|(x, y)| {
        let is_masked = mask.is_some_and(|mask| {
            let of = &bands[mask.input];
            // The centre, as a share of a pixel of the mask.
            let ratio = |band: &Band| {
                let ratio = band.input.ratios.x;
                f64::from(ratio.numerator()) / f64::from(ratio.denominator())
            };
            let place = |at: u32, size: u32| {
                let centre = (f64::from(at) + 0.5) * ratio(band) / ratio(of);
                floor(centre + 1e-9).min(i64::from(size) - 1)
            };
            let at = (place(x, of.input.size.0), place(y, of.input.size.1));
            is_masked(mask, of, at)
        });
        band.sample(x, y) != 0 && !is_masked
    });
    kept.collect()
}

#[expect(clippy::cast_possible_truncation, reason = "small numbers")]
fn floor(value: f64) -> i64 {
    value.floor() as i64
}

fn is_masked(mask: &Mask, band: &Band, (x, y): (i64, i64)) -> bool {
    let n = i64::from(mask.dilate);
    let (width, height) = (i64::from(band.input.size.0), i64::from(band.input.size.1));
    let rows = (y - n).max(0)..(y + n + 1).min(height);
    rows.into_iter().any(|y| {
        ((x - n).max(0)..(x + n + 1).min(width)).any(|x| {
            let sample = band.sample(u32::try_from(x).unwrap(), u32::try_from(y).unwrap());
            match &mask.test {
                MaskTest::Values(values) => values.contains(&sample),
                MaskTest::Bits(bits) => bits.iter().any(|bit| sample >> bit & 1 == 1),
                MaskTest::Above(limit) => sample > *limit,
            }
        })
    })
}

/// The weighted mean of the valid samples, from weights in fractions of a pixel.
fn resampled(
    computation: &Computation,
    band: &Band,
    index: usize,
    keeps: &[bool],
    (x, y): (u32, u32),
) -> f32 {
    let is_class = computation.measures[index] == Measure::Class;
    let (width, height) = band.input.size;
    let (columns, rows) = (
        weights(computation, band, is_class, x, width),
        weights(computation, band, is_class, y, height),
    );
    let (mut sum, mut sum_of_weights) = (0.0, 0.0);
    // Between two samples, the nearer one has to be valid.
    let ratio = band.input.ratios.x;
    if ratio.numerator() > ratio.denominator() {
        let centre = |at: u32| (2 * at + 1) * ratio.denominator() / (2 * ratio.numerator());
        let (column, row) = (centre(x), centre(y));
        if column >= width || row >= height || !keeps[(row * width + column) as usize] {
            return f32::NAN;
        }
    }
    for &(row, vertical) in &rows {
        for &(column, horizontal) in &columns {
            if keeps[(row * width + column) as usize] {
                let weight = vertical * horizontal;
                sum += weight * f64::from(band.sample(column, row));
                sum_of_weights += weight;
            }
        }
    }
    #[expect(clippy::cast_possible_truncation, reason = "rounded on purpose")]
    let mean = (sum / sum_of_weights) as f32;
    mean
}

/// Pixels of a band and whole-numbered weights, along one side.
fn weights(
    computation: &Computation,
    band: &Band,
    is_class: bool,
    at: u32,
    size: u32,
) -> Vec<(u32, f64)> {
    let ratio = band.input.ratios.x;
    let (n, d) = (f64::from(ratio.numerator()), f64::from(ratio.denominator()));
    // In fractions of 1 / (2 n) of a pixel of the band.
    let centre = (2.0 * f64::from(at) + 1.0) * d;
    let unit = 2.0 * n;
    let is_nearest = is_class
        || if n > d {
            computation.upsample == Upsample::Nearest
        } else {
            computation.downsample == Downsample::Nearest
        };
    let weight = |pixel: u32| {
        let (start, end) = (f64::from(pixel) * unit, (f64::from(pixel) + 1.0) * unit);
        if is_nearest || ratio.numerator() == ratio.denominator() {
            f64::from(u8::from(start <= centre && centre < end))
        } else if n > d {
            let is_inside = centre < f64::from(size) * unit;
            let distance = (centre - f64::midpoint(start, end)).abs();
            f64::from(u8::from(is_inside)) * (unit - distance).max(0.0)
        } else {
            (end.min(centre + d) - start.max(centre - d)).max(0.0)
        }
    };
    let pixels = (0..size).map(|pixel| (pixel, weight(pixel)));
    pixels.filter(|(_, weight)| *weight > 0.0).collect()
}
