//! How many cases a property test runs.

use proptest::test_runner::{Config as ProptestConfig, RngSeed};

/// `few` cases, the same in each run. With `PROPTEST_CASES`, so many new ones instead.
pub(crate) fn cases(few: u32) -> ProptestConfig {
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    if std::env::var_os("PROPTEST_CASES").is_some() {
        return config;
    }
    ProptestConfig {
        cases: few,
        rng_seed: RngSeed::Fixed(1),
        ..config
    }
}
