//! Areas against GDAL's rasterize on the same input.

use crate::kernel::Area as _;
use gdal::raster::{RasterizeOptions, rasterize};
use gdal::spatial_ref::{CoordTransform, SpatialRef};
use gdal::vector::Geometry;
use gdal::{Dataset, DriverManager};
use proptest::prelude::*;

use super::fill::fill;
use super::outline::PixelRing;
use super::spans::SpanSet;
use super::touch::touch;
use super::*;

/// Which pixels are inside, row by row.
fn mask(area: Option<&PolygonArea>, (columns, rows): (u32, u32)) -> Vec<bool> {
    let mut mask = vec![];
    let mut spans = vec![];
    for row in 0..rows {
        spans.clear();
        if let Some(area) = area {
            area.spans(row, &mut spans);
        }
        mask.extend((0..columns).map(|column| spans.iter().any(|span| span.contains(&column))));
    }
    mask
}

fn dataset(transform: [f64; 6], (columns, rows): (u32, u32)) -> Dataset {
    let driver = DriverManager::get_driver_by_name("MEM").unwrap();
    let mut dataset = driver
        .create_with_band_type::<u8, _>("", columns as usize, rows as usize, 1)
        .unwrap();
    dataset.set_geo_transform(&transform).unwrap();
    dataset
}

/// Which pixels GDAL finds inside of a geometry.
fn rasterized(mut dataset: Dataset, geometry: Geometry, all_touched: bool) -> Vec<bool> {
    let options = RasterizeOptions {
        all_touched,
        ..RasterizeOptions::default()
    };
    rasterize(&mut dataset, &[1], &[geometry], &[1.0], Some(options)).unwrap();
    let band = dataset.rasterband(1).unwrap();
    let buffer = band.read_band_as::<u8>().unwrap();
    buffer.data().iter().map(|&sample| sample == 1).collect()
}

fn wkt(rings: &[PixelRing], y: f64) -> String {
    let ring = |ring: &PixelRing| {
        let corners = ring.iter().chain(ring.first());
        let corners = corners.map(|corner| format!("{:.17e} {:.17e}", corner.0, corner.1 * y));
        format!("({})", corners.collect::<Vec<_>>().join(","))
    };
    let rings: Vec<_> = rings.iter().map(ring).collect();
    format!("POLYGON({})", rings.join(","))
}

/// A star around a point, with these distances of its corners from there.
fn star((x, y): (f64, f64), distances: &[f64]) -> PixelRing {
    let count = f64::from(u32::try_from(distances.len()).unwrap());
    let corner = |(n, distance): (u32, &f64)| {
        let angle = f64::from(n) / count * std::f64::consts::TAU + 0.1;
        (x + distance * angle.cos(), y + distance * angle.sin())
    };
    (0..).zip(distances).map(corner).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn pixels_are_those_that_gdal_rasterizes(
        centre in (-5.0..45.0_f64, -5.0..35.0_f64),
        outline in prop::collection::vec(1.0..30.0_f64, 3..12),
        hole in prop::collection::vec(0.2..8.0_f64, 3..6),
        all_touched: bool,
    ) {
        let size = (40, 30);
        let rings = [star(centre, &outline), star(centre, &hole)];
        let mut spans = SpanSet::new(size);
        fill(&rings, &mut spans);
        if all_touched {
            touch(&rings, &mut spans);
        }
        let ours = mask(PolygonArea::new(spans).as_ref(), size);
        let grid = dataset([0.0, 1.0, 0.0, 0.0, 0.0, -1.0], size);
        let geometry = Geometry::from_wkt(&wkt(&rings, -1.0)).unwrap();
        prop_assert_eq!(ours, rasterized(grid, geometry, all_touched));
    }
}

fn place(system: &str, left: f64, top: f64, size: (u32, u32)) -> Place {
    Place {
        system: system.to_owned(),
        transform: [left, 60.0, 0.0, top, 0.0, -60.0],
        size,
    }
}

fn ring_of(bounds: [f64; 4]) -> Vec<(f64, f64)> {
    let [west, south, east, north] = bounds;
    vec![(west, south), (east, south), (east, north), (west, north)]
}

