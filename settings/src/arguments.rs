//! The settings as arguments of a command.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::builder::{OsStringValueParser, TypedValueParser as _};
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, FromArgMatches};

use crate::error::SettingsError;
use crate::names::{DEFAULT_FILE, flag, variable};
use crate::settings::Settings;

/// The flags and variables that say where the fleet is. A program flattens them into its arguments.
#[derive(Debug, Clone)]
pub struct FleetArgs {
    given: Settings,
    config: Option<PathBuf>,
    /// The settings that come from environment variables.
    from_environment: BTreeSet<&'static str>,
}

/// What clap parses.
#[derive(Args)]
struct Flags {
    #[command(flatten)]
    settings: Settings,
    /// Read settings from this file instead of ./tilefleet.toml
    #[arg(
        long,
        env = "TILEFLEET_CONFIG",
        value_name = "FILE",
        // An empty variable is not an error here.
        value_parser = OsStringValueParser::new().map(PathBuf::from),
        global = true,
        help_heading = "Fleet"
    )]
    config: Option<PathBuf>,
}

impl Args for FleetArgs {
    fn augment_args(command: Command) -> Command {
        Flags::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Flags::augment_args_for_update(command)
    }
}

impl FromArgMatches for FleetArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let Flags { settings, config } = Flags::from_arg_matches(matches)?;
        let given = settings
            .without_empty()
            .map_err(|error| clap::Error::raw(ErrorKind::ValueValidation, error))?;
        let from_environment = |name: &&str| {
            // Not every setting has a flag, and clap panics when asked about another.
            matches.try_contains_id(name).is_ok()
                && matches.value_source(name) == Some(ValueSource::EnvVariable)
        };
        Ok(Self {
            given,
            config: config.filter(|path| path != Path::new("")),
            from_environment: Settings::NAMES
                .into_iter()
                .filter(from_environment)
                .collect(),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl FleetArgs {
    /// The settings of flags and environment alone.
    pub fn given(&self) -> &Settings {
        &self.given
    }

    /// The configuration file, whether it exists or not.
    pub fn file(&self) -> &Path {
        self.config.as_deref().unwrap_or(Path::new(DEFAULT_FILE))
    }

    /// The settings of flags and environment, completed from the configuration file.
    ///
    /// # Errors
    /// [`SettingsError`] when the named file is missing, or the file is not valid.
    pub fn settings(&self) -> Result<Settings, SettingsError> {
        match self.given.or_from_file(self.file()) {
            Err(SettingsError::Unreadable { cause, .. })
                if self.config.is_none() && cause.kind() == std::io::ErrorKind::NotFound =>
            {
                Ok(self.given.clone())
            }
            settings => settings,
        }
    }

    /// The flag or the variable that gave the setting `name`, such as `--table` or
    /// `TILEFLEET_TABLE`; `None` when neither did.
    pub fn origin(&self, name: &str) -> Option<String> {
        self.given.value(name)?;
        Some(if self.from_environment.contains(name) {
            variable(name)
        } else {
            flag(name)
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        fleet: FleetArgs,
    }

    fn parsed(arguments: &[&str]) -> FleetArgs {
        let all = ["program"].iter().chain(arguments);
        Program::try_parse_from(all).unwrap().fleet
    }

    #[test]
    fn flags_and_variables_are_named_after_their_settings() {
        let command = Flags::augment_args(Command::new("program"));
        for argument in command.get_arguments() {
            let name = argument.get_id().as_str();
            let long = argument.get_long().map(|long| format!("--{long}"));
            assert_eq!(long, Some(flag(name)));
            // The AWS environment has its own variable of the region.
            let env = argument.get_env().and_then(|env| env.to_str());
            let expected = (name != "region").then(|| variable(name));
            assert_eq!(env, expected.as_deref());
            assert!(
                name == "config" || Settings::NAMES.contains(&name),
                "{name}"
            );
        }
    }

    #[test]
    fn a_flag_overrides_the_file_and_says_that_it_did() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a.toml");
        std::fs::write(&file, "table = \"from-file\"\ntopic_arn = \"from-file\"\n").unwrap();
        let fleet = parsed(&["--table", "from-flag", "--config", file.to_str().unwrap()]);
        let settings = fleet.settings().unwrap();
        assert_eq!(settings.table().unwrap(), "from-flag");
        assert_eq!(settings.topic_arn().unwrap(), "from-file");
        assert_eq!(fleet.origin("table").as_deref(), Some("--table"));
        assert_eq!(fleet.origin("topic_arn"), None);
        assert_eq!(fleet.file(), file);
    }

    #[test]
    fn an_empty_flag_or_variable_is_not_set() {
        let fleet = parsed(&["--queue-url", "", "--table", "t", "--config", ""]);
        assert_eq!(fleet.given().queue_url, None);
        assert_eq!(fleet.given().table.as_deref(), Some("t"));
        assert_eq!(fleet.file(), Path::new(DEFAULT_FILE));
    }

    #[test]
    fn only_a_file_that_is_named_must_exist() {
        let error = parsed(&["--config", "/nowhere/a.toml"])
            .settings()
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("cannot read configuration /nowhere/a.toml: "),
            "{error}"
        );
        assert_eq!(parsed(&[]).settings().unwrap(), Settings::default());
    }
}
