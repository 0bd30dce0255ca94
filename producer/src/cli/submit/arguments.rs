//! Arguments of `submit`.

use std::path::PathBuf;

use clap::Args;

use super::area::AreaArgs;
use super::max_failed::MaxFailed;
use crate::error::ProducerError;
use tilefleet_common::domain::{CloudMask, Job, S3Url, TaskId};

pub(in super::super) const SUBMIT_NOTES: &str = "\
FILE has one of two forms. The form is detected from the content:

  a document   {\"detail\":{\"cells\":[{\"files\":\"s3://sentinel-s2-l2a/tiles/48/R/XT/2020/8/1/0/R10m/\",
               \"date\":\"20200801\",\"output_bucket\":\"my-bucket\",\"region_name\":\"eu-central-1\"}]}}
               or {\"cells\":[…]}; its \"files\" are read as requester pays

  NDJSON       one cell per line, with \"files\" as above or with the object of each band:
               {\"cell\":\"48RXT/2020-08-01/0\",\"assets\":{\"B02\":\"s3://…\",\"B03\":\"s3://…\",\"B04\":\"s3://…\"},
               \"output\":\"s3://my-bucket/summer\"}
               (on one line); \"tile\", \"date\" and \"number\" can replace \"cell\"

The task's id is derived from its content: the same input is the same task. If a submit was
interrupted, the same command again completes it.

Examples:
  producer submit cells.json
  jq -c '.[]' cells-array.json | producer submit - --output s3://my-bucket/summer
  producer submit cells.ndjson --recipe 'expr:(N - R) / (N + R)' --mask clouds:2
  producer submit cells.ndjson --dry-run
  producer submit cells.json --clip forest.geojson --min-valid 20
  producer submit cells.json --again            the same cells once more, as another task";

/// Arguments of `submit`.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(crate) struct SubmitArgs {
    /// The cells; - is standard input
    #[arg(value_name = "FILE|-")]
    pub(crate) input: PathBuf,
    /// What the bands of every cell become: a built-in recipe such as rgb or split (`producer
    /// recipes` lists them), a TOML file of your own, whose name ends in .toml or contains a /, or an
    /// expression such as 'expr:(N - R) / (N + R)'; probe reads no band and writes a small object, to
    /// try a fleet out
    #[arg(long, value_name = "NAME|FILE|expr:…", default_value = "rgb")]
    pub(crate) recipe: Job,
    /// Mask clouds, their shadows and cirrus by the classes or flags that come with the bands, and so
    /// many of their pixels around them
    #[arg(long, value_name = "clouds[:PIXELS]")]
    pub(crate) mask: Option<CloudMask>,
    /// Prefix for results, manifest and results list; it overrides the outputs of the cells
    #[arg(long, value_name = "S3_URL")]
    pub(crate) output: Option<S3Url>,
    /// To which area the cells are cut
    #[command(flatten)]
    pub(crate) area: AreaArgs,
    /// Id of the task [default: derived from the content]
    #[arg(long, value_name = "ID")]
    pub(crate) task_id: Option<TaskId>,
    /// Make another task of the same cells if there is one already (ID-2, ID-3, …)
    #[arg(long)]
    pub(crate) again: bool,
    /// Stop the task when so many of its cells, or this share of them, have failed; resume and retry
    /// count from 0 again
    #[arg(long, value_name = "N|N%")]
    pub(crate) max_failed: Option<MaxFailed>,
    /// Keep the task in the ledger for so many days; it takes no retry in the last 14 of them
    #[arg(long, value_name = "DAYS", default_value_t = 180, value_parser = clap::value_parser!(u16).range(15..))]
    pub(crate) keep: u16,
    /// Read all inputs as requester pays (documents' "files" always are)
    #[arg(long)]
    pub(crate) request_payer: bool,
    /// Drop cells that repeat an earlier one instead of refusing the input
    #[arg(long)]
    pub(crate) skip_duplicates: bool,
    /// Check the input, print the cells and their size, and submit nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

impl SubmitArgs {
    /// What is to be done with each cell: the recipe, with the mask if one is wanted.
    ///
    /// # Errors
    /// When the recipe has masks of its own.
    pub(crate) fn job(&self) -> Result<Job, ProducerError> {
        let job = self.recipe.clone();
        Ok(match self.mask {
            Some(clouds) => job.with_cloud_mask(clouds)?,
            None => job,
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use crate::cli::Cli;

    #[test]
    fn mistakes_in_recipes_and_masks_are_shown_with_their_place() {
        let complaint = |arguments: &[&str]| {
            let start = ["producer", "submit", "cells.json"];
            let parsed = Cli::try_parse_from(start.iter().chain(arguments));
            let message = parsed.unwrap_err().to_string();
            // Usage and the hint to --help follow.
            message.split("\n\nFor more").next().unwrap().to_owned()
        };
        let complaints = [
            complaint(&["--recipe", "expr:(N - R) / (N + rededge)"]),
            complaint(&["--recipe", "expr:clamp(N, 0)"]),
            complaint(&["--recipe", "expr:N R"]),
            complaint(&["--recipe", "expr:(N - R"]),
            complaint(&["--recipe", "no/such.toml"]),
            complaint(&["--mask", "cloud"]),
        ];
        insta::assert_snapshot!(complaints.join("\n\n"));
    }
}
