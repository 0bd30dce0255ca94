# Scaling works from and to zero, without a division by the number of workers.

variables {
  image_tag = "0.1.0"
}

override_data {
  target = data.aws_availability_zones.available[0]
  values = { names = ["eu-central-1a", "eu-central-1b", "eu-central-1c"] }
}

run "from_zero_and_to_zero" {
  command = plan

  assert {
    condition     = aws_autoscaling_group.workers.min_size == 0 && aws_autoscaling_group.workers.max_size == 10
    error_message = "The group must be able to shrink to zero."
  }
  assert {
    condition     = one([for query in aws_cloudwatch_metric_alarm.out.metric_query : query.expression if query.return_data == true]) == "CEIL((visible + FILL(inflight, 0)) / 20) - desired"
    error_message = "The scale-out alarm does not count the missing workers."
  }
  assert {
    condition     = one([for query in aws_cloudwatch_metric_alarm.in.metric_query : query.expression if query.return_data == true]) == "desired - IF(CEIL((visible + FILL(inflight, 0)) / 20) > 0, CEIL((visible + FILL(inflight, 0)) / 20), 0)"
    error_message = "The scale-in alarm does not count the spare workers."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.out.evaluation_periods == 1 && aws_cloudwatch_metric_alarm.in.evaluation_periods == 3
    error_message = "Scale-out must act at once, scale-in after fifteen minutes."
  }
  assert {
    condition = alltrue([for alarm in [aws_cloudwatch_metric_alarm.out, aws_cloudwatch_metric_alarm.in] :
      toset([for query in alarm.metric_query : query.id if length(query.metric) > 0]) == toset(["visible", "inflight", "desired"])
      && alltrue([for query in alarm.metric_query : query.metric[0].period == 300 if length(query.metric) > 0])
      && alarm.threshold == 1 && alarm.comparison_operator == "GreaterThanOrEqualToThreshold"
    ])
    error_message = "An alarm must use waiting cells, cells in flight and the group's size, in windows of five minutes."
  }
  assert {
    condition = [for alarm in [aws_cloudwatch_metric_alarm.out, aws_cloudwatch_metric_alarm.in] :
      { for query in alarm.metric_query : query.id => query.metric[0].stat if length(query.metric) > 0 }
      ] == [
      { desired = "Maximum", inflight = "Minimum", visible = "Maximum" },
      { desired = "Minimum", inflight = "Maximum", visible = "Maximum" },
    ]
    error_message = "Late metrics would order workers twice, or remove too many."
  }
  assert {
    condition     = contains(aws_autoscaling_group.workers.enabled_metrics, "GroupDesiredCapacity") && contains(aws_autoscaling_group.workers.enabled_metrics, "GroupInServiceInstances")
    error_message = "The alarms need metrics that the group does not publish."
  }
}

run "each_alarm_moves_the_group" {
  command = apply

  assert {
    condition     = aws_cloudwatch_metric_alarm.out.alarm_actions == toset([aws_autoscaling_policy.out.arn]) && aws_cloudwatch_metric_alarm.in.alarm_actions == toset([aws_autoscaling_policy.in.arn])
    error_message = "An alarm does not trigger its policy."
  }
  assert {
    condition     = aws_autoscaling_policy.out.policy_type == "StepScaling" && aws_autoscaling_policy.in.policy_type == "StepScaling"
    error_message = "The policies must have steps."
  }
}

run "steps_meet_a_burst_and_never_exceed_it" {
  command = plan

  assert {
    condition     = length(module.scaling.out.steps) <= 20 && length(aws_autoscaling_policy.out.step_adjustment) == length(module.scaling.out.steps)
    error_message = "A policy has at most twenty steps."
  }
  assert {
    condition     = alltrue([for index, step in module.scaling.out.steps : index == 0 ? step.lower == 0 : step.lower == module.scaling.out.steps[index - 1].upper])
    error_message = "The steps have gaps or overlap."
  }
  assert {
    condition     = alltrue([for step in module.scaling.out.steps : step.change == step.lower + module.scaling.out.threshold])
    error_message = "A step adds more workers than are missing, or fewer than it could."
  }
  assert {
    condition     = alltrue([for step in module.scaling.in.steps : step.change < 0 && -step.change <= max(1, (step.lower + module.scaling.in.threshold) / 2)])
    error_message = "A step removes more than half of the spare workers."
  }
  assert {
    condition     = module.scaling.out.steps[length(module.scaling.out.steps) - 1].upper == null && module.scaling.in.steps[length(module.scaling.in.steps) - 1].upper == null
    error_message = "The last step must have no upper bound."
  }
}

run "workers_that_are_kept_are_not_spare" {
  command = plan

  variables {
    min_workers      = 2
    cells_per_worker = 5
  }
  assert {
    condition     = one([for query in aws_cloudwatch_metric_alarm.in.metric_query : query.expression if query.return_data == true]) == "desired - IF(CEIL((visible + FILL(inflight, 0)) / 5) > 2, CEIL((visible + FILL(inflight, 0)) / 5), 2)"
    error_message = "The scale-in alarm would never end."
  }
}
