//! Recipes from file to raster, and workers that cannot use one.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use aws_sdk_dynamodb::types::AttributeValue;
use gdal::raster::ColorInterpretation;
use gdal::{Dataset, Metadata as _};
use serde_json::{Value, json};
use tilefleet_common::domain::{CellMessage, Recipe, RecipeDigest, TaskId};
use tilefleet_common::ledger::Key;
use tilefleet_scenes::{Band, Coding, Scene, layout as scene_layout};
use tilefleet_tests::poll::BOUND;
use tilefleet_tests::process::Termination;
use tilefleet_tests::{eventually, objects, probe};

use crate::operate::verify::{edit, remove};
use crate::support::queues::{left, taken};
use crate::support::rasters;
use crate::support::site::{SIZE, Site};
use crate::support::worker_log::wait_for_line;

/// Submits the file with a recipe and gives the task's id.
pub(crate) async fn submit(site: &Site, file: &str, recipe: &str) -> Result<String> {
    let submitted = site
        .producer(&["submit", file, "--recipe", recipe, "-o", "json"])
        .await?;
    let submitted = submitted.expect_code(0)?.json()?;
    Ok(submitted["task"].as_str().context("no task")?.to_owned())
}

/// A recipe that takes one band.
fn one_band(name: &str, band: &str) -> String {
    format!("name = \"{name}\"\ntitle = \"One\"\n[[output]]\nname = \"only\"\nband = \"{band}\"\n")
}

#[tokio::test]
async fn false_color_is_made_of_near_infrared_red_and_green() -> Result<()> {
    let site = Site::new("false-color").await?;
    let cell = site.add_scene("48RXT", "2020-08-01").await?;
    let scene = Scene::new("48RXT".parse()?, "2020-08-01".parse()?, SIZE, 7);
    let root = site.path("scenes");
    let below = root.join(&site.stack.prefix);
    scene_layout::write_scene(&below, &scene, &[Band::B08], &Coding::default())?;
    let key = scene_layout::band_key(&scene, Band::B08);
    let file = PathBuf::from(&site.stack.prefix).join(key);
    objects::upload(&site.stack.s3, &site.stack.scene_bucket, &root, &[file]).await?;

    let task = submit(
        &site,
        &site.document(std::slice::from_ref(&cell))?,
        "false-color",
    )
    .await?;
    ensure!(task.starts_with("false-color-"), "{task}");
    site.work().await?;
    assert_eq!(site.completion(&task).await?.body["ok"], 1);

    let path = site
        .output("20200801/sentinel_l2a_48RXT_20200801_0_FALSE-COLOR.tif")
        .await?;
    let bands = ["B08", "B04", "B03"].map(|band| site.band(&cell, band));
    rasters::assert_made_of(&path, &bands.into_iter().collect::<Result<Vec<_>>>()?)?;
    rasters::assert_valid_cog(&path)?;
    let dataset = Dataset::open(&path)?;
    for (number, name, colour) in [
        (1, "B08", ColorInterpretation::RedBand),
        (2, "B04", ColorInterpretation::GreenBand),
        (3, "B03", ColorInterpretation::BlueBand),
    ] {
        let band = dataset.rasterband(number)?;
        assert_eq!(band.description()?, name);
        assert_eq!(band.color_interpretation(), colour, "{name}");
    }
    let status = site.status(&task).await?;
    let recipe = Recipe::builtin("false-color").context("not built in")?;
    assert_eq!(status["recipe"], "false-color");
    assert_eq!(status["recipe_digest"], recipe.digest().as_str());
    site.producer(&["verify", &task]).await?.expect_code(0)?;
    Ok(())
}

