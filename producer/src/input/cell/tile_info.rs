//! The `tileInfo.json` beside the bands of a scene.

use serde::Deserialize;
use tilefleet_common::domain::{MgrsTile, SceneDate};

use super::claims::Claim;

/// The part of `tileInfo.json` that identifies the cell (see "Sentinel-2" in the Registry of Open
/// Data on AWS).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TileInfo {
    utm_zone: u8,
    latitude_band: String,
    grid_square: String,
    timestamp: Option<String>,
}

/// What a `tileInfo.json` says of the cell.
///
/// # Errors
/// Says what is wrong with the file.
pub(super) fn claim_of_tile_info(json: &[u8]) -> Result<Claim, String> {
    let info: TileInfo = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    let tile = MgrsTile::from_parts(
        &info.utm_zone.to_string(),
        &info.latitude_band,
        &info.grid_square,
    );
    let tile = tile.map_err(|error| error.to_string())?;
    let date = info
        .timestamp
        .and_then(|moment| moment.get(..10)?.parse::<SceneDate>().ok());
    Ok(Claim {
        tile: Some(tile.into()),
        date,
        number: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tile_info_names_tile_and_date() {
        let claim = claim_of_tile_info(
            br#"{"path":"tiles/48/R/XT/2020/8/1/0","timestamp":"2020-08-01T03:45:41.024Z","utmZone":48,"latitudeBand":"R","gridSquare":"XT"}"#,
        )
        .unwrap();
        assert_eq!(claim.tile.unwrap().to_string(), "48RXT");
        assert_eq!(claim.date.unwrap().to_string(), "2020-08-01");
        let wrong = claim_of_tile_info(br#"{"utmZone":48,"latitudeBand":"I","gridSquare":"XT"}"#);
        assert_eq!(
            wrong.unwrap_err(),
            "\"48IXT\" is not a tile: expected zone, band and square as in 48RXT, or path and row of Landsat as in 033032"
        );
    }
}
