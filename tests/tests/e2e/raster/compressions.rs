//! `worker fuse` on local files, in every compression that it offers.

use std::process::Command;

use anyhow::{Result, ensure};
use tilefleet_scenes::{Band, Coding, Scene, layout as scenes, write_scene};
use tilefleet_tests::layout;

use crate::support::rasters;

#[test]
fn every_compression_makes_a_valid_cog_of_the_same_pixels() -> Result<()> {
    let directory = tempfile::tempdir()?;
    // Tiles of the output in two rows and columns, and overviews with odd sides.
    let scene = Scene::new("48RXT".parse()?, "2020-08-01".parse()?, 700, 7);
    write_scene(
        directory.path(),
        &scene,
        &Band::VISIBLE,
        &Coding {
            tile: 256,
            ..Coding::default()
        },
    )?;
    let bands = [Band::B04, Band::B03, Band::B02]
        .map(|band| (band, directory.path().join(scenes::band_key(&scene, band))));
    let worker = layout::binary(&layout::binaries_directory()?, "worker")?;
    for compression in ["deflate", "deflate:9", "zstd", "zstd:12", "lerc", "none"] {
        let output = directory
            .path()
            .join(format!("{}.tif", compression.replace(':', "-")));
        let mut command = Command::new(&worker);
        command
            .args(["fuse", "--compress", compression, "-o"])
            .arg(&output);
        command.args(
            bands
                .iter()
                .map(|(band, path)| format!("{band}={}", path.display())),
        );
        let finished = command.output()?;
        ensure!(
            finished.status.success(),
            "{compression}: {}",
            String::from_utf8_lossy(&finished.stderr)
        );
        rasters::assert_made_of(&output, &bands.each_ref().map(|(_, path)| path))?;
        rasters::assert_valid_cog(&output)?;
    }
    Ok(())
}