#[tokio::test]
async fn a_band_that_three_outputs_name_is_read_once() -> Result<()> {
    let site = Site::new("one-band").await?;
    let cell = site.add_scene("48RXT", "2020-08-01").await?;
    let document = site.document(std::slice::from_ref(&cell))?;
    let mut reads = vec![];
    for names in [&["a"][..], &["a", "b", "c"]] {
        let outputs = names
            .iter()
            .map(|name| format!("[[output]]\nname = \"{name}\"\nband = \"B04\"\n"));
        let text = format!(
            "name = \"red\"\ntitle = \"Red\"\n{}",
            outputs.collect::<String>()
        );
        let file = site.write("red.toml", &text)?;
        submit(&site, &document, &file).await?;
        let log = site.path(&format!("worker-{}.log", names.len()));
        let arguments = ["run", "--until-empty"];
        let mut worker =
            site.fleet
                .start_logging_to("worker", &arguments, &log, Termination::KILL)?;
        let status = worker.wait(BOUND).await?;
        ensure!(status.success(), "{}", worker.last_words());
        reads.push(probe::calls_of_worker(&log)?.get("s3:GetObject").copied());

        let digest = Recipe::from_toml(&file, &text)?.digest().short().to_owned();
        let key = format!("20200801/sentinel_l2a_48RXT_20200801_0_RED-{digest}.tif");
        let path = site.output(&key).await?;
        let band = site.band(&cell, "B04")?;
        rasters::assert_made_of(&path, &vec![band; names.len()])?;
        let dataset = Dataset::open(&path)?;
        for (number, name) in (1..).zip(names) {
            assert_eq!(dataset.rasterband(number)?.description()?, *name);
        }
    }
    ensure!(reads[0].is_some() && reads[0] == reads[1], "{reads:?}");
    Ok(())
}

#[tokio::test]
async fn two_recipes_of_one_name_are_two_tasks_and_two_rasters() -> Result<()> {
    let site = Site::new("one-name").await?;
    let cell = site.add_scene("48RXT", "2020-08-01").await?;
    let document = site.document(std::slice::from_ref(&cell))?;
    let mut tasks = vec![];
    for band in ["B02", "B03"] {
        let text = one_band("mine", band);
        let file = site.write(&format!("{band}.toml"), &text)?;
        tasks.push(submit(&site, &document, &file).await?);
        site.work().await?;
        let recipe = Recipe::from_toml(&file, &text)?;
        let key = format!(
            "20200801/sentinel_l2a_48RXT_20200801_0_MINE-{}.tif",
            recipe.digest().short()
        );
        rasters::assert_made_of(&site.output(&key).await?, &[site.band(&cell, band)?])?;
    }
    assert_ne!(tasks[0], tasks[1]);
    for task in &tasks {
        assert_eq!(site.status(task).await?["state"], "COMPLETE");
        site.producer(&["verify", task]).await?.expect_code(0)?;
    }
    // With an id of the user's own, the second is refused.
    let files = ["B02.toml", "B03.toml"].map(|name| site.path(name).display().to_string());
    let chosen = |recipe| {
        let arguments = [
            "submit",
            &document,
            "--task-id",
            "summer",
            "--recipe",
            recipe,
        ];
        arguments.map(str::to_owned)
    };
    for (recipe, code) in files.iter().zip([0, 4]) {
        let arguments = chosen(recipe.as_str());
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        site.producer(&arguments).await?.expect_code(code)?;
    }
    Ok(())
}

#[tokio::test]
async fn listed_cells_become_a_new_task_only_with_their_recipe() -> Result<()> {
    let site = Site::new("listed").await?;
    let scene = site.add_scene_of("48RXT", "2020-08-01", 64).await?;
    let recipe = site.write("mine.toml", one_band("mine", "B02"))?;
    let task = submit(&site, &site.document(&[scene])?, &recipe).await?;
    let listed = site.producer(&["cells", &task, "-o", "ndjson"]).await?;
    let file = site.write("listed.ndjson", &listed.expect_code(0)?.stdout)?;

    let refused = site.producer(&["submit", &file]).await?;
    refused.expect_code(2)?;
    let words = "pass --recipe with the file of recipe mine";
    ensure!(refused.stderr.contains(words), "{}", refused.story());
    assert_eq!(submit(&site, &file, &recipe).await?, task);
    Ok(())
}

#[tokio::test]
async fn a_recipe_that_cannot_be_read_is_refused_with_its_line() -> Result<()> {
    let site = Site::new("bad-recipe").await?;
    let document = site.document(&[site.cell("x/", "2020-08-01")])?;
    let text = one_band("mine", "B02") + "unit = \"1\"\n";
    let file = site.write("mine.toml", text)?;
    let refused = site
        .producer(&["submit", &document, "--recipe", &file])
        .await?;
    refused.expect_code(2)?;
    let words = format!("{file} line 6: unknown key \"unit\"; an output has name, file, band");
    ensure!(refused.stderr.contains(&words), "{}", refused.story());
    Ok(())
}

