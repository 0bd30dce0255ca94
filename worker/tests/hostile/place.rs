//! Georeferences that are missing, wrong, or made to cost time and memory.

use std::fmt::Write as _;

use bytes::Bytes;
use tilefleet_scenes::{Georeference, gml};

use crate::case::{Case, Expected, NO_GEOREFERENCE, UNSUPPORTED, refused};
use crate::jp2::Jp2;
use crate::scene::{SIZE, place, sound, whole};

const MISMATCH: &[&str] = &["band_mismatch"];
const EITHER: &[&str] = &["no_georeference", "unsupported"];

fn gml() -> String {
    gml::root_instance(&place(), SIZE, SIZE)
}

fn with_gml(file: &[u8], gml: &str) -> Vec<u8> {
    let mut file = Jp2::of(file);
    file.set_gml(gml.as_bytes());
    file.bytes()
}

/// One band with other GML than the others.
fn one(name: &str, codes: &'static [&'static str], words: &'static str, gml: &str) -> Case {
    refused(name, with_gml(&whole(), gml), codes, words)
}

/// All bands with the same GML.
fn all(name: &str, codes: &'static [&'static str], words: &'static str, gml: &str) -> Case {
    let bands = sound()
        .clone()
        .map(|file| Bytes::from(with_gml(&file, gml)));
    Case {
        name: name.into(),
        bands,
        expected: Expected::RefusedAny(codes, words),
    }
}

fn moved(name: &str, place: &Georeference, words: &'static str) -> Case {
    one(
        name,
        MISMATCH,
        words,
        &gml::root_instance(place, SIZE, SIZE),
    )
}

#[expect(clippy::too_many_lines, reason = "a table with a case in each item")]
pub(crate) fn cases() -> Vec<Case> {
    let here = place();
    let Georeference {
        west, north, epsg, ..
    } = here;
    let vectors = |first: &str, second: &str| {
        gml()
            .replace(">10 0<", &format!(">{first}<"))
            .replace(">0 -10<", &format!(">{second}<"))
    };
    let position = |text: &str| {
        let gml = gml();
        let (before, after) = gml.split_once("<gml:pos>").expect("there is one");
        let (_, after) = after.split_once("</gml:pos>").expect("it ends");
        format!("{before}<gml:pos>{text}</gml:pos>{after}")
    };
    let code = |text: &str| gml().replace(&format!("urn:ogc:def:crs:EPSG::{epsg}"), text);
    let mut without = Jp2::of(&whole());
    without.boxes.retain(|found| &found.kind != b"asoc");
    vec![
        refused("no georeference", without.bytes(), NO_GEOREFERENCE, ""),
        one("no GML in the box", NO_GEOREFERENCE, "", ""),
        one("text for GML", NO_GEOREFERENCE, "", "not GML at all"),
        one("half of the GML", NO_GEOREFERENCE, "", &gml()[..900]),
        one(
            "an unknown code",
            NO_GEOREFERENCE,
            "coordinate reference system",
            &code("urn:ogc:def:crs:EPSG::999999"),
        ),
        one(
            "a code far away",
            NO_GEOREFERENCE,
            "",
            &code("http://127.0.0.1:9/crs"),
        ),
        one(
            "a code in a file",
            NO_GEOREFERENCE,
            "",
            &code("/etc/passwd"),
        ),
        moved(
            "a pixel to the east",
            &Georeference {
                west: west + 10.0,
                ..here
            },
            "position",
        ),
        moved(
            "a pixel to the south",
            &Georeference {
                north: north - 10.0,
                ..here
            },
            "position",
        ),
        moved(
            "half a pixel to the west",
            &Georeference {
                west: west - 5.0,
                ..here
            },
            "position",
        ),
        moved(
            "a centimetre to the north",
            &Georeference {
                north: north + 0.01,
                ..here
            },
            "position",
        ),
        moved(
            "pixels of 20 m",
            &Georeference {
                pixel: 20.0,
                ..here
            },
            "position",
        ),
        moved(
            "the neighbouring zone",
            &Georeference {
                epsg: epsg + 1,
                ..here
            },
            "coordinate reference system",
        ),
        moved(
            "the other hemisphere",
            &Georeference {
                epsg: epsg + 100,
                ..here
            },
            "coordinate reference system",
        ),
        one(
            "one band rotated",
            &["band_mismatch", "unsupported"],
            "",
            &vectors("8 6", "6 -8"),
        ),
        all(
            "all bands rotated",
            UNSUPPORTED,
            "north",
            &vectors("8 6", "6 -8"),
        ),
        all(
            "all bands sheared",
            UNSUPPORTED,
            "north",
            &vectors("10 1", "0 -10"),
        ),
        all(
            "all bands south up",
            UNSUPPORTED,
            "north",
            &vectors("10 0", "0 10"),
        ),
        all(
            "all bands mirrored",
            UNSUPPORTED,
            "north",
            &vectors("-10 0", "0 -10"),
        ),
        all("pixels without width", EITHER, "", &vectors("0 0", "0 -10")),
        all(
            "pixels without end",
            EITHER,
            "",
            &vectors("1e999 0", "0 -1e999"),
        ),
        one(
            "a place that is no number",
            MISMATCH,
            "position",
            &position("here there"),
        ),
        all(
            "a place beyond everything",
            EITHER,
            "",
            &position("1e999 1e999"),
        ),
        one("a place of one number", EITHER, "", &position("600005")),
    ]
}

