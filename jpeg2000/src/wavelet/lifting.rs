//! The steps of the reversible 5/3 wavelet on whole rows (ISO/IEC 15444-1 F.3.8.2.1), compiled
//! twice: for any x86-64 or other processor, and for those with AVX2.
//!
//! A row is kept with its even samples first and its odd ones behind them until it is finished, so
//! that every step runs over contiguous numbers. Additions wrap: only damaged data have
//! coefficients so large, and the samples they lead to are found out of range or are as wrong as
//! any others.

/// Defines a function in both ways and picks one at run time.
macro_rules! for_both {
    ($(#[$doc:meta])* fn $name:ident($($argument:ident: $kind:ty),* $(,)?) $(-> $result:ty)? $body:block) => {
        $(#[$doc])*
        pub(crate) fn $name($($argument: $kind),*) $(-> $result)? {
            // The body must be compiled with the features of its caller.
            #[inline(always)]
            fn body($($argument: $kind),*) $(-> $result)? $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                fn with_avx2($($argument: $kind),*) $(-> $result)? {
                    body($($argument),*)
                }

                if is_x86_feature_detected!("avx2") {
                    #[expect(unsafe_code, reason = "calling a function for a feature that is only known at run time")]
                    // SAFETY: the processor has AVX2, as the line above has asked.
                    return unsafe { with_avx2($($argument),*) };
                }
            }
            body($($argument),*)
        }
    };
}

for_both! {
    /// Even samples from low-pass ones and the odd neighbours on both sides (F-5): `low - (before +
    /// after + 2) / 4`.
    fn even(low: &[i32], before: &[i32], after: &[i32], out: &mut [i32]) {
        for (((out, &low), &before), &after) in out.iter_mut().zip(low).zip(before).zip(after) {
            *out = low.wrapping_sub(before.wrapping_add(after).wrapping_add(2) >> 2);
        }
    }
}

for_both! {
    /// Odd samples from high-pass ones and the even neighbours on both sides (F-6): `high + (before
    /// + after) / 2`.
    fn odd(high: &[i32], before: &[i32], after: &[i32], out: &mut [i32]) {
        for (((out, &high), &before), &after) in out.iter_mut().zip(high).zip(before).zip(after) {
            *out = high.wrapping_add(before.wrapping_add(after) >> 1);
        }
    }
}

for_both! {
    /// Alternates two rows, the first of which has as many numbers as the other or one more.
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
    /// Alternates two rows as [`interleave`] does, shifted by `shift` and clamped to 0 to `most`,
    /// which is all ones (G.1). Returns how far the samples were out of range, as an upper bound: 0
    /// if none was, less than twice what is beyond otherwise.
    fn finish(first: &[i32], second: &[i32], shift: i32, most: i32, out: &mut [u16]) -> u32 {
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
    /// Whether all numbers are the same.
    fn is_constant(values: &[i32]) -> bool {
        let Some(&first) = values.first() else { return true };
        values.chunks(64).all(|chunk| chunk.iter().fold(0, |differs, &value| differs | (value ^ first)) == 0)
    }
}
