//! The names of bands that an output may read.

/// The words for a name that [`is_band`] accepts.
pub(super) const EXPECTED: &str = "the name of a band as objects and assets have it, such as \"B04\": 1 to 32 letters, digits and '_'";

/// Whether `text` can be the name of a band. Which bands there are depends on the cells: `submit`
/// checks that each of them has the bands of the recipe.
pub(super) fn is_band(text: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=32).contains(&text.len()) && text.bytes().all(inside)
}
