//! What a setting is called on the command line and in the environment.

/// The file that is read when no other is named, if it exists.
pub const DEFAULT_FILE: &str = "tilefleet.toml";

/// The flag of the setting `name`, such as `--queue-url` of `queue_url`.
pub(crate) fn flag(name: &str) -> String {
    format!("--{}", name.replace('_', "-"))
}

/// The environment variable of the setting `name`, such as `TILEFLEET_QUEUE_URL` of `queue_url`.
pub(crate) fn variable(name: &str) -> String {
    format!("TILEFLEET_{}", name.to_ascii_uppercase())
}
