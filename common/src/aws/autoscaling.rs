use super::error::AwsError;

/// Workers that are ordered at once for a fleet that sleeps, at most. One of the sizes by which the
/// scaling grows (`terraform/scaling`). SQS may show a queue that was idle as late as a quarter of
/// an hour after the first message; this bridges the time until the alarms see it and order the
/// rest.
const MOST_WOKEN: u32 = 16;

/// Why a group could not be looked at or woken.
#[derive(Debug, thiserror::Error)]
pub enum GroupError {
    /// The call failed.
    #[error(transparent)]
    Call(#[from] AwsError),
    /// There is no such group. Auto Scaling answers an empty list, which is no error to it.
    #[error(
        "autoscaling group {name} does not exist; check --autoscaling-group (TILEFLEET_AUTOSCALING_GROUP) and AWS_REGION"
    )]
    NotFound {
        /// Its name.
        name: String,
    },
}

/// How many workers a group has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupSize {
    /// How many there shall be.
    pub desired: u32,
    /// How many there may be.
    pub most: u32,
}

/// What became of waking a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// It has workers already; more or fewer of them are the alarms' business.
    Awake,
    /// So many were ordered.
    Ordered(u32),
    /// It may have none.
    Closed,
}

/// The Auto Scaling group of the workers.
#[derive(Debug, Clone)]
pub struct Group {
    client: aws_sdk_autoscaling::Client,
    name: String,
}

impl Group {
    /// The group of this name.
    pub fn new(client: aws_sdk_autoscaling::Client, name: String) -> Self {
        Self { client, name }
    }

    /// The group's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many workers it has.
    ///
    /// # Errors
    /// [`GroupError`] when the call fails or there is no such group.
    pub async fn size(&self) -> Result<GroupSize, GroupError> {
        let describe = self
            .client
            .describe_auto_scaling_groups()
            .auto_scaling_group_names(&self.name);
        let described = describe.send().await.map_err(|error| {
            AwsError::new(
                "autoscaling",
                "DescribeAutoScalingGroups",
                &self.name,
                &error,
            )
        })?;
        let named = |name: Option<&str>| name == Some(&self.name);
        let group = described
            .auto_scaling_groups()
            .iter()
            .find(|group| named(group.auto_scaling_group_name()));
        let group = group.ok_or_else(|| GroupError::NotFound {
            name: self.name.clone(),
        })?;
        let number = |number: Option<i32>| {
            number
                .and_then(|number| number.try_into().ok())
                .unwrap_or(0)
        };
        Ok(GroupSize {
            desired: number(group.desired_capacity()),
            most: number(group.max_size()),
        })
    }

    /// Orders workers for `cells` cells, of which `cells_per_worker` justify one, if the group
    /// sleeps.
    ///
    /// Two that wake it at the same moment order the workers of the later one: few or many, the
    /// group is awake.
    ///
    /// # Errors
    /// [`GroupError`] when a call fails or there is no such group.
    pub async fn wake(&self, cells: u32, cells_per_worker: u32) -> Result<Wake, GroupError> {
        let size = self.size().await?;
        if size.desired > 0 {
            return Ok(Wake::Awake);
        }
        if size.most == 0 {
            return Ok(Wake::Closed);
        }
        let workers = cells
            .div_ceil(cells_per_worker.max(1))
            .clamp(1, MOST_WOKEN.min(size.most));
        let order = self
            .client
            .set_desired_capacity()
            .auto_scaling_group_name(&self.name)
            .desired_capacity(i32::try_from(workers).unwrap_or(i32::MAX))
            // There is work now, whenever the last worker went.
            .honor_cooldown(false);
        order.send().await.map_err(|error| {
            AwsError::new("autoscaling", "SetDesiredCapacity", &self.name, &error)
        })?;
        Ok(Wake::Ordered(workers))
    }

    /// Says whether scale-in may end this machine of the group, or has to choose another one.
    ///
    /// # Errors
    /// [`AwsError`] when the call fails, or the machine is not in service.
    pub async fn protect(&self, instance: &str, protected: bool) -> Result<(), AwsError> {
        let set = self
            .client
            .set_instance_protection()
            .auto_scaling_group_name(&self.name)
            .instance_ids(instance)
            .protected_from_scale_in(protected);
        set.send().await.map_err(|error| {
            AwsError::new("autoscaling", "SetInstanceProtection", &self.name, &error)
        })?;
        Ok(())
    }

    /// Says that this machine, which waits in the hook of this name, may go on to its end.
    ///
    /// # Errors
    /// [`AwsError`] when the call fails, or the machine does not wait there.
    pub async fn complete_lifecycle(&self, instance: &str, hook: &str) -> Result<(), AwsError> {
        let complete = self
            .client
            .complete_lifecycle_action()
            .auto_scaling_group_name(&self.name)
            .lifecycle_hook_name(hook)
            .instance_id(instance)
            .lifecycle_action_result("CONTINUE");
        complete.send().await.map_err(|error| {
            AwsError::new("autoscaling", "CompleteLifecycleAction", &self.name, &error)
        })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::canned::{self, Answer, Log};

    fn xml(text: &str) -> Answer {
        (
            200,
            vec![("content-type", "text/xml".to_owned())],
            text.as_bytes().to_vec(),
        )
    }

    /// A group of that size, which takes every order.
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

    fn answering(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> (Group, Log) {
        let (client, log) = canned::client(move |_, asked| {
            let action = asked
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
    async fn a_sleeping_group_gets_the_workers_that_its_cells_justify() {
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
            "never more than the group may have"
        );
        assert_eq!(
            woken(0, 500, 1_000_000).await.0,
            Wake::Ordered(16),
            "nor more than a first round"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_group_that_is_awake_or_closed_is_left_alone() {
        let (wake, requests, _) = woken(1, 10, 1_000).await;
        assert_eq!((wake, requests), (Wake::Awake, 1));
        let (wake, requests, _) = woken(0, 0, 1_000).await;
        assert_eq!((wake, requests), (Wake::Closed, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_machine_is_protected_and_let_go_by_its_id() {
        let (group, log) = answering(|action| xml(&format!("<{action}Response/>")));
        group.protect("i-1", true).await.unwrap();
        group.complete_lifecycle("i-1", "drain").await.unwrap();
        let sent: Vec<String> = log.requests().into_iter().map(|asked| asked.body).collect();
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
    async fn a_group_that_is_not_there_is_named() {
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
