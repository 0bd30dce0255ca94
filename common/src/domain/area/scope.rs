//! What a task's messages say of its area.

use serde::{Deserialize, Serialize};

use super::digest::AreaDigest;
use super::min_valid::MinValid;
use crate::domain::{LAYOUT, LAYOUT_OF_SCOPE};

/// Which part of each cell a task makes, and how much of it must be valid. The area itself is an
/// object beside the task's manifest.
///
/// Its JSON form is the two fields `area_digest` and `min_valid`, each if there is one. So a task of
/// whole cells has the messages and the id that it had before there were areas.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Scope {
    /// The digest of the area to which cells are cut; `None` for whole cells.
    #[serde(
        default,
        rename = "area_digest",
        skip_serializing_if = "Option::is_none"
    )]
    pub area: Option<AreaDigest>,
    /// The share of valid pixels below which a cell has no raster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_valid: Option<MinValid>,
}

impl Scope {
    /// The layout of a task with this scope.
    pub fn layout(&self) -> u32 {
        if self.is_all() {
            LAYOUT
        } else {
            LAYOUT_OF_SCOPE
        }
    }

    /// Whether cells are whole, however many of their pixels are valid.
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_without_areas_leaves_a_task_with_one_alone() {
        let with_area = Scope {
            area: Some("1a2b3c4d".repeat(8).parse().unwrap()),
            min_valid: None,
        };
        assert_eq!(Scope::default().layout(), 2, "all versions do");
        assert_eq!(with_area.layout(), 3);
    }
}
