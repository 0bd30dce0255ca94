//! Tables of cases, all of which are run before any of them fails the test.

use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::jp2::Jp2;
use crate::scene::{self, CHANGED, NAMES};

pub(crate) const MALFORMED: &[&str] = &["malformed"];
pub(crate) const TRUNCATED: &[&str] = &["truncated"];
pub(crate) const UNSUPPORTED: &[&str] = &["unsupported"];
pub(crate) const NO_GEOREFERENCE: &[&str] = &["no_georeference"];

/// How three bands must end.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Expected {
    /// As the undamaged bands do, byte for byte.
    Same,
    /// As a permanent failure with one of these codes and these words in its message.
    Refused(&'static [&'static str], &'static str),
    /// The same, with any of the bands to blame instead of the one that was changed.
    RefusedAny(&'static [&'static str], &'static str),
    /// As one or the other: what was changed may be of no consequence.
    NeverWrong,
}

#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) bands: [Bytes; 3],
    pub(crate) expected: Expected,
}

fn case(name: impl Into<String>, bytes: impl Into<Bytes>, expected: Expected) -> Case {
    Case {
        name: name.into(),
        bands: scene::with(bytes),
        expected,
    }
}

pub(crate) fn refused(
    name: impl Into<String>,
    bytes: impl Into<Bytes>,
    codes: &'static [&'static str],
    words: &'static str,
) -> Case {
    case(name, bytes, Expected::Refused(codes, words))
}

/// The undamaged file with other boxes or markers.
pub(crate) fn edited(
    name: &str,
    codes: &'static [&'static str],
    words: &'static str,
    edit: impl FnOnce(&mut Jp2),
) -> Case {
    let mut file = Jp2::of(&scene::whole());
    edit(&mut file);
    refused(name, file.bytes(), codes, words)
}

pub(crate) fn same(name: impl Into<String>, bytes: impl Into<Bytes>) -> Case {
    case(name, bytes, Expected::Same)
}

pub(crate) fn never_wrong(name: impl Into<String>, bytes: impl Into<Bytes>) -> Case {
    case(name, bytes, Expected::NeverWrong)
}

impl Case {
    /// What is not as expected.
    fn complaint(&self) -> Option<String> {
        let begun = Instant::now();
        let outcome = scene::fused(self.bands.clone(), 2);
        let took = begun.elapsed();
        if took > Duration::from_secs(1) {
            println!("{}: {:.1} s", self.name, took.as_secs_f64());
        }
        let told = match (&outcome, self.expected) {
            (Ok(file), Expected::Same | Expected::NeverWrong) if file == scene::oracle() => {
                return None;
            }
            (Ok(file), _) if file == scene::oracle() => "passes".to_owned(),
            (Ok(_), _) => "becomes another raster".to_owned(),
            (Err(error), _) if !error.is_permanent() => format!("is to be tried again: {error}"),
            (Err(error), Expected::Same) => format!("is refused: {error}"),
            (Err(error), expected) => {
                let message = error.to_string();
                let (codes, words, blamed) = match expected {
                    Expected::Refused(codes, words) => (codes, words, &NAMES[CHANGED..=CHANGED]),
                    Expected::RefusedAny(codes, words) => (codes, words, &NAMES[..]),
                    _ => (&[][..], "", &NAMES[CHANGED..=CHANGED]),
                };
                let right_code = codes.is_empty() || codes.contains(&error.code());
                // Which input, and what to do about it behind the last semicolon or colon.
                let names = blamed
                    .iter()
                    .any(|name| message.contains(&format!("band {name} ({name}.jp2)")));
                let advises = message.contains(';') || message.contains("check the key");
                if right_code && message.contains(words) && names && advises {
                    return None;
                }
                format!("ends as {}: {message}", error.code())
            }
        };
        Some(format!(
            "{} {told}, expected {:?}",
            self.name, self.expected
        ))
    }
}

/// Runs all cases and fails with the names of those that do not end as they should.
pub(crate) fn run(cases: &[Case]) {
    let complaints: Vec<_> = cases.iter().filter_map(Case::complaint).collect();
    println!("{} cases", cases.len());
    assert!(
        complaints.is_empty(),
        "{} of {}:\n{}",
        complaints.len(),
        cases.len(),
        complaints.join("\n")
    );
}
