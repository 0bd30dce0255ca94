//! The kernel's figures of a running process.

use std::fs;

use anyhow::{Context as _, Result};

/// Linux, proc(5): user-visible clock ticks, 100 a second on every architecture that the fleet has.
pub(crate) const TICKS: f64 = 100.0;

/// Processor seconds of a process, user and system (proc(5), /proc/PID/stat, fields 14 and 15).
pub(crate) fn processor_seconds(pid: u32) -> Result<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The second field is a name in parentheses and may hold anything.
    let (_, fields) = text.rsplit_once(") ").context("no process name")?;
    let fields: Vec<&str> = fields.split(' ').collect();
    let ticks =
        |index: usize| -> Result<f64> { Ok(fields.get(index).context("too few fields")?.parse()?) };
    Ok((ticks(11)? + ticks(12)?) / TICKS)
}

/// Memory of a process in MB (10⁶ bytes): resident now, and at most so far (proc(5),
/// /proc/PID/status, `VmRSS` and `VmHWM`).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Memory {
    pub(crate) now: f64,
    pub(crate) most: f64,
}

impl Memory {
    pub(crate) fn of(pid: u32) -> Result<Self> {
        Self::read(&fs::read_to_string(format!("/proc/{pid}/status"))?)
    }

    fn read(status: &str) -> Result<Self> {
        let megabytes = |name: &str| -> Result<f64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kib = line.with_context(|| format!("no {name} in a process's status"))?;
            let kib: f64 = kib.trim().trim_end_matches(" kB").parse()?;
            Ok(kib * 1024.0 / 1e6)
        };
        Ok(Self {
            now: megabytes("VmRSS:")?,
            most: megabytes("VmHWM:")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_and_has_worked() {
        let memory = Memory::of(std::process::id()).unwrap();
        assert!(memory.now > 0.5 && memory.most >= memory.now, "{memory:?}");
        assert!(processor_seconds(std::process::id()).unwrap() < 1e6);
        let read = Memory::read("VmHWM:\t    2000 kB\nVmRSS:\t    1000 kB\n").unwrap();
        assert_eq!(
            read,
            Memory {
                now: 1.024,
                most: 2.048
            }
        );
    }
}
