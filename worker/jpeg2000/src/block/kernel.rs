//! The choice of machine instructions for the passes.

use super::mq::MqDecoder;
use super::passes::Lattice;
use super::planes;

/// One compilation of the passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kernel {
    /// What every processor of the target has.
    Portable,
}

impl Kernel {
    /// The fastest kernel of this processor.
    pub(super) fn detect() -> Self {
        Self::Portable
    }

    /// Decodes one pass.
    pub(super) fn run<'a>(self, lattice: &mut Lattice, mq: MqDecoder<'a>, pass: u32) -> MqDecoder<'a> {
        match self {
            Self::Portable => lattice.pass(mq, pass),
        }
    }

    /// Writes the coefficients.
    pub(super) fn write(self, lattice: &Lattice, out: &mut [i32], stride: usize) {
        match self {
            Self::Portable => planes::write(lattice, out, stride),
        }
    }
}
