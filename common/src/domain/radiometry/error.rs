//! Why the radiometry of a cell cannot be told.

/// Why the radiometry of a cell cannot be told. The way out is always that the recipe says it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RadiometryError {
    /// No document says it.
    #[error(
        "scale and offset of {bands} are unknown: {looked}; say them in the recipe with assume under [radiometry]"
    )]
    Unknown {
        /// The bands.
        bands: String,
        /// What was looked for, and what was found.
        looked: String,
    },
    /// Two sources say what cannot both be true.
    #[error(
        "{one} does not agree with {other}; say scale and offset in the recipe with assume under [radiometry]"
    )]
    Disagree {
        /// What one source says.
        one: String,
        /// What another source says.
        other: String,
    },
    /// A document is not what it should be.
    #[error("{document} cannot be used: {cause}; is it the right document?")]
    Document {
        /// Its address or path.
        document: String,
        /// What is wrong with it.
        cause: String,
    },
    /// A product without surface reflectance.
    #[error(
        "{product} is a Landsat product of level 1 ({level}), which has no surface reflectance; use the product of level 2 (L2SP)"
    )]
    Level1 {
        /// The product or its document.
        product: String,
        /// The level.
        level: String,
    },
}

impl RadiometryError {
    /// The error as a short stable word, the `error_code` of a failed cell.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "unknown_radiometry",
            Self::Disagree { .. } => "radiometry_disagrees",
            Self::Document { .. } => "bad_metadata",
            Self::Level1 { .. } => "wrong_level",
        }
    }

    /// Nothing says the radiometry of `bands`.
    pub(super) fn unknown(bands: &[&str], looked: impl Into<String>) -> Self {
        Self::Unknown {
            bands: bands.join(", "),
            looked: looked.into(),
        }
    }

    /// Two sources do not agree.
    pub(super) fn disagree(one: impl Into<String>, other: impl Into<String>) -> Self {
        Self::Disagree {
            one: one.into(),
            other: other.into(),
        }
    }
}
