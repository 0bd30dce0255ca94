//! The checks of this workspace, one test each.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use syn::Item;

use crate::circles::show;
use crate::documents::{long_lines, selected_crates, stale_paths};
use crate::edges::edges;
use crate::functions::functions;
use crate::modules::{Crate, Sources, attributes, is_re_export, is_test};
use crate::workspace::{documents, files, packages, sources};

/// The most files that lie directly in one folder.
const FILES_OF_A_FOLDER: usize = 12;

/// Folders whose files a tool expects there: cargo and others in the root, and terraform, to which
/// a folder is a module.
const FOLDERS_OF_TOOLS: [&str; 2] = ["", "terraform"];

/// The most lines of a function that needs no comments to explain its plan.
const SHORT_FUNCTION: usize = 40;

/// The fewest comments in a longer one.
const COMMENTS_OF_A_PLAN: usize = 2;

/// The most columns of a document.
const COLUMNS: usize = 100;

/// What each crate may depend on of ours, and which crates of others it must not know. Tests and
/// benchmarks may depend on more.
const CRATES: [(&str, &[&str], &[&str]); 10] = [
    ("tilefleet-common", &[], &["clap", "gdal"]),
    ("tilefleet-jpeg2000", &[], &["gdal"]),
    ("tilefleet-settings", &[], &["gdal", "aws-config"]),
    (
        "tilefleet-producer",
        &["tilefleet-common", "tilefleet-settings"],
        &["gdal"],
    ),
    (
        "tilefleet-fuse",
        &["tilefleet-jpeg2000"],
        &["aws-config", "clap", "tokio"],
    ),
    (
        "tilefleet-worker",
        &["tilefleet-common", "tilefleet-fuse", "tilefleet-settings"],
        &["gdal"],
    ),
    ("tilefleet-scenes", &[], &[]),
    ("tilefleet-simulation", &[], &["gdal"]),
    ("tilefleet-tests", &["tilefleet-common"], &[]),
    (
        "tilefleet-bench",
        &["tilefleet-tests", "tilefleet-scenes"],
        &[],
    ),
];

/// Folders of the crates that make up the programs.
const CRATES_OF_PROGRAMS: [&str; 6] = [
    "common", "fuse", "jpeg2000", "producer", "settings", "worker",
];

