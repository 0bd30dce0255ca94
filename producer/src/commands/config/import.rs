//! `config import`: what `terraform output -json` prints, as `tilefleet.toml`.

use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use tempfile::{Builder, NamedTempFile};
use tilefleet_common::config::{DEFAULT_FILE, Settings};

use crate::cli::{Exit, Format, Global, Import, Output, note};
use crate::error::ProducerError;
use crate::input::Source;

/// Outputs without which the file would be of no use.
const NEEDED: [&str; 5] = [
    "queue_url",
    "dead_letter_queue_url",
    "table",
    "topic_arn",
    "region",
];
/// What the file says of itself.
const HEADING: &str =
    "# Where the fleet is: written by `producer config import` from terraform's outputs.\n";

/// Why terraform's outputs did not become a file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImportError {
    #[error("cannot read {input}: {cause}; write it with terraform output -json")]
    Unreadable { input: Source, cause: io::Error },
    #[error(
        "{input} is not what terraform output -json prints ({cause}); run it without further arguments"
    )]
    Shape { input: Source, cause: String },
    #[error("{input} has no outputs; run terraform apply first")]
    Empty { input: Source },
    #[error(
        "{input} lacks the outputs {}; are they those of this fleet's terraform, and is all of it applied?",
        names.join(", ")
    )]
    Missing {
        input: Source,
        names: Vec<&'static str>,
    },
    #[error("{input}: output {name} is of no use: {cause}")]
    Value {
        input: Source,
        name: &'static str,
        cause: String,
    },
    #[error("{} holds {what}; pass --force to replace it, or name another file with --config", file.display())]
    Differs { file: PathBuf, what: String },
    #[error("cannot write {}: {cause}", file.display())]
    Unwritable { file: PathBuf, cause: io::Error },
}

impl ImportError {
    /// Whether it is the machine's fault, and not that of what was asked.
    pub(crate) fn is_of_the_machine(&self) -> bool {
        matches!(self, Self::Unwritable { .. })
    }
}

/// Writes the file, unless it says the same already.
pub(crate) async fn run(
    arguments: &Import,
    global: &Global,
    output: &mut Output,
) -> Result<Exit, ProducerError> {
    let input = Source::of_argument(&arguments.input);
    let text = {
        let input = input.clone();
        // Standard input may keep it waiting for as long as it likes.
        let reading = tokio::task::spawn_blocking(move || read(&input));
        reading
            .await
            .map_err(|error| ProducerError::Runtime(io::Error::other(error)))??
    };
    let settings = settings(&input, &text)?;
    let file = global.config.as_deref().unwrap_or(Path::new(DEFAULT_FILE));
    let written = write(file, &settings, arguments.force)?;
    let known: Vec<(&str, String)> = Settings::NAMES
        .iter()
        .filter_map(|name| Some((*name, settings.value(name)?)))
        .collect();
    if output.format == Format::Table {
        let rows: Vec<Vec<String>> = known
            .into_iter()
            .map(|(name, value)| vec![name.to_owned(), value])
            .collect();
        output.table(None, &rows)?;
    } else {
        output.json(&json!({ "file": file, "written": written, "settings": settings }))?;
    }
    output.flush()?;
    let file = file.display();
    note(&if written {
        format!("wrote {file}")
    } else {
        format!("{file} says so already")
    });
    Ok(Exit::Ok)
}

fn read(input: &Source) -> Result<String, ImportError> {
    let mut text = String::new();
    let read = match input {
        Source::Stdin => io::stdin().read_to_string(&mut text).map(|_| text),
        Source::File(path) => std::fs::read_to_string(path),
    };
    read.map_err(|cause| ImportError::Unreadable {
        input: input.clone(),
        cause,
    })
}

/// The settings in terraform's outputs. Those that are no settings are for other readers.
fn settings(input: &Source, text: &str) -> Result<Settings, ImportError> {
    let shape = |cause: String| ImportError::Shape {
        input: input.clone(),
        cause,
    };
    let outputs: Map<String, Value> =
        serde_json::from_str(text).map_err(|error| shape(error.to_string()))?;
    if outputs.is_empty() {
        return Err(ImportError::Empty {
            input: input.clone(),
        });
    }
    let mut values = Map::new();
    for name in Settings::NAMES {
        let Some(output) = outputs.get(name) else {
            continue;
        };
        let value = output
            .get("value")
            .ok_or_else(|| shape(format!("output {name} has no \"value\"")))?;
        // An output of something that was not made.
        if !value.is_null() && value != "" {
            let mut alone = Map::from_iter([(name.to_owned(), value.clone())]);
            let sound: Result<Settings, _> = serde_json::from_value(Value::Object(alone.clone()));
            sound.map_err(|error| ImportError::Value {
                input: input.clone(),
                name,
                cause: error.to_string(),
            })?;
            values.append(&mut alone);
        }
    }
    let names: Vec<&str> = NEEDED
        .into_iter()
        .filter(|name| !values.contains_key(*name))
        .collect();
    if !names.is_empty() {
        return Err(ImportError::Missing {
            input: input.clone(),
            names,
        });
    }
    serde_json::from_value(Value::Object(values)).map_err(|error| shape(error.to_string()))
}

