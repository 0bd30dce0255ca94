//! Texts of recipes, sound and unsound.

use crate::domain::Recipe;

/// A small recipe.
pub(super) const GOOD: &str =
    "name = \"blue\"\ntitle = \"Blue\"\n[[output]]\nname = \"b\"\nband = \"B02\"\n";

/// What is wrong with the text of a file.
pub(super) fn complaint(text: &str) -> String {
    Recipe::from_toml("my.toml", text).unwrap_err().to_string()
}

/// The recipe of the design: every key once.
pub(super) const WHOLE: &str = r#"
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
