//! Stopping a group and starting it again.
//!
//! A stop is made of rounds, because machines take minutes to end, and because a machine that is
//! launching can be ended only when it is launched. Each round looks at the group anew, so a stop
//! can be interrupted and run again.

use super::group::{Group, GroupError};
use super::state::{GroupMachine, GroupState, STOPPING};
use crate::aws::error::{AwsError, AwsErrorKind};

/// Machines of one call of `SetInstanceProtection` at most (Amazon EC2 Auto Scaling API reference).
const PROTECTION_BATCH: usize = 50;

/// What a round of a stop did.
#[derive(Debug)]
pub struct Ending {
    /// The group as it was before the round.
    pub before: GroupState,
    /// Machines whose end was ordered in this round.
    pub ordered: usize,
    /// Machines that could not be ended now; the next round tries again.
    pub unended: Vec<Unended>,
}

impl Ending {
    /// Whether the group was empty, so that no further round is needed.
    pub fn is_complete(&self) -> bool {
        self.before.machines.is_empty()
    }
}

/// A machine that could not be ended in a round.
#[derive(Debug)]
pub struct Unended {
    /// Its instance id.
    pub machine: String,
    /// Why.
    pub error: AwsError,
}

impl Group {
    /// One round of a stop.
    ///
    /// Suspends Launch and `AlarmNotification`, so that nothing is launched any more. Removes the
    /// protection from scale-in, and ends each machine that does not end yet. A machine ends through
    /// its lifecycle hook: its worker gets the time to return its cells. An empty group gets the
    /// smallest desired capacity that its minimum allows. Minimum and maximum stay as they are.
    ///
    /// # Errors
    /// [`GroupError`] when the group cannot be read or changed at all. What concerns one machine is
    /// in [`Ending::unended`].
    pub async fn stop_round(&self) -> Result<Ending, GroupError> {
        let before = self.state().await?;
        // Before anything else: else the group replaces what is ended.
        if STOPPING
            .iter()
            .any(|process| !before.suspended.contains(*process))
        {
            self.suspend().await?;
        }
        let mut ending = Ending {
            ordered: 0,
            unended: vec![],
            before,
        };
        if ending.is_complete() {
            // There may never have been machines for it: no capacity.
            if ending.before.desired > ending.before.least {
                self.set_desired(ending.before.least).await?;
            }
            return Ok(ending);
        }
        self.unprotect(&ending.before.machines).await?;
        self.end_machines(&mut ending).await?;
        Ok(ending)
    }

    /// Resumes what a stop suspended, and nothing else. Returns the group as it was before.
    ///
    /// # Errors
    /// [`GroupError`] when a call fails or the group does not exist.
    pub async fn resume(&self) -> Result<GroupState, GroupError> {
        let before = self.state().await?;
        if before.is_stopped() {
            let mut resume = self
                .client
                .resume_processes()
                .auto_scaling_group_name(&self.name);
            // Without names it would resume all, and with them those that the fleet never wants.
            for process in STOPPING {
                resume = resume.scaling_processes(process);
            }
            resume
                .send()
                .await
                .map_err(|error| self.error("ResumeProcesses", &error))?;
        }
        Ok(before)
    }

    async fn suspend(&self) -> Result<(), AwsError> {
        let mut suspend = self
            .client
            .suspend_processes()
            .auto_scaling_group_name(&self.name);
        for process in STOPPING {
            suspend = suspend.scaling_processes(process);
        }
        suspend
            .send()
            .await
            .map_err(|error| self.error("SuspendProcesses", &error))?;
        Ok(())
    }

    /// Removes the protection from scale-in. Only machines in service can be protected. One that has
    /// left service since makes the call fail; then it needs no protection, and the others end
    /// without this call too.
    async fn unprotect(&self, machines: &[GroupMachine]) -> Result<(), AwsError> {
        let protected: Vec<String> = machines
            .iter()
            .filter(|machine| machine.protected && machine.is_in_service())
            .map(|machine| machine.id.clone())
            .collect();
        for batch in protected.chunks(PROTECTION_BATCH) {
            let set = self
                .client
                .set_instance_protection()
                .auto_scaling_group_name(&self.name)
                .set_instance_ids(Some(batch.to_vec()))
                .protected_from_scale_in(false);
            match set.send().await {
                Ok(_) => {}
                Err(error) => {
                    let error = self.error("SetInstanceProtection", &error);
                    if !passes(&error) {
                        return Err(error);
                    }
                }
            }
        }
        Ok(())
    }

