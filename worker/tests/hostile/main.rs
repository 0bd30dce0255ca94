//! Hostile rasters end as a permanent failure that says what is wrong with which band; legal but
//! unusual ones become the same raster as the usual one. Neither becomes another raster.
//!
//! Every file here is the project's own generated scene with its boxes, markers, tags or bytes
//! changed. The oracle is what the undamaged bands become.
//!
//! How far this goes: a cut at any byte and a flipped bit in any header of a band as ESA codes it
//! are noticed, or of no consequence. A flipped bit in the packets of a JPEG 2000 file is noticed
//! more often than not (`most_flipped_bits_…` in the decoder's own tests counts them); the rest is
//! left to the checksum of the object.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed, and may say what took its time"
)]

mod boxes;
mod codestream;
mod command;
mod damage;
mod geotiff;
mod jp2;
mod legal;
mod place;
mod stand_ins;
mod support;
mod tiff;

use support::{case, scene};

#[test]
fn legal_but_unusual_files_become_the_same_raster() {
    case::run(
        &[
            legal::boxes(),
            legal::markers(),
            legal::codings(),
            legal::fallback(),
            legal::geotiffs(),
        ]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>(),
    );
}

#[test]
fn slow_sources_and_threads_have_no_part_in_the_bytes() {
    let mut interleaved = jp2::Jp2::of(&scene::coded(
        scene::coding(),
        &["TILEPARTS=RESOLUTIONS", "PROGRESSION=RPCL"],
    ));
    interleaved
        .parts
        .sort_by_key(|part| (part.number, part.tile * 7 % 9));
    let bands = scene::with(interleaved.bytes());
    for threads in [1, 2, 4] {
        for seed in 0..2 {
            let slow = |bytes| scene::Slow { bytes, seed };
            let fused =
                scene::fused(bands.clone().map(slow), threads).expect("nothing is wrong with them");
            assert!(fused == scene::oracle(), "{threads} threads, seed {seed}");
        }
    }
}

#[test]
fn what_is_no_band_is_refused() {
    case::run(&stand_ins::cases());
}

#[test]
fn jp2_files_that_contradict_themselves_are_refused() {
    let cases = [
        boxes::cases(),
        codestream::tile_parts(),
        codestream::packets(),
        codestream::headers(),
        codestream::others(),
    ];
    case::run(&cases.into_iter().flatten().collect::<Vec<_>>());
}

#[test]
fn bands_out_of_place_are_refused() {
    case::run(
        &[place::cases(), place::bombs()]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>(),
    );
}

#[test]
fn geotiffs_that_lie_are_refused() {
    case::run(
        &[
            geotiff::directories(),
            geotiff::tags(),
            geotiff::places_of_tiles(),
            geotiff::tiles(),
            geotiff::places(),
        ]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>(),
    );
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    case::run(&damage::cut());
}

#[test]
fn a_flipped_bit_in_a_header_is_noticed_or_of_no_consequence() {
    case::run(&[damage::flipped_headers(1), damage::flipped_directory(1)].concat());
}

#[test]
#[ignore = "takes minutes"]
fn no_flipped_bit_of_a_directory_makes_another_raster() {
    case::run(&damage::flipped_directory(8));
}

#[test]
#[ignore = "takes minutes"]
fn no_flipped_bit_of_any_header_makes_another_raster() {
    case::run(&damage::flipped_headers(8));
}
