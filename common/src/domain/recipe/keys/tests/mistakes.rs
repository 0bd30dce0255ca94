//! How mistakes in recipes are told.

use crate::domain::Recipe;

use super::texts::{GOOD, complaint};

#[test]
fn every_other_key_is_refused_with_its_line() {
    let output = "name, file, band, expression, dtype, scale, offset, nodata";
    assert_eq!(
        complaint(&format!("{GOOD}unit = \"1\"\n")),
        format!("my.toml line 6: unknown key \"unit\"; an output has {output}")
    );
    assert_eq!(
        complaint(&format!("version = 2\n{GOOD}")),
        "my.toml line 1: unknown key \"version\"; a recipe has name, title, overviews, output, grid, \
         mask, filter, radiometry, constants"
    );
    for (table, known) in [
        ("[grid]", "grid has resolution, upsample, downsample"),
        ("[[mask]]", "a mask has band, values, bits, above, dilate"),
        ("[filter]", "filter has median"),
        ("[radiometry]", "radiometry has negative, assume"),
    ] {
        assert_eq!(
            complaint(&format!("{GOOD}{table}\nx = 3\n")),
            format!("my.toml line 7: unknown key \"x\"; {known}")
        );
    }
}

#[test]
fn what_is_missing_or_wrong_is_named_with_its_line_and_what_was_expected() {
    // A change of one line, and what is said of it.
    for (from, to, expected) in [
        (
            "name = \"blue\"",
            "name = \"Blue\"",
            "my.toml line 1: name is \"Blue\"; expected 1 to 40 of a-z, 0-9 and '-', the first not '-', such as \"false-color\"",
        ),
        (
            "name = \"blue\"",
            "name = \"probe\"",
            "my.toml line 1: the name \"probe\" is taken: --recipe probe reads no band; choose another",
        ),
        (
            "name = \"blue\"\n",
            "",
            "my.toml line 1: no name; a recipe has one, such as name = \"my-recipe\"",
        ),
        (
            "title = \"Blue\"",
            "title = 3",
            "my.toml line 2: title is 3; expected a text of 1 to 200 characters on one line",
        ),
        (
            "name = \"b\"",
            "name = \"\"",
            "my.toml line 4: name is \"\"; expected 1 to 40 letters, digits, '-' and '_', such as \"B04\"",
        ),
        (
            "[[output]]",
            "[output]",
            "my.toml line 3: output is a table; expected a list of tables, each of which starts with [[output]]",
        ),
        (
            "title = \"Blue\"",
            "title = ",
            "my.toml line 2: not TOML: string values must be quoted, expected literal string",
        ),
    ] {
        assert_eq!(complaint(&GOOD.replacen(from, to, 1)), expected);
    }
    // What is wrong only beside another output, or with the whole text.
    assert_eq!(
        complaint(&format!("{GOOD}[[output]]\nname = \"b\"\nband = \"B03\"\n")),
        "my.toml line 7: a second output is named \"b\"; give each output a name of its own"
    );
    assert_eq!(
        complaint(&format!("{GOOD}# {}", "x".repeat(16 * 1024))),
        "my.toml: the recipe is too long; at most 16384 bytes are read"
    );
}

#[test]
fn a_mistake_in_an_expression_has_file_line_and_caret() {
    let with = |expression: &str| {
        let line = format!("expression = \"{expression}\"");
        complaint(&GOOD.replace("band = \"B02\"", &line))
    };
    assert_eq!(
        with("(N - n2) / (N + )"),
        "my.toml line 5: found \")\", but expected a band, a number, a function or \"(\"\n  \
         (N - n2) / (N + )\n                  ^"
    );
    let unknown = with("(N - X) / N");
    let words = "my.toml line 5: \"X\" is neither a band nor a constant; define a constant in \
                 [constants], or name a band: Sentinel-2 has B01 (A), B02 (B),";
    assert!(unknown.starts_with(words), "{unknown}");
    assert!(unknown.ends_with("\n  (N - X) / N\n       ^"), "{unknown}");
    assert!(unknown.contains("Landsat OLI has SR_B1 (A)"), "{unknown}");
    assert!(with("N - rededge").contains("rededge alone is three bands; write RE1, RE2 or RE3"));
    assert!(with("N - r").contains("the band is R, in upper case"));
}

