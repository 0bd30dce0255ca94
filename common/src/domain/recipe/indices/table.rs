//! The table of spectral indices, and how a name is found in it.

use std::sync::LazyLock;

use super::index::Index;

/// One index a line, sorted by name; lines that begin with `#` are comments.
const TABLE: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../recipes/indices.tsv"
));

/// A test reads each line, so none is left out here.
static INDICES: LazyLock<Vec<Index>> = LazyLock::new(|| {
    let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(Index::of_line).collect()
});

/// All spectral indices, sorted by name.
pub fn all() -> &'static [Index] {
    &INDICES
}

/// A name that several indices have, apart from case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{name}\" may be {}; write one of them", .known.join(" or "))]
pub struct AmbiguousName {
    /// The name as it was written.
    pub name: String,
    /// The names of the recipes that may be meant.
    pub known: Vec<&'static str>,
}

/// The index of that name: by the name of its recipe or in the spelling of spyndex, else without
/// regard to case if one index alone matches.
///
/// `bai-burn` and `BAI` are the same index, and `BaI` is another one; `bai` may be both.
///
/// # Errors
///
/// Several indices match without regard to case.
pub fn find(name: &str) -> Result<Option<&'static Index>, AmbiguousName> {
    let exact = |index: &&Index| index.name == name || index.spelling == name;
    if let Some(index) = all().iter().find(exact) {
        return Ok(Some(index));
    }
    let similar = |index: &&Index| {
        index.name.eq_ignore_ascii_case(name) || index.spelling.eq_ignore_ascii_case(name)
    };
    let found: Vec<&Index> = all().iter().filter(similar).collect();
    match found.as_slice() {
        [] => Ok(None),
        [index] => Ok(Some(index)),
        several => Err(AmbiguousName {
            name: name.to_owned(),
            known: several.iter().map(|index| index.name).collect(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_an_index_with_a_name_of_its_own() {
        let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
        assert_eq!(all().len(), lines.count());
        // The 239 of spyndex that Sentinel-2's bands allow, and ndre.
        assert_eq!(all().len(), 240);
        assert!(all().is_sorted_by(|one, other| one.name < other.name));
        for index in all() {
            assert_eq!(find(index.name), Ok(Some(index)));
            assert_eq!(find(index.spelling), Ok(Some(index)));
            let texts = [index.title, index.expression, index.reference];
            assert!(
                texts.iter().all(|text| !text.contains(['"', '\\'])),
                "{texts:?} would need escapes in a recipe file"
            );
        }
    }

    #[test]
    fn the_documentation_lists_every_index() {
        let page = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/INDICES.md"));
        for index in all() {
            let line = page.lines().find(|line| {
                let name = line
                    .strip_prefix("| `")
                    .and_then(|line| line.split_once('`'));
                name.is_some_and(|(name, _)| name == index.name)
            });
            let line = line.unwrap_or_else(|| panic!("{} is missing", index.name));
            assert!(
                line.contains(index.expression) && line.contains(index.reference),
                "{line}"
            );
        }
    }

    #[test]
    fn the_usual_indices_are_there() {
        for name in [
            "ndvi", "evi", "evi2", "savi", "msavi", "ndwi", "mndwi", "ndmi", "nbr", "ndsi", "ndre",
            "bais2",
        ] {
            assert!(find(name).unwrap().is_some(), "{name}");
        }
        let constants = |name| find(name).unwrap().unwrap().constants.clone();
        assert_eq!(constants("savi"), [("L", "0.5")]);
        assert_eq!(
            constants("evi"),
            [("C1", "6"), ("C2", "7.5"), ("L", "1"), ("g", "2.5")]
        );
    }

    #[test]
    fn case_matters_only_where_two_indices_differ_in_nothing_else() {
        let name = |text| find(text).map(|index| index.map(|index| index.name));
        assert_eq!(name("NDVI"), Ok(Some("ndvi")));
        assert_eq!(name("nDvI"), Ok(Some("ndvi")));
        assert_eq!(name("BAI"), Ok(Some("bai-burn")));
        assert_eq!(name("BaI"), Ok(Some("bai-soil")));
        assert_eq!(name("MSR705"), Ok(Some("msr705-750")));
        assert_eq!(name("mSR705"), Ok(Some("msr705-445")));
        assert_eq!(name("ndvi-"), Ok(None));
        assert_eq!(
            name("bai").unwrap_err().to_string(),
            "\"bai\" may be bai-burn or bai-soil; write one of them"
        );
    }
}
