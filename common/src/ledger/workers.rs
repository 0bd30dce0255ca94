//! Reading what the workers of a group say of themselves.

use aws_sdk_dynamodb::types::AttributeValue;

use super::item::Key;
use super::records::WorkerRecord;
use super::store::{Ledger, LedgerError};
use crate::deployment::PARTITION_KEY;

impl Ledger {
    /// The workers of `group` that wrote their item within the last hour or two, by name. `None` is
    /// the group of workers that are in none.
    ///
    /// # Errors
    /// [`LedgerError`] when the call fails.
    pub async fn workers(&self, group: Option<&str>) -> Result<Vec<WorkerRecord>, LedgerError> {
        let group = group.unwrap_or(super::transition::NO_GROUP);
        let partition = Key::Worker(group.to_owned(), String::new()).partition();
        let pages = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("#partition = :partition")
            .expression_attribute_names("#partition", PARTITION_KEY)
            .expression_attribute_values(":partition", AttributeValue::S(partition))
            .into_paginator()
            .items()
            .send();
        let items = pages.collect::<Result<Vec<_>, _>>().await;
        let items = items.map_err(|error| self.error("Query", &error))?;
        Ok(items.iter().map(WorkerRecord::from_attributes).collect())
    }
}
