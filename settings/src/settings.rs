//! The settings themselves, and the file that holds them.

use std::num::NonZeroU32;
use std::path::Path;

use clap::Args;
use serde::{Deserialize, Serialize};
use toml::Table;

use crate::error::SettingsError;

/// The settings that one source gives: arguments, a file, or both together. Each may be missing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// URL of the queue that carries the cells
    #[arg(
        long,
        env = "TILEFLEET_QUEUE_URL",
        value_name = "URL",
        global = true,
        help_heading = "Fleet"
    )]
    pub queue_url: Option<String>,
    /// URL of its dead-letter queue: workers record what lies there as failed cells, doctor and dlq
    /// read it
    #[arg(
        long,
        env = "TILEFLEET_DEAD_LETTER_QUEUE_URL",
        value_name = "URL",
        global = true,
        help_heading = "Fleet"
    )]
    pub dead_letter_queue_url: Option<String>,
    /// Name of the ledger's DynamoDB table
    #[arg(
        long,
        env = "TILEFLEET_TABLE",
        value_name = "NAME",
        global = true,
        help_heading = "Fleet"
    )]
    pub table: Option<String>,
    /// ARN of the SNS topic of notices
    #[arg(
        long,
        env = "TILEFLEET_TOPIC_ARN",
        value_name = "ARN",
        global = true,
        help_heading = "Fleet"
    )]
    pub topic_arn: Option<String>,
    /// Region of the fleet; it overrides the AWS environment
    #[arg(long, value_name = "REGION", global = true, help_heading = "Fleet")]
    pub region: Option<String>,
    /// Name of the workers' Auto Scaling group: submit wakes it, and a worker protects its machine
    /// from scale-in while it holds cells
    #[arg(
        long,
        env = "TILEFLEET_AUTOSCALING_GROUP",
        value_name = "NAME",
        global = true,
        help_heading = "Fleet"
    )]
    pub autoscaling_group: Option<String>,
    /// Cells that justify one worker.
    #[arg(skip)]
    pub cells_per_worker: Option<NonZeroU32>,
    /// The fleet's own bucket for results.
    #[arg(skip)]
    pub output_bucket: Option<String>,
}

impl Settings {
    /// The names of all settings, as the file and terraform's outputs have them.
    pub const NAMES: [&str; 8] = [
        "queue_url",
        "dead_letter_queue_url",
        "table",
        "topic_arn",
        "region",
        "autoscaling_group",
        "cells_per_worker",
        "output_bucket",
    ];

    /// The value of the setting `name`, as a person reads it; `None` when it is not set.
    pub fn value(&self, name: &str) -> Option<String> {
        let value = self.to_table().remove(name)?;
        Some(match value {
            toml::Value::String(text) => text,
            other => other.to_string(),
        })
    }

    /// Reads a configuration file.
    ///
    /// # Errors
    /// [`SettingsError`] when it is missing or not valid.
    pub fn read(path: &Path) -> Result<Self, SettingsError> {
        let text = std::fs::read_to_string(path).map_err(|cause| SettingsError::Unreadable {
            path: path.to_owned(),
            cause,
        })?;
        toml::from_str(&text).map_err(invalid(path))
    }

    /// The settings as a configuration file has them.
    pub fn to_toml(&self) -> String {
        // A flat table of strings and numbers always has a TOML form.
        toml::to_string(self).unwrap_or_default()
    }

    /// URL of the queue.
    ///
    /// # Errors
    /// [`SettingsError::Missing`] when it is not set.
    pub fn queue_url(&self) -> Result<String, SettingsError> {
        required(self.queue_url.as_ref(), "queue", "queue_url")
    }

    /// URL of the dead-letter queue.
    ///
    /// # Errors
    /// [`SettingsError::Missing`] when it is not set.
    pub fn dead_letter_queue_url(&self) -> Result<String, SettingsError> {
        required(
            self.dead_letter_queue_url.as_ref(),
            "dead-letter queue",
            "dead_letter_queue_url",
        )
    }

    /// Name of the table.
    ///
    /// # Errors
    /// [`SettingsError::Missing`] when it is not set.
    pub fn table(&self) -> Result<String, SettingsError> {
        required(self.table.as_ref(), "table", "table")
    }

    /// ARN of the topic.
    ///
    /// # Errors
    /// [`SettingsError::Missing`] when it is not set.
    pub fn topic_arn(&self) -> Result<String, SettingsError> {
        required(self.topic_arn.as_ref(), "topic", "topic_arn")
    }