    async fn end_machines(&self, ending: &mut Ending) -> Result<(), AwsError> {
        let mut desired = ending.before.desired;
        for machine in &ending.before.machines {
            if machine.is_ending() {
                continue;
            }
            // The desired capacity cannot go below the minimum. Nothing replaces the machine then,
            // because nothing is launched.
            let fewer = desired > ending.before.least;
            match self.end(&machine.id, fewer).await {
                Ok(()) => {
                    ending.ordered += 1;
                    desired -= u32::from(fewer);
                }
                Err(error) if passes(&error) => ending.unended.push(Unended {
                    machine: machine.id.clone(),
                    error,
                }),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Ends a machine, protected or not: protection is only from scale-in.
    async fn end(&self, machine: &str, fewer: bool) -> Result<(), AwsError> {
        self.client
            .terminate_instance_in_auto_scaling_group()
            .instance_id(machine)
            .should_decrement_desired_capacity(fewer)
            .send()
            .await
            .map_err(|error| self.error("TerminateInstanceInAutoScalingGroup", &error))?;
        Ok(())
    }
}

/// Whether the refusal concerns this moment or this machine: another activity is in progress, the
/// machine has just ended. A missing permission does not pass.
fn passes(error: &AwsError) -> bool {
    matches!(error.kind(), AwsErrorKind::Refused | AwsErrorKind::Busy)
}

#[cfg(test)]
mod tests {
    use super::super::fake::FakeGroup;
    use super::*;

    /// Rounds until the group is empty.
    async fn stop(fake: &FakeGroup) -> Vec<Ending> {
        let group = fake.group();
        let mut rounds = vec![];
        for _ in 0..10 {
            let round = group.stop_round().await.unwrap();
            let complete = round.is_complete();
            rounds.push(round);
            if complete {
                return rounds;
            }
            fake.machines_pass_one_stage();
        }
        panic!("machines are left after ten rounds: {rounds:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_ends_every_machine_and_leaves_minimum_and_maximum() {
        for least in [0, 2] {
            let fake = FakeGroup::with_machines(3, least, 10);
            stop(&fake).await;
            let state = fake.group().state().await.unwrap();
            assert_eq!(
                (state.machines.len(), state.desired, state.least, state.most),
                (0, least, least, 10)
            );
            assert!(state.is_stopped());
            assert_eq!(
                fake.actions_of("TerminateInstanceInAutoScalingGroup"),
                3,
                "each machine once"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_ended_before_launches_are_suspended() {
        let fake = FakeGroup::with_machines(3, 0, 10);
        fake.group().stop_round().await.unwrap();
        let actions = fake.actions();
        let first = |name: &str| actions.iter().position(|action| action == name).unwrap();
        assert!(first("SuspendProcesses") < first("TerminateInstanceInAutoScalingGroup"));
        assert_eq!(fake.launched(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn protection_is_removed_from_fifty_machines_at_a_time() {
        let fake = FakeGroup::with_machines(120, 0, 200);
        fake.protect_all();
        fake.group().stop_round().await.unwrap();
        assert_eq!(fake.protection_batches(), [50, 50, 20]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_machine_that_cannot_be_ended_yet_is_ended_in_a_later_round() {
        let fake = FakeGroup::with_machines(2, 0, 10);
        fake.keep_launching("i-1");
        let rounds = stop(&fake).await;
        assert_eq!(
            (rounds[0].ordered, rounds[0].unended.len()),
            (1, 1),
            "{rounds:?}"
        );
        assert_eq!(rounds[0].unended[0].machine, "i-1");
    }

    #[tokio::test(start_paused = true)]
    async fn a_group_that_waits_for_capacity_wants_none_afterwards() {
        let fake = FakeGroup::with_machines(0, 0, 10);
        fake.want(7);
        stop(&fake).await;
        assert_eq!(fake.group().state().await.unwrap().desired, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stopped_group_is_stopped_again_without_a_change() {
        let fake = FakeGroup::with_machines(1, 0, 10);
        stop(&fake).await;
        let before = fake.actions().len();
        stop(&fake).await;
        assert_eq!(
            fake.actions()[before..],
            ["DescribeAutoScalingGroups".to_owned()]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_resume_leaves_what_others_suspended() {
        let fake = FakeGroup::with_machines(1, 0, 10);
        fake.suspend("AZRebalance");
        stop(&fake).await;
        let group = fake.group();
        assert!(group.resume().await.unwrap().is_stopped());
        let state = group.state().await.unwrap();
        assert!(!state.is_stopped());
        assert_eq!(state.suspended, ["AZRebalance".to_owned()].into());
    }

    #[tokio::test(start_paused = true)]
    async fn a_missing_permission_ends_the_stop() {
        let fake = FakeGroup::with_machines(1, 0, 10);
        fake.deny("TerminateInstanceInAutoScalingGroup");
        let error = fake.group().stop_round().await.unwrap_err();
        assert!(
            error
                .to_string()
                .contains("autoscaling:TerminateInstanceInAutoScalingGroup"),
            "{error}"
        );
    }
}
