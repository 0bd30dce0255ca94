//! `config show`: the settings that commands use, and where each comes from.

use serde::Serialize;
use tilefleet_common::deployment::CELLS_PER_WORKER;
use tilefleet_settings::{Settings, SettingsError};

use crate::cli::{Exit, GlobalArgs, Output};
use crate::error::ProducerError;

/// A setting, and what is used for it.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct SettingLine {
    setting: &'static str,
    value: Option<String>,
    from: String,
}

/// Prints all settings.
pub(crate) fn run(global: &GlobalArgs, output: &mut Output) -> Result<Exit, ProducerError> {
    print(&lines(global)?, output)?;
    Ok(Exit::Ok)
}

fn print(lines: &[SettingLine], output: &mut Output) -> Result<(), ProducerError> {
    output.rows(&["SETTING", "VALUE", "FROM"], lines, |line| {
        let value = line.value.clone().unwrap_or_else(|| "-".to_owned());
        vec![line.setting.to_owned(), value, line.from.clone()]
    })
}

fn lines(global: &GlobalArgs) -> Result<Vec<SettingLine>, SettingsError> {
    let fleet = &global.fleet;
    let settings = fleet.settings()?;
    let from = |name: &str| match (fleet.origin(name), settings.value(name)) {
        (Some(origin), _) => origin,
        (None, Some(_)) => fleet.file().display().to_string(),
        (None, None) => default(name),
    };
    let line = |name| SettingLine {
        setting: name,
        value: settings.value(name),
        from: from(name),
    };
    Ok(Settings::NAMES.map(line).into())
}

/// What is used where a setting is given nowhere.
fn default(name: &str) -> String {
    match name {
        "region" => "taken from the AWS environment".to_owned(),
        "cells_per_worker" => format!("not set; the default is {CELLS_PER_WORKER}"),
        _ => "not set".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Format, printed};

    #[test]
    fn each_setting_says_where_it_comes_from() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a.toml");
        std::fs::write(&file, "table = \"from-file\"\noutput_bucket = \"bucket\"\n").unwrap();
        let file = file.display().to_string();
        let cli = Cli::try_parse_from([
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
        let shown = |name: &str| {
            let line = lines.iter().find(|line| line.setting == name).unwrap();
            (line.value.clone(), line.from.clone())
        };
        assert_eq!(shown("table"), (Some("from-flag".into()), "--table".into()));
        assert_eq!(shown("output_bucket"), (Some("bucket".into()), file));
        assert_eq!(shown("autoscaling_group"), (None, "not set".into()));
        assert_eq!(
            shown("cells_per_worker"),
            (None, "not set; the default is 20".into())
        );
    }

    #[test]
    fn a_setting_is_a_row_or_an_object() {
        let lines = [
            SettingLine {
                setting: "table",
                value: Some("t-ledger".to_owned()),
                from: "tilefleet.toml".to_owned(),
            },
            SettingLine {
                setting: "region",
                value: None,
                from: default("region"),
            },
        ];
        let text = [Format::Table, Format::Ndjson]
            .map(|format| printed(format, |output| print(&lines, output)));
        insta::assert_snapshot!(text.join("\n"));
    }
}
