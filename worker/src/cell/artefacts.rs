//! What a cell has published so far.

use tilefleet_common::aws::Stored;
use tilefleet_common::domain::{Artefact, Cell, CellId, Role};
use tilefleet_common::fault::{self, Point};

/// The artefacts of a cell, added one by one as they become visible, in the order of
/// [`Role`]: each is uploaded when those before it are there.
#[derive(Debug)]
pub(super) struct Published {
    cell: CellId,
    artefacts: Vec<Artefact>,
}

impl Published {
    /// Nothing yet.
    pub(super) fn new(cell: &Cell) -> Self {
        Self {
            cell: cell.id,
            artefacts: vec![],
        }
    }

    /// The object at `location`, below the cell's output, is visible.
    pub(super) fn add(&mut self, role: Role, location: String, stored: Stored) {
        let (etag, bytes) = match stored {
            Stored::New { etag, bytes } => (etag, bytes),
            Stored::Kept => (String::new(), 0),
        };
        self.artefacts.push(Artefact {
            role,
            location,
            etag,
            bytes,
        });
        fault::point_of(point_behind(role), &self.cell);
    }

    /// All of them, in the order of upload.
    pub(super) fn into_artefacts(self) -> Vec<Artefact> {
        self.artefacts
    }
}

/// The fault point behind the upload of an artefact.
fn point_behind(role: Role) -> Point {
    match role {
        Role::Raster => Point::Raster,
        Role::Probe => Point::Probe,
    }
}
