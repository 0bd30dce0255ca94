//! Which cell an entry is, as far as its own fields and addresses say.

use std::collections::BTreeMap;

use tilefleet_common::domain::{Cell, CellId, CloudMask, Job, JobId, Recipe, S3Url, ScenePath};

use super::assets::{assets_of_job, assets_of_layout, check_level, is_image};
use super::claims::Claims;
use super::error::CellError;
use super::evidence::check_evidence;
use super::fields::Fields;

/// How a claim of the path in "files" is named.
const FILES_PATH: &str = "of the path in \"files\"";

/// What the command line says for all cells. It overrides their fields.
#[derive(Debug, Clone)]
pub(crate) struct SubmitOptions {
    pub(crate) job: Job,
    pub(crate) output: Option<S3Url>,
    pub(crate) request_payer: bool,
}

/// A cell, as far as its own fields and addresses say.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Resolved {
    /// They say all of it.
    Cell(Cell),
    /// The prefix must be listed first.
    Prefix(Box<Unlocated>),
}

/// A cell whose prefix does not have the layout of the scene buckets.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unlocated {
    pub(crate) prefix: S3Url,
    pub(crate) fields: Fields,
    pub(crate) output: S3Url,
    pub(crate) request_payer: bool,
}

/// Resolves the cell that `fields` describe, without a request to S3.
///
/// # Errors
/// When a field is missing, or two sources disagree.
pub(crate) fn resolve_identity(
    mut fields: Fields,
    options: &SubmitOptions,
) -> Result<Resolved, CellError> {
    if let Some(listed) = fields.job.take() {
        check_recipe(&listed, &options.job)?;
    }
    let output = match &options.output {
        Some(output) => {
            // The field is the region of the output that is overridden.
            fields.region = None;
            output.clone()
        }
        None => fields.output.take().ok_or(CellError::NoOutput)?,
    };
    let job = &options.job;
    let reads_nothing = *job == Job::Probe;
    let request_payer =
        !reads_nothing && (options.request_payer || fields.request_payer.unwrap_or_default());
    if !reads_nothing {
        let assets = fields.assets.iter().flat_map(BTreeMap::values);
        check_level(fields.files.iter().chain(assets))?;
    }
    let (id, assets) = match (fields.files.take(), fields.assets.take()) {
        // Neither prefix nor assets are read, but their addresses can identify the cell.
        (files, assets) if reads_nothing => {
            let id = id_of_unread(&fields, files.as_ref(), assets.as_ref(), job, &output)?;
            (id, BTreeMap::new())
        }
        (Some(files), _) => {
            if is_image(files.object_name()) {
                return Err(CellError::FilesIsObject { object: files });
            }
            // In the layout of a scene bucket, the path says which cell it is, and the names of
            // the bands are known. Another prefix must be listed.
            let Some(path) = ScenePath::from_key(files.key()) else {
                return Ok(Resolved::Prefix(Box::new(Unlocated {
                    prefix: files,
                    fields,
                    output,
                    request_payer,
                })));
            };
            let claims = Claims::of(&fields).and((&path).into(), FILES_PATH);
            let id = claims.reconcile(&files)?;
            (id, assets_of_layout(&files, &path, job)?)
        }
        (None, Some(assets)) => {
            let assets = assets_of_job(&assets, fields.tile(), job)?;
            (id_of_assets(&fields, &assets)?, assets)
        }
        (None, None) => return Err(CellError::NoFiles),
    };
    let cell = Cell {
        id,
        assets,
        output,
        region: fields.region,
        request_payer,
    };
    check_evidence(&cell)?;
    Ok(Resolved::Cell(cell))
}

/// Refuses a cell that was listed from a task with another recipe than the one it is submitted with.
fn check_recipe(listed: &JobId, given: &Job) -> Result<(), CellError> {
    let given = given.id();
    if *listed == given {
        return Ok(());
    }
    let show = |id: &JobId| match id.digest() {
        Some(digest) => format!("{} (digest {}…)", id.name(), digest.short()),
        None => id.name().to_owned(),
    };
    let own = || format!("with the file of recipe {}", listed.name());
    Err(CellError::OtherRecipe {
        listed: show(listed),
        given: show(&given),
        argument: argument_of(listed).unwrap_or_else(own),
    })
}

/// The arguments behind `--recipe` that give a recipe, if it is a built-in one, with a mask of
/// clouds or without.
fn argument_of(listed: &JobId) -> Option<String> {
    /// The widest mask that is tried; few are wider.
    const WIDEST: u32 = 20;
    let (name, built_in) = (listed.name(), Recipe::builtin(listed.name())?);
    if Some(built_in.digest()) == listed.digest() {
        return Some(name.to_owned());
    }
    (0..=WIDEST).find_map(|dilate| {
        let masked = built_in.with_cloud_mask(CloudMask { dilate }).ok()?;
        let is_it = Some(masked.digest()) == listed.digest();
        is_it.then(|| match dilate {
            0 => format!("{name} --mask clouds"),
            _ => format!("{name} --mask clouds:{dilate}"),
        })
    })
}

