//! Circles in a graph of files, and how they are shown.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::edges::Edges;

/// The files of each circle: every one of them is reached from every other one. Files of circles
/// that meet are one circle.
pub(crate) fn circles(edges: &Edges) -> Vec<BTreeSet<String>> {
    let reached: BTreeMap<&str, BTreeSet<&str>> = edges
        .keys()
        .map(|(from, _)| (from.as_str(), reached_from(from, edges)))
        .collect();
    let mut circles: Vec<BTreeSet<String>> = vec![];
    for (file, others) in &reached {
        if others.contains(file) && !circles.iter().any(|circle| circle.contains(*file)) {
            let back = |other: &&&str| reached.get(**other).is_some_and(|all| all.contains(file));
            circles.push(
                others
                    .iter()
                    .filter(back)
                    .map(|other| (*other).to_owned())
                    .collect(),
            );
        }
    }
    circles
}

fn reached_from<'a>(start: &str, edges: &'a Edges) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut waiting = vec![start.to_owned()];
    while let Some(file) = waiting.pop() {
        for (_, to) in edges.keys().filter(|(from, _)| *from == file) {
            if reached.insert(to.as_str()) {
                waiting.push(to.clone());
            }
        }
    }
    reached
}

/// All circles, each edge in them as `a.rs -> b.rs: Name, Name`. Empty if there are none.
pub(crate) fn show(edges: &Edges) -> String {
    let mut text = String::new();
    for circle in circles(edges) {
        let _ = writeln!(text, "circle of {} files:", circle.len());
        for ((from, to), names) in edges {
            if circle.contains(from) && circle.contains(to) {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                let _ = writeln!(text, "  {from} -> {to}: {}", names.join(", "));
            }
        }
    }
    text
}
