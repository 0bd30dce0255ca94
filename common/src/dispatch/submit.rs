//! Completing a submit whose producer is gone.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;

use super::error::DispatchError;
use super::messages::{Dispatch, SHARDS_AT_ONCE};
use crate::ledger::transition;
use crate::tracker::rfc3339;

impl Dispatch<'_> {
    /// Carries out what is left of a submit, from the manifest: creates missing groups and shards,
    /// sends the pending cells of each shard that is not marked as enqueued, and marks the task as
    /// submitted. Returns how many cells were sent.
    ///
    /// The producer may be alive after all, and another worker may do the same: every step can be
    /// repeated, and cells that arrive twice do no harm.
    ///
    /// # Errors
    /// [`DispatchError`]; what is left then is left to the next one.
    pub async fn complete_submit(self) -> Result<u32, DispatchError> {
        // A group before its shards, so that a worker that finds a shard finds its group.
        let groups = 0..self.record.group_count();
        stream::iter(groups)
            .map(|group| self.create_group(group))
            .buffer_unordered(SHARDS_AT_ONCE)
            .try_collect::<Vec<()>>()
            .await?;

        let sent = self
            .cells_of_task()
            .shards(|_, _| false)
            .map_ok(|mut shard| async move {
                let sets = match shard.sets.take() {
                    Some(sets) => sets,
                    None => self.create_shard(shard.number).await?,
                };
                if sets.enqueued {
                    return Ok(0);
                }
                let pending = sets.pending.clone();
                shard.sets = Some(sets);
                let sent = self.send(&shard, &pending).await?;
                self.mark_enqueued(&shard).await?;
                Ok::<u32, DispatchError>(sent)
            })
            .try_buffer_unordered(SHARDS_AT_ONCE)
            .try_fold(
                0_u32,
                |sum, sent| async move { Ok(sum.saturating_add(sent)) },
            )
            .await?;

        let now = rfc3339(Timestamp::now());
        self.ledger
            .write(&transition::mark_submitted(self.task, &now))
            .await?;
        Ok(sent)
    }
}
