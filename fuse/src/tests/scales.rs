//! What the numbers of the inputs stand for, and that the output says so.

use super::geotiffs::geotiff;
use super::scenes::*;
use crate::{Cancel, FuseError, OutputScales, Request, ScaleOffset, prepare};

const REFLECTANCE: ScaleOffset = ScaleOffset {
    scale: 0.0001,
    offset: -0.1,
};

fn scaled(scene: &Scene, seed: u32, of: ScaleOffset) -> Vec<u8> {
    geotiff(scene, &samples(scene, seed), &[], |dataset| {
        let mut raster = dataset.rasterband(1).unwrap();
        raster.set_scale(of.scale).unwrap();
        raster.set_offset(of.offset).unwrap();
    })
}

/// Scale and offset of each band, as GDAL reads them.
fn scales(bytes: &[u8]) -> Vec<(Option<f64>, Option<f64>)> {
    reopened(bytes, |dataset| {
        let bands = dataset.rasterbands().map(Result::unwrap);
        bands.map(|band| (band.scale(), band.offset())).collect()
    })
}

fn fuse(request: Request) -> Result<Fused, FuseError> {
    let (body, cancel) = (Body::default(), Cancel::new());
    let cog = prepare(request, &cancel)?.run(&body, &|_| (), &cancel)?;
    let body = body.0.into_inner().unwrap();
    let bytes = cog.head.iter().flatten().copied().chain(body).collect();
    Ok(Fused { cog, bytes })
}

#[test]
fn scale_and_offset_of_the_inputs_are_those_of_the_output() {
    let scene = Scene::default();
    let bands = [
        band("B04", scaled(&scene, 1, REFLECTANCE)),
        band("B03", scaled(&scene, 2, REFLECTANCE)),
    ];
    let prepared = prepare(request(&bands, 1), &Cancel::new()).unwrap();
    assert_eq!(prepared.input_scales(), [Some(REFLECTANCE); 2]);
    let fused = try_fuse(&bands).unwrap();
    assert_eq!(scales(&fused.bytes), [(Some(0.0001), Some(-0.1)); 2]);
    assert_eq!(fused.cog.scales, [Some(REFLECTANCE); 2]);
    assert!(read_band(&fused.bytes, 1) == samples(&scene, 1));
}

#[test]
fn bands_whose_numbers_stand_for_different_values_are_refused() {
    let scene = Scene::default();
    let first = band("B04", scaled(&scene, 1, REFLECTANCE));
    let without_offset = ScaleOffset {
        offset: 0.0,
        ..REFLECTANCE
    };
    let cases = [
        (
            scaled(&scene, 2, without_offset),
            "has scale 0.0001 and offset 0",
        ),
        (
            jp2(&scene, &samples(&scene, 2)),
            "has neither scale nor offset",
        ),
    ];
    for (bytes, has) in cases {
        let (code, message) = error(&[first.clone(), band("B03", bytes)]);
        assert_eq!(code, "band_mismatch");
        let expected = format!(
            "band B03 (s3://b/k/B03.jp2) {has} but band B04 (s3://b/k/B04.jp2) has scale 0.0001 \
             and offset -0.1: the bands of a cell must agree in scale and offset; name bands of \
             one product, and of one resolution to stack them"
        );
        assert_eq!(message, expected);
    }
}

#[test]
fn a_request_may_say_what_the_outputs_stand_for() {
    let bands = rgb(&Scene::default());
    let given = |scales: &[ScaleOffset]| Request {
        scales: OutputScales::Given(scales.to_vec()),
        ..request(&bands, 1)
    };
    let plain = fuse(request(&bands, 1)).unwrap();
    assert_eq!(scales(&plain.bytes), [(None, None); 3]);
    // Numbers that stand for themselves are what they are without a word.
    let none = fuse(given(&[ScaleOffset::NONE; 3])).unwrap();
    assert!(none.bytes == plain.bytes);
    let landsat = ScaleOffset {
        scale: 2.75e-5,
        offset: -0.2,
    };
    let fused = fuse(given(&[REFLECTANCE, ScaleOffset::NONE, landsat])).unwrap();
    let read = scales(&fused.bytes);
    assert_eq!(read[0], (Some(0.0001), Some(-0.1)));
    assert_eq!(read[1], (None, None));
    assert_eq!(read[2], (Some(2.75e-5), Some(-0.2)));
    let wrong = ScaleOffset {
        scale: 0.0,
        offset: 1.0,
    };
    for (scales, words) in [
        (
            &[REFLECTANCE][..],
            "it has 1 scales and offsets for 3 outputs",
        ),
        (
            &[wrong; 3],
            "an output has scale 0 and offset 1, which give no value",
        ),
    ] {
        let error = fuse(given(scales)).map(|_| ()).unwrap_err();
        assert_eq!(error.code(), "request");
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn a_scale_that_gives_no_value_is_refused() {
    let scene = Scene::default();
    let flat = ScaleOffset {
        scale: 0.0,
        offset: 3.0,
    };
    let (code, message) = error(&[band("B04", scaled(&scene, 1, flat))]);
    assert_eq!(code, "unsupported");
    assert!(message.contains("it has scale 0 and offset 3"), "{message}");
}
