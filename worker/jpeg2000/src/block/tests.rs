//! The decoder against the plain coder, over sizes, sub-bands, bit-planes, passes and pieces.

use proptest::prelude::*;

use super::encoder::{all_passes, bit_planes, decode, encode};
use super::{BlockDecoder, BlockFlaw, CodedBlock, Subband};

fn subbands() -> impl Strategy<Value = Subband> {
    prop_oneof![Just(Subband::Ll), Just(Subband::Hl), Just(Subband::Lh), Just(Subband::Hh)]
}

/// Sizes of whole and of cut-off code blocks.
fn sizes() -> impl Strategy<Value = (usize, usize)> {
    (2_u32..=10, 2_u32..=10).prop_filter("at most 4096 samples", |(x, y)| x + y <= 12).prop_flat_map(
        |(x, y)| {
            let (width, height) = (1_usize << x, 1_usize << y);
            (prop_oneof![Just(width), 1..=width], prop_oneof![Just(height), 1..=height])
        },
    )
}

/// Coefficients with the peaked distribution of a wavelet's sub-bands.
fn coefficients((width, height): (usize, usize)) -> impl Strategy<Value = Vec<i32>> {
    let one = (any::<i32>(), 0_u32..32, 0_u32..32);
    (1_u32..=30).prop_flat_map(move |most| {
        prop::collection::vec(one.clone(), width * height).prop_map(move |raw| {
            raw.into_iter()
                .map(|(value, a, b)| {
                    let kept = (a * b * most / (31 * 31)).min(30);
                    let magnitude = (value.unsigned_abs() & ((1 << kept) - 1)).cast_signed();
                    if value < 0 { -magnitude } else { magnitude }
                })
                .collect()
        })
    })
}

fn run(
    (width, height): (usize, usize),
    subband: Subband,
    pieces: &[&[u8]],
    bit_planes: u32,
    passes: u32,
) -> Result<Vec<i32>, BlockFlaw> {
    // A stride and a rest that must stay untouched.
    let stride = width + 3;
    let mut out = vec![i32::MIN; height * stride];
    let block = CodedBlock { width, height, subband, pieces, passes, bit_planes };
    let result = BlockDecoder::new().decode(&block, &mut out, stride);
    let mut portable = vec![i32::MIN; height * stride];
    assert_eq!(BlockDecoder::portable().decode(&block, &mut portable, stride), result);
    result?;
    assert_eq!(portable, out);
    assert!(out.chunks(stride).all(|row| row[width..].iter().all(|&value| value == i32::MIN)));
    Ok(out.chunks(stride).flat_map(|row| row[..width].to_vec()).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn blocks_with_all_passes_are_exact(
        ((size, values), subband) in (sizes().prop_flat_map(|size| (Just(size), coefficients(size))), subbands()),
        extra in 0_u32..3,
    ) {
        let planes = (bit_planes(&values) + extra).min(30);
        let passes = all_passes(planes);
        let segment = encode(size, subband, &values, planes, passes);
        prop_assert_eq!(run(size, subband, &[&segment], planes, passes).unwrap(), values);
    }

    #[test]
    fn blocks_with_passes_dropped_match_the_standards_text(
        ((size, values), subband) in (sizes().prop_flat_map(|size| (Just(size), coefficients(size))), subbands()),
        kept in 0.0_f64..1.0,
        cut in 0.0_f64..1.0,
    ) {
        let planes = bit_planes(&values);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of 88 at most")]
        let passes = (f64::from(all_passes(planes)) * kept) as u32;
        let segment = encode(size, subband, &values, planes, passes);
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share")]
        let (head, tail) = segment.split_at((segment.len() as f64 * cut) as usize);
        let expected = decode(size, subband, &segment, planes, passes);
        prop_assert_eq!(run(size, subband, &[head, &[], tail], planes, passes).unwrap(), expected);
    }

    #[test]
    fn any_bytes_are_decoded_or_refused(
        (size, subband) in (sizes(), subbands()),
        bytes in prop::collection::vec(any::<u8>(), 0..2000),
        planes in 0_u32..40,
        passes in 0_u32..120,
    ) {
        let _ = run(size, subband, &[&bytes], planes, passes);
    }
}

#[test]
fn headers_outside_the_standard_are_refused() {
    let flaw = |size, planes, passes| run(size, Subband::Ll, &[&[]], planes, passes).unwrap_err();
    assert!(matches!(flaw((65, 64), 1, 1), BlockFlaw::Size { .. }));
    assert!(matches!(flaw((0, 4), 1, 1), BlockFlaw::Size { .. }));
    assert!(matches!(flaw((4, 1025), 1, 1), BlockFlaw::Size { .. }));
    assert!(matches!(flaw((4, 4), 31, 1), BlockFlaw::BitPlanes { bit_planes: 31 }));
    assert!(matches!(flaw((4, 4), 3, 8), BlockFlaw::Passes { passes: 8, most: 7, .. }));
    assert!(matches!(flaw((4, 4), 0, 1), BlockFlaw::Passes { most: 0, .. }));
}
