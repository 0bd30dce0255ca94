//! Lists the built-in recipes: every file of `recipes/`, sorted by name, with its text.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../recipes");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files = fs::read_dir(&folder)
        .map_err(|error| format!("{} cannot be read: {error}", folder.display()))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<PathBuf>, _>>()?;
    files.retain(|file| {
        file.extension()
            .is_some_and(|extension| extension == "toml")
    });
    files.sort();
    // Strings in the form of a literal, whatever is in a path.
    let entries = files.iter().map(|file| {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let path = file.canonicalize()?.to_string_lossy().into_owned();
        Ok(format!("({name:?}, include_str!({path:?})),\n"))
    });
    let entries: String = entries.collect::<std::io::Result<_>>()?;
    let written = Path::new(&env::var("OUT_DIR")?).join("recipes.rs");
    fs::write(written, format!("&[\n{entries}]\n"))?;
    Ok(())
}
