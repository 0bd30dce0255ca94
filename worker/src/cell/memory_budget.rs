//! The memory that the cells of one worker share: a cell waits until there is enough, and one that
//! can never have enough is refused. Otherwise the kernel's out-of-memory killer ends the worker
//! with all its cells.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

const MIB: u64 = 1 << 20;

/// A cell needs more memory than the worker has in all.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the cell needs {needed} MiB of memory and this worker has {total} MiB for cells; use a larger machine or --memory"
)]
pub struct TooLarge {
    needed: u64,
    total: u64,
    largest: u64,
}

impl TooLarge {
    /// Whether a larger machine of the fleet has enough.
    pub fn fits_elsewhere(&self) -> bool {
        self.needed <= self.largest
    }
}

/// The memory for fusing, in MiB.
#[derive(Debug, Clone)]
pub struct MemoryBudget {
    free: Arc<Semaphore>,
    total: u32,
    /// The budget of the fleet's largest machine.
    largest: u32,
}

impl MemoryBudget {
    /// A budget of `mib` MiB.
    pub fn new(mib: u32) -> Self {
        Self {
            free: Arc::new(Semaphore::new(mib as usize)),
            total: mib,
            largest: mib,
        }
    }

    /// The same budget in a fleet whose largest machine has one of `mib` MiB.
    #[must_use]
    pub fn with_largest(self, mib: u32) -> Self {
        Self {
            largest: mib,
            ..self
        }
    }

    /// Three quarters of what the control group, or else the machine, allows. The rest is for cells
    /// that read ahead while they wait for a slot.
    pub fn of_this_machine() -> Self {
        let allowed = control_group_limit()
            .into_iter()
            .chain(machine_memory())
            .min()
            .unwrap_or(2048 * MIB);
        Self::new(u32::try_from(allowed / MIB / 4 * 3).unwrap_or(u32::MAX))
    }

    /// The budget in MiB.
    pub fn mib(&self) -> u32 {
        self.total
    }

    /// Waits for `bytes` of it, until the permit is dropped.
    ///
    /// # Errors
    /// `TooLarge` when `bytes` is more than the budget.
    pub async fn acquire(&self, bytes: u64) -> Result<OwnedSemaphorePermit, TooLarge> {
        let needed = bytes.div_ceil(MIB);
        let too_large = || TooLarge {
            needed,
            total: self.total.into(),
            largest: self.largest.into(),
        };
        let permits = u32::try_from(needed)
            .ok()
            .filter(|&permits| permits <= self.total)
            .ok_or_else(too_large)?;
        Arc::clone(&self.free)
            .acquire_many_owned(permits)
            .await
            .map_err(|_| too_large())
    }
}

/// The limit of this process's control group (Linux, "Control Group v2", `memory.max`).
fn control_group_limit() -> Option<u64> {
    std::fs::read_to_string("/sys/fs/cgroup/memory.max")
        .ok()?
        .trim()
        .parse()
        .ok()
}

/// The machine's memory (Linux, proc(5), `/proc/meminfo`, `MemTotal` in KiB).
fn machine_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim()
        .strip_suffix(" kB")?
        .trim()
        .parse::<u64>()
        .ok()
        .map(|kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_cell_that_can_never_fit_is_refused_and_others_wait_their_turn() {
        let budget = MemoryBudget::new(100);
        let refused = budget.acquire(101 * MIB).await.unwrap_err();
        assert!(!refused.fits_elsewhere());
        let in_a_mixed_fleet = MemoryBudget::new(100).with_largest(200);
        let refused = in_a_mixed_fleet.acquire(101 * MIB).await.unwrap_err();
        assert!(refused.fits_elsewhere());
        let first = budget.acquire(60 * MIB).await.unwrap();
        let second = budget.acquire(41 * MIB);
        tokio::pin!(second);
        assert!(futures::poll!(&mut second).is_pending());
        drop(first);
        assert!(second.await.is_ok());
    }
}
