//! Tasks of the recipe `probe`, whose cells cost only what the fleet itself costs, and the AWS
//! calls that they took.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

/// AWS calls by `service:Operation`.
pub type Calls = BTreeMap<String, u64>;

/// Acquisitions of a day; the days are of several years.
const A_DAY: u32 = 100;
/// Bytes at the end of a log in which its last line is searched.
const LAST: i64 = 64 * 1024;

/// Writes a document of `cells` different cells, one a line, whose results go to `bucket`.
///
/// # Errors
///
/// When the file cannot be written.
pub fn write_cells(path: &Path, cells: u32, bucket: &str) -> Result<()> {
    let write = || -> std::io::Result<()> {
        let mut file = BufWriter::new(File::create(path)?);
        for index in 0..cells {
            writeln!(
                file,
                "{}",
                json!({"cell": cell(index), "output_bucket": bucket})
            )?;
        }
        file.flush()
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

fn cell(index: u32) -> String {
    let (day, number) = (index / A_DAY, index % A_DAY);
    format!(
        "48RXT/{}-{:02}-{:02}/{number}",
        2015 + day / (12 * 28),
        day / 28 % 12 + 1,
        day % 28 + 1
    )
}

/// The calls of a worker that has ended, from the last line of its log.
///
/// # Errors
///
/// When the log cannot be read, or ends otherwise.
pub fn calls_of_worker(log: &Path) -> Result<Calls> {
    let what = || format!("the last line of {} does not list calls", log.display());
    let mut file = File::open(log).with_context(what)?;
    let length = i64::try_from(file.metadata()?.len())?;
    file.seek(SeekFrom::End(-length.min(LAST)))?;
    let mut end = Vec::new();
    file.read_to_end(&mut end)?;
    let end = String::from_utf8_lossy(&end);
    let line: Value =
        serde_json::from_str(end.lines().next_back().with_context(what)?).with_context(what)?;
    // Written by Debug, which has the form of JSON for such a map.
    serde_json::from_str(line["calls"].as_str().with_context(what)?).with_context(what)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn cells_are_as_many_as_were_asked_for() {
        let cells: BTreeSet<String> = (0..100_000).map(cell).collect();
        assert_eq!(cells.len(), 100_000);
        assert_eq!(
            (cell(0).as_str(), cell(99_999).as_str()),
            ("48RXT/2015-01-01/0", "48RXT/2017-12-20/99")
        );
    }
}
