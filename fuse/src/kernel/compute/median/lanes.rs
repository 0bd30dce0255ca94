//! Values that are compared side by side, one vector instruction for several.

/// Values of one vector, or a few.
pub(super) const LANES: usize = 8;

/// Values of neighbouring pixels.
pub(super) type Lanes = [f32; LANES];

/// The lesser value. A single instruction, which `f32::min` is not. `b` if one is NaN.
#[inline]
pub(super) fn min(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

/// The greater value, like [`min`].
#[inline]
pub(super) fn max(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

/// The lesser values and the greater ones.
#[inline]
pub(super) fn ordered(mut a: Lanes, mut b: Lanes) -> (Lanes, Lanes) {
    for (a, b) in a.iter_mut().zip(&mut b) {
        (*a, *b) = (min(*a, *b), max(*a, *b));
    }
    (a, b)
}

/// The values from a place of a row.
#[inline]
pub(super) fn load(row: &[f32], at: usize) -> Lanes {
    let mut lanes = [f32::NAN; LANES];
    lanes.copy_from_slice(&row[at..at + LANES]);
    lanes
}

/// Where vectors begin that cover `0..length`. The last one overlaps the one before it. None if not
/// even one fits.
pub(super) fn starts(length: usize) -> impl Iterator<Item = usize> {
    let last = length.checked_sub(LANES);
    let starts = last.into_iter().flat_map(|last| (0..last).step_by(LANES));
    starts.chain(last)
}

/// Orders these pairs of values in an array, one after the other: a sorting network.
macro_rules! sort {
    ($values:ident: $(($low:literal $high:literal))*) => {
        $( ($values[$low], $values[$high]) = ordered($values[$low], $values[$high]); )*
    };
}

pub(super) use sort;
