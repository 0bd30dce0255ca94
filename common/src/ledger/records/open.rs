//! Which shards a task still waits for.

use std::collections::{BTreeMap, BTreeSet};

use super::record::{GroupRecord, TaskRecord};

/// The open shards of a task, from its header and the groups that are open in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Open {
    /// Shards that are open in a group that is open in the header. All shards of a group that the
    /// submit has not reached are open.
    pub shards: BTreeSet<u32>,
    /// The first shards of groups that are open in the header and have no open shard: a worker died
    /// before it closed the group.
    pub unclosed: BTreeSet<u32>,
    /// Groups that are open in the header and not there.
    pub missing: BTreeSet<u32>,
}

impl Open {
    /// What is open when the header is `task` and its open groups that exist are `groups`.
    pub fn new(task: &TaskRecord, groups: &BTreeMap<u32, GroupRecord>) -> Self {
        let mut open = Self::default();
        for &group in &task.open_groups {
            let shards = task.shards_of(group);
            match groups.get(&group) {
                None => {
                    open.missing.insert(group);
                    open.shards.extend(shards);
                }
                Some(group) if group.open_shards.is_empty() => open.unclosed.extend(shards.take(1)),
                Some(group) => open.shards.extend(&group.open_shards),
            }
        }
        open
    }
}
