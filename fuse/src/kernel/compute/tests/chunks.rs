//! The outcome is that of the definition, however the image is cut into chunks.

use std::ops::Range;
use std::sync::Arc;

use proptest::prelude::*;

use super::by_definition::measured;
use super::image::{Band, assert_same, computed};
use crate::grid::Rect;
use crate::kernel::compute::{
    Area, Computation, Compute, ComputedOutput, Downsample, Mask, MaskTest, Measure, Op, Program,
    Source, Upsample,
};
use crate::kernel::inputs::Resolution;
use crate::sample::Nodata;

const RATIOS: [(u32, u32); 10] = [
    (1, 1),
    (2, 1),
    (3, 1),
    (6, 1),
    (1, 2),
    (1, 6),
    (1, 8),
    (3, 2),
    (2, 3),
    (40, 1),
];

/// Two pieces of each row.
#[derive(Debug)]
struct Pieces {
    width: u32,
}

impl Area for Pieces {
    fn spans(&self, row: u32, out: &mut Vec<Range<u32>>) {
        if row % 5 != 3 {
            let end = (self.width / 3 + row % 3).max(row % 7);
            out.push(row % 7..end);
            out.push(self.width / 2 + end..self.width - 1);
            out.retain(|span| !span.is_empty());
        }
    }

    fn bounds(&self) -> Rect {
        Rect {
            x: 0,
            y: 0,
            width: self.width,
            height: u32::MAX,
        }
    }
}

fn output(name: &str, source: Source) -> ComputedOutput {
    ComputedOutput {
        name: name.into(),
        source,
        scale: 1.0,
        offset: 0.0,
    }
}

/// (a - b) / (a + b)
pub(super) fn difference(a: usize, b: usize) -> Source {
    let (a, b) = (Op::Input(a), Op::Input(b));
    let ops = [a, b, Op::Subtract, a, b, Op::Add, Op::Divide];
    Source::Program(Program::new(ops).unwrap())
}

fn median_of(image: &[f32], (width, height): (u32, u32), side: u32) -> Vec<f32> {
    let radius = side / 2;
    let near = |at: u32, size: u32| at.saturating_sub(radius)..(at + radius + 1).min(size);
    let at = |x: u32, y: u32| image[(y * width + x) as usize];
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let medians = pixels.map(|(x, y)| {
        let rows = near(y, height);
        let values = rows.flat_map(|y| near(x, width).map(move |x| at(x, y)));
        let mut values: Vec<f32> = values.filter(|value| !value.is_nan()).collect();
        values.sort_by(f32::total_cmp);
        let half = values.len() / 2;
        if at(x, y).is_nan() {
            f32::NAN
        } else if values.len() % 2 == 1 {
            values[half]
        } else {
            f32::midpoint(values[half - 1], values[half])
        }
    });
    medians.collect()
}

/// A computation of an index, stored numbers and a mask.
#[derive(Clone, Debug)]
struct Case {
    ratios: [(u32, u32); 3],
    image: (u32, u32),
    chunk: (u32, u32),
    is_smooth: bool,
    dilate: Option<u32>,
    median: Option<u32>,
    is_clipped: bool,
    holes: u32,
    is_class: bool,
}

impl Case {
    fn bands(&self) -> Vec<Band> {
        let bands = self.ratios.iter().zip(1_u32..).map(|(&ratio, seed)| {
            // Bands with pixels of one size do not have as many.
            let size = |pixels: u32| (pixels * ratio.1 / ratio.0).max(2) - seed % 2;
            let size = (size(self.image.0), size(self.image.1));
            let holes = if seed == 3 { 50 } else { self.holes };
            Band::noise(ratio, size, seed, holes)
        });
        bands.collect()
    }

    fn computation(&self) -> Computation {
        let reflectance = |clamp| Measure::Reflectance {
            scale: 0.0001,
            offset: -0.1,
            clamp,
        };
        let second = if self.is_class {
            Measure::Class
        } else {
            reflectance(true)
        };
        let width = self.image.0;
        Computation {
            measures: vec![reflectance(false), second, Measure::Class],
            mask: self.dilate.map(|dilate| Mask {
                input: 2,
                // One of 64 samples or so.
                test: MaskTest::Above(16_128),
                dilate,
            }),
            resolution: Resolution::Metres(10.0),
            upsample: if self.is_smooth {
                Upsample::Bilinear
            } else {
                Upsample::Nearest
            },
            downsample: if self.is_smooth {
                Downsample::Average
            } else {
                Downsample::Nearest
            },
            outputs: vec![
                output("index", difference(0, 1)),
                output("first", Source::Input(0)),
            ],
            nodata: Nodata::F32(f32::NAN),
            median: self.median,
            area: self
                .is_clipped
                .then(|| Arc::new(Pieces { width }) as Arc<dyn Area>),
        }
    }

    fn expected(&self, bands: &[Band]) -> [Vec<f32>; 2] {
        let computation = self.computation();
        let a = measured(&computation, bands, 0, self.image);
        let b = measured(&computation, bands, 1, self.image);
        let index = a.iter().zip(&b).map(|(a, b)| {
            let sum = a + b;
            if sum == 0.0 { f32::NAN } else { (a - b) / sum }
        });
        let numbers = Computation {
            measures: vec![Measure::Number; 3],
            ..computation
        };
        let numbers = measured(&numbers, bands, 0, self.image);
        [index.collect(), numbers].map(|values: Vec<f32>| {
            let mut values = match self.median {
                Some(side) => median_of(&values, self.image, side),
                None => values,
            };
            for (y, row) in (0..).zip(values.chunks_exact_mut(self.image.0 as usize)) {
                let mut spans = Vec::new();
                Pieces {
                    width: self.image.0,
                }
                .spans(y, &mut spans);
                for (x, value) in (0..).zip(row) {
                    if self.is_clipped && !spans.iter().any(|span| span.contains(&x)) {
                        *value = f32::NAN;
                    }
                }
            }
            values
        })
    }
}

prop_compose! {
    fn cases()(
        ratios in prop::array::uniform3(prop::sample::select(&RATIOS[..])),
        image in (3_u32..70, 3_u32..60),
        chunk in (1_u32..80, 1_u32..80),
        dilate in prop::option::of(0_u32..5),
        median in prop::option::of(prop::sample::select(&[3_u32, 5, 7, 9][..])),
        holes in prop::sample::select(&[2_u32, 9, 200][..]),
        flags in any::<[bool; 3]>(),
    ) -> Case {
        Case {
            ratios,
            image,
            chunk,
            is_smooth: flags[0],
            dilate,
            median,
            is_clipped: flags[1],
            holes,
            is_class: flags[2],
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn chunks_have_the_values_of_the_definition(case in cases()) {
        let bands = case.bands();
        let compute = Compute::new(case.computation()).unwrap();
        let values = computed(&compute, &bands, case.image, case.chunk);
        let expected = case.expected(&bands);
        for (values, expected) in values.iter().zip(&expected) {
            assert_same(values, expected, case.image.0, "chunks");
        }
    }
}
