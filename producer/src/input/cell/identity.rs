//! Which cell it is: what the fields say and what the addresses say must agree.

use std::collections::BTreeMap;
use std::fmt::Display;

use tilefleet_common::domain::{
    Cell, CellId, Job, S3Url, SceneDate, ScenePath, Tile, tile_and_date_in_object_name,
};

use super::fields::{CellError, Fields};

/// What the command line says for all cells.
#[derive(Debug, Clone)]
pub(crate) struct Choices {
    pub(crate) job: Job,
    pub(crate) output: Option<S3Url>,
    pub(crate) request_payer: bool,
}

/// A cell as far as it can be told from its own words.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// All of it.
    Cell(Cell),
    /// The prefix has to be looked into.
    Prefix(Box<Unlocated>),
}

/// A cell whose prefix is not in the layout of the scene buckets.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unlocated {
    pub(crate) prefix: S3Url,
    pub(crate) fields: Fields,
    pub(crate) output: S3Url,
    pub(crate) request_payer: bool,
}

/// Makes sense of `fields`; `document` says that they are of a document, whose inputs are requester
/// pays as in the walk-through that it comes from.
pub(crate) fn tell(
    mut fields: Fields,
    document: bool,
    choices: &Choices,
) -> Result<Told, CellError> {
    let output = match &choices.output {
        Some(output) => {
            // It was the region of the output that is overridden.
            fields.region = None;
            output.clone()
        }
        None => fields.output.take().ok_or(CellError::NoOutput)?,
    };
    let default = document && fields.files.is_some();
    let request_payer = choices.request_payer || fields.request_payer.unwrap_or(default);
    if choices.job == Job::Probe {
        let id = id_of_unread(&fields, &choices.job, &output)?;
        let assets = BTreeMap::new();
        return Ok(Told::Cell(Cell {
            id,
            assets,
            output,
            region: fields.region,
            request_payer: false,
        }));
    }
    match (fields.files.take(), fields.assets.take()) {
        (Some(files), _) => {
            if is_jp2(files.object_name()) {
                return Err(CellError::FilesIsObject { object: files });
            }
            let Some(path) = ScenePath::from_key(files.key()) else {
                return Ok(Told::Prefix(Box::new(Unlocated {
                    prefix: files,
                    fields,
                    output,
                    request_payer,
                })));
            };
            let id = Claims::of(&fields)
                .and(path.into(), "of the path in \"files\"")
                .settle(&files)?;
            let bands = choices.job.inputs().into_iter();
            let assets = bands
                .map(|band| (band.to_owned(), files.join(&format!("{band}.jp2"))))
                .collect();
            Ok(Told::Cell(Cell {
                id,
                assets,
                output,
                region: fields.region,
                request_payer,
            }))
        }
        (None, Some(assets)) => {
            let assets = assets_of_job(assets, &choices.job)?;
            let id = id_of_assets(&fields, &assets)?;
            Ok(Told::Cell(Cell {
                id,
                assets,
                output,
                region: fields.region,
                request_payer,
            }))
        }
        (None, None) => Err(CellError::NoFiles),
    }
}

/// The name of a cell of which nothing is read: no prefix is looked into for it, only the
/// addresses' own words count.
fn id_of_unread(fields: &Fields, job: &Job, output: &S3Url) -> Result<CellId, CellError> {
    let mut claims = Claims::of(fields);
    if let Some(files) = &fields.files {
        claims = claims.and_path(files, "of the path in \"files\"");
    }
    if let Some(assets) = &fields.assets {
        claims = claims.and_assets(assets);
    }
    match claims.settle(output) {
        Err(CellError::NoTile { .. } | CellError::NoDate { .. }) => Err(CellError::NoName {
            recipe: job.name().to_owned(),
        }),
        settled => settled,
    }
}

fn is_jp2(name: &str) -> bool {
    name.rsplit_once('.')
        .is_some_and(|(_, extension)| extension.eq_ignore_ascii_case("jp2"))
}

/// Only what the recipe reads, so that a task's content does not depend on what else was listed.
fn assets_of_job(
    mut given: BTreeMap<String, S3Url>,
    job: &Job,
) -> Result<BTreeMap<String, S3Url>, CellError> {
    let inputs = job.inputs();
    let asset = |&band: &&str| {
        let url = given.remove(band).ok_or_else(|| CellError::MissingAsset {
            band: band.to_owned(),
            recipe: job.name().to_owned(),
            bands: inputs.join(", "),
        })?;
        if url.object_name().is_empty() {
            return Err(CellError::AssetIsPrefix {
                band: band.to_owned(),
                url,
            });
        }
        Ok((band.to_owned(), url))
    };
    inputs.iter().map(asset).collect()
}

fn id_of_assets(fields: &Fields, assets: &BTreeMap<String, S3Url>) -> Result<CellId, CellError> {
    let Some(place) = assets.values().next() else {
        return Err(CellError::NoFiles);
    };
    Claims::of(fields).and_assets(assets).settle(place)
}

