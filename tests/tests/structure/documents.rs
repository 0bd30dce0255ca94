//! What documents and documentation comments say of the source tree.

use std::collections::BTreeSet;

use crate::modules::Sources;
use crate::workspace::extension;

/// The extensions of paths that are checked, so that other words with a slash or a dot are left
/// alone.
const EXTENSIONS: [&str; 6] = ["rs", "md", "sh", "py", "hcl", "tf"];

/// The lines of a file that are prose: all of a document, and the documentation of a Rust file.
/// Each has its number.
fn prose<'a>(path: &str, text: &'a str) -> impl Iterator<Item = (usize, &'a str)> {
    let is_document = extension(path) == "md";
    (1..).zip(text.lines()).filter_map(move |(number, line)| {
        let comment = line.trim_start();
        let comment = comment.strip_prefix("//!").or(comment.strip_prefix("///"));
        let line = if is_document { Some(line) } else { comment };
        line.map(|line| (number, line))
    })
}

/// The paths in backticks that name no file of `files`, which are all files of the repository. A
/// path may leave out the folders at its beginning. A folder counts only from the root: prefixes of
/// buckets look like folders too.
pub(crate) fn stale_paths(documents: &Sources, files: &BTreeSet<String>) -> Vec<String> {
    let folders: BTreeSet<&str> = files
        .iter()
        .flat_map(|file| file.match_indices('/').map(|(at, _)| &file[..at]))
        .collect();
    let named_by = |whole: &str, path: &str| {
        let rest = whole.strip_suffix(path);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
    };
    let mut stale = vec![];
    for (path, text) in documents {
        for (number, line) in prose(path, text) {
            for name in line.split('`').skip(1).step_by(2) {
                let exists = if EXTENSIONS.contains(&extension(name)) {
                    files.iter().any(|file| named_by(file, name))
                } else if let Some((top, _)) = name.split_once('/')
                    && folders.contains(top)
                {
                    let name = name.trim_end_matches('/');
                    folders.contains(name) || files.contains(name)
                } else {
                    true
                };
                let is_pattern =
                    name.starts_with('.') || name.contains(['<', '*', '{', '…', ' ', ':', '$']);
                if !exists && !is_pattern {
                    stale.push(format!("{path}:{number}: {name}"));
                }
            }
        }
    }
    stale
}

/// Lines of documents that are longer than `most` characters, but for tables, code, and what a
/// program writes between marks such as `<!-- queue -->`.
pub(crate) fn long_lines(documents: &Sources, most: usize) -> Vec<String> {
    let mut long = vec![];
    for (path, text) in documents.iter().filter(|(path, _)| extension(path) == "md") {
        let mut in_code = false;
        for (number, line) in prose(path, text) {
            let is_mark = line.starts_with("```") || line.starts_with("<!--");
            in_code ^= is_mark;
            let is_prose =
                !in_code && !is_mark && !line.starts_with('|') && !line.starts_with("    ");
            if is_prose && line.chars().count() > most {
                long.push(format!("{path}:{number}"));
            }
        }
    }
    long
}

/// Documented cargo commands that select a crate with `-p`, but for the decoder, which shares few
/// crates with the others.
pub(crate) fn selected_crates(documents: &Sources) -> Vec<String> {
    let mut found = vec![];
    for (path, text) in documents {
        for (number, line) in prose(path, text) {
            let mut selected = line.split("-p tilefleet-").skip(1);
            if selected.any(|name| !name.starts_with("jpeg2000")) {
                found.push(format!("{path}:{number}"));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documents(text: &str) -> Sources {
        [("docs/A.md".to_owned(), text.to_owned())].into()
    }

    #[test]
    fn a_path_that_names_nothing_is_found() {
        let files = ["a/src/b.rs".to_owned(), "a/src/c/mod.rs".to_owned()].into();
        let named =
            "`a/src/b.rs` `src/b.rs` `b.rs` `a/src/c/` `a/src` `<name>.rs` `x.rs as y` `tiles/`";
        assert_eq!(stale_paths(&documents(named), &files), [""; 0]);
        assert_eq!(
            stale_paths(&documents("as\n`d.rs` `rc/b.rs` `a/b/`"), &files),
            [
                "docs/A.md:2: d.rs",
                "docs/A.md:2: rc/b.rs",
                "docs/A.md:2: a/b/"
            ]
        );
    }

    #[test]
    fn only_prose_is_measured() {
        let text =
            "123456\n```\n123456\n```\n| 345 |\n    56\n<!-- a -->\n123456\n<!-- /a -->\n12345";
        assert_eq!(long_lines(&documents(text), 5), ["docs/A.md:1"]);
    }

    #[test]
    fn a_command_for_one_crate_is_found() {
        let text = "cargo run -p tilefleet-jpeg2000\ncargo run -p tilefleet-common";
        assert_eq!(selected_crates(&documents(text)), ["docs/A.md:2"]);
    }
}
