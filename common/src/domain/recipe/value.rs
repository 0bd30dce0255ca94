//! A recipe as a value.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

use super::digest::RecipeDigest;
use super::expression::Expression;
use super::settings::{Encoding, GridRule, MaskRule, Overviews, RadiometryRule};

/// The longest recipe that is read, in bytes, as a file and as a canonical text.
pub const MAX_RECIPE_BYTES: usize = 16 * 1024;

/// What stands in the place of a recipe's name for a task that has none; no recipe is named so.
pub(super) const PROBE: &str = "probe";

/// What a cell's bands become. A task has one recipe, which never changes.
///
/// It is read from a file ([`Recipe::read`]), from the built-in ones ([`Recipe::builtin`]) or from
/// the ledger ([`Recipe::from_canonical`]). [`Recipe::resolve`] looks its bands up.
///
/// ```
/// use tilefleet_common::domain::{Recipe, Sensor};
///
/// let recipe = Recipe::from_toml("ndvi.toml", r#"
///     name = "ndvi"
///     title = "Vegetation"
///     [[output]]
///     name = "ndvi"
///     expression = "(N - R) / (N + R)"
/// "#)?;
/// assert_eq!(recipe.resolve(Sensor::Sentinel2)?.bands(), ["B08", "B04"]);
/// assert_eq!(recipe.resolve(Sensor::LandsatOli)?.bands(), ["SR_B5", "SR_B4"]);
/// assert_eq!(recipe.file_stem(), format!("NDVI-{}", recipe.digest().short()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Two recipes are equal if their canonical texts are, and both or neither are built in.
#[derive(Debug, Clone)]
pub struct Recipe {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) outputs: Vec<Output>,
    pub(super) masks: Vec<MaskRule>,
    pub(super) grid: GridRule,
    pub(super) median: Option<u32>,
    pub(super) radiometry: RadiometryRule,
    pub(super) overviews: Overviews,
    pub(super) constants: BTreeMap<String, f64>,
    pub(super) canonical: String,
    pub(super) digest: RecipeDigest,
    pub(super) builtin: bool,
}

/// A band of a result.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// The band's name in the result, which no other output of the recipe has.
    pub name: String,
    /// The name of the raster that it is in; outputs with one `file` are bands of one raster.
    pub file: Option<String>,
    /// What its pixels are.
    pub source: Source,
}

/// What the pixels of an output are.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// The stored numbers of the band of this name.
    Band(String),
    /// The values of an expression.
    Expression {
        /// The expression.
        expression: Expression,
        /// How values are stored.
        encoding: Encoding,
    },
}

impl PartialEq for Recipe {
    fn eq(&self, other: &Self) -> bool {
        self.builtin == other.builtin && self.canonical == other.canonical
    }
}

impl Eq for Recipe {}

impl Hash for Recipe {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.digest.hash(state);
    }
}

impl Recipe {
    /// The name: 1 to 40 of `a-z`, `0-9` and `-`, the first not `-`. Recipes of one name may
    /// differ; the digest tells them apart.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The title, for a person.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The bands of the result, in their order.
    pub fn outputs(&self) -> &[Output] {
        &self.outputs
    }

    /// The masks, of which the first whose band the sensor has is used.
    pub fn masks(&self) -> &[MaskRule] {
        &self.masks
    }

    /// The names of the rasters, each once, in the order of the outputs; `None` is that of the
    /// outputs without `file`.
    pub fn files(&self) -> Vec<Option<&str>> {
        let mut files = vec![];
        for output in &self.outputs {
            let file = output.file.as_deref();
            if !files.contains(&file) {
                files.push(file);
            }
        }
        files
    }

    /// The canonical text: JSON with sorted keys, one for all files that say the same.
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// The SHA-256 of the canonical text.
    pub fn digest(&self) -> &RecipeDigest {
        &self.digest
    }

    /// Whether the recipe came with the program that submitted the task.
    pub fn is_builtin(&self) -> bool {
        self.builtin
    }

    /// What the name of a result ends in, before its extension: the recipe's name in upper case,
    /// and the digest's first eight digits unless the recipe is built in. So two recipes of one
    /// name never write the same object.
    pub fn file_stem(&self) -> String {
        let name = self.name.to_ascii_uppercase();
        if self.builtin {
            name
        } else {
            format!("{name}-{}", self.digest.short())
        }
    }
}