/// Puts the settings into `file`, whole or not at all; `false` when it holds them already.
fn write(file: &Path, settings: &Settings, force: bool) -> Result<bool, ImportError> {
    let there = match std::fs::read(file) {
        Ok(_) => Some(Settings::read(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(unwritable(file)(error)),
    };
    match &there {
        Some(Ok(there)) if there == settings => return Ok(false),
        Some(there) if !force => {
            return Err(ImportError::Differs {
                file: file.to_owned(),
                what: difference(there, settings),
            });
        }
        _ => {}
    }
    let directory = match file.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    // Nothing in it is secret: as readable as any file that the user makes.
    let mut builder = Builder::new();
    let builder = builder
        .prefix(".tilefleet")
        .permissions(std::fs::Permissions::from_mode(0o666));
    let mut new: NamedTempFile = builder.tempfile_in(directory).map_err(unwritable(file))?;
    let text = format!("{HEADING}{}", settings.to_toml());
    new.write_all(text.as_bytes())
        .and_then(|()| new.as_file().sync_all())
        .map_err(unwritable(file))?;
    // What has come into being meanwhile is not replaced unseen.
    let kept = if force || there.is_some() {
        new.persist(file)
    } else {
        new.persist_noclobber(file)
    };
    kept.map_err(|error| unwritable(file)(error.error))?;
    Ok(true)
}

fn difference(
    there: &Result<Settings, tilefleet_common::config::ConfigError>,
    settings: &Settings,
) -> String {
    let Ok(there) = there else {
        return "something else".to_owned();
    };
    let other = |name: &&str| there.value(name) != settings.value(name);
    format!(
        "other settings ({})",
        Settings::NAMES
            .into_iter()
            .filter(other)
            .collect::<Vec<_>>()
            .join(", ")
    )
}

fn unwritable(file: &Path) -> impl FnOnce(io::Error) -> ImportError {
    move |cause| ImportError::Unwritable {
        file: file.to_owned(),
        cause,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What terraform prints, without the outputs in `without`.
    fn printed(without: &[&str]) -> Value {
        let text = |value: &str| json!({ "sensitive": false, "type": "string", "value": value });
        let mut outputs = json!({
            "queue_url": text("https://sqs.eu-central-1.amazonaws.com/1/t-cells"),
            "dead_letter_queue_url": text("https://sqs.eu-central-1.amazonaws.com/1/t-cells-dead"),
            "table": text("t-ledger"),
            "topic_arn": text("arn:aws:sns:eu-central-1:1:t-events"),
            "region": text("eu-central-1"),
            "autoscaling_group": text("t-workers"),
            "cells_per_worker": { "sensitive": false, "type": "number", "value": 20 },
            "output_bucket": text("t-output-1"),
            "dashboard_url": text("https://eu-central-1.console.aws.amazon.com/"),
        });
        let map = outputs.as_object_mut().unwrap();
        map.retain(|name, _| !without.contains(&name.as_str()));
        outputs
    }

    fn words(text: &str) -> String {
        settings(&Source::of_argument("out.json".as_ref()), text)
            .unwrap_err()
            .to_string()
    }

    fn imported(outputs: &Value) -> Settings {
        settings(&Source::Stdin, &outputs.to_string()).unwrap()
    }

    #[test]
    fn outputs_that_are_settings_become_settings() {
        let settings = imported(&printed(&[]));
        assert!(
            Settings::NAMES
                .iter()
                .all(|name| settings.value(name).is_some())
        );
        assert_eq!(
            settings.cells_per_worker.map(std::num::NonZero::get),
            Some(20)
        );
        let fewer = imported(&printed(&[
            "autoscaling_group",
            "cells_per_worker",
            "output_bucket",
        ]));
        assert_eq!(
            (fewer.table.as_deref(), fewer.autoscaling_group),
            (Some("t-ledger"), None)
        );
    }

    #[test]
    fn what_is_no_use_is_named() {
        assert_eq!(
            words(&printed(&["queue_url", "table"]).to_string()),
            "out.json lacks the outputs queue_url, table; are they those of this fleet's terraform, and is all of it applied?"
        );
        assert_eq!(
            words("{}"),
            "out.json has no outputs; run terraform apply first"
        );
        assert_eq!(
            words("\"t-ledger\""),
            "out.json is not what terraform output -json prints (invalid type: string \"t-ledger\", expected a map at \
             line 1 column 10); run it without further arguments"
        );
        assert_eq!(
            words(r#"{"table":"t-ledger"}"#),
            "out.json is not what terraform output -json prints (output table has no \"value\"); run it without further \
             arguments"
        );
        let mut zero = printed(&[]);
        zero["cells_per_worker"]["value"] = json!(0);
        assert_eq!(
            words(&zero.to_string()),
            "out.json: output cells_per_worker is of no use: invalid value: integer `0`, expected a nonzero u32"
        );
    }

    #[test]
    fn a_file_that_says_something_else_is_only_replaced_when_forced() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("tilefleet.toml");
        let settings = imported(&printed(&[]));
        assert!(write(&file, &settings, false).unwrap());
        assert_eq!(Settings::read(&file).unwrap(), settings);
        assert!(
            !write(&file, &settings, false).unwrap(),
            "it says so already"
        );

        let other = Settings {
            table: Some("other".into()),
            region: None,
            ..settings.clone()
        };
        let differs = write(&file, &other, false).unwrap_err().to_string();
        let expected = format!(
            "{} holds other settings (table, region); pass --force to replace it, or name another file with --config",
            file.display()
        );
        assert_eq!(differs, expected);
        assert_eq!(Settings::read(&file).unwrap(), settings);
        assert!(write(&file, &other, true).unwrap());
        assert_eq!(Settings::read(&file).unwrap(), other);

        std::fs::write(&file, "nonsense").unwrap();
        let differs = write(&file, &other, false).unwrap_err().to_string();
        assert!(
            differs.contains("holds something else; pass --force"),
            "{differs}"
        );
        let left: Vec<_> = std::fs::read_dir(directory.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "no temporary file is left");
    }
}
