//! The recipe of a task, as its item has it, held against the digest that a message names.

use crate::domain::{Job, JobId, Recipe, RecipeDigest, RecipeError, TaskId};
use crate::ledger::item::{Item, Value, attribute};

/// Why a worker cannot use the recipe of a task. Its message goes back; the cell is charged nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
pub enum RecipeTrouble {
    /// The ledger has no recipe of the task, although it is put before the task.
    #[error("the ledger has no recipe of task {0}; cancel the task and submit its cells again")]
    Missing(TaskId),
    /// The ledger's recipe is not the one that the message names, although it never changes.
    #[error(
        "the ledger's recipe of task {task} has digest {found}, but the message names {named}; cancel the task \
         and submit its cells again"
    )]
    Differs {
        /// The task.
        task: TaskId,
        /// The digest of the ledger's recipe.
        found: RecipeDigest,
        /// The digest in the message.
        named: RecipeDigest,
    },
    /// This version does not understand the recipe: a newer producer submitted the task.
    #[error("this version of the worker does not understand the recipe: {0}; run a newer worker")]
    NotUnderstood(RecipeError),
}

/// What is to be done with a cell of `task` whose message names `job`, the task's recipe item being
/// `item`.
///
/// # Errors
/// [`RecipeTrouble`] when the item is not there, holds another recipe, or is not understood.
pub(crate) fn job_of(
    task: &TaskId,
    job: &JobId,
    item: Option<&Item>,
) -> Result<Job, RecipeTrouble> {
    let Some(named) = job.digest() else {
        return Ok(Job::Probe);
    };
    let Some(Value::Text(text)) = item.and_then(|item| item.get(attribute::RECIPE_TEXT)) else {
        return Err(RecipeTrouble::Missing(task.clone()));
    };
    let found = RecipeDigest::of(text);
    if found != *named {
        return Err(RecipeTrouble::Differs {
            task: task.clone(),
            found,
            named: named.clone(),
        });
    }
    let builtin = item.and_then(|item| item.get(attribute::BUILTIN)) == Some(&Value::Flag(true));
    Recipe::from_canonical(&format!("recipe {job}"), text, builtin)
        .map(Job::Raster)
        .map_err(RecipeTrouble::NotUnderstood)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::transition::create_recipe;

    fn task() -> TaskId {
        "t".parse().unwrap()
    }

    fn item(recipe: &Recipe) -> Item {
        create_recipe(&task(), recipe, None).apply(None).unwrap()
    }

    #[test]
    fn the_recipe_comes_out_of_the_ledger_as_it_went_in() {
        let file = "name = \"rgb\"\ntitle = \"Mine\"\noutput = [{name = \"a\", band = \"B8A\"}]";
        let own = Recipe::from_toml("a test", file).unwrap();
        let rgb = Recipe::builtin("rgb").unwrap();
        for recipe in [&own, rgb] {
            let job = Job::Raster(recipe.clone());
            assert_eq!(job_of(&task(), &job.id(), Some(&item(recipe))), Ok(job));
        }
        let other = job_of(&task(), &Job::Raster(own.clone()).id(), Some(&item(rgb)));
        assert!(
            matches!(other, Err(RecipeTrouble::Differs { .. })),
            "{other:?}"
        );
    }

    #[test]
    fn a_probe_needs_no_recipe_and_a_missing_one_is_named() {
        assert_eq!(job_of(&task(), &JobId::Probe, None), Ok(Job::Probe));
        let rgb = Job::Raster(Recipe::builtin("rgb").unwrap().clone());
        assert_eq!(
            job_of(&task(), &rgb.id(), None),
            Err(RecipeTrouble::Missing(task()))
        );
    }

    #[test]
    fn a_recipe_of_a_newer_version_is_not_understood() {
        let text = r#"{"expression":"N - R","name":"new","output":[],"title":"New"}"#;
        let item = Item::from([(attribute::RECIPE_TEXT, text.into())]);
        let job = JobId::new("new".to_owned(), Some(RecipeDigest::of(text))).unwrap();
        let trouble = job_of(&task(), &job, Some(&item)).unwrap_err();
        assert!(matches!(trouble, RecipeTrouble::NotUnderstood(_)));
        let words = trouble.to_string();
        assert!(
            words.contains("recipe new: unknown key \"expression\""),
            "{words}"
        );
    }
}
