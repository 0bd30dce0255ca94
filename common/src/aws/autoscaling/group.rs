//! The Auto Scaling group of the workers.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::state::{GroupState, ScalingActivity};
use crate::aws::error::AwsError;

/// Workers that a wake-up orders at most, one of the steps of the scaling (`terraform/scaling`).
/// SQS may report the messages of an idle queue up to a quarter of an hour late. This bridges the
/// time until the alarms see them and order the rest.
const MAX_WOKEN: u32 = 16;

/// Why a group's size could not be read or set.
#[derive(Debug, thiserror::Error)]
pub enum GroupError {
    /// The call failed.
    #[error(transparent)]
    Call(#[from] AwsError),
    /// The group does not exist. Auto Scaling returns an empty list for it, not an error.
    #[error(
        "autoscaling group {name} does not exist; check --autoscaling-group (TILEFLEET_AUTOSCALING_GROUP) and AWS_REGION"
    )]
    NotFound {
        /// Its name.
        name: String,
    },
}

/// The result of [`Group::wake`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// The group has workers; the alarms order more or fewer of them.
    Awake,
    /// This number of workers was ordered.
    Ordered(u32),
    /// The group's largest size is 0.
    Closed,
    /// Somebody stopped the group. Only a start undoes that.
    Stopped,
}

/// The Auto Scaling group of the workers.
#[derive(Debug, Clone)]
pub struct Group {
    pub(super) client: aws_sdk_autoscaling::Client,
    pub(super) name: String,
}

impl Group {
    /// The group with this name.
    pub fn new(client: aws_sdk_autoscaling::Client, name: String) -> Self {
        Self { client, name }
    }

