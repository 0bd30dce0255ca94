//! A recipe as a value.

use super::digest::RecipeDigest;

/// The longest recipe that is read, in bytes, as a file and as a canonical text.
pub const MAX_RECIPE_BYTES: usize = 16 * 1024;

/// What stands in the place of a recipe's name for a task that has none; no recipe is named so.
pub(super) const PROBE: &str = "probe";

/// What a cell's bands become. A task has one recipe, which never changes.
///
/// It is read from a file ([`Recipe::read`]), from the built-in ones ([`Recipe::builtin`]) or from
/// the ledger ([`Recipe::from_canonical`]).
///
/// ```
/// use tilefleet_common::domain::Recipe;
///
/// let recipe = Recipe::from_toml("blue.toml", r#"
///     name = "blue"
///     title = "The blue band alone"
///     [[output]]
///     name = "blue"
///     band = "B02"
/// "#)?;
/// assert_eq!(recipe.inputs(), ["B02"]);
/// assert_eq!(recipe.file_stem(), format!("BLUE-{}", recipe.digest().short()));
/// # Ok::<(), tilefleet_common::domain::RecipeError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Recipe {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) inputs: Vec<String>,
    pub(super) outputs: Vec<Output>,
    pub(super) canonical: String,
    pub(super) digest: RecipeDigest,
    pub(super) builtin: bool,
}

/// A band of the result.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Output {
    /// The band's name in the result.
    pub name: String,
    /// The band whose numbers it has, as an index of [`Recipe::inputs`].
    pub input: usize,
}

impl Recipe {
    /// The name: 1 to 40 of `a-z`, `0-9` and `-`, the first not `-`. Recipes of one name may differ; the digest tells
    /// them apart.
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

    /// The bands that are read, each once, in the order in which outputs first name them.
    pub fn inputs(&self) -> &[String] {
        &self.inputs
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
