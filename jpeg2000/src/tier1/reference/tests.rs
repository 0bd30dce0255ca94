//! The decoder against the reference, over sizes, subbands, bit-planes, passes and pieces.

use std::cell::RefCell;

use proptest::prelude::*;

use super::code::{bit_planes, decode, encode};
use crate::tier1::{BlockDecoder, BlockFlaw, CodedBlock, Subband, pass_count};

fn subbands() -> impl Strategy<Value = Subband> {
    prop_oneof![
        Just(Subband::Ll),
        Just(Subband::Hl),
        Just(Subband::Lh),
        Just(Subband::Hh)
    ]
}

/// Sizes of whole and of cut-off code blocks.
fn sizes() -> impl Strategy<Value = (usize, usize)> {
    (2_u32..=10, 2_u32..=10)
        .prop_filter("at most 4096 samples", |(x, y)| x + y <= 12)
        .prop_flat_map(|(x, y)| {
            let (width, height) = (1_usize << x, 1_usize << y);
            (
                prop_oneof![Just(width), 1..=width],
                prop_oneof![Just(height), 1..=height],
            )
        })
}

/// Coefficients with the peaked distribution of wavelet subbands.
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

thread_local! {
    /// The decoders of all cases. They are shared, so that state left over from one block would
    /// show in the next.
    static DECODERS: RefCell<[BlockDecoder; 2]> = RefCell::new([BlockDecoder::new(), BlockDecoder::portable()]);
}

fn run(
    (width, height): (usize, usize),
    subband: Subband,
    pieces: &[&[u8]],
    bit_planes: u32,
    passes: u32,
) -> Result<Vec<i32>, BlockFlaw> {
    // The columns between width and stride must stay untouched.
    let stride = width + 3;
    let block = CodedBlock {
        width,
        height,
        subband,
        pieces,
        passes,
        bit_planes,
    };
    let [best, portable] = DECODERS.with_borrow_mut(|decoders| {
        decoders.each_mut().map(|decoder| {
            let mut out = vec![i32::MIN; height * stride];
            decoder.decode(&block, &mut out, stride)?;
            assert!(
                out.chunks(stride)
                    .all(|row| row[width..].iter().all(|&value| value == i32::MIN))
            );
            Ok(out
                .chunks(stride)
                .flat_map(|row| row[..width].to_vec())
                .collect())
        })
    });
    assert_eq!(best, portable);
    best
}

/// A block like those of Sentinel-2: 64x64 coefficients of about 7 bits, with neighbours of similar
/// size.
fn dense() -> Vec<i32> {
    let mut state = 1_u32;
    let mut random = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16).cast_signed()
    };
    (0..4096)
        .map(|at| {
            let scale = 4 + (at / 64 + at % 64) / 4;
            let wide: i32 = (0..4).map(|_| random() % 256 - 128).sum();
            wide * scale / 128
        })
        .collect()
}