/// What is wrong with the recipe when the worker reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    /// A newer version wrote it.
    UnknownKey,
    /// Its item is gone.
    Missing,
    /// Its item has another recipe than the message names.
    Differs,
}

#[tokio::test]
async fn a_message_whose_recipe_a_worker_cannot_use_goes_back_and_its_cell_is_charged_nothing()
-> Result<()> {
    for flaw in [Flaw::UnknownKey, Flaw::Missing, Flaw::Differs] {
        handed_back(flaw)
            .await
            .with_context(|| format!("{flaw:?}"))?;
    }
    Ok(())
}

async fn handed_back(flaw: Flaw) -> Result<()> {
    let site = Site::new("old-worker").await?;
    let document = site.document(&[site.add_scene_of("48RXT", "2020-08-01", 64).await?])?;
    let task = site.submit(&document).await?;
    let id: TaskId = task.parse()?;
    let (item, original) = (Key::Recipe(id.clone()), taken(&site).await?.remove(0));

    // What a newer producer would have put and sent.
    let newer = r#"{"expression":"(N - R) / (N + R)","name":"rgb","title":"New"}"#;
    let mut message: Value = serde_json::from_str(&original)?;
    let words = match flaw {
        Flaw::UnknownKey => {
            let text = (":t", AttributeValue::S(newer.to_owned()));
            edit(&site, &item, "SET recipe_text = :t", &[text]).await?;
            message["recipe_digest"] = json!(RecipeDigest::of(newer));
            "unknown key \\\"expression\\\""
        }
        Flaw::Missing => {
            remove(&site, &item).await?;
            "the ledger has no recipe of task"
        }
        Flaw::Differs => {
            message["recipe_digest"] = json!(RecipeDigest::of(newer));
            "but the message names"
        }
    };
    // A producer signs what it sends.
    let record = site.ledger.task(&id).await?.context("no task")?;
    let message: CellMessage = serde_json::from_value(message)?;
    let message = serde_json::to_string(&message.signed(&record.message_key))?;
    send(&site, &site.stack.queue_url, &message).await?;

    let health = site.path("health.json");
    let health_file = health.display().to_string();
    let arguments = ["run", "--health-file", &health_file];
    let mut worker = site.fleet.start("worker", &arguments)?;
    let said = wait_for_line(&mut worker, &["the message goes back to the queue", words]).await?;
    ensure!(said.contains("300"), "five minutes: {said}");
    eventually("the count in the health file", BOUND, async || {
        let pulse: Value = serde_json::from_slice(&std::fs::read(&health)?)?;
        Ok((pulse["recipe_refusals"] == 1).then_some(()))
    })
    .await?;
    assert_eq!(left(&site, &site.stack.queue_url).await?, 1, "it is kept");
    assert!(
        site.ledger.cells(&id, 0).await?.is_empty(),
        "it is not begun"
    );

    // Old workers may have handed it back until it became a dead letter.
    let dead_letters = &site.stack.dead_letter_queue_url;
    send(&site, dead_letters, &message).await?;
    if flaw == Flaw::UnknownKey {
        wait_for_line(&mut worker, &["sent again"]).await?;
        eventually("an empty dead-letter queue", BOUND, async || {
            let letters = left(&site, dead_letters).await?;
            Ok((letters == 0).then_some(()))
        })
        .await?;
        assert_eq!(
            left(&site, &site.stack.queue_url).await?,
            2,
            "both are kept"
        );
        assert!(
            site.ledger.cells(&id, 0).await?.is_empty(),
            "it has not failed"
        );
        assert_eq!(site.status(&task).await?["remaining"], 1);
    } else {
        // No worker will ever be able to use it.
        assert_eq!(site.completion(&task).await?.body["failed"], 1);
    }
    Ok(())
}

async fn send(site: &Site, queue: &str, body: &str) -> Result<()> {
    let send = site.stack.sqs.send_message().queue_url(queue);
    send.message_body(body).send().await?;
    Ok(())
}
