//! `config show`: the settings that commands go by, and where each comes from.

use std::path::Path;

use serde::Serialize;
use tilefleet_common::config::{DEFAULT_FILE, Settings};
use tilefleet_common::deployment::CELLS_PER_WORKER;

use crate::cli::{Exit, Format, Global, Output};
use crate::error::ProducerError;

/// A setting, as it counts.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Line {
    setting: &'static str,
    value: Option<String>,
    from: String,
}

/// Prints all settings.
pub(crate) fn run(global: &Global, output: &mut Output) -> Result<Exit, ProducerError> {
    let lines = lines(global)?;
    match output.format {
        Format::Table => {
            let row = |line: &Line| {
                let value = line.value.clone().unwrap_or_else(|| "-".to_owned());
                vec![line.setting.to_owned(), value, line.from.clone()]
            };
            let rows: Vec<_> = lines.iter().map(row).collect();
            output.table(Some(&["SETTING", "VALUE", "FROM"]), &rows)?;
        }
        Format::Json => output.json(&lines)?,
        Format::Ndjson => lines.iter().try_for_each(|line| output.json(line))?,
    }
    output.flush()?;
    Ok(Exit::Ok)
}

fn lines(global: &Global) -> Result<Vec<Line>, ProducerError> {
    let (given, all) = (global.given(), global.settings()?);
    let file = global.config.as_deref().unwrap_or(Path::new(DEFAULT_FILE));
    let from = |name: &'static str| {
        if given.value(name).is_some() {
            global.origin(name)
        } else if all.value(name).is_some() {
            file.display().to_string()
        } else {
            otherwise(name)
        }
    };
    let line = |name| Line {
        setting: name,
        value: all.value(name),
        from: from(name),
    };
    Ok(Settings::NAMES.map(line).into())
}

/// What counts where a setting is given nowhere.
fn otherwise(name: &str) -> String {
    match name {
        "region" => "left to the AWS environment".to_owned(),
        "cells_per_worker" => format!("not set, {CELLS_PER_WORKER} is taken"),
        _ => "not set".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;

    #[test]
    fn each_setting_says_where_it_comes_from() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a.toml");
        std::fs::write(&file, "table = \"from-file\"\noutput_bucket = \"bucket\"\n").unwrap();
        let file = file.display().to_string();
        let cli = Cli::of([
            "producer",
            "config",
            "show",
            "--table",
            "from-flag",
            "--config",
            &file,
        ])
        .unwrap();
        let lines = lines(&cli.global).unwrap();
        let told = |name: &str| {
            let line = lines.iter().find(|line| line.setting == name).unwrap();
            (line.value.clone(), line.from.clone())
        };
        assert_eq!(told("table"), (Some("from-flag".into()), "--table".into()));
        assert_eq!(told("output_bucket"), (Some("bucket".into()), file));
        assert_eq!(told("autoscaling_group"), (None, "not set".into()));
        assert_eq!(
            told("cells_per_worker"),
            (None, "not set, 20 is taken".into())
        );
    }
}
