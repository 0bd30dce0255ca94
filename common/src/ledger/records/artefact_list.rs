//! The artefacts of a cell as one attribute of its item.
//!
//! A JSON list without names, so that a cell item stays below 1 KB, one write unit:
//! `[["raster","20200801/sentinel_l2a_48RXT_20200801_0_RGB.tif","\"tag\"",123]]`. A location that
//! differs from the one before only in its extension is written as the extension: `".json"`. Equal
//! lists have equal texts, which `lose_cell` relies on.

use crate::domain::{Artefact, Role};

/// Role, location or extension, entity tag, bytes.
type Entry<'a> = (Role, &'a str, &'a str, u64);
type OwnedEntry = (Role, String, String, u64);

/// The list as text.
pub(crate) fn encode(artefacts: &[Artefact]) -> String {
    let mut stem = "";
    let mut entries: Vec<Entry<'_>> = vec![];
    for artefact in artefacts {
        let Artefact {
            role,
            location,
            etag,
            bytes,
        } = artefact;
        let (own_stem, extension) = split(location);
        let short: &str = if own_stem == stem && !extension.is_empty() {
            extension
        } else {
            location
        };
        entries.push((*role, short, etag, *bytes));
        stem = own_stem;
    }
    // Texts and numbers always have a JSON form.
    serde_json::to_string(&entries).unwrap_or_default()
}

/// The list of a text; `None` when it is not one.
pub(crate) fn decode(text: &str) -> Option<Vec<Artefact>> {
    let entries: Vec<OwnedEntry> = serde_json::from_str(text).ok()?;
    let mut artefacts: Vec<Artefact> = vec![];
    for (role, mut location, etag, bytes) in entries {
        if location.starts_with('.') {
            let (stem, _) = split(&artefacts.last()?.location);
            location.insert_str(0, stem);
        }
        artefacts.push(Artefact {
            role,
            location,
            etag,
            bytes,
        });
    }
    Some(artefacts)
}

/// A location before its extension, and the extension with its dot.
fn split(location: &str) -> (&str, &str) {
    location.split_at(location.rfind('.').unwrap_or(location.len()))
}

#[cfg(test)]
mod tests {
    use super::super::record::{CellRecord, CellState};
    use super::*;
    use crate::deployment::{PARTITION_KEY, SORT_KEY};
    use crate::domain::{JobId, S3Url, TaskId};
    use crate::ledger::item::{Item, Value, attribute};
    use crate::ledger::transition::{self, Success, Ticket};

    /// A multipart entity tag of an object of the most parts, as S3 writes it.
    const ETAG: &str = "\"d41d8cd98f00b204e9800998ecf8427e-10000\"";
    /// The longest object of S3, 5 TB, is a digit shorter.
    const BYTES: u64 = 50_000_000_000_000;

    fn artefact(location: &str) -> Artefact {
        Artefact {
            role: Role::Raster,
            location: location.to_owned(),
            etag: ETAG.to_owned(),
            bytes: BYTES,
        }
    }

    #[test]
    fn a_list_survives_its_text() {
        let locations = ["20200801/one.tif", "20200801/one.json", "20200801/two.tif"];
        let list: Vec<Artefact> = locations.map(artefact).into();
        let text = encode(&list);
        assert!(text.contains(r#"["raster",".json","#), "{text}");
        assert!(
            text.starts_with(r#"[["raster","20200801/one.tif","\"d41d"#),
            "{text}"
        );
        assert_eq!(decode(&text), Some(list));
        assert_eq!(decode(r#"[["raster","a","b"]]"#), None);
        assert_eq!(
            decode(r#"[["poster","a","b",1]]"#),
            None,
            "of a newer version"
        );
    }

    /// Bytes of an item as DynamoDB counts them: names and texts in UTF-8; of a number one byte for
    /// every two digits and one more; of a truth value one ("DynamoDB item sizes and formats").
    fn size(ticket: &Ticket, item: &Item) -> usize {
        let key = transition::start_cell(ticket, "", "").key;
        let keys = PARTITION_KEY.len() + key.partition().len() + SORT_KEY.len() + key.sort().len();
        let values = item.iter().map(|(name, value)| {
            let value = match value {
                Value::Text(text) => text.len(),
                Value::Number(number) => number.to_string().len().div_ceil(2) + 1,
                Value::Flag(_) => 1,
                Value::Numbers(_) => unreachable!("a cell has no sets"),
            };
            name.len() + value
        });
        keys + values.sum::<usize>()
    }

    #[test]
    fn a_cell_item_with_three_artefacts_and_the_longest_names_is_one_write_unit() {
        let task: TaskId = "t".repeat(64).parse().unwrap();
        let ticket = Ticket {
            task,
            group: 0,
            shard: u32::MAX / 200,
            ordinal: u32::MAX,
            cell: "48RXT/2020-08-01/4294967295".parse().unwrap(),
            job: JobId::Probe,
            reopened: 0,
            expires_at: Some(1_800_000_000),
        };
        let bucket = "b".repeat(63);
        let output: S3Url = format!("s3://{bucket}/{}/", "p".repeat(56))
            .parse()
            .unwrap();
        let name = format!("{}-1a2b3c4d", "R".repeat(40));
        let stem = format!("20200801/sentinel_l2a_48RXT_20200801_4294967295_{name}");
        let locations = ["tif", "json", "png"].map(|extension| format!("{stem}.{extension}"));
        let success = Success {
            output,
            artefacts: locations.iter().map(|it| artefact(it)).collect(),
            without_raster: None,
            fetch_ms: 10_000_000,
            fuse_ms: 10_000_000,
            publish_ms: 10_000_000,
        };
        let (worker, now) = ("w".repeat(64), "2026-11-23T15:02:10.000Z");
        let begun = transition::start_cell(&ticket, &worker, now).apply(None);
        let failed = (0..5).fold(begun, |item, _| {
            let failure = transition::Failure {
                code: "damaged_transfer".to_owned(),
                message: "m".repeat(2000),
            };
            let item = transition::count_failure(&ticket, &failure, now).apply(item.as_ref());
            assert!(size(&ticket, item.as_ref().unwrap()) <= 1024);
            transition::start_cell(&ticket, &worker, now).apply(item.as_ref())
        });
        let interrupted = transition::count_interruption(&ticket).apply(failed.as_ref());
        let ok = transition::record_ok(&ticket, &success, &worker, now);
        let item = ok.apply(interrupted.as_ref()).unwrap();
        let record = CellRecord::from_item(&item).unwrap();
        assert_eq!(
            (record.state, record.history.artefacts.len()),
            (CellState::Ok, 3)
        );
        assert!(!item.contains_key(attribute::ERROR_MESSAGE));
        // The longest role has three letters more than this one.
        let size = size(&ticket, &item) + 3 * 3;
        assert!(size <= 1024, "{size} bytes");
    }
}
