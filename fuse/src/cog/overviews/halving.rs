//! One overview level from the one before, by any method.

use crate::cog::overviews::area::AreaHalving;
use crate::cog::overviews::halve::halve_rows;
use crate::cog::overviews::mean::Mean;
use crate::cog::overviews::method::Overviews;
use crate::cog::overviews::pick::{PickHalving, pick_even};

/// Halves an image whose rows come from top to bottom. A row holds the samples of all bands, band
/// after band.
pub(crate) struct Halving<T> {
    /// Samples of a row of the overview.
    length: usize,
    method: Method<T>,
}

enum Method<T> {
    Area(AreaHalving<T>),
    Pick(PickHalving<T>),
}

impl<T: Mean> Halving<T> {
    /// For an image of this size; neither side may be 0.
    pub(crate) fn new(size: (usize, usize), bands: usize, overviews: Overviews, nodata: T) -> Self {
        let method = match overviews {
            Overviews::Average => Method::Area(AreaHalving::new(size, bands, nodata)),
            Overviews::Nearest | Overviews::Mode => {
                Method::Pick(PickHalving::new(size, overviews, nodata))
            }
        };
        Self {
            length: size.0.div_ceil(2).saturating_mul(bands),
            method,
        }
    }

    /// Takes the next row, and passes on the row of the overview that it completes, if it does.
    pub(crate) fn push(&mut self, row: &[T], out: &mut Vec<T>) -> bool {
        out.resize(self.length, T::default());
        match &mut self.method {
            Method::Area(halving) => halving.push(row, out),
            Method::Pick(halving) => halving.push(row, out),
        }
    }
}

/// Halves a band with even sides. The result takes the first quarter of it: row after row it comes
/// to stand before the rows that it is made of, or where these were.
pub(crate) fn halve_in_place<T: Mean>(
    plane: &mut [T],
    (width, height): (usize, usize),
    (method, nodata): (Overviews, T),
    line: &mut Vec<T>,
) {
    let half = width / 2;
    line.resize(half, T::default());
    for row in 0..height / 2 {
        let start = row.saturating_mul(2).saturating_mul(width);
        let rows = plane
            .get(start..start.saturating_add(width.saturating_mul(2)))
            .unwrap_or_default();
        let (top, bottom) = rows.split_at(rows.len() / 2);
        match method {
            Overviews::Average => halve_rows(top, bottom, nodata, line),
            Overviews::Nearest | Overviews::Mode => {
                pick_even(top, bottom, (method, nodata), line);
            }
        }
        let target = row.saturating_mul(half);
        if let Some(target) = plane.get_mut(target..target.saturating_add(half)) {
            target.copy_from_slice(line);
        }
    }
}
