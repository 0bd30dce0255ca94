//! What a worker's item says.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};

use crate::deployment::SORT_KEY;
use crate::ledger::item::attribute;

/// Something that a worker cannot use at the moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenBreaker {
    /// What does not work: `queue`, `ledger`, `output bucket`, `machine`, or `bucket` and its name.
    pub dependency: String,
    /// Whose fault it is: `machine`, `deployment` or `service`.
    pub blame: String,
    /// Since when (RFC 3339).
    pub since: String,
    /// What happened last.
    pub error: String,
}

/// A worker item, read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct WorkerRecord {
    /// Its name.
    pub worker: String,
    /// When it started (RFC 3339).
    pub since: String,
    /// When it wrote the item (RFC 3339).
    pub seen_at: String,
    /// How many cells it holds.
    pub held: u32,
    /// The task and the cell that it has held for longest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cell: Option<String>,
    /// What it does with this cell: `waiting`, `fetching`, `fusing`, `publishing` or `recording`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// What it cannot use at the moment.
    pub breakers: Vec<OpenBreaker>,
    /// The last error that was not a cell's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

impl WorkerRecord {
    /// Reads a worker item. Nothing depends on it, so what cannot be understood is left out.
    pub(in crate::ledger) fn from_attributes(item: &HashMap<String, AttributeValue>) -> Self {
        let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
        let held = item
            .get(attribute::HELD)
            .and_then(|value| value.as_n().ok());
        Self {
            worker: text(SORT_KEY).unwrap_or_default(),
            since: text(attribute::SINCE).unwrap_or_default(),
            seen_at: text(attribute::SEEN_AT).unwrap_or_default(),
            held: held.and_then(|held| held.parse().ok()).unwrap_or(0),
            cell: text(attribute::CELL),
            phase: text(attribute::PHASE),
            breakers: text(attribute::BREAKERS)
                .and_then(|json| serde_json::from_str(&json).ok())
                .unwrap_or_default(),
            last_error: text(attribute::LAST_ERROR),
        }
    }
}