/// What stands behind the output, and the beginning of what is said of it.
const IMPOSSIBLE: [(&str, &str); 25] = [
    (
        "dtype = \"int16\"",
        "dtype stands beside band, whose stored numbers are copied",
    ),
    (
        "expression = \"N\"",
        "an output has either band or expression",
    ),
    (
        "[grid]\nresolution = 0",
        "resolution is 0; expected \"finest\", or a number of metres",
    ),
    (
        "[grid]\nresolution = \"10m\"",
        "resolution is \"10m\"; expected \"finest\"",
    ),
    (
        "[grid]\nupsample = \"cubic\"",
        "upsample is \"cubic\"; expected \"nearest\" or \"bilinear\"",
    ),
    (
        "[grid]\ndownsample = \"wavelet\"",
        "downsample = \"wavelet\" is not built yet",
    ),
    (
        "[filter]\nmedian = 4",
        "median is 4; expected an odd number of pixels from 3 to 15",
    ),
    (
        "[filter]\nmedian = 3.5",
        "median is 3.5; expected an odd number",
    ),
    (
        "[radiometry]\nnegative = \"no\"",
        "negative is \"no\"; expected \"clamp\" or \"keep\"",
    ),
    (
        "[radiometry]\nassume = { scale = 0.1 }",
        "no offset; assume has one",
    ),
    (
        "[radiometry]\nassume = { scale = 0, offset = 0 }",
        "scale is 0; expected a number above 0",
    ),
    (
        "[constants]\nN2 = 1",
        "the constant \"N2\" has the name of a band",
    ),
    (
        "[constants]\nsqrt = 1",
        "the constant \"sqrt\" has the name of a function",
    ),
    (
        "[constants]\nL = \"x\"",
        "a constant is \"x\"; expected a finite number of float32",
    ),
    (
        "[constants]\nL = nan",
        "a constant is NaN; expected a finite number of float32",
    ),
    (
        "[[mask]]\nvalues = [1]",
        "no band; a mask has one, such as band = \"SCL\"",
    ),
    (
        "[[mask]]\nband = \"SCL\"",
        "a mask has one of values, bits and above",
    ),
    (
        "[[mask]]\nband = \"SCL\"\nvalues = [1]\nabove = 3",
        "a mask has one of values, bits and above",
    ),
    (
        "[[mask]]\nband = \"SCL\"\nvalues = []",
        "values is a list; expected a list of whole numbers",
    ),
    (
        "[[mask]]\nband = \"SCL\"\nvalues = [3, 3]",
        "values is a list; expected a list of whole numbers",
    ),
    (
        "[[mask]]\nband = \"SCL\"\nbits = [1]",
        "SCL holds classes, which bits does not test; write values",
    ),
    (
        "[[mask]]\nband = \"QA_PIXEL\"\nvalues = [1]",
        "QA_PIXEL holds flags, which values does not",
    ),
    (
        "[[mask]]\nband = \"B02\"\nabove = 1",
        "B02 holds reflectance, which above does not test",
    ),
    (
        "[[mask]]\nband = \"soup\"\nabove = 1",
        "\"soup\" is a band of no sensor; Sentinel-2 has",
    ),
    (
        "[[mask]]\nband = \"SCL\"\nvalues = [1]\ndilate = 101",
        "dilate is 101; expected a whole number",
    ),
];

#[test]
fn settings_that_cannot_be_are_told_with_their_line() {
    for (more, words) in IMPOSSIBLE {
        let complaint = complaint(&format!("{GOOD}{more}\n"));
        let (place, rest) = complaint.split_once(": ").unwrap();
        assert!(rest.starts_with(words), "{more}: {complaint}");
        assert!(place.starts_with("my.toml line "), "{complaint}");
    }
}

#[test]
fn bands_that_no_sensor_has_or_has_not_together_are_refused() {
    let unknown = complaint(&GOOD.replace("B02", "../B02"));
    let words = "my.toml line 5: \"../B02\" is a band of no sensor; Sentinel-2 has B01 (A), ";
    assert!(unknown.starts_with(words), "{unknown}");
    let together = format!(
        "{GOOD}[[output]]\nname = \"c\"\nband = \"SR_B1\"\n[[output]]\nname = \"d\"\nband = \"RE1\"\n"
    );
    assert_eq!(
        complaint(&together),
        "my.toml line 3: no sensor has all bands of the recipe: Sentinel-2 lacks SR_B1; Landsat OLI \
         lacks RE1; Landsat TM lacks RE1"
    );
}

#[test]
fn of_classes_there_is_no_mean_and_of_fractions_no_mode() {
    let classes = GOOD.replace("B02", "SCL");
    let words = "my.toml line 1: a class has no average; write overviews = \"mode\" where an output is a \
                 band of classes or flags";
    assert_eq!(complaint(&classes), words);
    let mode = format!("overviews = \"mode\"\n{classes}");
    assert!(Recipe::from_toml("my.toml", &mode).is_ok());
    let filtered = complaint(&format!("{mode}[filter]\nmedian = 3\n"));
    assert_eq!(
        filtered,
        "my.toml line 7: a class has no median; remove the filter"
    );
    let fraction =
        format!("overviews = \"mode\"\n{GOOD}").replace("band = \"B02\"", "expression = \"N\"");
    assert!(complaint(&fraction).starts_with("my.toml line 1: a class has no fraction"));
}

#[test]
fn a_mask_that_is_never_used_is_refused() {
    let masks = "[[mask]]\nband = \"SCL\"\nvalues = [3]\n[[mask]]\nband = \"CLD\"\nabove = 40\n";
    assert_eq!(
        complaint(&format!("{GOOD}{masks}")),
        "my.toml line 9: Sentinel-2 is masked by SCL already, and this mask by CLD would never be used: the first whose band the sensor has is; put all values into one mask"
    );
}
