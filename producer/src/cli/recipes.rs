//! Arguments of `recipes`.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use tilefleet_common::domain::{CloudMask, Job, Sensor};

pub(super) const RECIPES_NOTES: &str = "\
A recipe of your own begins with a copy of another one:
  producer recipes split > my.toml
  producer recipes rgb --mask clouds:2 > masked.toml
  producer recipes 'expr:(N - R) / (N + R)' > my.toml";

/// Arguments of `recipes`.
#[derive(Debug, Args)]
pub(crate) struct RecipesArgs {
    /// Show this recipe as a TOML file
    #[arg(value_name = "NAME|FILE|expr:…")]
    pub(crate) recipe: Option<Job>,
    /// List only the recipes that can be made of this sensor's bands
    #[arg(long, value_name = "NAME", value_parser = sensors(), conflicts_with = "recipe")]
    pub(crate) sensor: Option<Sensor>,
    /// Show the recipe with a mask of clouds
    #[arg(long, value_name = "clouds[:PIXELS]", requires = "recipe")]
    pub(crate) mask: Option<CloudMask>,
}

fn sensors() -> impl TypedValueParser<Value = Sensor> {
    let of_name = |name: String| {
        let found = Sensor::ALL.into_iter().find(|sensor| sensor.name() == name);
        // The parser has let no other name through.
        found.unwrap_or(Sensor::Sentinel2)
    };
    PossibleValuesParser::new(Sensor::ALL.map(Sensor::name)).map(of_name)
}
