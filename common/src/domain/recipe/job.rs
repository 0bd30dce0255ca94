//! What a task does with its cells: makes rasters by a recipe, or only tests the fleet.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::derived::CloudMask;
use super::digest::RecipeDigest;
use super::error::{Problem, RecipeError, RecipeFileError};
use super::resolve::{ResolveError, ResolvedRecipe};
use super::sensor::Sensor;
use super::value::{PROBE, Recipe};

/// What `--recipe` begins with that is an expression.
const EXPRESSION: &str = "expr:";

/// What is to be done with each cell of a task.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all jobs are rasters, and a cell has one"
)]
pub enum Job {
    /// A raster is made of its bands.
    Raster(Recipe),
    /// No band is read, and a small object says which cell it was. What is left of a cell's cost is
    /// the fleet's.
    Probe,
}

impl Job {
    /// The job by name and digest.
    pub fn id(&self) -> JobId {
        match self {
            Self::Raster(recipe) => JobId::Raster {
                name: recipe.name().to_owned(),
                digest: recipe.digest().clone(),
            },
            Self::Probe => JobId::Probe,
        }
    }

    /// The name of the recipe, or `probe`.
    pub fn name(&self) -> &str {
        match self {
            Self::Raster(recipe) => recipe.name(),
            Self::Probe => PROBE,
        }
    }

    /// The same job with a mask of clouds in its recipe ([`Recipe::with_cloud_mask`]).
    ///
    /// # Errors
    /// [`RecipeError`] when the recipe has masks already, or reads no band.
    pub fn with_cloud_mask(&self, clouds: CloudMask) -> Result<Self, RecipeError> {
        match self {
            Self::Raster(recipe) => Ok(Self::Raster(recipe.with_cloud_mask(clouds)?)),
            Self::Probe => Err(RecipeError {
                source: "--mask".to_owned(),
                line: None,
                problem: Problem::MaskOfProbe,
            }),
        }
    }

    /// The recipe for the bands of `sensor`; a probe has none.
    ///
    /// # Errors
    /// [`ResolveError`] when the sensor lacks a band.
    pub fn resolve(&self, sensor: Sensor) -> Result<Option<ResolvedRecipe>, ResolveError> {
        match self {
            Self::Raster(recipe) => recipe.resolve(sensor).map(Some),
            Self::Probe => Ok(None),
        }
    }
}

/// As `--recipe` takes it: the name of a built-in recipe, `probe`, `expr:` and an expression, or
/// the path of a TOML file, which ends in `.toml` or contains a `/`.
impl FromStr for Job {
    type Err = RecipeFileError;

    fn from_str(text: &str) -> Result<Self, RecipeFileError> {
        if text == PROBE {
            return Ok(Self::Probe);
        }
        if let Some(expression) = text.strip_prefix(EXPRESSION) {
            return Ok(Self::Raster(Recipe::of_expression(expression)?));
        }
        let has_extension = |wanted: &str| {
            let extension = Path::new(text).extension();
            extension.is_some_and(|extension| extension.eq_ignore_ascii_case(wanted))
        };
        if text.contains('/') || has_extension("toml") {
            return Ok(Self::Raster(Recipe::read(text)?));
        }
        Recipe::find_builtin(text).map(|recipe| Self::Raster(recipe.clone()))
    }
}

/// A job by name and digest: what messages and task items say of it.
///
/// Its JSON form is the two fields `recipe` (the name) and `recipe_digest`, which a probe does not
/// have. Without a digest, a recipe's name does not say which recipe is meant, so that is an error.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub enum JobId {
    /// [`Job::Raster`].
    Raster {
        /// The recipe's name.
        name: String,
        /// The recipe's digest.
        digest: RecipeDigest,
    },
    /// [`Job::Probe`].
    Probe,
}

impl JobId {
    /// The job of this name and digest.
    ///
    /// # Errors
    /// `NoDigest` when there is no digest, and it is not a probe.
    pub fn new(name: String, digest: Option<RecipeDigest>) -> Result<Self, NoDigest> {
        match digest {
            _ if name == PROBE => Ok(Self::Probe),
            Some(digest) => Ok(Self::Raster { name, digest }),
            None => Err(NoDigest(name)),
        }
    }

    /// The name of the recipe, or `probe`.
    pub fn name(&self) -> &str {
        match self {
            Self::Raster { name, .. } => name,
            Self::Probe => PROBE,
        }
    }

    /// The recipe's digest, if there is a recipe.
    pub fn digest(&self) -> Option<&RecipeDigest> {
        match self {
            Self::Raster { digest, .. } => Some(digest),
            Self::Probe => None,
        }
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A recipe is named without its digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("recipe {0} is named without its recipe_digest; was it sent by an older version?")]
pub struct NoDigest(String);

#[derive(Serialize, Deserialize)]
struct Fields {
    recipe: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recipe_digest: Option<RecipeDigest>,
}

impl TryFrom<Fields> for JobId {
    type Error = NoDigest;

    fn try_from(fields: Fields) -> Result<Self, NoDigest> {
        Self::new(fields.recipe, fields.recipe_digest)
    }
}

impl From<JobId> for Fields {
    fn from(id: JobId) -> Self {
        Self {
            recipe: id.name().to_owned(),
            recipe_digest: id.digest().cloned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_built_in_name_a_probe_and_a_file_are_jobs() {
        let rgb: Job = "rgb".parse().unwrap();
        assert_eq!("RGB".parse::<Job>().unwrap(), rgb);
        assert_eq!("probe".parse::<Job>().unwrap(), Job::Probe);
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../recipes/rgb.toml");
        assert_eq!(
            file.parse::<Job>().unwrap(),
            rgb,
            "the same content is the same recipe"
        );
    }

    #[test]
    fn what_is_neither_says_what_there_is() {
        let complaint = |text: &str| text.parse::<Job>().unwrap_err().to_string();
        let soup = complaint("soup");
        let words = "\"soup\" is not a recipe; `producer recipes` lists ";
        assert!(soup.starts_with(words), "{soup}");
        assert!(complaint("./soup").starts_with("./soup cannot be read: "));
        assert!(complaint("soup.toml").starts_with("soup.toml cannot be read: "));
        let words = "the expression: \"soup\" is neither a band nor a constant; ";
        assert!(complaint("expr:N * soup").starts_with(words));
    }

    #[test]
    fn a_recipe_without_a_digest_is_not_a_job_and_a_probe_has_none() {
        let read = |text| serde_json::from_str::<JobId>(text);
        assert_eq!(read(r#"{"recipe":"probe"}"#).unwrap(), JobId::Probe);
        let error = read(r#"{"recipe":"rgb"}"#).unwrap_err().to_string();
        assert!(
            error.starts_with("recipe rgb is named without its recipe_digest"),
            "{error}"
        );
        let rgb = "rgb".parse::<Job>().unwrap().id();
        let json = serde_json::to_string(&rgb).unwrap();
        assert_eq!(serde_json::from_str::<JobId>(&json).unwrap(), rgb);
        assert_eq!(
            serde_json::to_string(&JobId::Probe).unwrap(),
            r#"{"recipe":"probe"}"#
        );
    }
}
