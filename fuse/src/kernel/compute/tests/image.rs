//! Generated inputs, and the kernel's outcome for a whole image, chunk by chunk.

use crate::grid::Rect;
use crate::kernel::compute::Compute;
use crate::kernel::inputs::{BandWindow, InputBand, Inputs, Ratio, Ratios, Window};
use crate::kernel::kernel::Kernel;
use crate::sample::{Planes, SampleType};

/// A band in memory, with its place on the grid of the output.
#[derive(Clone, Debug)]
pub(super) struct Band {
    pub(super) input: InputBand,
    pub(super) samples: Vec<u16>,
}

impl Band {
    /// A band whose pixels have `numerator / denominator` pixels of the output along each side.
    pub(super) fn new(
        (numerator, denominator): (u32, u32),
        size: (u32, u32),
        sample: impl Fn(u32, u32) -> u16,
    ) -> Self {
        let ratio = Ratio::new(numerator, denominator).unwrap();
        let pixels = (0..size.1).flat_map(|y| (0..size.0).map(move |x| (x, y)));
        Self {
            input: InputBand {
                name: "B01".into(),
                sample_type: SampleType::U16,
                size,
                ratios: Ratios { x: ratio, y: ratio },
            },
            samples: pixels.map(|(x, y)| sample(x, y)).collect(),
        }
    }

    /// Random samples, one of `holes` of which is nodata.
    pub(super) fn noise(ratio: (u32, u32), size: (u32, u32), seed: u32, holes: u32) -> Self {
        Self::new(ratio, size, |x, y| {
            let mixed = mixed(x, y, seed);
            let sample = u16::try_from(mixed >> 18).unwrap();
            if (mixed & 0xffff).is_multiple_of(holes) {
                0
            } else {
                sample
            }
        })
    }

    pub(super) fn sample(&self, x: u32, y: u32) -> u16 {
        self.samples[(y * self.input.size.0 + x) as usize]
    }

    fn window(&self, rect: Rect) -> BandWindow {
        let rows = rect.rows();
        let samples = rows.flat_map(|y| rect.columns().map(move |x| self.sample(x, y)));
        BandWindow {
            rect,
            size: self.input.size,
            samples: samples.collect(),
        }
    }
}

/// Random bits for a pixel.
pub(super) fn mixed(x: u32, y: u32, seed: u32) -> u32 {
    let mut bits = x.wrapping_mul(0x9e37_79b1) ^ y.wrapping_mul(0x85eb_ca77) ^ seed << 7;
    for _ in 0..2 {
        bits ^= bits >> 15;
        bits = bits.wrapping_mul(0x2c1b_3c6d);
        bits ^= bits >> 12;
    }
    bits
}

/// The outputs for an image of this size, made by way of chunks of another size.
pub(super) fn computed(
    compute: &Compute,
    bands: &[Band],
    image: (u32, u32),
    chunk: (u32, u32),
) -> Vec<Vec<f32>> {
    let inputs: Vec<_> = bands.iter().map(|band| band.input.clone()).collect();
    let inputs = Inputs {
        bands: &inputs,
        image,
    };
    let outputs = compute.outputs(&inputs).unwrap();
    let sample_type = outputs.nodata.sample_type();
    let mut images = vec![vec![0.0; (image.0 * image.1) as usize]; outputs.names.len()];
    let mut kernel = compute.start();
    let mut planes = Planes::new(sample_type);
    for y in (0..image.1).step_by(chunk.1 as usize) {
        for x in (0..image.0).step_by(chunk.0 as usize) {
            let chunk = Rect {
                x,
                y,
                width: chunk.0.min(image.0 - x),
                height: chunk.1.min(image.1 - y),
            };
            let rect = grown(chunk, compute.margin(), image);
            let windows = bands.iter().enumerate().map(|(index, band)| {
                let reach = compute.reach(&inputs, index);
                band.window(band.input.window(rect, reach))
            });
            let mut windows: Vec<_> = windows.collect();
            let mut window = Window {
                chunk,
                rect,
                image,
                bands: &mut windows,
            };
            kernel.apply(&mut window, &mut planes).unwrap();
            for (image_plane, plane) in images.iter_mut().zip(as_f32(&planes)) {
                let rows = plane.chunks_exact(chunk.width as usize);
                for (y, row) in chunk.rows().zip(rows) {
                    let start = (y * image.0 + chunk.x) as usize;
                    image_plane[start..start + row.len()].copy_from_slice(row);
                }
            }
        }
    }
    images
}

fn grown(chunk: Rect, margin: u32, image: (u32, u32)) -> Rect {
    let (x, y) = (
        chunk.x.saturating_sub(margin),
        chunk.y.saturating_sub(margin),
    );
    Rect {
        x,
        y,
        width: (chunk.x + chunk.width + margin).min(image.0) - x,
        height: (chunk.y + chunk.height + margin).min(image.1) - y,
    }
}

fn as_f32(planes: &Planes) -> Vec<Vec<f32>> {
    fn converted<T: Copy + Into<f32>>(planes: &[Vec<T>]) -> Vec<Vec<f32>> {
        let planes = planes.iter();
        planes
            .map(|plane| plane.iter().map(|&sample| sample.into()).collect())
            .collect()
    }
    match planes {
        Planes::U8(planes) => converted(planes),
        Planes::U16(planes) => converted(planes),
        Planes::I16(planes) => converted(planes),
        Planes::F32(planes) => planes.clone(),
    }
}

/// Fails for the first pixel whose bits differ.
pub(super) fn assert_same(values: &[f32], expected: &[f32], width: u32, what: &str) {
    assert_eq!(values.len(), expected.len(), "{what}");
    for (at, (value, expected)) in values.iter().zip(expected).enumerate() {
        let (x, y) = (at % width as usize, at / width as usize);
        let is_same = value.to_bits() == expected.to_bits();
        assert!(
            is_same || value.is_nan() && expected.is_nan(),
            "{what}: {value} and not {expected} at {x}, {y}"
        );
    }
}
