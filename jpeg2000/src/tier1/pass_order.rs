//! The order of the coding passes of a code block (D.3).
//!
//! The most significant bit-plane has one pass, a cleanup. Each further bit-plane has a
//! significance propagation, a magnitude refinement, and a cleanup pass.

/// The kind of a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    /// Significance propagation (D.3.1), with signs (D.3.2).
    Significance,
    /// Magnitude refinement (D.3.3).
    Refinement,
    /// Cleanup (D.3.4).
    Cleanup,
}

/// The bit-plane and the kind of pass `number`, from 0. Bit-plane 0 is the least significant.
pub(super) fn pass_at(bit_planes: u32, number: u32) -> (u32, Pass) {
    let kind = match number % 3 {
        0 => Pass::Cleanup,
        1 => Pass::Significance,
        _ => Pass::Refinement,
    };
    (bit_planes - 1 - number.div_ceil(3), kind)
}

/// Passes of so many bit-planes.
pub(crate) fn pass_count(bit_planes: u32) -> u32 {
    (3 * bit_planes).saturating_sub(2)
}
