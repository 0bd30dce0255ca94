//! What the workers cannot use at the moment, as they say themselves.

use std::collections::BTreeMap;
use std::fmt;

use tilefleet_common::ledger::{OpenBreaker, WorkerRecord};

/// Something that workers cannot use, told once for all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WorkerTrouble {
    dependency: String,
    workers: usize,
    since: String,
    error: String,
    /// It is the service's trouble: workers go on by themselves.
    pub(crate) passes: bool,
}

impl WorkerTrouble {
    /// The open breakers of all workers, by what does not work. The earliest speaks for all.
    pub(crate) fn of(workers: &[WorkerRecord]) -> Vec<Self> {
        let mut open: BTreeMap<&str, Vec<&OpenBreaker>> = BTreeMap::new();
        for breaker in workers.iter().flat_map(|worker| &worker.breakers) {
            open.entry(&breaker.dependency).or_default().push(breaker);
        }
        let trouble = |(dependency, mut breakers): (&str, Vec<&OpenBreaker>)| {
            breakers.sort_by_key(|breaker| &breaker.since);
            let passes = breakers.iter().all(|breaker| breaker.blame == "service");
            let workers = breakers.len();
            let first = breakers.into_iter().next()?;
            Some(Self {
                dependency: dependency.to_owned(),
                workers,
                since: first.since.clone(),
                error: first.error.clone(),
                passes,
            })
        };
        open.into_iter().filter_map(trouble).collect()
    }
}

impl fmt::Display for WorkerTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            dependency,
            workers,
            since,
            error,
            passes,
        } = self;
        let who = if *workers == 1 {
            "1 worker has".to_owned()
        } else {
            format!("{workers} workers have")
        };
        write!(
            f,
            "{who} not been able to use the {dependency} since {since}: {error}"
        )?;
        if *passes {
            f.write_str(" (workers go on when it works again)")?;
        }
        Ok(())
    }
}
