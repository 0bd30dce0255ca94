//! The check of one deployed resource.

use std::fmt::Display;

use serde::Serialize;

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CheckResult {
    Ok,
    Failed,
    NotChecked,
}

/// The check of one resource: a line of the output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Check {
    pub(super) resource: &'static str,
    pub(super) result: CheckResult,
    pub(super) detail: String,
}

impl Check {
    fn new(resource: &'static str, result: CheckResult, detail: &dyn Display) -> Self {
        // An error of a service can have several lines.
        Self {
            resource,
            result,
            detail: detail.to_string().replace('\n', " "),
        }
    }

    pub(super) fn ok(resource: &'static str, detail: impl Display) -> Self {
        Self::new(resource, CheckResult::Ok, &detail)
    }

    pub(super) fn failed(resource: &'static str, detail: impl Display) -> Self {
        Self::new(resource, CheckResult::Failed, &detail)
    }

    pub(super) fn not_checked(resource: &'static str, detail: impl Display) -> Self {
        Self::new(resource, CheckResult::NotChecked, &detail)
    }

    pub(super) fn row(&self) -> Vec<String> {
        let result = match self.result {
            CheckResult::Ok => "ok",
            CheckResult::Failed => "failed",
            CheckResult::NotChecked => "not checked",
        };
        vec![
            self.resource.to_owned(),
            result.to_owned(),
            self.detail.clone(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Format, printed};

    #[test]
    fn a_check_is_one_line_whatever_the_service_says() {
        let checks = [
            Check::ok("queue", "https://sqs/t-cells: 3 cells wait, 2 are in work"),
            Check::failed("table", "table t-ledger\ndoes not exist"),
            Check::not_checked("topic", "none is set"),
        ];
        let text = printed(Format::Table, |output| {
            output.rows(&["RESOURCE", "RESULT", "DETAIL"], &checks, Check::row)
        });
        insta::assert_snapshot!(text);
    }
}
