//! What recipes mean, and how mistakes in them are told.

use crate::domain::{
    BandKind, DataType, Downsample, MaskTest, Negative, Op, Overviews, Recipe, Resolution,
    ResolvedSource, ScaleOffset, Sensor, Upsample,
};

const GOOD: &str = "name = \"blue\"\ntitle = \"Blue\"\n[[output]]\nname = \"b\"\nband = \"B02\"\n";

fn complaint(text: &str) -> String {
    Recipe::from_toml("my.toml", text).unwrap_err().to_string()
}

#[test]
fn a_recipe_is_what_its_file_says() {
    let recipe = Recipe::from_toml("my.toml", GOOD).unwrap();
    assert_eq!((recipe.name(), recipe.title()), ("blue", "Blue"));
    assert_eq!(recipe.resolve(Sensor::Sentinel2).unwrap().bands(), ["B02"]);
    assert_eq!(
        recipe.canonical(),
        r#"{"name":"blue","output":[{"band":"B02","name":"b"}],"title":"Blue"}"#
    );
    assert!(!recipe.is_builtin());
}

#[test]
fn a_band_that_two_outputs_name_is_read_once() {
    let text = format!(
        "{GOOD}[[output]]\nname = \"a\"\nband = \"B8A\"\n[[output]]\nname = \"c\"\nband = \"B02\"\n"
    );
    let recipe = Recipe::from_toml("my.toml", &text).unwrap();
    let resolved = recipe.resolve(Sensor::Sentinel2).unwrap();
    assert_eq!(resolved.bands(), ["B02", "B8A"]);
    let sources = resolved.files[0]
        .outputs
        .iter()
        .map(|output| output.source.clone());
    assert_eq!(
        sources.collect::<Vec<_>>(),
        [0, 1, 0].map(ResolvedSource::Band)
    );
}

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
    assert_eq!(
        complaint(&format!("{GOOD}[[output]]\nname = \"b\"\nband = \"B03\"\n")),
        "my.toml line 7: a second output is named \"b\"; give each output a name of its own"
    );
    assert_eq!(
        complaint(&format!("{GOOD}# {}", "x".repeat(16 * 1024))),
        "my.toml: the recipe is too long; at most 16384 bytes are read"
    );
}

/// The recipe of the design: every key once.
const WHOLE: &str = r#"
name = "ndvi-masked"
title = "Normalized difference vegetation index"
overviews = "average"
[[output]]
name = "ndvi"
expression = "(N - R) / (N + R)"
dtype = "int16"
scale = 0.0001
offset = 0.0
nodata = -32768
[grid]
resolution = "finest"
upsample = "nearest"
downsample = "nearest"
[[mask]]
band = "SCL"
values = [0, 1, 3, 8, 9, 10]
dilate = 2
[[mask]]
band = "QA_PIXEL"
bits = [1, 2, 3, 4]
[filter]
median = 3
[radiometry]
negative = "keep"
assume = { scale = 0.0001, offset = -0.1 }
[constants]
L = 0.5
"#;

#[test]
fn every_key_is_read() {
    let recipe = Recipe::from_toml("my.toml", WHOLE).unwrap();
    let resolved = recipe.resolve(Sensor::Sentinel2).unwrap();
    assert_eq!(resolved.bands(), ["B08", "B04", "SCL"]);
    let scl = &resolved.inputs[2];
    assert_eq!(
        (scl.kind, scl.metres, scl.is_of_output),
        (BandKind::Class, 20.0, false)
    );
    let file = &resolved.files[0];
    assert_eq!(
        (file.name.as_deref(), file.data_type),
        (None, Some(DataType::Int16))
    );
    assert_eq!((file.nodata, file.inputs()), (Some(-32768.0), vec![0, 1]));
    let ResolvedSource::Expression {
        ops,
        encoding,
        text,
    } = &file.outputs[0].source
    else {
        panic!()
    };
    assert_eq!(text, "(N - R) / (N + R)");
    assert_eq!((encoding.scale, encoding.offset), (0.0001, 0.0));
    assert_eq!(ops[..3], [Op::Input(0), Op::Input(1), Op::Subtract]);
    assert_eq!(resolved.grid.resolution, Resolution::Finest);
    assert_eq!(resolved.grid.upsample, Upsample::Nearest);
    assert_eq!(resolved.grid.downsample, Downsample::Nearest);
    let mask = resolved.mask.unwrap();
    assert_eq!((mask.input, mask.dilate), (2, 2));
    assert_eq!(
        (resolved.median, resolved.overviews),
        (Some(3), Overviews::Average)
    );
    assert_eq!(resolved.radiometry.negative, Negative::Keep);
    let assume = ScaleOffset {
        scale: 0.0001,
        offset: -0.1,
    };
    assert_eq!(resolved.radiometry.assume, Some(assume));

    let landsat = recipe.resolve(Sensor::LandsatTm).unwrap();
    assert_eq!(landsat.bands(), ["SR_B4", "SR_B3", "QA_PIXEL"]);
    assert_eq!(landsat.mask.unwrap().test, MaskTest::Bits(vec![1, 2, 3, 4]));
}