/// The identity of a cell of which nothing is read: only its fields and addresses count.
fn id_of_unread(
    fields: &Fields,
    files: Option<&S3Url>,
    assets: Option<&BTreeMap<String, S3Url>>,
    job: &Job,
    output: &S3Url,
) -> Result<CellId, CellError> {
    let mut claims = Claims::of(fields);
    if let Some(files) = files {
        claims = claims.and_path(files, FILES_PATH);
    }
    if let Some(assets) = assets {
        claims = claims.and_assets(assets);
    }
    match claims.reconcile(output) {
        Err(CellError::NoTile { .. } | CellError::NoDate { .. }) => Err(CellError::NoName {
            recipe: job.name().to_owned(),
        }),
        reconciled => reconciled,
    }
}

fn id_of_assets(fields: &Fields, assets: &BTreeMap<String, S3Url>) -> Result<CellId, CellError> {
    let Some(address) = assets.values().next() else {
        return Err(CellError::NoFiles);
    };
    Claims::of(fields).and_assets(assets).reconcile(address)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tilefleet_common::domain::Sensor;

    use super::*;

    const FILES: &str = "s3://sentinel-s2-l2a/tiles/48/R/XT/2020/8/1/0/R10m/";

    fn options() -> SubmitOptions {
        SubmitOptions {
            job: "rgb".parse().unwrap(),
            output: None,
            request_payer: false,
        }
    }

    fn resolved(value: Value) -> Result<Resolved, String> {
        resolve_identity(Fields::of(value).unwrap(), &options()).map_err(|error| error.to_string())
    }

    fn cell(value: Value) -> Cell {
        match resolved(value) {
            Ok(Resolved::Cell(cell)) => cell,
            other => panic!("{other:?}"),
        }
    }

    fn error(value: Value) -> String {
        resolved(value).unwrap_err()
    }

    fn assets(name: impl Fn(&str) -> String) -> Value {
        json!({"B02": name("B02"), "B03": name("B03"), "B04": name("B04"), "B08": name("B08")})
    }

    #[test]
    fn the_layout_of_the_scene_buckets_says_all() {
        let cell = cell(json!({"files": FILES, "output_bucket": "my-bucket"}));
        assert_eq!(cell.id.to_string(), "48RXT/2020-08-01/0");
        assert_eq!(cell.assets.len(), 3);
        assert_eq!(cell.assets["B04"].to_string(), format!("{FILES}B04.jp2"));
    }

    #[test]
    fn a_line_of_a_manifest_is_a_cell() {
        let cell = cell(
            json!({"files": FILES, "output": "s3://my-bucket/x", "request_payer": true, "region_name": "eu-west-1"}),
        );
        assert_eq!(self::cell(serde_json::to_value(&cell).unwrap()), cell);
    }

    #[test]
    fn a_listed_cell_is_taken_only_with_the_recipe_of_its_task() {
        let listed = |recipe: &str, digest: &str| {
            let ledger = json!({"task": "x", "recipe": recipe, "recipe_digest": digest});
            resolved(json!({"files": FILES, "output_bucket": "my-bucket", "ledger": ledger}))
        };
        let built_in = |name| Recipe::builtin(name).unwrap().digest().as_str();
        assert!(listed("rgb", built_in("rgb")).is_ok());
        let other = "a".repeat(64);
        let masked = Recipe::builtin("rgb")
            .unwrap()
            .with_cloud_mask(CloudMask { dilate: 2 });
        let masked = masked.unwrap().digest().to_string();
        for (recipe, digest, argument) in [
            ("rgb", masked.as_str(), "rgb --mask clouds:2"),
            ("false-color", built_in("false-color"), "false-color"),
            ("mine", &other, "with the file of recipe mine"),
            ("rgb", &other, "with the file of recipe rgb"),
        ] {
            let (short, given) = (&digest[..8], &built_in("rgb")[..8]);
            assert_eq!(
                listed(recipe, digest).unwrap_err(),
                format!(
                    "the cell was listed from a task with recipe {recipe} (digest {short}…), but recipe rgb \
                     (digest {given}…) is to be used; pass --recipe {argument}, or change the recipe of the \
                     cells with jq -c 'del(.ledger)'"
                )
            );
        }
    }

    #[test]
    fn only_the_bands_of_the_recipe_are_kept_and_all_must_be_there() {
        let all = assets(|band| format!("{FILES}{band}.jp2"));
        assert_eq!(
            cell(json!({"assets": all, "output_bucket": "my-bucket"}))
                .assets
                .len(),
            3
        );
        let two = json!({"B02": "s3://bucket/B02.jp2", "B04": "s3://bucket/B04.jp2"});
        assert_eq!(
            error(
                json!({"cell": "48RXT/2020-08-01/0", "assets": two, "output_bucket": "my-bucket"})
            ),
            "no asset B03, which recipe rgb reads; it reads B04, B03, B02; the cell has B02, B04"
        );
    }

    #[test]
    fn a_cell_of_a_probe_needs_a_name_and_nothing_to_read() {
        let probe = SubmitOptions {
            job: Job::Probe,
            ..options()
        };
        let resolved = |value| match resolve_identity(Fields::of(value).unwrap(), &probe) {
            Ok(Resolved::Cell(cell)) => {
                Ok((cell.id.to_string(), cell.assets.len(), cell.request_payer))
            }
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.to_string()),
        };
        let output = "s3://my-bucket/x";
        let all = assets(|band| format!("{FILES}{band}.jp2"));
        for value in [
            json!({"cell": "48RXT/2020-08-01/0", "output": output}),
            json!({"files": FILES, "date": "20200801", "output": output}),
            json!({"files": "s3://bucket/x/", "tile": "48RXT", "date": "20200801", "output": output}),
            json!({"assets": all, "output": output}),
        ] {
            assert_eq!(
                resolved(value),
                Ok(("48RXT/2020-08-01/0".to_owned(), 0, false))
            );
        }
        assert_eq!(
            resolved(json!({"files": "s3://bucket/x/", "output": output})),
            Err("the tile or the date of the cell is unknown, and recipe probe reads nothing to find it; add \"cell\":\"48RXT/2020-08-01/0\"".to_owned())
        );
        assert_eq!(
            resolved(json!({"files": FILES, "date": "20200802", "output": output})),
            Err("date 2020-08-02 of field \"date\" does not agree with 2020-08-01 of the path in \"files\"; correct one of them".to_owned())
        );
    }

    #[test]
    fn names_of_objects_name_tile_and_date() {
        let assets = assets(|band| format!("s3://bucket/x/T29UNU_20221005T115411_{band}_60m.jp2"));
        let output = "s3://my-bucket/x";
        assert_eq!(
            cell(json!({"assets": assets, "output": output}))
                .id
                .to_string(),
            "29UNU/2022-10-05/0"
        );
        assert_eq!(
            cell(json!({"assets": assets, "output": output, "tile": "29UNV", "number": 2}))
                .id
                .to_string(),
            "29UNV/2022-10-05/2"
        );
        assert_eq!(
            error(json!({"assets": assets, "output": output, "date": "2022-10-06"})),
            "date 2022-10-06 of field \"date\" does not agree with 2022-10-05 of an object's name; correct it, or give the whole \"cell\" if the name is wrong"
        );
        assert_eq!(
            cell(json!({"assets": assets, "output": output, "cell": "29UNU/2022-10-06/0"}))
                .id
                .to_string(),
            "29UNU/2022-10-06/0"
        );
    }

    #[test]
    fn a_product_of_landsat_is_a_cell_by_its_folder_or_its_names() {
        let name = "LC08_L2SP_033032_20231008_20231017_02_T1";
        let folder = |name: &str| {
            format!("s3://usgs-landsat/collection02/level-2/standard/oli-tirs/2023/033/032/{name}/")
        };
        let bands = |address: &dyn Fn(&str) -> String| json!({"red": address("SR_B4"), "green": address("SR_B3"), "blue": address("SR_B2")});
        let listed = bands(&|band| format!("{}{name}_{band}.TIF", folder(name)));
        let cell = cell(json!({"assets": listed, "output": "s3://my-bucket/x"}));
        assert_eq!(cell.id.to_string(), "033032/2023-10-08/0");
        assert_eq!(cell.sensor(), Some(Sensor::LandsatOli));
        let files = json!({"files": folder(name), "output": "s3://my-bucket/x"});
        assert_eq!(self::cell(files), cell);
        let copied = bands(&|band| format!("s3://bucket/x/{name}_{band}.TIF"));
        let given = json!({"assets": copied, "output": "s3://my-bucket/x", "number": 1});
        assert_eq!(self::cell(given).id.to_string(), "033032/2023-10-08/1");
        let given = json!({"assets": listed, "output": "s3://my-bucket/x", "tile": "033033"});
        assert_eq!(
            error(given),
            "tile 033033 of field \"tile\" does not agree with 033032 of an asset's path; correct one of them"
        );
        let unnamed = bands(&|band| format!("s3://bucket/x/{band}.TIF"));
        let given =
            json!({"assets": unnamed, "output": "s3://my-bucket/x", "cell": "033032/2023-10-08/0"});
        assert!(error(given).starts_with("the Landsat sensor is unknown: "));
        let level_1 = name.replace("L2SP", "L1TP");
        let files = json!({"files": folder(&level_1), "output": "s3://my-bucket/x"});
        let assets = json!({"B4": format!("s3://bucket/{level_1}_B4.TIF")});
        let assets = json!({"assets": assets, "output": "s3://my-bucket/x"});
        assert_eq!(error(assets), error(files.clone()));
        assert_eq!(
            error(files),
            "LC08_L1TP_033032_20231008_20231017_02_T1 is a Landsat product of level 1, which has no surface reflectance; name the product of level 2 (L2SP)"
        );
    }

    #[test]
    fn a_folder_of_earth_search_says_all() {
        let folder =
            "s3://sentinel-cogs/sentinel-s2-l2a-cogs/48/R/XT/2020/8/S2A_48RXT_20200801_1_L2A/";
        let cell = cell(json!({"files": folder, "output": "s3://my-bucket/x"}));
        assert_eq!(cell.id.to_string(), "48RXT/2020-08-01/1");
        assert_eq!(cell.assets["B04"].to_string(), format!("{folder}B04.tif"));
    }

    #[test]
    fn what_does_not_agree_is_refused() {
        let cases = [
            (
                json!({"files": FILES, "date": "20200802", "output_bucket": "my-bucket"}),
                "date 2020-08-02 of field \"date\" does not agree with 2020-08-01 of the path in \"files\"; correct one of them",
            ),
            (
                json!({"files": FILES, "cell": "48RXU/2020-08-01/0", "output_bucket": "my-bucket"}),
                "tile 48RXU of field \"cell\" does not agree with 48RXT of the path in \"files\"; correct one of them",
            ),
            (
                json!({"files": FILES, "number": 1, "output_bucket": "my-bucket"}),
                "number 1 of field \"number\" does not agree with 0 of the path in \"files\"; correct one of them",
            ),
            (
                json!({"output_bucket": "my-bucket", "assets": assets(|band| format!("s3://bucket/T29UN{}_20221005_{band}.jp2", if band == "B03" { 'V' } else { 'U' }))}),
                "tile 29UNU of an object's name does not agree with 29UNV of an object's name; correct it, or give the whole \"cell\" if the name is wrong",
            ),
        ];
        for (value, words) in cases {
            assert_eq!(error(value), words);
        }
    }

    #[test]
    fn what_is_missing_is_named_with_the_next_step() {
        let plain = assets(|band| format!("s3://bucket/x/{band}.jp2"));
        let cases = [
            (
                json!({"files": FILES}),
                "no output; add \"output_bucket\" or \"output\":\"s3://bucket/prefix\" to the cell, or pass --output",
            ),
            (
                json!({"date": "20200801", "output_bucket": "my-bucket"}),
                "nothing to read; add \"files\":\"s3://bucket/prefix/\", or \"assets\" with the object of each band",
            ),
            (
                json!({"assets": plain, "output_bucket": "my-bucket"}),
                "the tile of s3://bucket/x/B02.jp2 is unknown: it has no layout tiles/48/R/XT/2020/8/1/0/, no tile in an object's name, no tileInfo.json; add \"tile\":\"48RXT\"",
            ),
            (
                json!({"assets": plain, "tile": "48RXT", "output_bucket": "my-bucket"}),
                "the date of s3://bucket/x/B02.jp2 is unknown; add \"date\":\"20200801\"",
            ),
            (
                json!({"files": format!("{FILES}B04.jp2"), "output_bucket": "my-bucket"}),
                "\"files\" names the object s3://sentinel-s2-l2a/tiles/48/R/XT/2020/8/1/0/R10m/B04.jp2; give the prefix that it is in, or name the objects in \"assets\"",
            ),
            (
                json!({"assets": assets(|_| "s3://bucket/x/".to_owned()), "output_bucket": "my-bucket"}),
                "asset B04 names the prefix s3://bucket/x/, not an object; give the object's whole address",
            ),
        ];
        for (value, words) in cases {
            assert_eq!(error(value), words);
        }
    }

    #[test]
    fn the_command_line_overrides_outputs_and_their_regions() {
        let options = SubmitOptions {
            output: Some("s3://other/run".parse().unwrap()),
            request_payer: true,
            ..options()
        };
        let fields = Fields::of(
            json!({"files": FILES, "output_bucket": "my-bucket", "region_name": "eu-west-1"}),
        )
        .unwrap();
        let Ok(Resolved::Cell(cell)) = resolve_identity(fields, &options) else {
            panic!()
        };
        assert_eq!(
            (
                cell.output.to_string().as_str(),
                cell.region,
                cell.request_payer
            ),
            ("s3://other/run", None, true)
        );
    }
}
