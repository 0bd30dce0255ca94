//! The generated scene that everything here is made of, and the whole way through the fuse core.

use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use tilefleet_fuse::{self as fuse, Band, Cancel, Compression, FuseError, Output, Request, Source};
use tilefleet_scenes::{Band as Channel, Coding, Georeference, Scene, encode};

/// Pixels along a side: two whole tiles and a part of one.
pub(crate) const SIZE: u32 = 300;
pub(crate) const TILE: u32 = 128;

/// Names in the order of the output; the second is the one that is changed.
pub(crate) const NAMES: [&str; 3] = ["B04", "B03", "B02"];
pub(crate) const CHANGED: usize = 1;

/// ESA's coding at a smaller size, so that there are tiles, precincts and code blocks to go wrong.
pub(crate) fn coding() -> Coding {
    Coding {
        tile: TILE,
        code_block: 32,
        resolutions: 3,
        precinct: 64,
        ..Coding::default()
    }
}

pub(crate) fn scene() -> Scene {
    Scene::new(
        "48RXT".parse().expect("a tile"),
        jiff::civil::date(2020, 8, 1),
        SIZE,
        1,
    )
}

pub(crate) fn place() -> Georeference {
    scene().georeference()
}

/// Samples of the band that is changed.
pub(crate) fn samples() -> &'static [u16] {
    static SAMPLES: OnceLock<Vec<u16>> = OnceLock::new();
    SAMPLES.get_or_init(|| scene().samples(Channel::B03))
}

/// The three bands, undamaged.
pub(crate) fn sound() -> &'static [Bytes; 3] {
    static SOUND: OnceLock<[Bytes; 3]> = OnceLock::new();
    SOUND.get_or_init(|| {
        [Channel::B04, Channel::B03, Channel::B02].map(|channel| {
            let samples = scene().samples(channel);
            encode::jp2(&samples, SIZE, SIZE, &place(), &coding())
                .expect("GDAL writes it")
                .into()
        })
    })
}

/// The band that is changed, undamaged.
pub(crate) fn whole() -> Vec<u8> {
    sound()[CHANGED].to_vec()
}

/// The same band in another coding, with creation options of GDAL's.
pub(crate) fn coded(coding: Coding, options: &[&str]) -> Vec<u8> {
    let file = encode::jp2_with(samples(), SIZE, SIZE, &place(), &coding, options);
    file.unwrap_or_else(|error| panic!("{coding:?} {options:?}: {error}"))
}

/// The same band as a `GeoTIFF`.
pub(crate) fn geotiff(driver: &str, options: &[&str]) -> Vec<u8> {
    encode::geotiff(samples(), SIZE, SIZE, &place(), driver, options).expect("GDAL writes it")
}

#[derive(Default)]
struct Body(Mutex<Vec<u8>>);

impl Output for Body {
    fn body(&self, bytes: Bytes) -> io::Result<()> {
        self.0
            .lock()
            .expect("no test panics with it")
            .extend_from_slice(&bytes);
        Ok(())
    }
}

/// A file whose ranges arrive late, some much later than others.
pub(crate) struct Slow {
    pub(crate) bytes: Bytes,
    pub(crate) seed: u64,
}

impl Source for Slow {
    fn len(&self) -> u64 {
        Source::len(&self.bytes)
    }

    fn read(&self, range: Range<u64>) -> io::Result<Bytes> {
        let drawn = (range.start ^ self.seed << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56;
        thread::sleep(Duration::from_micros(if drawn < 40 { 5000 } else { drawn }));
        Source::read(&self.bytes, range)
    }
}

/// The file that three bands become.
pub(crate) fn fused<S: Source + 'static>(
    bands: [S; 3],
    threads: usize,
) -> Result<Vec<u8>, FuseError> {
    let bands = NAMES.iter().zip(bands).map(|(&name, bytes)| Band {
        name: name.into(),
        source: format!("{name}.jp2"),
        bytes: Arc::new(bytes),
    });
    let request = Request {
        bands: bands.collect(),
        kernel: Arc::new(fuse::Stack::default()),
        crop: None,
        overviews: fuse::Overviews::Average,
        compression: Compression::None,
        metadata: Vec::new(),
        scales: fuse::OutputScales::OfInputs,
        threads,
    };
    let (body, cancel) = (Body::default(), Cancel::new());
    let cog = fuse::prepare(request, &cancel)?.run(&body, &|_| (), &cancel)?;
    let body = body.0.into_inner().expect("no test panics with it");
    Ok(cog.head.iter().flatten().copied().chain(body).collect())
}

/// The three bands with another one in the place of the one that is changed.
pub(crate) fn with(band: impl Into<Bytes>) -> [Bytes; 3] {
    let mut bands = sound().clone();
    bands[CHANGED] = band.into();
    bands
}

/// What the undamaged bands become.
pub(crate) fn oracle() -> &'static [u8] {
    static ORACLE: OnceLock<Vec<u8>> = OnceLock::new();
    ORACLE.get_or_init(|| fused(sound().clone(), 2).expect("nothing is wrong with them"))
}
