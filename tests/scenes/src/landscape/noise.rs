//! Deterministic noise over the plane: hashes, gradient noise and its sums.
//!
//! Only additions, multiplications, divisions and square roots are used. IEEE 754 defines their
//! rounding, so a scene's samples do not depend on the machine's mathematical library.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "lattice cells, and shades of noise"
)]
#![expect(
    clippy::cast_sign_loss,
    reason = "a lattice index is hashed as a bit pattern"
)]

/// Directions of the gradients: sixteen are enough that no axis shows.
const DIRECTIONS: [[f32; 2]; 16] = [
    [1.0, 0.0],
    [0.923_879_5, 0.382_683_43],
    [0.707_106_77, 0.707_106_77],
    [0.382_683_43, 0.923_879_5],
    [0.0, 1.0],
    [-0.382_683_43, 0.923_879_5],
    [-0.707_106_77, 0.707_106_77],
    [-0.923_879_5, 0.382_683_43],
    [-1.0, 0.0],
    [-0.923_879_5, -0.382_683_43],
    [-0.707_106_77, -0.707_106_77],
    [-0.382_683_43, -0.923_879_5],
    [0.0, -1.0],
    [0.382_683_43, -0.923_879_5],
    [0.707_106_77, -0.707_106_77],
    [0.923_879_5, -0.382_683_43],
];

/// A well-mixed value for one lattice point of one seed.
#[inline]
pub fn hash(seed: u32, x: i32, y: i32) -> u32 {
    let mut mixed = seed ^ (x as u32).wrapping_mul(0x9e37_79b1);
    mixed =
        (mixed ^ (mixed >> 15)).wrapping_mul(0x85eb_ca77) ^ (y as u32).wrapping_mul(0xc2b2_ae3d);
    mixed = (mixed ^ (mixed >> 15)).wrapping_mul(0x2c1b_3c6d);
    mixed = (mixed ^ (mixed >> 12)).wrapping_mul(0x297a_2d39);
    mixed ^ (mixed >> 15)
}

/// The hash as a fraction in 0 to 1; another `draw` gives another fraction of the same hash.
#[inline]
pub fn fraction(hash: u32, draw: u32) -> f32 {
    let redrawn = (hash ^ draw.wrapping_mul(0x9e37_79b1)).wrapping_mul(0x2c1b_3c6d);
    (redrawn >> 8) as f32 / 16_777_216.0
}

/// One of sixteen unit vectors.
#[inline]
pub fn direction(hash: u32) -> [f32; 2] {
    DIRECTIONS[(hash & 15) as usize]
}

/// An approximately normal deviate (mean 0, variance 1): four uniform bytes' sum, cut off at about
/// 3.4 sigma.
#[inline]
pub fn deviate(hash: u32) -> f32 {
    let bytes = hash.to_le_bytes();
    let sum: u32 = bytes.iter().map(|&byte| u32::from(byte)).sum();
    // A sum of four bytes has mean 510 and variance 4 * (256^2 - 1) / 12.
    (sum as f32 - 510.0) / 147.801_2
}

/// Gradient noise with one lattice cell per unit, about -0.7 to 0.7.
#[inline]
pub fn gradient(seed: u32, x: f64, y: f64) -> f32 {
    let (cell_x, cell_y) = (floor(x), floor(y));
    let (u, v) = (
        (x - f64::from(cell_x)) as f32,
        (y - f64::from(cell_y)) as f32,
    );
    let corner = |right: i32, down: i32| {
        let [gx, gy] = direction(hash(seed, cell_x + right, cell_y + down) >> 7);
        gx * (u - right as f32) + gy * (v - down as f32)
    };
    let (fade_u, fade_v) = (fade(u), fade(v));
    let upper = lerp(corner(0, 0), corner(1, 0), fade_u);
    let lower = lerp(corner(0, 1), corner(1, 1), fade_u);
    lerp(upper, lower, fade_v)
}

/// Fractal sum of [`gradient`] noise: each octave twice as fine and `gain` times as strong; about
/// -1 to 1.
#[inline]
pub fn fractal(seed: u32, x: f64, y: f64, octaves: u32, gain: f32) -> f32 {
    let (mut sum, mut amplitude, mut scale) = (0.0, 1.0, 1.0);
    for octave in 0..octaves {
        sum += amplitude * gradient(seed.wrapping_add(octave), x * scale, y * scale);
        amplitude *= gain;
        // Not exactly two, or the lattices' zeros would fall on each other.
        scale *= 2.03;
    }
    sum * 1.4
}

/// Sum of folded noise whose folds stand up as ridges; 0 to about 1. Ridges carry finer ridges,
/// valleys stay smooth.
#[inline]
pub fn ridged(seed: u32, x: f64, y: f64, octaves: u32) -> f32 {
    let (mut sum, mut amplitude, mut scale, mut weight) = (0.0, 0.5, 1.0, 1.0_f32);
    for octave in 0..octaves {
        let fold = 1.0 - (gradient(seed.wrapping_add(octave), x * scale, y * scale) * 1.5).abs();
        let ridge = fold * fold * weight;
        sum += amplitude * ridge;
        weight = (ridge * 1.6).clamp(0.0, 1.0);
        amplitude *= 0.5;
        scale *= 2.03;
    }
    sum
}

/// Straight line from `a` to `b`.
#[inline]
pub fn lerp(a: f32, b: f32, t: f32) -> f32 {
    a + (b - a) * t
}

/// 0 below `from`, 1 above `to` (or the reverse if `to` is smaller), smooth in between.
#[inline]
pub fn smoothstep(from: f32, to: f32, value: f32) -> f32 {
    let t = ((value - from) / (to - from)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

fn fade(t: f32) -> f32 {
    t * t * t * (t * (t * 6.0 - 15.0) + 10.0)
}

/// `f64::floor` is a library call on the x86-64 baseline; this is two instructions.
#[inline]
fn floor(value: f64) -> i32 {
    let truncated = value as i32;
    truncated - i32::from(f64::from(truncated) > value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deviates_have_no_mean_and_unit_variance() {
        let drawn: Vec<f32> = (0..20_000)
            .map(|index| deviate(hash(7, index, -index)))
            .collect();
        let mean = drawn.iter().sum::<f32>() / drawn.len() as f32;
        let variance = drawn.iter().map(|value| value * value).sum::<f32>() / drawn.len() as f32;
        assert!(
            mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05,
            "mean {mean}, variance {variance}"
        );
    }

    #[test]
    fn noise_is_continuous_across_cells_on_both_sides_of_zero() {
        for cell in [-3.0, 0.0, 5.0] {
            let (left, right) = (gradient(1, cell - 1e-6, 0.4), gradient(1, cell + 1e-6, 0.4));
            assert!((left - right).abs() < 1e-4, "{left} and {right} at {cell}");
        }
    }

    #[test]
    fn noise_stays_in_its_range() {
        for step in 0..2_000 {
            let (x, y) = (f64::from(step) * 0.37, f64::from(step) * -0.11);
            assert!(fractal(3, x, y, 6, 0.5).abs() < 1.6);
            assert!((0.0..1.1).contains(&ridged(3, x, y, 6)));
        }
    }
}
