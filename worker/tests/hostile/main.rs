//! Hostile rasters end as a permanent failure that says what is wrong with which band; legal but unusual ones become the
//! same raster as the usual one. Neither becomes another raster.
//!
//! Every file here is the project's own generated scene with its boxes, markers, tags or bytes changed. The oracle is
//! what the undamaged bands become.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed, and may say what took its time"
)]

mod boxes;
mod case;
mod codestream;
mod command;
mod damage;
mod geotiff;
mod jp2;
mod legal;
mod place;
mod scene;
mod stand_ins;
mod tiff;

#[test]
fn legal_but_unusual_files_become_the_same_raster() {
    case::run(
        &[legal::boxes(), legal::markers(), legal::codings(), legal::geotiffs()]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>(),
    );
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
    case::run(&[place::cases(), place::bombs()].into_iter().flatten().collect::<Vec<_>>());
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
    case::run(&damage::flipped_headers(1));
}

#[test]
#[ignore = "takes minutes"]
fn no_flipped_bit_of_any_header_makes_another_raster() {
    case::run(&damage::flipped_headers(8));
}