const NUMBER: &str = "of field \"number\"";
const OBJECT_NAME: &str = "of an object's name";

/// What one source says of a cell's name.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Claim {
    pub(crate) tile: Option<Tile>,
    pub(crate) date: Option<SceneDate>,
    pub(crate) number: Option<u32>,
}

impl From<ScenePath> for Claim {
    fn from(path: ScenePath) -> Self {
        Self {
            tile: Some(path.tile),
            date: Some(path.date),
            number: Some(path.number),
        }
    }
}

/// What all sources say of a cell's name, in the order in which they are believed.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    tiles: Vec<(Tile, &'static str)>,
    dates: Vec<(SceneDate, &'static str)>,
    numbers: Vec<(u32, &'static str)>,
}

impl Claims {
    /// What the fields say.
    pub(crate) fn of(fields: &Fields) -> Self {
        let cell = fields.cell.map(|CellId { tile, date, number }| Claim {
            tile: Some(tile),
            date: Some(date),
            number: Some(number),
        });
        Self::default()
            .and(cell.unwrap_or_default(), "of field \"cell\"")
            .and(
                Claim {
                    tile: fields.tile,
                    ..Claim::default()
                },
                "of field \"tile\"",
            )
            .and(
                Claim {
                    date: fields.date,
                    ..Claim::default()
                },
                "of field \"date\"",
            )
            .and(
                Claim {
                    number: fields.number,
                    ..Claim::default()
                },
                NUMBER,
            )
    }

    /// Adds what another source says.
    pub(crate) fn and(mut self, claim: Claim, from: &'static str) -> Self {
        self.tiles.extend(claim.tile.map(|tile| (tile, from)));
        self.dates.extend(claim.date.map(|date| (date, from)));
        self.numbers
            .extend(claim.number.map(|number| (number, from)));
        self
    }

    /// Adds what an address in the layout of the scene buckets says.
    fn and_path(self, address: &S3Url, from: &'static str) -> Self {
        match ScenePath::from_key(address.key()) {
            Some(path) => self.and(path.into(), from),
            None => self,
        }
    }

    /// Adds what the addresses of assets say, paths before names.
    fn and_assets(self, assets: &BTreeMap<String, S3Url>) -> Self {
        let claims = assets.values().fold(self, |claims, asset| {
            claims.and_path(asset, "of an asset's path")
        });
        assets
            .values()
            .fold(claims, |claims, asset| claims.and_name(asset.object_name()))
    }

    /// Adds what an object's name seems to say.
    ///
    /// Names are anybody's: of the tile they are believed only where nothing better speaks, and a
    /// date of theirs may be that of the processing, so who gives the whole `cell` overrules it.
    pub(crate) fn and_name(self, name: &str) -> Self {
        let Some((tile, date)) = tile_and_date_in_object_name(name) else {
            return self;
        };
        let spoken = self.tiles.iter().any(|&(_, from)| from != OBJECT_NAME);
        let certain = self.numbers.iter().any(|&(_, from)| from != NUMBER);
        let claim = Claim {
            tile: (!spoken).then_some(tile),
            date: date.filter(|_| !certain),
            number: None,
        };
        self.and(claim, OBJECT_NAME)
    }

    /// Whether anything tells the tile.
    pub(crate) fn tell_tile(&self) -> bool {
        !self.tiles.is_empty()
    }

    /// The name on which all sources agree. A number that nobody tells is 0.
    pub(crate) fn settle(&self, place: &S3Url) -> Result<CellId, CellError> {
        Ok(CellId {
            tile: agreed("tile", &self.tiles)?.ok_or_else(|| CellError::NoTile {
                place: place.clone(),
            })?,
            date: agreed("date", &self.dates)?.ok_or_else(|| CellError::NoDate {
                place: place.clone(),
            })?,
            number: agreed("number", &self.numbers)?.unwrap_or(0),
        })
    }
}

fn agreed<T: Copy + PartialEq + Display>(
    what: &'static str,
    claims: &[(T, &'static str)],
) -> Result<Option<T>, CellError> {
    let Some(&(first, from_first)) = claims.first() else {
        return Ok(None);
    };
    match claims.iter().find(|&&(value, _)| value != first) {
        None => Ok(Some(first)),
        Some(&(second, from_second)) => Err(CellError::Disagreement {
            what,
            first: first.to_string(),
            from_first,
            second: second.to_string(),
            from_second,
            remedy: if from_second == OBJECT_NAME {
                "correct it, or give the whole \"cell\" if the name is wrong"
            } else {
                "correct one of them"
            },
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const FILES: &str = "s3://sentinel-s2-l2a/tiles/48/R/XT/2020/8/1/0/R10m/";

    fn choices() -> Choices {
        Choices {
            job: "rgb".parse().unwrap(),
            output: None,
            request_payer: false,
        }
    }

    fn told(value: Value, document: bool) -> Result<Told, String> {
        tell(Fields::of(value).unwrap(), document, &choices()).map_err(|error| error.to_string())
    }

    fn cell(value: Value) -> Cell {
        match told(value, false) {
            Ok(Told::Cell(cell)) => cell,
            other => panic!("{other:?}"),
        }
    }

    fn error(value: Value) -> String {
        told(value, false).unwrap_err()
    }

    fn assets(name: impl Fn(&str) -> String) -> Value {
        json!({"B02": name("B02"), "B03": name("B03"), "B04": name("B04"), "B08": name("B08")})
    }

    #[test]
    fn the_layout_of_the_scene_buckets_tells_all() {
        let cell = cell(json!({"files": FILES, "output_bucket": "my-bucket"}));
        assert_eq!(cell.id.to_string(), "48RXT/2020-08-01/0");
        assert_eq!(cell.assets.len(), 3);
        assert_eq!(cell.assets["B04"].to_string(), format!("{FILES}B04.jp2"));
    }

    #[test]
    fn files_of_a_document_are_requester_pays_unless_it_says_otherwise() {
        let payer = |value, document| match told(value, document) {
            Ok(Told::Cell(cell)) => cell.request_payer,
            other => panic!("{other:?}"),
        };
        let files = json!({"files": FILES, "output_bucket": "my-bucket"});
        assert!(payer(files.clone(), true));
        assert!(!payer(files, false));
        assert!(!payer(
            json!({"files": FILES, "output_bucket": "my-bucket", "request_payer": false}),
            true
        ));
        let assets = assets(|band| format!("{FILES}{band}.jp2"));
        assert!(!payer(
            json!({"assets": assets, "output_bucket": "my-bucket"}),
            true
        ));
    }

    #[test]
    fn a_line_of_a_manifest_is_a_cell() {
        let cell = cell(
            json!({"files": FILES, "output": "s3://my-bucket/x", "request_payer": true, "region_name": "eu-west-1"}),
        );
        assert_eq!(self::cell(serde_json::to_value(&cell).unwrap()), cell);
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
            "no asset B03, which recipe rgb reads; it reads B04, B03, B02"
        );
    }

    #[test]
    fn a_cell_of_a_probe_needs_a_name_and_nothing_to_read() {
        let probe = Choices {
            job: Job::Probe,
            ..choices()
        };
        let told = |value| match tell(Fields::of(value).unwrap(), true, &probe) {
            Ok(Told::Cell(cell)) => {
                Ok((cell.id.to_string(), cell.assets.len(), cell.request_payer))
            }
            Ok(told) => panic!("{told:?}"),
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
            assert_eq!(told(value), Ok(("48RXT/2020-08-01/0".to_owned(), 0, false)));
        }
        assert_eq!(
            told(json!({"files": "s3://bucket/x/", "output": output})),
            Err("nothing tells which cell it is, and recipe probe looks nowhere for it; add \"cell\":\"48RXT/2020-08-01/0\"".to_owned())
        );
        assert_eq!(
            told(json!({"files": FILES, "date": "20200802", "output": output})),
            Err("date 2020-08-02 of field \"date\" does not agree with 2020-08-01 of the path in \"files\"; correct one of them".to_owned())
        );
    }

    #[test]
    fn names_of_objects_tell_tile_and_date() {
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
                "nothing at s3://bucket/x/B02.jp2 tells the tile: no layout tiles/48/R/XT/2020/8/1/0/, no object's name, no tileInfo.json; add \"tile\":\"48RXT\"",
            ),
            (
                json!({"assets": plain, "tile": "48RXT", "output_bucket": "my-bucket"}),
                "nothing at s3://bucket/x/B02.jp2 tells the date; add \"date\":\"20200801\"",
            ),
            (
                json!({"files": format!("{FILES}B04.jp2"), "output_bucket": "my-bucket"}),
                "\"files\" names the object s3://sentinel-s2-l2a/tiles/48/R/XT/2020/8/1/0/R10m/B04.jp2; give the prefix that it is in, or name the objects in \"assets\"",
            ),
            (
                json!({"assets": assets(|_| "s3://bucket/x/".to_owned()), "output_bucket": "my-bucket"}),
                "asset B04 names no object but the prefix s3://bucket/x/; give the object's whole address",
            ),
        ];
        for (value, words) in cases {
            assert_eq!(error(value), words);
        }
    }

    #[test]
    fn the_command_line_overrides_outputs_and_their_regions() {
        let choices = Choices {
            output: Some("s3://other/run".parse().unwrap()),
            request_payer: true,
            ..choices()
        };
        let fields = Fields::of(
            json!({"files": FILES, "output_bucket": "my-bucket", "region_name": "eu-west-1"}),
        )
        .unwrap();
        let Ok(Told::Cell(cell)) = tell(fields, false, &choices) else {
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
