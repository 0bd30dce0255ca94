//! `config import`: what `terraform output -json` prints, as `tilefleet.toml`.

use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Map, Value, json};
use tempfile::{Builder, NamedTempFile};
use tilefleet_settings::{Settings, SettingsError};

use super::import_error::ImportError;
use crate::cli::{Exit, Format, GlobalArgs, ImportArgs, Output, note};
use crate::error::ProducerError;
use crate::input::InputPath;

/// Outputs without which the file would be useless.
const REQUIRED: [&str; 5] = [
    "queue_url",
    "dead_letter_queue_url",
    "table",
    "topic_arn",
    "region",
];
/// The first line of the file.
const HEADING: &str =
    "# Where the fleet is: written by `producer config import` from terraform's outputs.\n";

/// Writes the file, unless it has these settings already.
pub(crate) async fn run(
    args: &ImportArgs,
    global: &GlobalArgs,
    output: &mut Output,
) -> Result<Exit, ProducerError> {
    let input = InputPath::of_argument(&args.input);
    let text = {
        let input = input.clone();
        // Reading standard input can block for as long as its writer likes.
        let reading = tokio::task::spawn_blocking(move || read(&input));
        reading
            .await
            .map_err(|error| ProducerError::Runtime(io::Error::other(error)))??
    };
    let settings = settings(&input, &text)?;
    let file = global.fleet.file();
    let written = write(file, &settings, args.force)?;
    print(file, written, &settings, output)?;
    let file = file.display();
    note(&if written {
        format!("wrote {file}")
    } else {
        format!("{file} has these settings already")
    });
    Ok(Exit::Ok)
}

/// Prints the settings that the file has now.
fn print(
    file: &Path,
    written: bool,
    settings: &Settings,
    output: &mut Output,
) -> Result<(), ProducerError> {
    if output.format == Format::Table {
        let rows: Vec<Vec<String>> = Settings::NAMES
            .iter()
            .filter_map(|name| Some(vec![(*name).to_owned(), settings.value(name)?]))
            .collect();
        output.table(None, &rows)?;
    } else {
        output.json(&json!({ "file": file, "written": written, "settings": settings }))?;
    }
    output.flush()
}

fn read(input: &InputPath) -> Result<String, ImportError> {
    let mut text = String::new();
    let read = match input {
        InputPath::Stdin => io::stdin().read_to_string(&mut text).map(|_| text),
        InputPath::File(path) => std::fs::read_to_string(path),
    };
    read.map_err(|cause| ImportError::Unreadable {
        input: input.clone(),
        cause,
    })
}

/// The settings in terraform's outputs. Other outputs are for other readers.
fn settings(input: &InputPath, text: &str) -> Result<Settings, ImportError> {
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
    // Each setting is checked alone, so that an error can name it.
    let mut values = Map::new();
    for name in Settings::NAMES {
        let Some(output) = outputs.get(name) else {
            continue;
        };
        let value = output
            .get("value")
            .ok_or_else(|| shape(format!("output {name} has no \"value\"")))?;
        // The output of something that terraform did not create.
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
    let names: Vec<&str> = REQUIRED
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

/// Writes the settings into `file`, completely or not at all. Returns `false` if it has them
/// already.
fn write(file: &Path, settings: &Settings, force: bool) -> Result<bool, ImportError> {
    let existing = match std::fs::read(file) {
        Ok(_) => Some(Settings::read(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(unwritable(file)(error)),
    };
    match &existing {
        Some(Ok(existing)) if existing == settings => return Ok(false),
        Some(existing) if !force => {
            return Err(ImportError::Differs {
                file: file.to_owned(),
                what: difference(existing, settings),
            });
        }
        _ => {}
    }
    let directory = match file.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    // Nothing in it is secret: it gets the permissions of any file that the user creates.
    let mut builder = Builder::new();
    let builder = builder
        .prefix(".tilefleet")
        .permissions(std::fs::Permissions::from_mode(0o666));
    let mut new: NamedTempFile = builder.tempfile_in(directory).map_err(unwritable(file))?;
    let text = format!("{HEADING}{}", settings.to_toml());
    new.write_all(text.as_bytes())
        .and_then(|()| new.as_file().sync_all())
        .map_err(unwritable(file))?;
    // A file that was created meanwhile is not replaced unseen.
    let kept = if force || existing.is_some() {
        new.persist(file)
    } else {
        new.persist_noclobber(file)
    };
    kept.map_err(|error| unwritable(file)(error.error))?;
    Ok(true)
}

fn difference(existing: &Result<Settings, SettingsError>, settings: &Settings) -> String {
    let Ok(existing) = existing else {
        return "something else".to_owned();
    };
    let other = |name: &&str| existing.value(name) != settings.value(name);
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
    use crate::cli::printed;

    /// What terraform prints, without the outputs in `without`.
    fn outputs(without: &[&str]) -> Value {
        let text = |value: &str| json!({ "sensitive": false, "type": "string", "value": value });
        let mut found = json!({
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
        let map = found.as_object_mut().unwrap();
        map.retain(|name, _| !without.contains(&name.as_str()));
        found
    }

    fn error(text: &str) -> String {
        settings(&InputPath::of_argument("out.json".as_ref()), text)
            .unwrap_err()
            .to_string()
    }

    fn imported(outputs: &Value) -> Settings {
        settings(&InputPath::Stdin, &outputs.to_string()).unwrap()
    }

    #[test]
    fn outputs_that_are_settings_become_settings() {
        let settings = imported(&outputs(&[]));
        assert!(
            Settings::NAMES
                .iter()
                .all(|name| settings.value(name).is_some())
        );
        assert_eq!(
            settings.cells_per_worker.map(std::num::NonZero::get),
            Some(20)
        );
        let fewer = imported(&outputs(&[
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
    fn the_settings_that_were_written_are_shown() {
        let settings = imported(&outputs(&["autoscaling_group"]));
        let file = Path::new("tilefleet.toml");
        let text = [Format::Table, Format::Json]
            .map(|format| printed(format, |output| print(file, true, &settings, output)));
        insta::assert_snapshot!(text.join("\n"));
    }

    #[test]
    fn an_output_that_cannot_be_used_is_named() {
        assert_eq!(
            error(&outputs(&["queue_url", "table"]).to_string()),
            "out.json lacks the outputs queue_url, table; are they those of this fleet's terraform, and is all of it applied?"
        );
        assert_eq!(
            error("{}"),
            "out.json has no outputs; run terraform apply first"
        );
        assert_eq!(
            error("\"t-ledger\""),
            "out.json is not what terraform output -json prints (invalid type: string \"t-ledger\", expected a map at \
             line 1 column 10); run it without further arguments"
        );
        assert_eq!(
            error(r#"{"table":"t-ledger"}"#),
            "out.json is not what terraform output -json prints (output table has no \"value\"); run it without further \
             arguments"
        );
        let mut zero = outputs(&[]);
        zero["cells_per_worker"]["value"] = json!(0);
        assert_eq!(
            error(&zero.to_string()),
            "out.json: output cells_per_worker cannot be used: invalid value: integer `0`, expected a nonzero u32"
        );
    }

    #[test]
    fn a_file_with_other_settings_is_only_replaced_when_forced() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("tilefleet.toml");
        let settings = imported(&outputs(&[]));
        assert!(write(&file, &settings, false).unwrap());
        assert_eq!(Settings::read(&file).unwrap(), settings);
        assert!(
            !write(&file, &settings, false).unwrap(),
            "it has these settings already"
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
