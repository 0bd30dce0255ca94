//! The coding passes as the text of Annex D has them: one flag per coefficient, one coefficient at
//! a time. With an encoder as [`Coder`] they encode, with a decoder they decode.

use crate::tier1::Subband;

/// An arithmetic encoder or decoder.
pub(super) trait Coder {
    /// Codes a decision in a context. An encoder writes `decision` and returns it. A decoder
    /// ignores it and returns the decision that it reads.
    fn code(&mut self, context: usize, decision: bool) -> bool;
}

/// A code block. An encoder starts with the coefficients, a decoder with zeros.
pub(super) struct ReferenceBlock<C> {
    pub(super) coder: C,
    width: i32,
    height: i32,
    subband: Subband,
    magnitude: Vec<u32>,
    negative: Vec<bool>,
    significant: Vec<bool>,
    refined: Vec<bool>,
    visited: Vec<bool>,
    /// The bit-plane in which a coefficient was last coded.
    last: Vec<u32>,
}

impl<C: Coder> ReferenceBlock<C> {
    pub(super) fn new(
        coder: C,
        (width, height): (usize, usize),
        subband: Subband,
        coefficients: &[i32],
    ) -> Self {
        let size = width * height;
        assert_eq!(coefficients.len(), size);
        Self {
            coder,
            width: i32::try_from(width).unwrap(),
            height: i32::try_from(height).unwrap(),
            subband,
            magnitude: coefficients
                .iter()
                .map(|value| value.unsigned_abs())
                .collect(),
            negative: coefficients.iter().map(|&value| value < 0).collect(),
            significant: vec![false; size],
            refined: vec![false; size],
            visited: vec![false; size],
            last: vec![0; size],
        }
    }

    /// Runs the first `passes` passes of `bit_planes` bit-planes.
    pub(super) fn run(&mut self, bit_planes: u32, passes: u32) {
        let mut done = 0;
        for plane in (0..bit_planes).rev() {
            for kind in 0..3 {
                if plane == bit_planes - 1 && kind < 2 {
                    continue;
                }
                if done == passes {
                    return;
                }
                done += 1;
                match kind {
                    0 => self.scan(|this, x, y| this.significance(x, y, plane)),
                    1 => self.scan(|this, x, y| this.refinement(x, y, plane)),
                    _ => {
                        self.cleanup(plane);
                        self.visited.fill(false);
                    }
                }
            }
        }
    }

    /// The coefficients as OpenJPEG reconstructs them for the reversible wavelet: doubled, plus
    /// half a step below the last coded bit-plane, then halved towards zero.
    pub(super) fn decoded(&self) -> Vec<i32> {
        (0..self.magnitude.len())
            .map(|at| {
                if !self.significant[at] {
                    return 0;
                }
                let doubled = 2 * i64::from(self.magnitude[at]) + (1 << self.last[at]);
                let value = i32::try_from(doubled / 2).unwrap();
                if self.negative[at] { -value } else { value }
            })
            .collect()
    }

    /// Calls `code` for all coefficients in scan order: stripes of four rows, column by column
    /// (D.1).
    fn scan(&mut self, mut code: impl FnMut(&mut Self, i32, i32)) {
        for top in (0..self.height).step_by(4) {
            for x in 0..self.width {
                for y in top..(top + 4).min(self.height) {
                    code(self, x, y);
                }
            }
        }
    }

    fn at(&self, x: i32, y: i32) -> usize {
        usize::try_from(y * self.width + x).unwrap()
    }

    /// The significance of a neighbour. Those outside the block are insignificant (D.2).
    fn sigma(&self, x: i32, y: i32) -> i32 {
        let inside = (0..self.width).contains(&x) && (0..self.height).contains(&y);
        i32::from(inside && self.significant[self.at(x, y)])
    }

    /// The significance context (table D.1).
    #[expect(clippy::many_single_char_names, reason = "the standard's names")]
    fn zero_context(&self, x: i32, y: i32) -> usize {
        let h = self.sigma(x - 1, y) + self.sigma(x + 1, y);
        let v = self.sigma(x, y - 1) + self.sigma(x, y + 1);
        let d = self.sigma(x - 1, y - 1)
            + self.sigma(x + 1, y - 1)
            + self.sigma(x - 1, y + 1)
            + self.sigma(x + 1, y + 1);
        // The column for HH counts the diagonal neighbours first.
        if self.subband == Subband::Hh {
            return match h + v {
                _ if d >= 3 => 8,
                1.. if d == 2 => 7,
                0 if d == 2 => 6,
                2.. if d == 1 => 5,
                1 if d == 1 => 4,
                0 if d == 1 => 3,
                2.. => 2,
                1 => 1,
                _ => 0,
            };
        }
        // The columns for LL and LH, and for HL with the directions swapped.
        let (h, v) = if self.subband == Subband::Hl {
            (v, h)
        } else {
            (h, v)
        };
        if h == 2 {
            8
        } else if h == 1 {
            if v >= 1 {
                7
            } else if d >= 1 {
                6
            } else {
                5
            }
        } else if v == 2 {
            4
        } else if v == 1 {
            3
        } else if d >= 2 {
            2
        } else {
            usize::from(d == 1)
        }
    }

