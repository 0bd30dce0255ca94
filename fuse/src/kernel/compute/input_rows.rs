//! Rows of the inputs on the grid of the output: masked, resampled, measured.

use super::computation::{Computation, Measure};
use super::mask::{MaskRows, MaskTable, MaskWindow};
use super::plan::{Plan, PlannedInput};
use super::resample::ResampledBand;
use crate::kernel::inputs::{BandWindow, Ratios, Window};

/// What one thread needs to make rows of the inputs.
#[derive(Debug)]
pub(super) struct InputRows<'k> {
    inputs: Vec<InputRow>,
    mask: Option<MaskState<'k>>,
    /// The stored numbers in a row of the output, for each input that gives them. Nodata is NaN.
    pub(super) numbers: Vec<Vec<f32>>,
    /// What programs see, likewise.
    pub(super) measured: Vec<Vec<f32>>,
}

#[derive(Debug)]
struct InputRow {
    band: ResampledBand,
    measure: Measure,
    gives_numbers: bool,
    gives_measures: bool,
    /// The grid of the band among those of [`MaskState`].
    grid: usize,
    /// The first row of the band that the mask has not been applied to.
    unmasked: u32,
}

#[derive(Debug)]
struct MaskState<'k> {
    input: usize,
    table: &'k MaskTable,
    dilate: u32,
    window: MaskWindow,
    /// The mask on the grids of the bands, and an input on each of them.
    grids: Vec<(MaskRows, usize)>,
}

impl<'k> InputRows<'k> {
    pub(super) fn new(
        computation: &'k Computation,
        plan: &Plan,
        table: Option<&'k MaskTable>,
    ) -> Self {
        // Each grid of bands has its own view of the mask.
        let mut mask = computation
            .mask
            .as_ref()
            .zip(table)
            .map(|(mask, table)| MaskState {
                input: mask.input,
                table,
                dilate: mask.dilate,
                window: MaskWindow::default(),
                grids: Vec::new(),
            });
        let mut grids: Vec<(Ratios, (u32, u32), u32)> = Vec::new();
        let planned = plan.inputs.iter().zip(&computation.measures).enumerate();
        let inputs = planned.map(|(index, (input, measure))| {
            // Bands with the same windows share rows of the mask.
            let key = (input.band.ratios, input.band.size, input.reach);
            let known = grids.iter().position(|grid| *grid == key);
            let grid = known.unwrap_or(grids.len());
            if known.is_none() {
                grids.push(key);
                if let Some(mask) = &mut mask {
                    let rows = mask_rows(plan.inputs.get(mask.input), input);
                    mask.grids.extend(rows.map(|rows| (rows, index)));
                }
            }
            InputRow {
                band: ResampledBand::new(input.x, input.y),
                measure: *measure,
                gives_numbers: input.gives_numbers,
                gives_measures: input.gives_measures,
                grid,
                unmasked: 0,
            }
        });
        let inputs: Vec<_> = inputs.collect();
        Self {
            numbers: vec![Vec::new(); inputs.len()],
            measured: vec![Vec::new(); inputs.len()],
            inputs,
            mask,
        }
    }

    /// Turns to another window.
    pub(super) fn begin(&mut self, window: &Window<'_>) {
        if let Some(mask) = &mut self.mask
            && let Some(band) = window.bands.get(mask.input)
        {
            mask.window.fill(band, mask.table, mask.dilate);
            for (rows, input) in &mut mask.grids {
                if let Some(band) = window.bands.get(*input) {
                    rows.begin(band.rect, &mask.window);
                }
            }
        }
        let width = window.rect.width as usize;
        for (index, input) in self.inputs.iter_mut().enumerate() {
            if let Some(band) = window.bands.get(index) {
                input.band.begin(window.rect.columns(), band.rect);
                input.unmasked = band.rect.y;
            }
            if input.gives_numbers {
                self.numbers[index].resize(width, f32::NAN);
            }
            if input.gives_measures {
                self.measured[index].resize(width, f32::NAN);
            }
        }
    }

    /// Makes the row of the output. Rows are asked for from top to bottom.
    pub(super) fn load(&mut self, row: u32, window: &mut Window<'_>) {
        let inputs = self.inputs.iter_mut().zip(window.bands.iter_mut());
        let values = self.numbers.iter_mut().zip(&mut self.measured);
        for ((input, band), (numbers, measured)) in inputs.zip(values) {
            if !(input.gives_numbers || input.gives_measures) {
                continue;
            }
            if let Some(mask) = &mut self.mask {
                input.mask(row, mask, band);
            }
            if !input.gives_numbers {
                input.band.row(row, band, measured);
                measure(input.measure, measured);
                continue;
            }
            input.band.row(row, band, numbers);
            if input.gives_measures {
                measured.copy_from_slice(numbers);
                measure(input.measure, measured);
            }
        }
    }
}

impl InputRow {
    /// Masks the rows of the band that a row of the output is made of.
    fn mask(&mut self, row: u32, mask: &mut MaskState<'_>, band: &mut BandWindow) {
        let rows = self.band.rows_of(row);
        let end = rows.end.min(band.rect.rows().end);
        let unmasked = rows.start.max(self.unmasked)..end;
        self.unmasked = self.unmasked.max(end);
        if let Some((grid, _)) = mask.grids.get_mut(self.grid) {
            grid.apply(&mask.window, unmasked, band);
        }
    }
}

/// The mask of one input on the grid of another.
fn mask_rows(mask: Option<&PlannedInput>, input: &PlannedInput) -> Option<MaskRows> {
    let (x, y) = (mask?.x.0, mask?.y.0);
    let ratios = input.band.ratios;
    Some(MaskRows::new(x.seen_from(ratios.x), y.seen_from(ratios.y)))
}

/// Turns stored numbers into what programs see.
#[expect(
    clippy::cast_possible_truncation,
    reason = "values are float32, and so are scale and offset"
)]
fn measure(measure: Measure, values: &mut [f32]) {
    let Measure::Reflectance {
        scale,
        offset,
        clamp,
    } = measure
    else {
        return;
    };
    let (scale, offset) = (scale as f32, offset as f32);
    let least = if clamp { scale } else { f32::NEG_INFINITY };
    for value in values {
        let reflectance = *value * scale + offset;
        // NaN is not less than anything.
        *value = if reflectance < least {
            least
        } else {
            reflectance
        };
    }
}
