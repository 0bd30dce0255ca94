//! Evaluates the recipe of each index and compares it with what spyndex computes.

use std::collections::BTreeMap;

use super::super::{BandKind, Op, ResolvedSource, Sensor};
use super::recipes;

/// Digital numbers of each band, then the values of each index.
const VALUES: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/data/index-values.tsv"
));

/// Evaluates a postfix program; `inputs` are the reflectances of its bands.
#[expect(
    clippy::float_cmp,
    reason = "the comparisons of an expression are exact"
)]
fn evaluate(ops: &[Op], inputs: &[f64]) -> f64 {
    let mut stack: Vec<f64> = vec![];
    for op in ops {
        // The operand that was put down last is on top.
        let mut pop = || stack.pop().unwrap();
        let truth = |truth: bool| f64::from(u8::from(truth));
        let value = match op {
            Op::Input(input) => inputs[*input],
            Op::Number(number) => f64::from(*number),
            Op::Negate => -pop(),
            Op::Absolute => pop().abs(),
            Op::SquareRoot => pop().sqrt(),
            Op::Exponential => pop().exp(),
            Op::Logarithm => pop().ln(),
            Op::Clamp => {
                let (most, least, value) = (pop(), pop(), pop());
                value.max(least).min(most)
            }
            Op::Where => {
                let (otherwise, then, condition) = (pop(), pop(), pop());
                if condition == 0.0 { otherwise } else { then }
            }
            Op::Min(count) => (1..*count).fold(pop(), |least, _| least.min(stack.pop().unwrap())),
            Op::Max(count) => (1..*count).fold(pop(), |most, _| most.max(stack.pop().unwrap())),
            // All others have two operands.
            two => {
                let (right, left) = (pop(), pop());
                match two {
                    Op::Add => left + right,
                    Op::Subtract => left - right,
                    Op::Multiply => left * right,
                    Op::Divide => left / right,
                    Op::Power => left.powf(right),
                    Op::Less => truth(left < right),
                    Op::LessEqual => truth(left <= right),
                    Op::Greater => truth(left > right),
                    Op::GreaterEqual => truth(left >= right),
                    Op::Equal => truth(left == right),
                    Op::NotEqual => truth(left != right),
                    other => panic!("{other:?} is not known here"),
                }
            }
        };
        stack.push(value);
    }
    assert_eq!(stack.len(), 1, "{ops:?}");
    stack[0]
}

/// Whether a value computed with constants of 32 bits is the one that spyndex computes with 64.
fn agree(ours: f64, theirs: f64) -> bool {
    (ours.is_nan() && theirs.is_nan()) || (ours - theirs).abs() <= 1e-5 * theirs.abs()
}

#[test]
fn every_index_has_the_values_that_spyndex_computes() {
    let lines = VALUES.lines().filter(|line| !line.starts_with('#'));
    let rows: BTreeMap<&str, Vec<f64>> = lines
        .map(|line| {
            let mut cells = line.split('\t');
            let name = cells.next().unwrap();
            (name, cells.map(|cell| cell.parse().unwrap()).collect())
        })
        .collect();
    // Each recipe has one raster of one band, whose program is evaluated on every vector.
    let mut wrong = vec![];
    for name in recipes::names() {
        let recipe = recipes::recipe(name).unwrap_or_else(|| panic!("{name} is no recipe"));
        let resolved = recipe.resolve(Sensor::Sentinel2).unwrap();
        let [file] = resolved.files.as_slice() else {
            panic!("{name}: {:?}", resolved.files);
        };
        let [output] = file.outputs.as_slice() else {
            panic!("{name}: {:?}", file.outputs);
        };
        let ResolvedSource::Expression { ops, .. } = &output.source else {
            panic!("{name}: {output:?}");
        };
        // The inputs come in the recipe's order; the vectors have one column each.
        for (vector, theirs) in rows[name].iter().enumerate() {
            let inputs: Vec<f64> = resolved
                .inputs
                .iter()
                .map(|input| {
                    assert_eq!(input.kind, BandKind::Reflectance, "{name}");
                    rows[letter(&input.band)][vector] * 1e-4
                })
                .collect();
            let ours = evaluate(ops, &inputs);
            if !agree(ours, *theirs) {
                wrong.push(format!(
                    "{name} of vector {vector}: {ours}, spyndex {theirs}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The letter of spyndex for a band of Sentinel-2.
fn letter(band: &str) -> &'static str {
    match band {
        "B01" => "A",
        "B02" => "B",
        "B03" => "G",
        "B04" => "R",
        "B05" => "RE1",
        "B06" => "RE2",
        "B07" => "RE3",
        "B08" => "N",
        "B8A" => "N2",
        "B09" => "WV",
        "B11" => "S1",
        "B12" => "S2",
        other => panic!("{other} has no letter"),
    }
}
