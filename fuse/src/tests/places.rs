//! That readers of the output see where it lies, in every coordinate reference system.

use gdal::spatial_ref::SpatialRef;

use super::geotiffs::geotiff;
use super::scenes::*;
use crate::cog::{Field, GeoTags, directory, file_of_directories, pixel, system_name};
use crate::gdal::opened;

const TRANSFORM: [f64; 6] = [500_000.0, 10.0, 0.0, 5_000_000.0, 0.0, -10.0];

/// One code of each projection method and coordinate system of the EPSG dataset 10.082 (PROJ
/// 9.1.1), and some systems without a projection. Systems of a zone or of no use are left out.
const CODES: [u32; 137] = [
    3857, 9311, 4087, 5221, 5224, 5225, 6201, 6244, 8857, 9895, 3200, 24100, 24370, 6793, 3102,
    2062, 4826, 6391, 2318, 2251, 2204, 2138, 3034, 3300, 7801, 3795, 31300, 3395, 3000, 3994,
    3388, 2099, 2314, 2066, 3407, 3068, 3140, 8044, 6128, 2000, 5589, 2136, 27291, 2222, 2945,
    2235, 3912, 2009, 2105, 2044, 2176, 29371, 2046, 5588, 2290, 22780, 2200, 2172, 5041, 5042,
    5938, 5939, 5940, 5482, 5937, 5936, 32661, 32761, 27200, 3168, 3167, 6809, 26731, 3078, 8441,
    2056, 29871, 29872, 8065, 21780, 29702, 22300, 22700, 5472, 5530, 2065, 3576, 9947, 3575, 3571,
    3574, 3573, 3572, 6931, 6932, 5635, 3035, 3005, 2964, 3083, 9221, 32600, 2218, 3052, 2963,
    3413, 3995, 3976, 3275, 3287, 3276, 3277, 3288, 3278, 3279, 3289, 3280, 3281, 3290, 3282, 3283,
    3291, 3284, 3285, 3292, 3286, 3032, 3031, 2985, 3993, 3295, 3139, 6933, 4326, 4258, 4807, 4277,
];

/// What a reader sees who has nothing but the tags.
fn seen(tags: &GeoTags) -> Option<SpatialRef> {
    let look = |dataset: &gdal::Dataset| dataset.spatial_ref().ok();
    opened(pixel(tags.fields.clone()), "GTiff", look).unwrap()
}

/// Whether two systems are the same but for the order in which programs hand over coordinates.
fn is_same(one: &SpatialRef, other: &SpatialRef) -> bool {
    let order = gdal::spatial_ref::AxisMappingStrategy::TraditionalGisOrder;
    let (mut one, mut other) = (one.clone(), other.clone());
    one.set_axis_mapping_strategy(order);
    other.set_axis_mapping_strategy(order);
    one == other
}

#[test]
fn every_projection_method_is_read_back_or_refused_by_name() {
    let mut refused = Vec::new();
    for code in CODES {
        let system = SpatialRef::from_epsg(code).unwrap();
        match GeoTags::new(&system, &TRANSFORM) {
            Ok(tags) => {
                let seen = seen(&tags).unwrap_or_else(|| panic!("EPSG:{code} is lost"));
                assert!(
                    is_same(&seen, &system),
                    "EPSG:{code} is {}",
                    system_name(&seen)
                );
            }
            Err(error) => {
                let words = format!("cannot hold EPSG:{code}; reproject");
                assert!(error.to_string().contains(&words), "{error}");
                refused.push(code);
            }
        }
    }
    assert_eq!(refused, [0; 0]);
}

#[test]
fn a_system_without_a_code_that_keys_cannot_hold_is_refused() {
    let system = SpatialRef::from_proj4("+proj=eqearth +lon_0=11 +datum=WGS84").unwrap();
    let error = GeoTags::new(&system, &TRANSFORM).unwrap_err().to_string();
    assert!(error.starts_with("GeoTIFF keys cannot hold "), "{error}");
    assert!(error.contains("; reproject to a system"), "{error}");
    let system = SpatialRef::from_proj4("+proj=laea +lat_0=11 +lon_0=11 +datum=WGS84").unwrap();
    let tags = GeoTags::new(&system, &TRANSFORM).unwrap();
    assert!(is_same(&seen(&tags).unwrap(), &system));
}