    /// The group's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Turns the SDK's error of an operation on this group into ours.
    pub(super) fn error<E>(
        &self,
        operation: &'static str,
        error: &SdkError<E, HttpResponse>,
    ) -> AwsError
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        AwsError::new("autoscaling", operation, &self.name, error)
    }

    /// Its size, its machines, and its suspended processes.
    ///
    /// # Errors
    /// [`GroupError`] when the call fails or the group does not exist.
    pub async fn state(&self) -> Result<GroupState, GroupError> {
        let describe = self
            .client
            .describe_auto_scaling_groups()
            .auto_scaling_group_names(&self.name);
        let described = describe
            .send()
            .await
            .map_err(|error| self.error("DescribeAutoScalingGroups", &error))?;
        let named = |name: Option<&str>| name == Some(&self.name);
        let group = described
            .auto_scaling_groups()
            .iter()
            .find(|group| named(group.auto_scaling_group_name()));
        let group = group.ok_or_else(|| GroupError::NotFound {
            name: self.name.clone(),
        })?;
        Ok(GroupState::parse(group))
    }

    /// Its last activities, newest first, at most `limit` of them (at most 100).
    ///
    /// # Errors
    /// [`AwsError`] when the call fails.
    pub async fn activities(&self, limit: u8) -> Result<Vec<ScalingActivity>, AwsError> {
        let describe = self
            .client
            .describe_scaling_activities()
            .auto_scaling_group_name(&self.name)
            .max_records(limit.into());
        let described = describe
            .send()
            .await
            .map_err(|error| self.error("DescribeScalingActivities", &error))?;
        Ok(described
            .activities()
            .iter()
            .map(ScalingActivity::parse)
            .collect())
    }

    /// Orders workers for `cells` cells, one for each `cells_per_worker` and at most 16, if the
    /// group has none and is not stopped.
    ///
    /// Of two callers at the same moment, the later one decides how many. Either way the group is
    /// awake.
    ///
    /// # Errors
    /// [`GroupError`] when a call fails or the group does not exist.
    pub async fn wake(&self, cells: u32, cells_per_worker: u32) -> Result<Wake, GroupError> {
        let state = self.state().await?;
        if state.is_stopped() {
            return Ok(Wake::Stopped);
        }
        self.order(&state, cells, cells_per_worker).await
    }

    /// As [`Group::wake`], for a group whose state was just read and which is not stopped any more.
    ///
    /// # Errors
    /// [`GroupError`] when the call fails.
    pub async fn order(
        &self,
        state: &GroupState,
        cells: u32,
        cells_per_worker: u32,
    ) -> Result<Wake, GroupError> {
        if state.desired > 0 {
            return Ok(Wake::Awake);
        }
        if state.most == 0 {
            return Ok(Wake::Closed);
        }
        let workers = cells
            .div_ceil(cells_per_worker.max(1))
            .clamp(1, MAX_WOKEN.min(state.most));
        self.set_desired(workers).await?;
        Ok(Wake::Ordered(workers))
    }

    pub(super) async fn set_desired(&self, workers: u32) -> Result<(), AwsError> {
        let order = self
            .client
            .set_desired_capacity()
            .auto_scaling_group_name(&self.name)
            .desired_capacity(i32::try_from(workers).unwrap_or(i32::MAX))
            // However recently the group changed.
            .honor_cooldown(false);
        order
            .send()
            .await
            .map_err(|error| self.error("SetDesiredCapacity", &error))?;
        Ok(())
    }

    /// Sets whether the instance is protected from scale-in.
    ///
    /// # Errors
    /// [`AwsError`] when the call fails, or the instance is not in service.
    pub async fn protect(&self, instance: &str, protected: bool) -> Result<(), AwsError> {
        let set = self
            .client
            .set_instance_protection()
            .auto_scaling_group_name(&self.name)
            .instance_ids(instance)
            .protected_from_scale_in(protected);
        set.send()
            .await
            .map_err(|error| self.error("SetInstanceProtection", &error))?;
        Ok(())
    }

    /// Says that the instance is unhealthy: the group terminates it, by way of its lifecycle hook, and
    /// launches another (Amazon EC2 Auto Scaling API reference, `SetInstanceHealth`).
    ///
    /// # Errors
    /// [`AwsError`] when the call fails.
    pub async fn set_unhealthy(&self, instance: &str) -> Result<(), AwsError> {
        let set = self
            .client
            .set_instance_health()
            .instance_id(instance)
            .health_status("Unhealthy");
        set.send().await.map_err(|error| {
            AwsError::new("autoscaling", "SetInstanceHealth", &self.name, &error)
        })?;
        Ok(())
    }

    /// Ends the wait of an instance in a lifecycle hook, so that it is terminated.
    ///
    /// # Errors
    /// [`AwsError`] when the call fails, or the instance does not wait in this hook.
    pub async fn complete_lifecycle(&self, instance: &str, hook: &str) -> Result<(), AwsError> {
        let complete = self
            .client
            .complete_lifecycle_action()
            .auto_scaling_group_name(&self.name)
            .lifecycle_hook_name(hook)
            .instance_id(instance)
            .lifecycle_action_result("CONTINUE");
        complete
            .send()
            .await
            .map_err(|error| self.error("CompleteLifecycleAction", &error))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::fake::FakeGroup;
    use super::*;
    use crate::aws::canned::{self, Log, Response};

    fn xml(text: &str) -> Response {
        (
            200,
            vec![("content-type", "text/xml".to_owned())],
            text.as_bytes().to_vec(),
        )
    }

    /// A group of this size, which accepts every order.
    fn group(desired: u32, most: u32) -> (Group, Log) {
        answering(move |action| match action {
            "DescribeAutoScalingGroups" => xml(&format!(
                "<DescribeAutoScalingGroupsResponse><DescribeAutoScalingGroupsResult><AutoScalingGroups><member>\
                 <AutoScalingGroupName>workers</AutoScalingGroupName><MinSize>0</MinSize><MaxSize>{most}</MaxSize>\
                 <DesiredCapacity>{desired}</DesiredCapacity></member></AutoScalingGroups>\
                 </DescribeAutoScalingGroupsResult></DescribeAutoScalingGroupsResponse>"
            )),
            _ => xml("<SetDesiredCapacityResponse/>"),
        })
    }

    fn answering(answer: impl Fn(&str) -> Response + Send + Sync + 'static) -> (Group, Log) {
        let (client, log) = canned::client(move |_, request| {
            let action = request
                .body
                .split('&')
                .find_map(|field| field.strip_prefix("Action="));
            answer(action.unwrap_or_default())
        });
        let config = canned::config!(aws_sdk_autoscaling, client).build();
        (
            Group::new(
                aws_sdk_autoscaling::Client::from_conf(config),
                "workers".into(),
            ),
            log,
        )
    }

    async fn woken(desired: u32, most: u32, cells: u32) -> (Wake, usize, String) {
        let (group, log) = group(desired, most);
        let wake = group.wake(cells, 20).await.unwrap();
        let requests = log.requests();
        (wake, requests.len(), requests.last().unwrap().body.clone())
    }

    #[tokio::test(start_paused = true)]
    async fn a_group_without_workers_gets_those_that_its_cells_need() {
        let (wake, _, order) = woken(0, 10, 41).await;
        assert_eq!(wake, Wake::Ordered(3));
        for field in [
            "AutoScalingGroupName=workers",
            "DesiredCapacity=3",
            "HonorCooldown=false",
        ] {
            assert!(
                order.split('&').any(|sent| sent == field),
                "{field} is not in {order}"
            );
        }
        assert_eq!(woken(0, 10, 1).await.0, Wake::Ordered(1));
        assert_eq!(
            woken(0, 10, 1_000_000).await.0,
            Wake::Ordered(10),
            "never more than the group's largest size"
        );
        assert_eq!(
            woken(0, 500, 1_000_000).await.0,
            Wake::Ordered(16),
            "nor more than one wake-up orders"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_group_with_workers_or_of_size_zero_is_left_alone() {
        let (wake, requests, _) = woken(1, 10, 1_000).await;
        assert_eq!((wake, requests), (Wake::Awake, 1));
        let (wake, requests, _) = woken(0, 0, 1_000).await;
        assert_eq!((wake, requests), (Wake::Closed, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stopped_group_is_not_woken() {
        for process in ["Launch", "AlarmNotification"] {
            let fake = FakeGroup::with_machines(0, 0, 10);
            fake.suspend(process);
            assert_eq!(fake.group().wake(100, 20).await.unwrap(), Wake::Stopped);
            assert_eq!(fake.actions(), ["DescribeAutoScalingGroups"]);
        }
        let fake = FakeGroup::with_machines(0, 0, 10);
        fake.suspend("AZRebalance");
        assert_eq!(
            fake.group().wake(100, 20).await.unwrap(),
            Wake::Ordered(5),
            "the fleet always keeps this one suspended"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn activities_say_why_a_launch_failed() {
        let (group, _) = answering(|_| {
            xml(
                "<DescribeScalingActivitiesResponse><DescribeScalingActivitiesResult><Activities><member>\
                 <Description>Launching a new EC2 instance</Description><StatusCode>Failed</StatusCode>\
                 <StatusMessage>no Spot capacity</StatusMessage><StartTime>2026-11-26T13:54:14Z</StartTime></member>\
                 </Activities></DescribeScalingActivitiesResult></DescribeScalingActivitiesResponse>",
            )
        });
        let expected = ScalingActivity {
            description: "Launching a new EC2 instance".to_owned(),
            status: "Failed".to_owned(),
            message: "no Spot capacity".to_owned(),
            started_at: "2026-11-26T13:54:14Z".parse().ok(),
        };
        assert_eq!(group.activities(5).await.unwrap(), [expected]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_instance_is_protected_and_released_by_its_id() {
        let (group, log) = answering(|action| xml(&format!("<{action}Response/>")));
        group.protect("i-1", true).await.unwrap();
        group.complete_lifecycle("i-1", "drain").await.unwrap();
        let sent: Vec<String> = log
            .requests()
            .into_iter()
            .map(|request| request.body)
            .collect();
        let wanted = [
            vec![
                "AutoScalingGroupName=workers",
                "InstanceIds.member.1=i-1",
                "ProtectedFromScaleIn=true",
            ],
            vec![
                "LifecycleHookName=drain",
                "InstanceId=i-1",
                "LifecycleActionResult=CONTINUE",
            ],
        ];
        for (body, fields) in sent.iter().zip(wanted) {
            for field in fields {
                assert!(
                    body.split('&').any(|sent| sent == field),
                    "{field} is not in {body}"
                );
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_group_that_does_not_exist_is_named() {
        let (group, _) = answering(|_| {
            xml(
                "<DescribeAutoScalingGroupsResponse><DescribeAutoScalingGroupsResult><AutoScalingGroups/>\
                 </DescribeAutoScalingGroupsResult></DescribeAutoScalingGroupsResponse>",
            )
        });
        assert_eq!(
            group.wake(1, 20).await.unwrap_err().to_string(),
            "autoscaling group workers does not exist; check --autoscaling-group (TILEFLEET_AUTOSCALING_GROUP) and AWS_REGION"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_denied_call_names_the_action() {
        let (group, _) = answering(|_| {
            let body = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>";
            (
                403,
                vec![("content-type", "text/xml".to_owned())],
                body.as_bytes().to_vec(),
            )
        });
        assert_eq!(
            group.wake(1, 20).await.unwrap_err().to_string(),
            "access to workers denied (AccessDenied: no); the role needs autoscaling:DescribeAutoScalingGroups on it"
        );
    }
}
