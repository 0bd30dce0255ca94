//! Rows of the outputs before they are clipped and encoded: programs, and the median filter.

use super::computation::{Computation, Measure, Source};
use super::input_rows::InputRows;
use super::mask::MaskTable;
use super::median::Median;
use super::plan::Plan;
use super::program::ProgramRows;
use crate::kernel::inputs::Window;

/// The largest side of a median.
const LARGEST_SIDE: usize = 15;

/// What one thread needs to make rows of the outputs.
#[derive(Debug)]
pub(super) struct OutputRows<'k> {
    computation: &'k Computation,
    inputs: InputRows<'k>,
    program: ProgramRows,
    filters: Vec<Filter>,
    /// The first row of the window that has not been computed. Filters only.
    next: u32,
    /// The row of each output, as wide as the chunk. Nodata is NaN.
    pub(super) values: Vec<Vec<f32>>,
}

/// The median filter of an output, with the last rows of the window: row y is at y modulo their
/// number.
#[derive(Debug)]
struct Filter {
    median: Median,
    rows: Vec<Vec<f32>>,
}

impl<'k> OutputRows<'k> {
    pub(super) fn new(
        computation: &'k Computation,
        plan: &Plan,
        table: Option<&'k MaskTable>,
    ) -> Self {
        let filters = computation.median.map(|side| {
            let outputs = computation.outputs.iter();
            let filters = outputs.map(|output| {
                let is_of_classes = match output.source {
                    Source::Input(input) => {
                        computation.measures.get(input) == Some(&Measure::Class)
                    }
                    Source::Program(_) => false,
                };
                Filter {
                    median: Median::new(side, is_of_classes),
                    rows: vec![Vec::new(); side as usize],
                }
            });
            filters.collect()
        });
        Self {
            computation,
            inputs: InputRows::new(computation, plan, table),
            program: ProgramRows::default(),
            filters: filters.unwrap_or_default(),
            next: 0,
            values: vec![Vec::new(); computation.outputs.len()],
        }
    }

    /// Turns to another window.
    pub(super) fn begin(&mut self, window: &Window<'_>) {
        self.inputs.begin(window);
        self.next = window.rect.y;
        for values in &mut self.values {
            values.resize(window.chunk.width as usize, f32::NAN);
        }
        for row in self.filters.iter_mut().flat_map(|filter| &mut filter.rows) {
            row.resize(window.rect.width as usize, f32::NAN);
        }
    }

    /// Makes a row of the chunk. Rows are asked for from top to bottom.
    pub(super) fn make(&mut self, row: u32, window: &mut Window<'_>) {
        let Some(side) = self.computation.median else {
            self.inputs.load(row, window);
            let outputs = self.computation.outputs.iter().zip(&mut self.values);
            for (output, values) in outputs {
                evaluate(&output.source, &self.inputs, &mut self.program, values);
            }
            return;
        };
        // Compute the rows of the square that the window has and that are not there yet.
        let near = row.saturating_sub(side / 2)..row.saturating_add(side / 2 + 1);
        let rows = window.rect.rows();
        let near = near.start.max(rows.start)..near.end.min(rows.end);
        for next in near.start.max(self.next)..near.end {
            self.inputs.load(next, window);
            let outputs = self.computation.outputs.iter().zip(&mut self.filters);
            for (output, filter) in outputs {
                let values = &mut filter.rows[(next % side) as usize];
                evaluate(&output.source, &self.inputs, &mut self.program, values);
                // What is too large for a float32 is nodata, for the filter too.
                for value in values {
                    *value = if value.is_finite() { *value } else { f32::NAN };
                }
            }
        }
        self.next = self.next.max(near.end);
        // Filter the row.
        let start = window.chunk.x.saturating_sub(window.rect.x) as usize;
        let count = near.len().min(LARGEST_SIDE);
        for (filter, values) in self.filters.iter_mut().zip(&mut self.values) {
            let mut rows: [&[f32]; LARGEST_SIDE] = [&[]; LARGEST_SIDE];
            for (place, row) in rows.iter_mut().zip(near.clone()) {
                *place = &filter.rows[(row % side) as usize];
            }
            let centre = &filter.rows[(row % side) as usize];
            filter.median.row(&rows[..count], centre, start, values);
        }
    }
}

fn evaluate(
    source: &Source,
    inputs: &InputRows<'_>,
    scratch: &mut ProgramRows,
    values: &mut [f32],
) {
    match source {
        Source::Input(input) => values.copy_from_slice(&inputs.numbers[*input]),
        Source::Program(program) => program.evaluate(&inputs.measured, scratch, values),
    }
}
