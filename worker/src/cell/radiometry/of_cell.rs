//! The radiometry of a cell, and what its absence means for the cell.

use tilefleet_common::aws::ObjectStore;
use tilefleet_common::domain::{Cell, Radiometry, RadiometryError, S3Url};

use super::error::LookUpError;
use super::library::Documents;
use super::look_up::look_up;
use crate::cell::CellError;

/// The radiometry of `bands`, bands of reflectance by their names in the cell's assets.
///
/// Call it when the bands are open: then a document to which access is denied is one that does not
/// exist, and not a role without rights.
///
/// # Errors
/// [`CellError`]: a permanent failure `unknown_radiometry` when no document says it, and
/// `radiometry_disagrees` when two do not agree.
pub(in crate::cell) async fn radiometry_of_cell(
    objects: &ObjectStore,
    cell: &Cell,
    bands: &[&str],
) -> Result<Radiometry, CellError> {
    look_up_cell(objects, cell, bands)
        .await
        .map_err(|error| of_look_up(&error, cell))
}

/// As [`radiometry_of_cell`], but `None` when no document says it: for rasters of stored numbers,
/// which do not need it.
///
/// # Errors
/// [`CellError`] when S3 does not answer, or documents do not agree.
pub(in crate::cell) async fn known_radiometry_of_cell(
    objects: &ObjectStore,
    cell: &Cell,
    bands: &[&str],
) -> Result<Option<Radiometry>, CellError> {
    match look_up_cell(objects, cell, bands).await {
        Ok(known) => Ok(Some(known)),
        Err(LookUpError::Radiometry(RadiometryError::Unknown { .. })) => Ok(None),
        Err(error) => Err(of_look_up(&error, cell)),
    }
}

async fn look_up_cell(
    objects: &ObjectStore,
    cell: &Cell,
    bands: &[&str],
) -> Result<Radiometry, LookUpError> {
    let documents = Documents {
        objects: Some(objects),
        request_payer: cell.request_payer,
    };
    let addresses: Vec<(&str, String)> = bands
        .iter()
        .filter_map(|&band| Some((band, cell.assets.get(band)?.to_string())))
        .collect();
    let addresses: Vec<(&str, &str)> = addresses
        .iter()
        .map(|(band, address)| (*band, address.as_str()))
        .collect();
    look_up(&documents, &addresses).await
}

fn of_look_up(error: &LookUpError, cell: &Cell) -> CellError {
    match error {
        LookUpError::Object(error) => {
            let bucket = cell.assets.values().next().map(S3Url::bucket);
            CellError::of_band(error, bucket.unwrap_or_default())
        }
        LookUpError::Radiometry(error) => CellError::permanent(error.code(), error),
        LookUpError::Address(_) | LookUpError::File { .. } => {
            CellError::permanent("bad_metadata", error)
        }
    }
}