/// A plain TIFF with geo keys of its own.
fn with_keys(keys: &[[u16; 4]], corner: (f64, f64)) -> Vec<u8> {
    let scene = Scene::default();
    let rows = u32::try_from(scene.size.1).unwrap();
    let file = |start: u32| {
        let fields = vec![
            Field::side(256, 300),
            Field::side(257, rows),
            Field::shorts(258, &[16]),
            Field::shorts(259, &[1]),
            Field::shorts(262, &[1]),
            Field::longs(273, &[start]),
            Field::shorts(277, &[1]),
            Field::longs(278, &[rows]),
            Field::longs(279, &[300 * rows * 2]),
            Field::doubles(33550, &[10.0, 10.0, 0.0]),
            Field::doubles(33922, &[0.0, 0.0, 0.0, corner.0, corner.1, 0.0]),
            Field::shorts(34735, keys.as_flattened()),
        ];
        file_of_directories(&[fields])
    };
    let mut bytes = file(u32::try_from(file(0).len()).unwrap());
    bytes.extend(samples(&scene, 1).iter().flat_map(|it| it.to_le_bytes()));
    bytes
}

#[test]
fn a_system_that_gdal_does_not_write_is_carried_with_the_keys_of_the_input() {
    for code in [8857, 5221] {
        let keys = [
            [1, 1, 0, 3],
            [1024, 0, 1, 1],
            [1025, 0, 1, 1],
            [3072, 0, 1, code],
        ];
        let scene = Scene::default();
        let fused = try_fuse(&[band("B04", with_keys(&keys, scene.origin))]).unwrap();
        assert_eq!(fused.cog.crs, format!("EPSG:{code}"));
        let expected = SpatialRef::from_epsg(code.into()).unwrap();
        reopened(&fused.bytes, |dataset| {
            assert!(
                is_same(&dataset.spatial_ref().unwrap(), &expected),
                "EPSG:{code}"
            );
            let corner = dataset.geo_transform().unwrap();
            assert_eq!((corner[0], corner[3]), scene.origin);
        });
    }
}

#[test]
fn a_system_that_gdal_does_not_write_is_carried_from_a_jp2_too() {
    let scene = Scene {
        code: Some(8857),
        ..Scene::default()
    };
    let fused = try_fuse(&[band("B04", jp2(&scene, &samples(&scene, 1)))]).unwrap();
    assert_eq!(fused.cog.crs, "EPSG:8857");
    reopened(&fused.bytes, |dataset| {
        let system = dataset.spatial_ref().unwrap();
        assert_eq!(system.authority().unwrap(), "EPSG:8857");
    });
}

#[test]
fn pixels_that_are_points_become_areas_in_the_same_place() {
    let (x, y) = Scene::default().origin;
    // The tie point of a point is its centre; 8857 keeps the keys of the input.
    for code in [32629, 8857] {
        let keys = |kind| {
            [
                [1, 1, 0, 3],
                [1024, 0, 1, 1],
                [1025, 0, 1, kind],
                [3072, 0, 1, code],
            ]
        };
        let points = with_keys(&keys(2), (x + 5.0, y - 5.0));
        let areas = with_keys(&keys(1), (x, y));
        let fused = try_fuse(&[band("B04", points)]).unwrap();
        assert_eq!((fused.cog.transform[0], fused.cog.transform[3]), (x, y));
        assert!(fused.bytes == try_fuse(&[band("B04", areas)]).unwrap().bytes);
        reopened(&fused.bytes, |dataset| {
            use gdal::Metadata as _;
            let corner = dataset.geo_transform().unwrap();
            assert_eq!((corner[0], corner[3]), (x, y));
            let kind = dataset.metadata_item("AREA_OR_POINT", "");
            assert_eq!(kind.as_deref(), Some("Area"));
        });
    }
}

#[test]
fn the_tags_of_a_system_that_gdal_writes_stay_as_they_are() {
    let scene = Scene::default();
    let bytes = geotiff(&scene, &samples(&scene, 1), &[], |_| ());
    let expected = directory(&bytes).unwrap();
    let fused = try_fuse(&[band("B04", bytes)]).unwrap();
    let written = directory(&fused.bytes).unwrap();
    for tag in [33550, 33922, 34735, 34737] {
        let of = |fields: &[Field]| fields.iter().find(|field| field.tag == tag).cloned();
        assert_eq!(of(&written), of(&expected), "{tag}");
        assert!(of(&written).is_some(), "{tag}");
    }
}
