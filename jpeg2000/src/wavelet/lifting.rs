//! The lifting steps of the reversible 5/3 wavelet on whole rows (F.3.8.2.1).
//!
//! Each step is compiled twice: for every processor of the target, and for x86-64 processors with
//! AVX2.
//!
//! Until a row is finished, its even samples come first and its odd samples follow. So every step
//! runs over contiguous numbers. Additions wrap. Only damaged data have coefficients so large.
//! Their samples are then out of range, which the caller notices, or as wrong as those of other
//! damage.

/// Defines a function that is compiled in both ways and picks one of them at run time.
macro_rules! for_both {
    ($(#[$doc:meta])* fn $name:ident($($argument:ident: $kind:ty),* $(,)?) $(-> $result:ty)? $body:block) => {
        $(#[$doc])*
        pub(crate) fn $name($($argument: $kind),*) $(-> $result)? {
            // Inlined, the body is compiled with the processor features of its caller.
            #[inline(always)]
            fn body($($argument: $kind),*) $(-> $result)? $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                fn with_avx2($($argument: $kind),*) $(-> $result)? {
                    body($($argument),*)
                }

                if is_x86_feature_detected!("avx2") {
                    #[expect(unsafe_code, reason = "a call of a function for a processor feature that is known only at run time")]
                    // SAFETY: the line above checked that the processor has AVX2.
                    return unsafe { with_avx2($($argument),*) };
                }
            }
            body($($argument),*)
        }
    };
}

for_both! {
    /// Computes even samples from low-pass coefficients and the odd neighbours on both sides (F-5):
    /// `low - (before + after + 2) / 4`.
    fn even(low: &[i32], before: &[i32], after: &[i32], out: &mut [i32]) {
        for (((out, &low), &before), &after) in out.iter_mut().zip(low).zip(before).zip(after) {
            *out = low.wrapping_sub(before.wrapping_add(after).wrapping_add(2) >> 2);
        }
    }
}

for_both! {
    /// Computes odd samples from high-pass coefficients and the even neighbours on both sides
    /// (F-6): `high + (before + after) / 2`.
    fn odd(high: &[i32], before: &[i32], after: &[i32], out: &mut [i32]) {
        for (((out, &high), &before), &after) in out.iter_mut().zip(high).zip(before).zip(after) {
            *out = high.wrapping_add(before.wrapping_add(after) >> 1);
        }
    }
}

for_both! {
    /// Interleaves two rows. The first has as many numbers as the second, or one more.
    fn interleave(first: &[i32], second: &[i32], out: &mut [i32]) {
        let (pairs, last) = out.as_chunks_mut::<2>();
        for ((pair, &first), &second) in pairs.iter_mut().zip(first).zip(second) {
            *pair = [first, second];
        }
        if let ([last], Some(&value)) = (last, first.last()) {
            *last = value;
        }
    }
}

for_both! {
    /// Interleaves two rows as [`interleave`] does, adds `shift`, and clamps to 0 to `most`, which
    /// is all ones in binary (G.1).
    ///
    /// Returns an upper bound of how far samples were out of range: 0 if none was, otherwise less
    /// than twice the largest excess.
    fn to_samples(first: &[i32], second: &[i32], shift: i32, most: i32, out: &mut [u16]) -> u32 {
        let mut beyond = 0_u32;
        let mut sample = |value: i32| {
            let value = value.wrapping_add(shift);
            let clamped = value.clamp(0, most);
            beyond |= value.abs_diff(clamped);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 16 bits")]
            let sample = clamped as u16;
            sample
        };
        let (pairs, last) = out.as_chunks_mut::<2>();
        for ((pair, &first), &second) in pairs.iter_mut().zip(first).zip(second) {
            *pair = [sample(first), sample(second)];
        }
        if let ([last], Some(&value)) = (last, first.last()) {
            *last = sample(value);
        }
        beyond
    }
}

for_both! {
    /// Whether all numbers are equal.
    fn is_constant(values: &[i32]) -> bool {
        let Some(&first) = values.first() else { return true };
        values.chunks(64).all(|chunk| chunk.iter().fold(0, |differs, &value| differs | (value ^ first)) == 0)
    }
}
