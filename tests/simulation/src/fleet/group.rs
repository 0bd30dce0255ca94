//! The Auto Scaling group: its desired capacity, and how steps change it.

use std::collections::BTreeMap;

use crate::fleet::conditions::{Conditions, Counting};
use crate::fleet::machine::{Life, Machine};

/// Who changed the desired capacity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The producer woke the group.
    Wake,
    /// The policy that adds.
    Out,
    /// The policy that removes.
    In,
}

/// A change of the desired capacity.
#[derive(Debug, Clone, Copy)]
pub struct Change {
    /// When.
    pub at: u64,
    /// Who.
    pub cause: Cause,
    /// What it was before.
    pub from: usize,
    /// What it is now.
    pub to: usize,
}

/// The group and its machines.
#[derive(Debug)]
pub struct Group {
    /// Machines by number, without those that are gone.
    pub machines: BTreeMap<u32, Machine>,
    /// How many it wants.
    pub desired: usize,
    /// All changes of that.
    pub changes: Vec<Change>,
    min: usize,
    max: usize,
    warmup: u64,
    counting: Counting,
}

impl Group {
    /// A group at its minimum, which wants machines that do not exist yet.
    pub fn new(conditions: &Conditions, warmup: u64) -> Self {
        Self {
            machines: BTreeMap::new(),
            desired: conditions.min_workers,
            changes: Vec::new(),
            min: conditions.min_workers,
            max: conditions.max_workers,
            warmup,
            counting: conditions.counting,
        }
    }

    /// Machines that count towards the desired capacity.
    pub fn live(&self) -> usize {
        self.machines
            .values()
            .filter(|machine| machine.counts())
            .count()
    }

    /// Machines whose worker holds cells.
    pub fn busy(&self) -> usize {
        self.machines
            .values()
            .filter(|machine| machine.held() > 0)
            .count()
    }

    /// Machines whose worker held cells at any time since a second.
    pub fn worked_since(&self, second: u64) -> usize {
        self.machines
            .values()
            .filter(|machine| machine.worked_since(second))
            .count()
    }

    /// `SetDesiredCapacity` by the producer, which does not change a group that is awake.
    pub fn wake(&mut self, wanted: u64, now: u64) {
        if self.desired == 0 {
            let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
            self.set(wanted, Cause::Wake, now);
        }
    }

    /// A step out.
    pub fn add(&mut self, change: usize, now: u64) {
        let base = match self.counting {
            Counting::Plain => self.desired,
            Counting::Documented => self
                .machines
                .values()
                .filter(|machine| {
                    machine.life == Life::InService && !machine.warming(now, self.warmup)
                })
                .count()
                .min(self.desired),
        };
        self.set((base + change).max(self.desired), Cause::Out, now);
    }

    /// A step in.
    pub fn remove(&mut self, change: usize, now: u64) {
        let base = match self.counting {
            Counting::Plain => self.desired,
            Counting::Documented => {
                let warming = self
                    .machines
                    .values()
                    .any(|machine| machine.warming(now, self.warmup));
                if warming || self.live() < self.desired {
                    return;
                }
                let leaving = self
                    .machines
                    .values()
                    .filter(|machine| machine.life == Life::Terminating)
                    .count();
                self.live() + leaving
            }
        };
        self.set(
            base.saturating_sub(change).min(self.desired),
            Cause::In,
            now,
        );
    }

    fn set(&mut self, wanted: usize, cause: Cause, now: u64) {
        let to = wanted.clamp(self.min, self.max);
        if to != self.desired {
            self.changes.push(Change {
                at: now,
                cause,
                from: self.desired,
                to,
            });
            self.desired = to;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(counting: Counting) -> Group {
        Group::new(
            &Conditions {
                counting,
                max_workers: 100,
                ..Conditions::default()
            },
            120,
        )
    }

    fn launch(group: &mut Group) {
        for number in 0..u32::try_from(group.desired).unwrap() {
            group.machines.entry(number).or_insert_with(|| Machine {
                life: Life::InService,
                ..Machine::ordered(0)
            });
        }
    }

    #[test]
    fn a_step_that_is_called_again_while_machines_warm_up_orders_only_the_difference() {
        let mut group = group(Counting::Documented);
        group.add(8, 0);
        launch(&mut group);
        group.add(8, 60);
        assert_eq!(group.desired, 8);
        group.add(12, 60);
        assert_eq!(group.desired, 12);
        launch(&mut group);
        group.add(8, 120);
        assert_eq!(group.desired, 20);
    }

    #[test]
    fn nothing_is_removed_while_machines_warm_up() {
        let mut group = group(Counting::Documented);
        group.add(8, 0);
        launch(&mut group);
        group.remove(4, 119);
        assert_eq!(group.desired, 8);
        group.remove(4, 120);
        assert_eq!(group.desired, 4);
    }

    #[test]
    fn machines_that_are_leaving_are_not_removed_twice() {
        let mut group = group(Counting::Documented);
        group.add(8, 0);
        launch(&mut group);
        group.remove(4, 200);
        for machine in group.machines.values_mut().take(4) {
            machine.life = Life::Terminating;
        }
        group.remove(4, 260);
        assert_eq!(group.desired, 4);
    }

    #[test]
    fn the_bounds_hold() {
        let mut group = group(Counting::Plain);
        group.add(1000, 0);
        assert_eq!(group.desired, 100);
        group.remove(1000, 0);
        assert_eq!(group.desired, 0);
    }
}
