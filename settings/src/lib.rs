//! Where the fleet is: the settings that producer and worker share.
//!
//! A flag overrides an environment variable, which overrides `tilefleet.toml`. [`Settings`] says
//! each setting once: as a field of the file, a flag and a variable. A program flattens
//! [`FleetArgs`] into its command line.

mod arguments;
mod error;
mod names;
mod settings;

pub use arguments::FleetArgs;
pub use error::SettingsError;
pub use names::DEFAULT_FILE;
pub use settings::Settings;
