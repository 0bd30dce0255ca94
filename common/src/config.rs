//! Where the fleet is: flag before environment before `tilefleet.toml`.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The file that is read when nobody names another, if it is there.
pub const DEFAULT_FILE: &str = "tilefleet.toml";

/// Settings as one source gives them; all may be missing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// URL of the queue that carries the cells.
    pub queue_url: Option<String>,
    /// URL of its dead-letter queue.
    pub dead_letter_queue_url: Option<String>,
    /// Name of the ledger's table.
    pub table: Option<String>,
    /// ARN of the topic of notices.
    pub topic_arn: Option<String>,
    /// The fleet's region.
    pub region: Option<String>,
    /// Name of the workers' Auto Scaling group, which whoever submits wakes.
    pub autoscaling_group: Option<String>,
    /// Cells that justify one worker.
    pub cells_per_worker: Option<NonZeroU32>,
    /// The fleet's own bucket for results.
    pub output_bucket: Option<String>,
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A setting that is needed was given nowhere.
    #[error("no {what}: give {flag}, set {variable}, or write {field} into {DEFAULT_FILE}")]
    Missing {
        /// What it is.
        what: &'static str,
        /// The flag.
        flag: &'static str,
        /// The environment variable.
        variable: &'static str,
        /// The field of the file.
        field: &'static str,
    },
    /// The file is not there or cannot be read.
    #[error("cannot read configuration {path}: {source}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not as it should be.
    #[error("configuration {path} is not valid: {message}", path = path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What and where.
        message: String,
    },
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

    /// The value of the setting of that name, as a person reads it.
    pub fn value(&self, name: &str) -> Option<String> {
        match name {
            "queue_url" => self.queue_url.clone(),
            "dead_letter_queue_url" => self.dead_letter_queue_url.clone(),
            "table" => self.table.clone(),
            "topic_arn" => self.topic_arn.clone(),
            "region" => self.region.clone(),
            "autoscaling_group" => self.autoscaling_group.clone(),
            "cells_per_worker" => self.cells_per_worker.map(|number| number.to_string()),
            "output_bucket" => self.output_bucket.clone(),
            _ => None,
        }
    }

    /// Itself without empty texts: an empty variable is how shells and unit files unset one.
    #[must_use]
    pub fn without_empty(self) -> Self {
        let given = |value: Option<String>| value.filter(|text| !text.is_empty());
        Self {
            queue_url: given(self.queue_url),
            dead_letter_queue_url: given(self.dead_letter_queue_url),
            table: given(self.table),
            topic_arn: given(self.topic_arn),
            region: given(self.region),
            autoscaling_group: given(self.autoscaling_group),
            cells_per_worker: self.cells_per_worker,
            output_bucket: given(self.output_bucket),
        }
    }

    /// Fills what is missing from the configuration file: `file`, or [`DEFAULT_FILE`] if it is
    /// there.
    ///
    /// # Errors
    /// [`ConfigError`] when a named file is missing, or the file is not valid.
    pub fn or_from_file(self, file: Option<&Path>) -> Result<Self, ConfigError> {
        let path = file.unwrap_or(Path::new(DEFAULT_FILE));
        Ok(match Self::read(path) {
            Ok(below) => self.or(below),
            Err(ConfigError::Unreadable { source, .. })
                if file.is_none() && source.kind() == std::io::ErrorKind::NotFound =>
            {
                self
            }
            Err(error) => return Err(error),
        })
    }

    /// Reads a configuration file.
    ///
    /// # Errors
    /// [`ConfigError`] when it is missing or not valid.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        toml::from_str(&text).map_err(|error| ConfigError::Invalid {
            path: path.to_owned(),
            message: error.to_string(),
        })
    }

    /// The settings as a configuration file has them.
    pub fn to_toml(&self) -> String {
        // A flat table of strings and numbers always has a TOML form.
        toml::to_string(self).unwrap_or_default()
    }

    fn or(self, below: Self) -> Self {
        Self {
            queue_url: self.queue_url.or(below.queue_url),
            dead_letter_queue_url: self.dead_letter_queue_url.or(below.dead_letter_queue_url),
            table: self.table.or(below.table),
            topic_arn: self.topic_arn.or(below.topic_arn),
            region: self.region.or(below.region),
            autoscaling_group: self.autoscaling_group.or(below.autoscaling_group),
            cells_per_worker: self.cells_per_worker.or(below.cells_per_worker),
            output_bucket: self.output_bucket.or(below.output_bucket),
        }
    }

    /// The queue's URL.
    ///
    /// # Errors
    /// [`ConfigError::Missing`] when there is none.
    pub fn queue_url(&self) -> Result<String, ConfigError> {
        self.queue_url.clone().ok_or(ConfigError::Missing {
            what: "queue",
            flag: "--queue-url",
            variable: "TILEFLEET_QUEUE_URL",
            field: "queue_url",
        })
    }

    /// The table's name.
    ///
    /// # Errors
    /// [`ConfigError::Missing`] when there is none.
    pub fn table(&self) -> Result<String, ConfigError> {
        self.table.clone().ok_or(ConfigError::Missing {
            what: "table",
            flag: "--table",
            variable: "TILEFLEET_TABLE",
            field: "table",
        })
    }

    /// The topic's ARN.
    ///
    /// # Errors
    /// [`ConfigError::Missing`] when there is none.
    pub fn topic_arn(&self) -> Result<String, ConfigError> {
        self.topic_arn.clone().ok_or(ConfigError::Missing {
            what: "topic",
            flag: "--topic-arn",
            variable: "TILEFLEET_TOPIC_ARN",
            field: "topic_arn",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_only_fills_what_is_missing() {
        let directory =
            std::env::temp_dir().join(format!("tilefleet-config-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let file = directory.join("a.toml");
        std::fs::write(
            &file,
            "table = \"from-file\"\nqueue_url = \"http://from-file\"\n",
        )
        .unwrap();
        let flags = Settings {
            table: Some("from-flag".into()),
            ..Settings::default()
        };
        let settings = flags.or_from_file(Some(&file)).unwrap();
        assert_eq!(settings.table().unwrap(), "from-flag");
        assert_eq!(settings.queue_url().unwrap(), "http://from-file");
        assert_eq!(
            settings.topic_arn().unwrap_err().to_string(),
            "no topic: give --topic-arn, set TILEFLEET_TOPIC_ARN, or write topic_arn into tilefleet.toml"
        );
        std::fs::write(&file, "tabel = \"x\"\n").unwrap();
        let misspelt = Settings::default()
            .or_from_file(Some(&file))
            .unwrap_err()
            .to_string();
        assert!(misspelt.contains("unknown field `tabel`"), "{misspelt}");
        std::fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn an_empty_text_is_no_setting() {
        let text = |text: &str| Some(text.to_owned());
        let given = Settings {
            table: text("t"),
            topic_arn: text(""),
            ..Settings::default()
        };
        assert_eq!(
            given.without_empty(),
            Settings {
                table: text("t"),
                ..Settings::default()
            }
        );
        let names = Settings::NAMES
            .into_iter()
            .filter(|&name| name != "cells_per_worker");
        let lines: Vec<_> = names.map(|name| format!("{name} = \"\"\n")).collect();
        let all: Settings = toml::from_str(&lines.concat()).unwrap();
        assert_eq!(all.without_empty(), Settings::default());
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
