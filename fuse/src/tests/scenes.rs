//! Generated bands, and their fusion in memory.

use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use gdal::raster::{Buffer, GdalType, RasterCreationOptions};
use gdal::spatial_ref::SpatialRef;
use gdal::{Dataset, DriverManager, vsi};

use crate::gdal::MemoryFolder;
use crate::grid::{BandGrid, Ratios, Rect};
use crate::pipeline::Layout;
use crate::{
    Band, Cancel, Cog, Compression, FuseError, Output, OutputScales, Overviews, Request, Stack,
    prepare,
};

/// What a generated band looks like; `code` and `transform` are left out for one without a
/// georeference.
#[derive(Clone, Debug)]
pub(super) struct Scene {
    pub(super) size: (usize, usize),
    pub(super) tile: u32,
    pub(super) code: Option<u32>,
    pub(super) origin: (f64, f64),
    /// Side of a pixel.
    pub(super) pixel: f64,
    pub(super) bands: usize,
}

impl Default for Scene {
    fn default() -> Self {
        Self {
            size: (300, 200),
            tile: 64,
            code: Some(32629),
            origin: (499_980.0, 5_900_040.0),
            pixel: 10.0,
            bands: 1,
        }
    }
}

pub(super) fn memory<T: GdalType + Copy>(scene: &Scene, samples: &[T]) -> Dataset {
    let (width, height) = scene.size;
    let driver = DriverManager::get_driver_by_name("MEM").unwrap();
    let mut dataset = driver
        .create_with_band_type::<T, _>("", width, height, scene.bands)
        .unwrap();
    if let Some(code) = scene.code {
        dataset
            .set_spatial_ref(&SpatialRef::from_epsg(code).unwrap())
            .unwrap();
        let ((x, y), pixel) = (scene.origin, scene.pixel);
        dataset
            .set_geo_transform(&[x, pixel, 0.0, y, 0.0, -pixel])
            .unwrap();
    }
    for index in 1..=scene.bands {
        let mut buffer = Buffer::new(scene.size, samples.to_vec());
        dataset
            .rasterband(index)
            .unwrap()
            .write((0, 0), scene.size, &mut buffer)
            .unwrap();
    }
    dataset
}

pub(super) fn jp2<T: GdalType + Copy>(scene: &Scene, samples: &[T]) -> Vec<u8> {
    jp2_with(
        scene,
        samples,
        &[("QUALITY", "100"), ("REVERSIBLE", "YES"), ("PLT", "YES")],
    )
}

pub(super) fn jp2_with<T: GdalType + Copy>(
    scene: &Scene,
    samples: &[T],
    more: &[(&str, &str)],
) -> Vec<u8> {
    let tile = scene.tile.to_string();
    let options = [&[("BLOCKXSIZE", &*tile), ("BLOCKYSIZE", &*tile)], more].concat();
    encoded(scene, samples, "JP2OpenJPEG", &options)
}

pub(super) fn encoded<T: GdalType + Copy>(
    scene: &Scene,
    samples: &[T],
    driver: &str,
    items: &[(&str, &str)],
) -> Vec<u8> {
    let folder = MemoryFolder::new();
    let path = folder.path(if driver == "JP2OpenJPEG" {
        "scene.jp2"
    } else {
        "scene.tif"
    });
    let mut options = RasterCreationOptions::new();
    for (key, value) in items {
        options.set_name_value(key, value).unwrap();
    }
    let driver = DriverManager::get_driver_by_name(driver).unwrap();
    memory(scene, samples)
        .create_copy(&driver, &path, &options)
        .unwrap()
        .close()
        .unwrap();
    vsi::get_vsi_mem_file_bytes_owned(&path).unwrap()
}

pub(super) fn band(name: &str, bytes: Vec<u8>) -> Band {
    let bytes = Arc::new(Bytes::from(bytes));
    Band {
        name: name.into(),
        source: format!("s3://b/k/{name}.jp2"),
        bytes,
    }
}

/// Samples without a pattern that a wrong tile or a swapped row would repeat, with nodata in the
/// upper left.
pub(super) fn samples(scene: &Scene, seed: u32) -> Vec<u16> {
    let (width, height) = (
        u32::try_from(scene.size.0).unwrap(),
        u32::try_from(scene.size.1).unwrap(),
    );
    let sample = |x: u32, y: u32| {
        let lit = (x * 7 + y * 13 + x * y / 5 + seed * 31) % 9000 + 1;
        if x + 2 * y < width / 3 {
            0
        } else {
            u16::try_from(lit).unwrap()
        }
    };
    (0..height)
        .flat_map(|y| (0..width).map(move |x| sample(x, y)))
        .collect()
}

pub(super) fn rgb(scene: &Scene) -> Vec<Band> {
    let names = ["B04", "B03", "B02"].into_iter().zip(1..);
    names
        .map(|(name, seed)| band(name, jp2(scene, &samples(scene, seed))))
        .collect()
}

/// The layout of bands on one grid.
pub(super) fn one_grid(size: (u32, u32), bands: usize, margin: u32) -> Layout {
    let band = BandGrid {
        size,
        ratios: Ratios::ONE,
    };
    Layout::new(size, Rect::whole(size), margin, vec![(band, 0); bands])
}

#[derive(Default)]
pub(super) struct Body(pub(super) Mutex<Vec<u8>>);

impl Output for Body {
    fn body(&self, bytes: Bytes) -> io::Result<()> {
        self.0.lock().unwrap().extend_from_slice(&bytes);
        Ok(())
    }
}

/// A COG with its whole file.
#[derive(Debug)]
pub(super) struct Fused {
    pub(super) cog: Cog,
    pub(super) bytes: Vec<u8>,
}

pub(super) fn request(bands: &[Band], threads: usize) -> Request {
    let metadata = vec![("TILE".to_owned(), "29UNU".to_owned())];
    Request {
        bands: bands.to_vec(),
        kernel: Arc::new(Stack::default()),
        crop: None,
        overviews: Overviews::Average,
        compression: Compression::Deflate { level: 1 },
        metadata,
        scales: OutputScales::OfInputs,
        threads,
    }
}

pub(super) fn try_fuse_with(bands: &[Band], threads: usize) -> Result<Fused, FuseError> {
    let (body, cancel) = (Body::default(), Cancel::new());
    let cog = prepare(request(bands, threads), &cancel)?.run(&body, &|_| (), &cancel)?;
    let body = body.0.into_inner().unwrap();
    assert_eq!(cog.body_bytes, body.len() as u64);
    let bytes = cog.head.iter().flatten().copied().chain(body).collect();
    Ok(Fused { cog, bytes })
}

pub(super) fn try_fuse(bands: &[Band]) -> Result<Fused, FuseError> {
    try_fuse_with(bands, 2)
}

pub(super) fn error(bands: &[Band]) -> (&'static str, String) {
    let error = try_fuse(bands)
        .map(|fused| fused.bytes.len())
        .expect_err("these bands cannot be fused");
    (error.code(), error.to_string())
}

/// All samples of a band of the output.
pub(super) fn read_band(bytes: &[u8], band: usize) -> Vec<u16> {
    reopened(bytes, |dataset| {
        dataset
            .rasterband(band)
            .unwrap()
            .read_band_as::<u16>()
            .unwrap()
            .data()
            .to_vec()
    })
}

pub(super) fn reopened<R>(bytes: &[u8], look: impl FnOnce(&Dataset) -> R) -> R {
    let folder = MemoryFolder::new();
    let path = folder.path("cog.tif");
    vsi::create_mem_file(&path, bytes.to_vec()).unwrap();
    look(&Dataset::open(&path).unwrap())
}
