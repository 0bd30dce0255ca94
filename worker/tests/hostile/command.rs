//! The built `worker fuse` over hostile files: exit code, message, what is left behind, and memory.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::case::Case;
use crate::scene::NAMES;
use crate::{boxes, codestream, damage, geotiff, legal, place, scene, stand_ins};
use bytes::Bytes;

/// Names of the cases, and words of the message; what takes time or memory if it is not refused
/// early, and one of everything else.
const CHOSEN: [(&str, &str); 20] = [
    ("an empty file", "is empty"),
    ("an error page of S3", "AccessDenied"),
    ("a Git LFS pointer", "Git LFS"),
    ("9 MB of metadata", "boxes"),
    ("more boxes than a file has", "boxes"),
    ("codestream open, cut at EOC", "EOC"),
    ("a tile missing", "tile 4 of 9"),
    ("40 MB of packets in a small tile", "bytes"),
    ("2^31 x 2^31 in one tile", "pixels"),
    ("65535 x 65535 in one tile", "tile"),
    ("30000 x 30000 in small tiles", "packets"),
    ("65535 layers", "packets"),
    (
        "millions of code blocks of the other wavelet",
        "code blocks",
    ),
    ("millions of precincts of the other wavelet", "code blocks"),
    ("a billion laughs", "entities"),
    ("a million elements that never end", "georeference"),
    ("a pixel to the east", "position"),
    ("all bands rotated", "north up"),
    ("TIFF: 2^32 - 1 strips", "sizes"),
    (
        "TIFF: a tile that inflates to 64 MB",
        "longer than its samples",
    ),
];

/// KiB of data, heap and stacks together, that no hostile file may make the worker take, whatever
/// it announces. The system gives it no more (Linux, `setrlimit(2)`, `RLIMIT_DATA`), and it would
/// abort. The sound bands get by with a third of it.
const MOST_MEMORY: &str = "262144";

fn fuse(folder: &Path, bands: &[Bytes; 3]) -> (Option<i32>, String) {
    let mut command = Command::new("sh");
    command.args([
        "-c",
        "ulimit -d \"$0\" && exec \"$@\"",
        MOST_MEMORY,
        env!("CARGO_BIN_EXE_worker"),
    ]);
    command.env("TILEFLEET_LOG", "info");
    command
        .arg("fuse")
        .args(["--threads", "2", "-o"])
        .arg(folder.join("out.tif"));
    for (name, bytes) in NAMES.iter().zip(bands) {
        let file = folder.join(format!("{name}.jp2"));
        fs::write(&file, bytes).expect("the folder can be written to");
        command.arg(format!("{name}={}", file.display()));
    }
    let output = command
        .output()
        .expect("the worker was built with this test");
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder can be read");
    let name = |entry: Result<fs::DirEntry, std::io::Error>| {
        entry
            .expect("its entries can be read")
            .file_name()
            .to_string_lossy()
            .into_owned()
    };
    let mut names: Vec<_> = entries.map(name).collect();
    names.sort();
    names
}

#[test]
fn the_command_refuses_them_in_little_memory_and_leaves_nothing() {
    let tables = [
        stand_ins::cases(),
        boxes::cases(),
        damage::cut(),
        codestream::tile_parts(),
        codestream::packets(),
        codestream::headers(),
        codestream::others(),
        place::cases(),
        place::bombs(),
        geotiff::directories(),
        geotiff::tiles(),
    ];
    let cases: Vec<Case> = tables.into_iter().flatten().collect();
    let folder = tempfile::tempdir().expect("there is room for files");
    let folder = folder.path();
    assert_eq!(fuse(folder, scene::sound()).0, Some(0), "the sound bands");
    fs::remove_file(folder.join("out.tif")).expect("it was made");
    let before = names(folder);
    let mut complaints = Vec::new();
    for (name, words) in CHOSEN {
        let case = cases.iter().find(|case| case.name == name);
        let case = case.unwrap_or_else(|| panic!("there is no case {name}"));
        let (code, said) = fuse(folder, &case.bands);
        let is_named =
            said.contains("error: band B0") && said.contains(&folder.display().to_string());
        let silent = !said.contains("panicked");
        if code != Some(1)
            || !is_named
            || !silent
            || !said.contains(words)
            || names(folder) != before
        {
            complaints.push(format!(
                "{name} ends with {code:?}, {:?} and {said:?}",
                names(folder)
            ));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn the_command_says_what_it_leaves_to_gdal() {
    let folder = tempfile::tempdir().expect("there is room for files");
    let case = legal::fallback().into_iter().last().expect("there is one");
    let (code, said) = fuse(folder.path(), &case.bands);
    assert_eq!(code, Some(0), "{}: {said}", case.name);
    for words in [
        "decoding with GDAL",
        "B03",
        "tile 8 has code-block style flags",
    ] {
        assert!(said.contains(words), "{}: {said}", case.name);
    }
    // The sound bands are not.
    assert!(!said.contains("B04"), "{said}");
}
