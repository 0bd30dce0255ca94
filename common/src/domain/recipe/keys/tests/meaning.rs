//! What recipes mean.

use crate::domain::{
    BandKind, DataType, Downsample, MaskTest, Negative, Op, Overviews, Recipe, Resolution,
    ResolvedSource, ScaleOffset, Sensor, Upsample,
};

use super::texts::{GOOD, WHOLE, complaint};

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
fn every_key_is_read() {
    // The bands, and the one output.
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
    // What is said beside the outputs.
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
    // Three rasters: two bands of one type, a copied band, and another type.
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

    // What differs cannot be in one raster.
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

#[test]
fn a_recipe_from_the_ledger_has_the_very_numbers_of_its_file() {
    for number in ["0.10811930596651731", "1e-30", "3.4028234663852886e38"] {
        let text = format!(
            "name = \"a\"\ntitle = \"A\"\n[[output]]\nname = \"a\"\nexpression = \"N * K\"\n[constants]\nK = {number}\n"
        );
        let written = Recipe::from_toml("my.toml", &text).unwrap();
        let read = Recipe::from_canonical("the ledger", written.canonical(), false).unwrap();
        assert_eq!(read.digest(), written.digest(), "{number}");
        let again = Recipe::from_toml("its file", &written.to_toml()).unwrap();
        assert_eq!(again.digest(), written.digest(), "{number}");
    }
}
