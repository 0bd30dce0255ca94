//! Why a recipe cannot be made of a sensor's bands.

use super::super::expression::ExpressionError;
use super::super::sensor::Sensor;

/// Why a recipe cannot be made of a sensor's bands.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ResolveError {
    /// The sensor lacks a band.
    #[error("recipe {recipe} reads {band}, which {sensor} does not have; it has {known}")]
    NoBand {
        /// The recipe's name.
        recipe: String,
        /// The band as the recipe names it.
        band: String,
        /// The sensor.
        sensor: Sensor,
        /// The bands of the sensor.
        known: String,
    },
    /// The sensor has none of the bands of the masks.
    #[error(
        "recipe {recipe} masks by {masks}, which {sensor} does not have; add a mask of a band that it has"
    )]
    NoMask {
        /// The recipe's name.
        recipe: String,
        /// The bands of the masks.
        masks: String,
        /// The sensor.
        sensor: Sensor,
    },
    /// An expression has no value with this sensor.
    #[error("output \"{output}\" of recipe {recipe}: {cause}")]
    Expression {
        /// The recipe's name.
        recipe: String,
        /// The name of the output.
        output: String,
        /// What is wrong.
        cause: Box<ExpressionError>,
    },
}
