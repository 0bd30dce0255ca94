//! Which rasters the arguments ask for, and of which bands each is made.

use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use tilefleet_common::aws::ObjectStore;
use tilefleet_common::domain::{
    Radiometry, RadiometryError, Recipe, ResolvedRecipe, Sensor, find_band,
    other_band_in_object_name, sensor_of_addresses,
};
use tilefleet_fuse::{Kernel, KernelError, OutputScales, Overviews, Stack};

use super::input::is_remote;
use crate::cell::{
    Documents, Extent, LookUpError, RasterPlan, Scales, bands_of_reflectance, look_up,
    needs_reflectance,
};
use crate::cli::{FuseArgs, NamedBand};

/// A raster to make.
#[derive(Debug)]
pub(super) struct Raster {
    /// Where it is written.
    pub(super) output: String,
    /// The bands in the order of the kernel's inputs.
    pub(super) bands: Vec<NamedBand>,
    /// What is made of them; `None` for a stack of all.
    pub(super) plan: Option<RasterPlan>,
    /// Metadata items.
    pub(super) metadata: Vec<(String, String)>,
}

impl Raster {
    pub(super) fn kernel(&self, extent: &Extent) -> Result<Arc<dyn Kernel>, KernelError> {
        match &self.plan {
            Some(plan) => extent.kernel_of(plan),
            None => Ok(Arc::new(Stack::default())),
        }
    }

    pub(super) fn overviews(&self) -> Overviews {
        self.plan
            .as_ref()
            .map_or(Overviews::Average, |plan| plan.overviews)
    }

    pub(super) fn scales(&self) -> OutputScales {
        let plan = self.plan.as_ref();
        plan.map_or(OutputScales::OfInputs, |plan| plan.scales.clone())
    }
}

/// The rasters that `args` ask for: one without a recipe, one for each `file` of a recipe.
pub(super) async fn of_args(
    args: &FuseArgs,
    objects: Option<&ObjectStore>,
) -> anyhow::Result<Vec<Raster>> {
    let Some(recipe) = args.recipe()? else {
        return Ok(vec![Raster {
            output: args.output.clone(),
            bands: args.bands.clone(),
            plan: None,
            metadata: vec![],
        }]);
    };
    let resolved = recipe.resolve(sensor(args)?)?;
    let bands = bands(args, &recipe, &resolved)?;
    let scales = scales(args, &resolved, &bands, objects).await?;
    let is_alone = resolved.files.len() == 1;
    let mut rasters = vec![];
    for file in &resolved.files {
        let plan = RasterPlan::new(&resolved, file, &scales.of_inputs(&resolved))?;
        let named = plan.bands(&resolved).into_iter().map(|name| {
            let found = bands.iter().find(|band| band.name == name);
            found.cloned().with_context(|| format!("no band {name}"))
        });
        rasters.push(Raster {
            output: match &file.name {
                Some(name) if !is_alone => beside(&args.output, name),
                _ => args.output.clone(),
            },
            bands: named.collect::<Result<_, _>>()?,
            plan: Some(plan),
            metadata: scales.metadata(),
        });
    }
    Ok(rasters)
}

/// The sensor that the arguments name, or else the addresses of the bands.
fn sensor(args: &FuseArgs) -> anyhow::Result<Sensor> {
    let places = args.bands.iter().map(|band| band.place.as_str());
    if let Some(sensor) = args.sensor.or_else(|| sensor_of_addresses(None, places)) {
        return Ok(sensor);
    }
    let is_landsat = |band: &NamedBand| {
        let name = band.name.to_ascii_uppercase();
        name.starts_with("SR_B") || name == "QA_PIXEL"
    };
    ensure!(
        !args.bands.iter().any(is_landsat),
        "nothing says which Landsat the bands are of; pass --sensor landsat-oli or landsat-tm"
    );
    Ok(Sensor::Sentinel2)
}

