//! What the names of an expression are.

use std::collections::BTreeMap;

use super::super::bands::{Band, find_band, find_band_in_expression};
use super::super::expression::default_constant;
use super::super::sensor::Sensor;

/// What the name of a constant begins with that is the centre of a band, in nanometres:
/// `lambdaN`.
const CENTRE: &str = "lambda";

/// What a name of an expression is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in super::super) enum Found {
    Constant(f64),
    Band(&'static Band),
}

/// What a name is in an expression for the bands of `sensor`: in this order, a constant of the
/// recipe, a constant that every recipe has, the centre of a band, or a band.
pub(in super::super) fn look_up(
    constants: &BTreeMap<String, f64>,
    sensor: Sensor,
    name: &str,
) -> Option<Found> {
    if let Some(value) = constants.get(name) {
        return Some(Found::Constant(*value));
    }
    if let Some(value) = default_constant(name) {
        return Some(Found::Constant(value));
    }
    if let Some(letter) = name.strip_prefix(CENTRE) {
        let band = find_band(sensor, letter).filter(|band| band.letter == Some(letter));
        return band.and_then(|band| band.centre_nm).map(Found::Constant);
    }
    find_band_in_expression(sensor, name).map(Found::Band)
}