/// Fails and shows the offenders, if there are any.
fn none(rule: &str, offenders: &[String]) {
    assert!(
        offenders.is_empty(),
        "{rule}; {} offend:\n{}",
        offenders.len(),
        offenders.join("\n")
    );
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn name_of(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

#[test]
fn no_file_imports_in_a_circle() -> Result<()> {
    let sources = sources()?;
    let mut offenders = vec![];
    for package in packages()? {
        for root in package.roots(&sources) {
            let circles = show(&edges(&mut Crate::parse(root, &sources)?));
            if !circles.is_empty() {
                offenders.push(format!("{root}:\n{circles}"));
            }
        }
    }
    none("files import each other in no circle", &offenders);
    Ok(())
}

#[test]
fn every_file_of_a_crate_is_a_module_of_it() -> Result<()> {
    let sources = sources()?;
    let mut offenders = vec![];
    for package in packages()? {
        let mut declared = BTreeSet::new();
        for root in package.roots(&sources) {
            let parsed = Crate::parse_with_tests(root, &sources)?;
            declared.extend(parsed.modules.into_iter().map(|module| module.file));
        }
        let folder = format!("{}/src/", package.folder);
        let files = sources.keys().filter(|path| path.starts_with(&folder));
        offenders.extend(files.filter(|path| !declared.contains(*path)).cloned());
    }
    none("every file is declared by a `mod` line", &offenders);
    Ok(())
}

#[test]
fn mod_rs_and_lib_rs_hold_only_modules_and_re_exports() -> Result<()> {
    let mut offenders = vec![];
    for (path, text) in sources()? {
        let is_list = matches!(name_of(&path), "mod.rs" | "lib.rs");
        if !is_list {
            continue;
        }
        let others = syn::parse_file(&text)?.items.into_iter().filter(|item| {
            !is_test(attributes(item))
                && match item {
                    Item::Mod(item) => item.content.is_some(),
                    Item::Use(item) => !is_re_export(&item.vis),
                    _ => true,
                }
        });
        match others.count() {
            0 => {}
            count => offenders.push(format!("{path}: {count} other items")),
        }
    }
    none(
        "mod.rs and lib.rs hold only docs, `mod` and `pub use`",
        &offenders,
    );
    Ok(())
}

#[test]
fn no_folder_has_more_than_a_dozen_files() -> Result<()> {
    let files = files()?;
    let mut folders = BTreeMap::<&str, usize>::new();
    for path in &files {
        *folders.entry(folder_of(path)).or_default() += 1;
    }
    let offenders: Vec<String> = folders
        .into_iter()
        .filter(|(folder, files)| *files > FILES_OF_A_FOLDER && !FOLDERS_OF_TOOLS.contains(folder))
        .map(|(folder, files)| format!("{folder}: {files} files"))
        .collect();
    none("a folder has at most a dozen files", &offenders);
    Ok(())
}

#[test]
fn no_file_lies_beside_a_folder_of_its_name() -> Result<()> {
    let sources = sources()?;
    let folders: BTreeSet<&str> = sources.keys().map(|path| folder_of(path)).collect();
    let offenders: Vec<String> = sources
        .keys()
        .filter(|path| folders.contains(path.trim_end_matches(".rs")))
        .cloned()
        .collect();
    none("the module of a folder is its mod.rs", &offenders);
    Ok(())
}

#[test]
fn every_file_begins_with_what_it_is_about() -> Result<()> {
    let offenders: Vec<String> = sources()?
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//! "))
        .map(|(path, _)| path)
        .collect();
    none("a file begins with its `//!` documentation", &offenders);
    Ok(())
}

#[test]
fn a_long_function_explains_its_plan() -> Result<()> {
    let mut offenders = vec![];
    for (path, text) in sources()? {
        let is_product = CRATES_OF_PROGRAMS
            .iter()
            .any(|name| path.starts_with(&format!("{name}/src/")));
        if !is_product || path.contains("/tests/") {
            continue;
        }
        for function in functions(&text) {
            if function.lines > SHORT_FUNCTION && function.comments < COMMENTS_OF_A_PLAN {
                let (line, lines) = (function.line, function.lines);
                offenders.push(format!("{path}:{line}: {lines} lines"));
            }
        }
    }
    none(
        "a function of more than 40 lines has comments that explain its plan",
        &offenders,
    );
    Ok(())
}

#[test]
fn documents_name_files_that_exist() -> Result<()> {
    none(
        "a path in backticks names a file or a folder",
        &stale_paths(&documents()?, &files()?),
    );
    Ok(())
}

#[test]
fn documents_stay_within_their_columns() -> Result<()> {
    none(
        "a document has at most 100 columns",
        &long_lines(&documents()?, COLUMNS),
    );
    Ok(())
}

#[test]
fn documented_commands_build_the_whole_workspace() -> Result<()> {
    let documents = documents()?;
    none(
        "a command has --workspace, because -p selects other features",
        &selected_crates(&documents),
    );
    Ok(())
}

#[test]
fn crates_depend_one_way() -> Result<()> {
    let mut offenders = vec![];
    for package in packages()? {
        let Some((_, ours, forbidden)) = CRATES.iter().find(|(name, ..)| *name == package.name)
        else {
            offenders.push(format!("{} is not in the table of this test", package.name));
            continue;
        };
        for name in &package.dependencies {
            let is_ours = name.starts_with("tilefleet-");
            if forbidden.contains(&name.as_str()) || is_ours && !ours.contains(&name.as_str()) {
                offenders.push(format!("{} depends on {name}", package.name));
            }
        }
    }
    none("crates depend one way", &offenders);
    Ok(())
}

/// Files that are read as sources of this workspace, so that no check passes for want of files.
#[test]
fn the_files_of_the_workspace_are_found() -> Result<()> {
    let sources: Sources = sources()?;
    for package in packages()? {
        assert!(
            !package.roots(&sources).is_empty(),
            "{} has no root",
            package.name
        );
        assert!(
            !package.dependencies.is_empty(),
            "{} has no dependencies",
            package.name
        );
    }
    assert!(sources.contains_key("tests/tests/structure/rules.rs"));
    Ok(())
}
