//! What fields, paths and names say of a cell's identity, and whether they agree.

use std::collections::BTreeMap;
use std::fmt::Display;

use tilefleet_common::domain::{
    CellId, S3Url, SceneDate, ScenePath, Tile, tile_and_date_in_object_name,
};

use super::error::CellError;
use super::fields::Fields;

const NUMBER: &str = "of field \"number\"";
const OBJECT_NAME: &str = "of an object's name";

/// What one source says of a cell's identity. Sources are fields, paths, object names and
/// `tileInfo.json`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Claim {
    pub(super) tile: Option<Tile>,
    pub(super) date: Option<SceneDate>,
    pub(super) number: Option<u32>,
}

impl From<&ScenePath> for Claim {
    fn from(path: &ScenePath) -> Self {
        Self {
            tile: Some(path.tile),
            date: Some(path.date),
            number: path.number,
        }
    }
}

/// What all sources say, each with a phrase that names the source. Earlier sources are believed
/// more.
#[derive(Debug, Default)]
pub(super) struct Claims {
    tiles: Vec<(Tile, &'static str)>,
    dates: Vec<(SceneDate, &'static str)>,
    numbers: Vec<(u32, &'static str)>,
}

impl Claims {
    /// What the fields say.
    pub(super) fn of(fields: &Fields) -> Self {
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
    pub(super) fn and(mut self, claim: Claim, from: &'static str) -> Self {
        self.tiles.extend(claim.tile.map(|tile| (tile, from)));
        self.dates.extend(claim.date.map(|date| (date, from)));
        self.numbers
            .extend(claim.number.map(|number| (number, from)));
        self
    }

    /// Adds what an address says, if it is in the layout of a scene bucket.
    pub(super) fn and_path(self, address: &S3Url, from: &'static str) -> Self {
        match ScenePath::from_key(address.key()) {
            Some(path) => self.and((&path).into(), from),
            None => self,
        }
    }

    /// Adds what the addresses of assets say, paths before names.
    pub(super) fn and_assets(self, assets: &BTreeMap<String, S3Url>) -> Self {
        let claims = assets.values().fold(self, |claims, asset| {
            claims.and_path(asset, "of an asset's path")
        });
        assets
            .values()
            .fold(claims, |claims, asset| claims.and_name(asset.object_name()))
    }

    /// Adds what an object's name seems to say.
    ///
    /// Anyone can choose a name. So the tile in it counts only if no other source names one. The
    /// date in it can be that of the processing, so the whole `cell` overrides it.
    pub(super) fn and_name(self, name: &str) -> Self {
        let Some((tile, date)) = tile_and_date_in_object_name(name) else {
            return self;
        };
        let tile_is_known = self.tiles.iter().any(|&(_, from)| from != OBJECT_NAME);
        let cell_is_named = self.numbers.iter().any(|&(_, from)| from != NUMBER);
        let claim = Claim {
            tile: (!tile_is_known).then_some(tile),
            date: date.filter(|_| !cell_is_named),
            number: None,
        };
        self.and(claim, OBJECT_NAME)
    }

    /// Whether any source names the tile.
    pub(super) fn has_tile(&self) -> bool {
        !self.tiles.is_empty()
    }

    /// The identity on which all sources agree. Without a source for it, the number is 0.
    ///
    /// # Errors
    /// When two sources disagree, or none names the tile or the date; `address` is in the message.
    pub(super) fn reconcile(&self, address: &S3Url) -> Result<CellId, CellError> {
        Ok(CellId {
            tile: agreed("tile", &self.tiles)?.ok_or_else(|| CellError::NoTile {
                address: address.clone(),
            })?,
            date: agreed("date", &self.dates)?.ok_or_else(|| CellError::NoDate {
                address: address.clone(),
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