    /// Name of the workers' Auto Scaling group.
    ///
    /// # Errors
    /// [`SettingsError::Missing`] when it is not set.
    pub fn autoscaling_group(&self) -> Result<String, SettingsError> {
        required(
            self.autoscaling_group.as_ref(),
            "autoscaling group",
            "autoscaling_group",
        )
    }

    /// Fills what is missing from the configuration file `path`.
    pub(crate) fn or_from_file(&self, path: &Path) -> Result<Self, SettingsError> {
        let mut table = Self::read(path)?.to_table();
        table.extend(self.to_table());
        table.try_into().map_err(invalid(path))
    }

    /// The settings without empty texts: an empty variable is how shells and unit files unset one.
    pub(crate) fn without_empty(&self) -> Result<Self, toml::de::Error> {
        let mut table = self.to_table();
        table.retain(|_, value| value.as_str() != Some(""));
        table.try_into()
    }

    fn to_table(&self) -> Table {
        // As in `to_toml`: this cannot fail.
        Table::try_from(self).unwrap_or_default()
    }
}

fn required(
    value: Option<&String>,
    what: &'static str,
    name: &'static str,
) -> Result<String, SettingsError> {
    value.cloned().ok_or(SettingsError::Missing { what, name })
}

fn invalid(path: &Path) -> impl FnOnce(toml::de::Error) -> SettingsError {
    move |error| SettingsError::Invalid {
        path: path.to_owned(),
        message: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_only_fills_what_is_missing() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a.toml");
        std::fs::write(
            &file,
            "table = \"from-file\"\nqueue_url = \"http://from-file\"\n",
        )
        .unwrap();
        let flags = Settings {
            table: Some("from-flag".into()),
            ..Settings::default()
        };
        let settings = flags.or_from_file(&file).unwrap();
        assert_eq!(settings.table().unwrap(), "from-flag");
        assert_eq!(settings.queue_url().unwrap(), "http://from-file");
        std::fs::write(&file, "tabel = \"x\"\n").unwrap();
        let misspelt = flags.or_from_file(&file).unwrap_err().to_string();
        assert!(misspelt.contains("unknown field `tabel`"), "{misspelt}");
    }

    #[test]
    fn a_required_setting_that_is_missing_says_where_to_give_it() {
        let words = |setting: Result<String, SettingsError>| setting.unwrap_err().to_string();
        let none = Settings::default();
        assert_eq!(
            words(none.topic_arn()),
            "no topic: give --topic-arn, set TILEFLEET_TOPIC_ARN, or write topic_arn into tilefleet.toml"
        );
        assert_eq!(
            words(none.autoscaling_group()),
            "no autoscaling group: give --autoscaling-group, set TILEFLEET_AUTOSCALING_GROUP, or write \
             autoscaling_group into tilefleet.toml"
        );
        assert_eq!(
            words(none.dead_letter_queue_url()),
            "no dead-letter queue: give --dead-letter-queue-url, set TILEFLEET_DEAD_LETTER_QUEUE_URL, or write \
             dead_letter_queue_url into tilefleet.toml"
        );
    }

    #[test]
    fn an_empty_text_is_not_a_setting() {
        let names = Settings::NAMES
            .into_iter()
            .filter(|&name| name != "cells_per_worker");
        let lines: Vec<_> = names.map(|name| format!("{name} = \"\"\n")).collect();
        let all: Settings = toml::from_str(&lines.concat()).unwrap();
        assert_eq!(all.without_empty().unwrap(), Settings::default());
        let one = Settings {
            table: Some("t".into()),
            ..all
        };
        let without_empty = one.without_empty().unwrap();
        assert_eq!(without_empty.to_toml(), "table = \"t\"\n");
    }

    #[test]
    fn every_setting_has_its_name_and_comes_back_from_the_file() {
        let text = Settings::NAMES.map(|name| {
            format!(
                "{name} = {}\n",
                if name == "cells_per_worker" {
                    "7"
                } else {
                    "\"x\""
                }
            )
        });
        let settings: Settings = toml::from_str(&text.concat()).unwrap();
        assert!(
            Settings::NAMES
                .iter()
                .all(|name| settings.value(name).is_some())
        );
        assert_eq!(
            toml::from_str::<Settings>(&settings.to_toml()).unwrap(),
            settings
        );
        assert_eq!(settings.to_toml(), text.concat());
        assert!(toml::from_str::<Settings>("cells_per_worker = 0").is_err());
    }
}