#[test]
fn a_recipe_survives_its_canonical_text_and_its_file() {
    let float = WHOLE.replace("int16", "float32").replace("-32768", "nan");
    for text in [WHOLE, &float] {
        let recipe = Recipe::from_toml("my.toml", text).unwrap();
        let canonical = Recipe::from_canonical("a test", recipe.canonical(), false).unwrap();
        assert_eq!(canonical, recipe);
        let written = Recipe::from_toml("my.toml", &recipe.to_toml()).unwrap();
        assert_eq!(written, recipe, "{}", recipe.to_toml());
    }
    // What is not written is not in it.
    let short = "name = \"a\"\ntitle = \"A\"\noutput = [{name = \"a\", expression = \"N\"}]";
    assert_eq!(
        Recipe::from_toml("my.toml", short).unwrap().canonical(),
        r#"{"name":"a","output":[{"expression":"N","name":"a"}],"title":"A"}"#
    );
}

#[test]
fn an_expression_without_a_type_is_float32_and_each_type_has_a_nodata_value() {
    for (line, data_type, nodata) in [
        ("", DataType::Float32, None),
        ("dtype = \"uint8\"", DataType::UInt8, Some(0.0)),
        ("dtype = \"int16\"", DataType::Int16, Some(-32768.0)),
        (
            "dtype = \"uint16\"\nnodata = 65535",
            DataType::UInt16,
            Some(65535.0),
        ),
        ("nodata = -9999", DataType::Float32, Some(-9999.0)),
    ] {
        let text = GOOD.replace("band = \"B02\"", &format!("expression = \"N\"\n{line}"));
        let recipe = Recipe::from_toml("my.toml", &text).unwrap();
        let file = recipe.resolve(Sensor::Sentinel2).unwrap().files.remove(0);
        assert_eq!(file.data_type, Some(data_type));
        assert_eq!(
            file.nodata.filter(|nodata| !nodata.is_nan()),
            nodata,
            "{line}"
        );
    }
}

#[test]
fn outputs_with_one_file_are_bands_of_one_raster() {
    let output = |name: &str, file: &str, rest: &str| {
        format!("[[output]]\nname = \"{name}\"\n{file}{rest}\n")
    };
    let head = "name = \"a\"\ntitle = \"A\"\n";
    let (one, two) = ("file = \"one\"\n", "file = \"two\"\n");
    let float = "expression = \"N\"";
    let outputs = [
        output("a", one, float),
        output("b", two, "band = \"R\""),
        output("c", one, float),
        output("d", "", "expression = \"R\"\ndtype = \"uint8\""),
    ];
    let recipe = Recipe::from_toml("my.toml", &format!("{head}{}", outputs.concat())).unwrap();
    assert_eq!(recipe.files(), [Some("one"), Some("two"), None]);
    let resolved = recipe.resolve(Sensor::Sentinel2).unwrap();
    let counts: Vec<usize> = resolved
        .files
        .iter()
        .map(|file| file.outputs.len())
        .collect();
    assert_eq!(counts, [2, 1, 1]);
    assert_eq!(resolved.files[1].data_type, None, "that of the band");

    let int = "expression = \"N\"\ndtype = \"int16\"";
    for (other, what) in [
        (int, "dtype"),
        ("expression = \"N\"\nnodata = 0", "nodata"),
        (
            "band = \"N\"",
            "kind: one is a band, the other an expression",
        ),
    ] {
        let text = format!("{head}{}{}", output("a", "", float), output("b", "", other));
        assert_eq!(
            complaint(&text),
            format!(
                "my.toml line 6: outputs \"a\" and \"b\" are in one raster, but differ in {what}; let \
                 them agree, or give each a raster of its own with file = \"b\""
            )
        );
    }
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

#[test]
fn settings_that_cannot_be_are_told_with_their_line() {
    // Behind the output, from line 6.
    for (more, words) in [
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
    ] {
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
fn a_sensor_without_a_band_or_without_any_of_the_masks_is_told() {
    let recipe = Recipe::from_toml("my.toml", &GOOD.replace("B02", "RE1")).unwrap();
    assert_eq!(
        recipe.resolve(Sensor::LandsatTm).unwrap_err().to_string(),
        "recipe blue reads RE1, which Landsat TM does not have; it has SR_B1 (B), SR_B2 (G), SR_B3 (R), \
         SR_B4 (N), SR_B5 (S1), SR_B7 (S2), QA_PIXEL, QA_RADSAT, SR_CLOUD_QA"
    );
    let masked = format!("{GOOD}[[mask]]\nband = \"SCL\"\nvalues = [3]\n");
    let recipe = Recipe::from_toml("my.toml", &masked).unwrap();
    assert_eq!(
        recipe.resolve(Sensor::LandsatOli).unwrap_err().to_string(),
        "recipe blue masks by SCL, which Landsat OLI does not have; add a mask of a band that it has"
    );
}

#[test]
fn constants_of_the_recipe_win_over_the_usual_ones_and_lambda_is_a_centre() {
    let constants = |expression: &str, more: &str, sensor| {
        let line = format!("expression = \"{expression}\"");
        let text = format!("{}{more}", GOOD.replace("band = \"B02\"", &line));
        let recipe = Recipe::from_toml("my.toml", &text)
            .unwrap()
            .resolve(sensor)
            .unwrap();
        let ResolvedSource::Expression { ops, .. } = &recipe.files[0].outputs[0].source else {
            panic!()
        };
        let numbers = ops.iter().filter_map(|op| match op {
            Op::Number(number) => Some(*number),
            _ => None,
        });
        numbers.collect::<Vec<f32>>()
    };
    let msi = Sensor::Sentinel2;
    assert_eq!(constants("g * N + L", "", msi), [2.5, 1.0]);
    assert_eq!(constants("N + L", "[constants]\nL = 0.5\n", msi), [0.5]);
    assert_eq!(constants("N * lambdaN2", "", msi), [864.7]);
    assert_eq!(constants("N * lambdaN", "", Sensor::LandsatOli), [865.0]);
}
