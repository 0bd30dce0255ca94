//! Which samples of a mask's band mask a pixel.

/// A test of the samples of a band. A sample that it does not name masks nothing: 0, which is
/// nodata, is a value like others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MaskTest {
    /// The sample is one of these: classes of `SCL`.
    Values(Vec<u16>),
    /// One of these bits is set, 0 being the lowest: flags of `QA_PIXEL`.
    Bits(Vec<u8>),
    /// The sample is greater: a probability in percent.
    Above(u16),
}

impl MaskTest {
    fn masks(&self, sample: u16) -> bool {
        match self {
            Self::Values(values) => values.contains(&sample),
            Self::Bits(bits) => bits
                .iter()
                .any(|&bit| u32::from(sample).checked_shr(bit.into()).unwrap_or(0) & 1 == 1),
            Self::Above(limit) => sample > *limit,
        }
    }
}

/// The outcome of a test for each sample there can be.
#[derive(Clone, Debug)]
pub(crate) struct MaskTable {
    /// 1 if the sample masks, else 0.
    outcomes: Box<[u8]>,
}

impl MaskTable {
    pub(crate) fn new(test: &MaskTest) -> Self {
        let outcomes = (0..=u16::MAX).map(|sample| u8::from(test.masks(sample)));
        Self {
            outcomes: outcomes.collect(),
        }
    }

    /// 1 if the sample masks, else 0.
    #[inline]
    pub(crate) fn of(&self, sample: u16) -> u8 {
        self.outcomes
            .get(usize::from(sample))
            .copied()
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masking(test: &MaskTest) -> Vec<u16> {
        let table = MaskTable::new(test);
        (0..=u16::MAX)
            .filter(|&sample| table.of(sample) == 1)
            .collect()
    }

    #[test]
    fn only_what_a_test_names_is_masked() {
        assert_eq!(masking(&MaskTest::Values(vec![3, 8, 65535])), [3, 8, 65535]);
        assert_eq!(masking(&MaskTest::Above(65533)), [65534, 65535]);
        let bits = masking(&MaskTest::Bits(vec![1, 15]));
        assert!(bits.iter().all(|sample| sample & 0b1000_0000_0000_0010 > 0));
        assert_eq!(bits.len(), 65536 * 3 / 4);
        assert!(masking(&MaskTest::Bits(vec![16])).is_empty());
    }
}