/// The length of a segment after cutting off all bytes that the ones of a decoder replace.
fn cut_short(
    size: (usize, usize),
    subband: Subband,
    segment: &[u8],
    planes: u32,
    passes: u32,
) -> usize {
    let expected = decode(size, subband, segment, planes, passes);
    let same = |&len: &usize| decode(size, subband, &segment[..len], planes, passes) == expected;
    (0..segment.len())
        .rev()
        .take_while(same)
        .last()
        .unwrap_or(segment.len())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn blocks_with_all_passes_are_exact(
        ((size, values), subband) in (sizes().prop_flat_map(|size| (Just(size), coefficients(size))), subbands()),
        extra in 0_u32..3,
    ) {
        let planes = (bit_planes(&values) + extra).min(30);
        let passes = pass_count(planes);
        let segment = encode(size, subband, &values, planes, passes);
        prop_assert_eq!(run(size, subband, &[&segment], planes, passes).unwrap(), values);
    }

    #[test]
    fn blocks_with_truncated_passes_match_the_text_of_the_standard(
        ((size, values), subband) in (sizes().prop_flat_map(|size| (Just(size), coefficients(size))), subbands()),
        kept in 0.0_f64..1.0,
        cut in 0.0_f64..1.0,
    ) {
        let planes = bit_planes(&values);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of 88 at most")]
        let passes = (f64::from(pass_count(planes)) * kept) as u32;
        let segment = encode(size, subband, &values, planes, passes);
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share")]
        let (head, tail) = segment.split_at((segment.len() as f64 * cut) as usize);
        let expected = decode(size, subband, &segment, planes, passes);
        prop_assert_eq!(run(size, subband, &[head, &[], tail], planes, passes).unwrap(), expected);
    }

    #[test]
    fn segments_that_are_as_short_as_possible_are_accepted(
        ((size, values), subband) in (sizes().prop_flat_map(|size| (Just(size), coefficients(size))), subbands()),
        truncated in prop_oneof![Just(0_u32), 0_u32..10],
    ) {
        let planes = bit_planes(&values);
        let passes = pass_count(planes).saturating_sub(truncated);
        let segment = encode(size, subband, &values, planes, passes);
        let len = cut_short(size, subband, &segment, planes, passes);
        let expected = decode(size, subband, &segment, planes, passes);
        prop_assert_eq!(run(size, subband, &[&segment[..len]], planes, passes), Ok(expected));
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
    assert!(matches!(
        flaw((4, 4), 31, 1),
        BlockFlaw::BitPlanes { bit_planes: 31 }
    ));
    assert!(matches!(
        flaw((4, 4), 3, 8),
        BlockFlaw::Passes {
            passes: 8,
            most: 7,
            ..
        }
    ));
    assert!(matches!(
        flaw((4, 4), 0, 1),
        BlockFlaw::Passes { most: 0, .. }
    ));
}

#[test]
fn changed_bits_are_noticed_by_where_the_decoder_ends() {
    let values = dense();
    let planes = bit_planes(&values);
    let passes = pass_count(planes);
    let segment = encode((64, 64), Subband::Hl, &values, planes, passes);
    let bits = segment.len() * 8;
    let unnoticed = (0..bits)
        .step_by(101)
        .filter(|bit| {
            let mut damaged = segment.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            run((64, 64), Subband::Hl, &[&damaged], planes, passes).is_ok()
        })
        .count();
    // Measured: less than 1 %, all near the end.
    assert!(unnoticed * 50 < bits / 101, "{unnoticed} of {}", bits / 101);
}

#[test]
fn segments_of_the_wrong_length_are_refused() {
    let values = dense();
    let planes = bit_planes(&values);
    let passes = pass_count(planes);
    let segment = encode((64, 64), Subband::Lh, &values, planes, passes);
    let end = |pieces: &[&[u8]], passes| run((64, 64), Subband::Lh, pieces, planes, passes);
    assert_eq!(end(&[&segment], passes), Ok(values));
    assert!(matches!(
        end(&[&segment[..segment.len() - 12]], passes),
        Err(BlockFlaw::Overrun { .. })
    ));
    assert!(matches!(
        end(&[&segment, &[0; 4]], passes),
        Err(BlockFlaw::Underrun { .. })
    ));
    assert!(matches!(
        end(&[&segment], passes - 3),
        Err(BlockFlaw::Underrun { .. })
    ));
    assert!(matches!(
        end(&[&vec![0; 1 << 17]], passes),
        Err(BlockFlaw::Length { .. })
    ));
}

#[test]
fn blocks_without_passes_or_bytes_are_decoded() {
    assert_eq!(run((3, 2), Subband::Ll, &[], 0, 0), Ok(vec![0; 6]));
    assert_eq!(run((3, 2), Subband::Ll, &[], 9, 0), Ok(vec![0; 6]));
    let expected = decode((3, 2), Subband::Ll, &[], 2, 4);
    assert_eq!(run((3, 2), Subband::Ll, &[], 2, 4), Ok(expected));
}

#[test]
fn runs_of_the_likelier_symbol_may_end_long_before_the_decoder_does() {
    let size = (64, 64);
    let values: Vec<i32> = (0..4096)
        .map(|at| if at < 2048 { (1 << 24) - 1 } else { 0 })
        .collect();
    let passes = pass_count(24);
    let segment = encode(size, Subband::Ll, &values, 24, passes);
    let len = cut_short(size, Subband::Ll, &segment, 24, passes);
    assert!(len + 8 <= segment.len(), "{len} of {}", segment.len());
    assert_eq!(
        run(size, Subband::Ll, &[&segment[..len]], 24, passes),
        Ok(values)
    );
}