    /// Codes a sign (tables D.2 and D.3).
    fn sign(&mut self, x: i32, y: i32) {
        let part = |x: i32, y: i32| {
            if self.sigma(x, y) == 0 {
                0
            } else if self.negative[self.at(x, y)] {
                -1
            } else {
                1
            }
        };
        let h = (part(x - 1, y) + part(x + 1, y)).clamp(-1, 1);
        let v = (part(x, y - 1) + part(x, y + 1)).clamp(-1, 1);
        let (context, flip) = match (h, v) {
            (1, 1) => (13, false),
            (1, 0) => (12, false),
            (1, -1) => (11, false),
            (0, 1) => (10, false),
            (0, 0) => (9, false),
            (0, -1) => (10, true),
            (-1, 1) => (11, true),
            (-1, 0) => (12, true),
            _ => (13, true),
        };
        let at = self.at(x, y);
        self.negative[at] = self.coder.code(context, self.negative[at] != flip) != flip;
    }

    fn bit(&self, at: usize, plane: u32) -> bool {
        self.magnitude[at] >> plane & 1 != 0
    }

    fn mark_significant(&mut self, x: i32, y: i32, plane: u32) {
        self.sign(x, y);
        let at = self.at(x, y);
        self.significant[at] = true;
        self.magnitude[at] |= 1 << plane;
        self.last[at] = plane;
    }

    /// The significance propagation pass, for one coefficient (D.3.1).
    fn significance(&mut self, x: i32, y: i32, plane: u32) {
        let at = self.at(x, y);
        let context = self.zero_context(x, y);
        if self.significant[at] || context == 0 {
            return;
        }
        self.visited[at] = true;
        if self.coder.code(context, self.bit(at, plane)) {
            self.mark_significant(x, y, plane);
        }
    }

    /// The magnitude refinement pass, for one coefficient (D.3.3).
    fn refinement(&mut self, x: i32, y: i32, plane: u32) {
        let at = self.at(x, y);
        if !self.significant[at] || self.visited[at] {
            return;
        }
        let context = match (self.refined[at], self.zero_context(x, y)) {
            (true, _) => 16,
            (false, 0) => 14,
            (false, _) => 15,
        };
        let bit = self.coder.code(context, self.bit(at, plane));
        self.magnitude[at] = self.magnitude[at] & !(1 << plane) | u32::from(bit) << plane;
        self.refined[at] = true;
        self.last[at] = plane;
    }

    /// The cleanup pass (D.3.4).
    fn cleanup(&mut self, plane: u32) {
        for top in (0..self.height).step_by(4) {
            for x in 0..self.width {
                let rows = top..(top + 4).min(self.height);
                let quiet = rows.len() == 4
                    && rows.clone().all(|y| {
                        let at = self.at(x, y);
                        !self.significant[at] && !self.visited[at] && self.zero_context(x, y) == 0
                    });
                // A quiet column is coded as a run: whether it has a significant coefficient, and
                // which is the first.
                let mut from = top;
                if quiet {
                    let first = (0..4).find(|&row| self.bit(self.at(x, top + row), plane));
                    if !self.coder.code(17, first.is_some()) {
                        continue;
                    }
                    let row = first.unwrap_or(0);
                    let high = self.coder.code(18, row & 2 != 0);
                    let low = self.coder.code(18, row & 1 != 0);
                    let y = top + 2 * i32::from(high) + i32::from(low);
                    self.mark_significant(x, y, plane);
                    from = y + 1;
                }
                // The rest of the column is coded one by one.
                for y in from..rows.end {
                    let at = self.at(x, y);
                    if self.significant[at] || self.visited[at] {
                        continue;
                    }
                    if self
                        .coder
                        .code(self.zero_context(x, y), self.bit(at, plane))
                    {
                        self.mark_significant(x, y, plane);
                    }
                }
            }
        }
    }
}
