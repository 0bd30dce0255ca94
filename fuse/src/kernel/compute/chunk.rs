//! The kernel on one thread: chunk after chunk, row after row.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::area::{Area, clip};
use super::computation::Computation;
use super::encode::{Encode, Encoding, encode};
use super::mask::MaskTable;
use super::output_rows::OutputRows;
use super::plan::Plan;
use crate::grid::Rect;
use crate::kernel::error::KernelError;
use crate::kernel::inputs::Window;
use crate::kernel::kernel::ChunkKernel;
use crate::sample::Planes;

/// What one thread computes with.
pub(super) struct ComputeChunk<'k> {
    computation: &'k Computation,
    /// For each output, the pixels whose value was beyond the samples.
    beyond: &'k [AtomicU64],
    /// None if the kernel was not prepared.
    prepared: Option<(Arc<Plan>, OutputRows<'k>)>,
    encodings: Vec<Encoding>,
    /// The columns of a row that are inside the area.
    spans: Vec<Range<u32>>,
}

impl<'k> ComputeChunk<'k> {
    pub(super) fn new(
        computation: &'k Computation,
        mask: Option<&'k MaskTable>,
        beyond: &'k [AtomicU64],
        plan: Option<Arc<Plan>>,
    ) -> Self {
        let outputs = computation.outputs.iter();
        Self {
            computation,
            beyond,
            prepared: plan.map(|plan| {
                let rows = OutputRows::new(computation, &plan, mask);
                (plan, rows)
            }),
            encodings: outputs
                .map(|output| Encoding::new(output.scale, output.offset))
                .collect(),
            spans: Vec::new(),
        }
    }

    fn fill<T: Encode>(
        &mut self,
        window: &mut Window<'_>,
        planes: &mut Vec<Vec<T>>,
    ) -> Result<(), KernelError> {
        let Some((plan, rows)) = &mut self.prepared else {
            let detail = "the kernel was not prepared: it does not know its inputs";
            return Err(KernelError::new(detail));
        };
        plan.check(window)?;
        let computation = self.computation;
        let Some(nodata) = T::nodata(computation.nodata) else {
            let detail = format!(
                "the outputs are not of the type of {:?}",
                computation.nodata
            );
            return Err(KernelError::new(detail));
        };
        // Turn everything to this chunk.
        let Rect { width, height, .. } = window.chunk;
        let (width, pixels) = (width as usize, width as usize * height as usize);
        planes.resize_with(computation.outputs.len(), Vec::new);
        for plane in &mut *planes {
            plane.resize(pixels, nodata);
        }
        rows.begin(window);
        let mut beyond = vec![0; planes.len()];
        for (index, row) in window.chunk.rows().enumerate() {
            let place = index * width..(index + 1) * width;
            // What is outside the area is not computed.
            let area = computation.area.as_deref();
            if area.is_some_and(|area| !spans_of(area, row, window.chunk, &mut self.spans)) {
                for plane in &mut *planes {
                    plane[place.clone()].fill(nodata);
                }
                continue;
            }
            // Make the row, clip it and encode it.
            rows.make(row, window);
            let outputs = planes.iter_mut().zip(&mut rows.values).zip(&self.encodings);
            for (((plane, values), encoding), beyond) in outputs.zip(&mut beyond) {
                if area.is_some() {
                    clip(values, window.chunk.x, &self.spans);
                }
                let out = &mut plane[place.clone()];
                *beyond += encode(values, *encoding, computation.nodata, out);
            }
        }
        for (count, beyond) in self.beyond.iter().zip(beyond) {
            count.fetch_add(beyond, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// Finds the columns of a row that are inside, and whether the chunk has any of them.
fn spans_of(area: &dyn Area, row: u32, chunk: Rect, spans: &mut Vec<Range<u32>>) -> bool {
    spans.clear();
    if area.bounds().intersection(chunk).area() == 0 {
        return false;
    }
    area.spans(row, spans);
    let columns = chunk.columns();
    let mut spans = spans.iter();
    spans.any(|span| span.start.max(columns.start) < span.end.min(columns.end))
}

impl ChunkKernel for ComputeChunk<'_> {
    fn apply(&mut self, window: &mut Window<'_>, outputs: &mut Planes) -> Result<(), KernelError> {
        match outputs {
            Planes::U8(planes) => self.fill(window, planes),
            Planes::U16(planes) => self.fill(window, planes),
            Planes::I16(planes) => self.fill(window, planes),
            Planes::F32(planes) => self.fill(window, planes),
        }
    }
}