/// The bands that the recipe reads, by the names that it resolves to.
fn bands(
    args: &FuseArgs,
    recipe: &Recipe,
    resolved: &ResolvedRecipe,
) -> anyhow::Result<Vec<NamedBand>> {
    let reads = resolved.bands().join(", ");
    let mut found: Vec<NamedBand> = vec![];
    for band in &args.bands {
        let name = find_band(resolved.sensor, &band.name).map(|known| known.key);
        let Some(name) = name.filter(|name| resolved.bands().contains(name)) else {
            bail!(
                "recipe {} reads {reads} and not {}; leave it out",
                recipe.name(),
                band.name
            );
        };
        check_place(resolved.sensor, name, &band.place, &found)?;
        if let Some(other) = found.iter().find(|other| other.name == name) {
            bail!(
                "{} and {} are both band {name}; pass one",
                other.place,
                band.place
            );
        }
        found.push(NamedBand {
            name: name.to_owned(),
            place: band.place.clone(),
        });
    }
    for name in resolved.bands() {
        ensure!(
            found.iter().any(|band| band.name == name),
            "recipe {} reads {reads}; pass {name}=FILE too",
            recipe.name()
        );
    }
    Ok(found)
}

/// Fails for a file that is named after another band, or is another band already.
fn check_place(
    sensor: Sensor,
    name: &str,
    place: &str,
    others: &[NamedBand],
) -> anyhow::Result<()> {
    let file = place.rsplit('/').next().unwrap_or_default();
    if let Some(named) = other_band_in_object_name(sensor, file, name) {
        bail!("{place} is named after band {named} and passed as {name}; check it");
    }
    let path = whole_path(place);
    let same = others.iter().find(|other| whole_path(&other.place) == path);
    if let Some(other) = same.filter(|other| other.name != name) {
        bail!(
            "{place} is passed as {} and as {name}; pass two files",
            other.name
        );
    }
    Ok(())
}

/// What the numbers of the bands stand for, by the documents near their files.
async fn scales(
    args: &FuseArgs,
    resolved: &ResolvedRecipe,
    bands: &[NamedBand],
    objects: Option<&ObjectStore>,
) -> anyhow::Result<Scales> {
    // 1. What needs no documents.
    let reflect = bands_of_reflectance(resolved);
    if reflect.is_empty() {
        return Ok(Scales::default());
    }
    let assumed = resolved.radiometry.assume;
    let assumed = assumed.map(|assumed| Radiometry::assumed(&reflect, assumed));
    let documents = Documents {
        objects,
        request_payer: args.request_payer,
    };
    // 2. Where the bands are: the folders above a file are found from the whole path.
    let bands = bands
        .iter()
        .filter(|band| reflect.contains(&band.name.as_str()));
    let places: Vec<_> = bands
        .map(|band| (band.name.as_str(), whole_path(&band.place)))
        .collect();
    let places: Vec<_> = places
        .iter()
        .map(|(name, place)| (*name, place.as_str()))
        .collect();
    // 3. What the documents say. Stacks do without.
    let mut files = resolved.files.iter();
    let is_needed = files.any(|file| needs_reflectance(resolved, file));
    match look_up(&documents, &places).await {
        Ok(known) => Ok(Scales::new(Some(known))),
        Err(LookUpError::Radiometry(
            RadiometryError::Unknown { .. } | RadiometryError::Disagree { .. },
        )) if assumed.is_some() => Ok(Scales::new(assumed)),
        Err(LookUpError::Radiometry(RadiometryError::Unknown { .. })) if !is_needed => {
            Ok(Scales::default())
        }
        Err(error) => Err(error.into()),
    }
}

/// The whole path of a file without links: in its folders are the documents. An address in S3 stays
/// as it is.
fn whole_path(place: &str) -> String {
    if is_remote(place) {
        return place.to_owned();
    }
    let path = std::fs::canonicalize(place);
    path.map_or_else(|_| place.to_owned(), |path| path.display().to_string())
}

/// `out_B04.tif` for the raster `B04` beside `out.tif`.
fn beside(output: &str, name: &str) -> String {
    let folder = output.rfind('/').map_or(0, |at| at + 1);
    match output.rfind('.').filter(|dot| *dot > folder) {
        Some(dot) => format!("{}_{name}{}", &output[..dot], &output[dot..]),
        None => format!("{output}_{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rasters_of_one_recipe_lie_beside_each_other() {
        assert_eq!(beside("a.b/out.tif", "B04"), "a.b/out_B04.tif");
        assert_eq!(beside("s3://bucket.x/out", "B04"), "s3://bucket.x/out_B04");
        assert_eq!(beside(".hidden", "B04"), ".hidden_B04");
    }
}