#[test]
fn edges_are_straight_in_longitude_and_latitude() {
    // A tile of Sentinel-2 at 60 m, and a polygon over it whose edges are up to ten degrees long.
    let place = place("EPSG:32629", 499_980.0, 6_000_000.0, (1830, 1830));
    let rings = vec![
        vec![(-12.5, 53.55), (-2.0, 53.3), (-7.5, 54.4)],
        ring_of([-8.6, 53.6, -8.2, 53.75]),
    ];
    let area = on_grid(std::slice::from_ref(&rings), false, &place)
        .unwrap()
        .unwrap();
    // The same with edges of 50 m, by GDAL alone.
    let dense: Vec<PixelRing> = rings
        .iter()
        .map(|ring| {
            let next = ring.iter().cycle().skip(1);
            let edges = ring.iter().zip(next);
            edges
                .flat_map(|(from, to)| {
                    (0..20_000).map(move |n| {
                        let share = f64::from(n) / 20_000.0;
                        (
                            from.0 + share * (to.0 - from.0),
                            from.1 + share * (to.1 - from.1),
                        )
                    })
                })
                .collect()
        })
        .collect();
    let lon_lat = SpatialRef::from_definition("OGC:CRS84").unwrap();
    let system = SpatialRef::from_epsg(32629).unwrap();
    let transform = CoordTransform::new(&lon_lat, &system).unwrap();
    let geometry = Geometry::from_wkt(&wkt(&dense, 1.0)).unwrap();
    let geometry = geometry.transform(&transform).unwrap();
    let theirs = rasterized(dataset(place.transform, place.size), geometry, false);
    let ours = mask(Some(&area), place.size);
    let differing = ours.iter().zip(&theirs).filter(|(one, other)| one != other);
    let inside = theirs.iter().filter(|&&inside| inside).count();
    assert_eq!(area.pixels(), ours.iter().filter(|&&it| it).count() as u64);
    assert!(inside > 500_000, "{inside}");
    // The outline passes through some 5,000 pixels, and may be a twentieth of a pixel beside.
    let differing = differing.count();
    assert!(differing < 100, "{differing} of {inside}");
}

#[test]
fn an_area_across_the_antimeridian_has_no_seam() {
    // Zone 1 begins at 180 degrees, which is at 179 km here, and its tiles reach beyond.
    let place = place("EPSG:32701", 165_000.0, 8_200_000.0, (500, 400));
    let halves = [
        vec![ring_of([170.0, -30.0, 180.0, -10.0])],
        vec![ring_of([-180.0, -30.0, -170.0, -10.0])],
    ];
    let area = on_grid(&halves, false, &place).unwrap().unwrap();
    assert_eq!(area.pixels(), 500 * 400);
    let bounds = area.bounds();
    assert_eq!((bounds.x, bounds.y), (0, 0));
    assert_eq!((bounds.width, bounds.height), (500, 400));
    let parts = halves.map(|half| {
        let half = on_grid(&[half], false, &place).unwrap();
        half.map_or(0, |half| half.pixels())
    });
    assert!(parts.iter().all(|&part| part > 0), "{parts:?}");
    assert_eq!(parts.iter().sum::<u64>(), 500 * 400);
}

#[test]
fn the_whole_earth_covers_a_tile_at_the_pole_and_elsewhere() {
    let earth = [vec![ring_of([-180.0, -90.0, 180.0, 90.0])]];
    for (system, left, top) in [
        ("EPSG:3031", -10_000.0, 10_000.0),
        ("EPSG:3031", 300_000.0, -900_000.0),
        ("EPSG:32633", 399_960.0, 5_500_020.0),
        ("EPSG:32760", 600_000.0, 8_200_000.0),
    ] {
        let place = place(system, left, top, (300, 300));
        let area = on_grid(&earth, false, &place).unwrap();
        let pixels = area.map_or(0, |area| area.pixels());
        assert_eq!(pixels, 300 * 300, "{system} {left}");
    }
}

#[test]
fn an_area_beside_the_grid_has_no_pixels_and_a_small_one_only_if_it_is_touched() {
    let place = place("EPSG:32629", 499_980.0, 6_000_000.0, (1830, 1830));
    let on = |bounds, all_touched| on_grid(&[vec![ring_of(bounds)]], all_touched, &place).unwrap();
    assert_eq!(on([100.0, -10.0, 120.0, 10.0], true), None);
    assert_eq!(on([-12.0, 53.5, -9.1, 54.0], true), None);
    let small = [-8.5, 53.8, -8.4999, 53.8001];
    assert_eq!(on(small, false), None);
    let touched = on(small, true).unwrap();
    assert!(touched.pixels() > 0 && touched.bounds().width < 3);
}

#[test]
fn a_system_that_proj_does_not_know_is_an_error() {
    let place = place("EPSG:1", 0.0, 0.0, (10, 10));
    let error = on_grid(&[], false, &place).unwrap_err().to_string();
    assert!(error.contains("carry an area over"), "{error}");
}
