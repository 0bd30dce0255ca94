//! The decoder and GDAL decode real scenes to the same samples. `TILEFLEET_REAL_SCENES` names the
//! directory of the scenes.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod common;

use std::path::{Path, PathBuf};

use bytes::Bytes;
use common::{decoded, decoded_by_gdal};
use tilefleet_jpeg2000::{Image, Tiles};

fn jp2_files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).expect("TILEFLEET_REAL_SCENES is a directory") {
        let path = entry.expect("its entries can be listed").path();
        if path.is_dir() {
            jp2_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "jp2") {
            found.push(path);
        }
    }
}

#[test]
#[ignore = "needs real scenes, in the directory that TILEFLEET_REAL_SCENES names"]
fn real_scenes_decode_to_what_openjpeg_decodes() {
    let directory =
        std::env::var_os("TILEFLEET_REAL_SCENES").expect("TILEFLEET_REAL_SCENES is set");
    let mut files = Vec::new();
    jp2_files(Path::new(&directory), &mut files);
    assert!(!files.is_empty(), "there are JP2 files");
    for path in files {
        let file = Bytes::from(std::fs::read(&path).expect("it can be read"));
        let image =
            Image::read(&file).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        if let Some(reason) = image.outside_profile() {
            assert!(
                image.components() != 1 || reason == "the irreversible 9/7 wavelet",
                "{}: {reason}",
                path.display()
            );
            let mut tiles = Tiles::new(&image);
            while let Some(tile) = tiles
                .next(&file)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
            {
                let checked =
                    image.check_tile(tile.index, &common::parts(&file, &tile.parts), &|| false);
                checked.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            }
            println!("{}: outside the profile: {reason}", path.display());
            continue;
        }
        assert_eq!(image.components(), 1, "{}", path.display());
        let (samples, order) =
            decoded(&file).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let expected = decoded_by_gdal(&file).expect("GDAL reads it");
        assert_eq!(samples.difference(&expected), None, "{}", path.display());
        println!("{}: {} tiles", path.display(), order.len());
    }
}
