//! Scenes fused to pictures and drawn on a sheet, as the demo does.
#![expect(clippy::unwrap_used, reason = "a step that fails is a failed test")]

use std::path::{Path, PathBuf};

use gdal::DriverManager;
use gdal::raster::Buffer;
use tilefleet_scenes::contact_sheet;
use tilefleet_scenes::swath::{Edge, Swath};
use tilefleet_scenes::{Band, Scene};

const SIZE: usize = 96;

fn fuse(folder: &Path, tile: &str, day: i8, swath: Swath) -> PathBuf {
    let scene = Scene::new(
        tile.parse().unwrap(),
        jiff::civil::date(2020, 8, day),
        96,
        1,
    );
    let scene = Scene { swath, ..scene };
    let path = folder.join(format!("sentinel_l2a_{tile}_202008{day:02}_0_RGB.tif"));
    let raster = DriverManager::get_driver_by_name("GTiff")
        .unwrap()
        .create_with_band_type::<u16, _>(&path, SIZE, SIZE, 3)
        .unwrap();
    for (number, band) in (1..).zip([Band::B04, Band::B03, Band::B02]) {
        let mut samples = Buffer::new((SIZE, SIZE), scene.samples(band));
        raster
            .rasterband(number)
            .unwrap()
            .write((0, 0), (SIZE, SIZE), &mut samples)
            .unwrap();
    }
    path
}

#[test]
fn a_sheet_shows_every_scene_and_its_missing_part() {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        fuse(folder.path(), "48RXT", 1, Swath::Full),
        fuse(
            folder.path(),
            "48RXT",
            6,
            Swath::West(Edge {
                north: 0.5,
                south: 0.5,
            }),
        ),
        fuse(folder.path(), "48RYT", 1, Swath::Full),
    ];
    let sheet = contact_sheet::draw(&files).unwrap();
    assert_eq!((sheet.shown, sheet.total), (3, 3));

    let (width, height) = sheet.canvas.size();
    let dark = |x: usize, y: usize| {
        sheet
            .canvas
            .get(x, y)
            .unwrap()
            .iter()
            .all(|&shade| shade < 50)
    };
    // Two columns: the second picture's right half lies in the right quarter of the sheet, in the
    // upper half.
    assert!(dark(width * 9 / 10, height * 3 / 10));
    assert!(!dark(width * 3 / 10, height * 3 / 10));

    let png = folder.path().join("sheet.png");
    sheet.canvas.write_png(&png).unwrap();
    assert!(std::fs::read(png).unwrap().starts_with(b"\x89PNG"));
}

#[test]
fn a_file_of_one_band_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("grey.tif");
    let driver = DriverManager::get_driver_by_name("GTiff").unwrap();
    drop(
        driver
            .create_with_band_type::<u16, _>(&path, 8, 8, 1)
            .unwrap(),
    );
    let message = contact_sheet::draw(&[path]).unwrap_err().to_string();
    assert!(
        message.ends_with("grey.tif has 1 band(s), a picture needs three"),
        "{message}"
    );
}