/// XML that costs a careless parser all its time or memory.
#[expect(clippy::too_many_lines, reason = "a table with a case in each item")]
pub(crate) fn bombs() -> Vec<Case> {
    let declared = |entities: &str, used: &str| {
        let gml = gml();
        let (declaration, root) = gml
            .split_once('\n')
            .expect("the declaration is a line of its own");
        let root = root.replace("withheld", used);
        format!("{declaration}\n<!DOCTYPE bomb [{entities}]>\n{root}")
    };
    let mut laughs = String::from("<!ENTITY l0 \"ha\">");
    for level in 1..20 {
        let _ = write!(
            laughs,
            "<!ENTITY l{level} \"{}\">",
            format!("&l{};", level - 1).repeat(10)
        );
    }
    let long = format!("<!ENTITY a \"{}\">", "a".repeat(100_000));
    let deep = |count: usize| format!("{}{}", "<a>".repeat(count), "</a>".repeat(count));
    let attributes: String = (0..400_000).fold(String::new(), |mut text, number| {
        let _ = write!(text, " a{number}='1'");
        text
    });
    // Each box holds all that follow.
    let nested: Vec<u8> = (1..=100_000_u32)
        .rev()
        .flat_map(|left| [&(8 * left).to_be_bytes()[..], b"asoc"].concat())
        .collect();
    let mut boxes = Jp2::of(&whole());
    *boxes.content(*b"asoc") = nested;
    let within = |filling: &str| gml().replace("withheld", filling);
    vec![
        one(
            "a billion laughs",
            UNSUPPORTED,
            "entit",
            &declared(&laughs, "&l19;"),
        ),
        one(
            "an entity many times over",
            UNSUPPORTED,
            "entit",
            &declared(&long, &"&a;".repeat(100_000)),
        ),
        one(
            "an entity in a file",
            UNSUPPORTED,
            "entit",
            &declared("<!ENTITY f SYSTEM \"file:///etc/passwd\">", "&f;"),
        ),
        one(
            "a parameter entity far away",
            UNSUPPORTED,
            "entit",
            &declared("<!ENTITY % r SYSTEM \"http://127.0.0.1:9/\"> %r;", ""),
        ),
        one(
            "100,000 elements deep",
            NO_GEOREFERENCE,
            "",
            &within(&deep(100_000)),
        ),
        one(
            "a million elements that never end",
            NO_GEOREFERENCE,
            "",
            &"<a>".repeat(1_000_000),
        ),
        one(
            "400,000 attributes, and no GML",
            NO_GEOREFERENCE,
            "",
            &format!("<a{attributes}/>"),
        ),
        one(
            "7 MB of elements, and no GML",
            NO_GEOREFERENCE,
            "",
            &format!("<r>{}</r>", "<a/>".repeat(1_750_000)),
        ),
        one(
            "7 MB of an unclosed comment",
            NO_GEOREFERENCE,
            "",
            &format!("<!-- {}", "-".repeat(7 << 20)),
        ),
        one(
            "7 MB of a name",
            NO_GEOREFERENCE,
            "",
            &format!("<{}/>", "a".repeat(7 << 20)),
        ),
        one(
            "a code of 6 MB",
            NO_GEOREFERENCE,
            "",
            &gml().replacen("urn:ogc:def:crs:EPSG::", &"urn:".repeat(1_500_000), 1),
        ),
        refused(
            "boxes in boxes in boxes",
            boxes.bytes(),
            NO_GEOREFERENCE,
            "",
        ),
    ]
}
