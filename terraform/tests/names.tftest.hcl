# Two fleets can share an account: every name starts with the prefix. The names are those of the code.

variables {
  image_tag           = "0.1.0"
  prefix              = "night-2"
  tags                = { Team = "imaging" }
  notification_emails = ["a@example.com"]
  monthly_budget_usd  = 100
}

override_data {
  target = data.aws_availability_zones.available[0]
  values = { names = ["eu-central-1a", "eu-central-1b", "eu-central-1c"] }
}

run "every_name_comes_from_the_prefix" {
  command = plan

  assert {
    condition = alltrue([for name in [
      aws_sqs_queue.cells.name, aws_sqs_queue.dead.name, aws_dynamodb_table.ledger.name, aws_sns_topic.events.name,
      trimprefix(aws_kms_alias.topic.name, "alias/"), aws_s3_bucket.output.bucket, aws_ecr_repository.worker.name,
      trimprefix(aws_cloudwatch_log_group.worker.name, "/"), aws_security_group.worker.name,
      aws_launch_template.worker.name, aws_autoscaling_group.workers.name, aws_autoscaling_lifecycle_hook.drain.name,
      aws_autoscaling_policy.out.name, aws_autoscaling_policy.in.name, aws_iam_role.worker.name,
      aws_iam_instance_profile.worker.name, aws_iam_policy.producer.name, aws_cloudwatch_dashboard.fleet.dashboard_name,
      aws_cloudwatch_metric_alarm.out.alarm_name, aws_cloudwatch_metric_alarm.in.alarm_name,
      aws_cloudwatch_metric_alarm.dead_letters.alarm_name, aws_cloudwatch_metric_alarm.oldest_message.alarm_name,
      aws_budgets_budget.monthly[0].name, aws_vpc.fleet[0].tags["Name"],
    ] : startswith(name, "night-2")])
    error_message = "A name does not start with the prefix."
  }
  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.watch : startswith(alarm.alarm_name, "night-2-")])
    error_message = "The name of an alarm does not start with the prefix."
  }
  assert {
    condition = [
      aws_sqs_queue.cells.name, aws_sqs_queue.dead.name, aws_dynamodb_table.ledger.name, aws_sns_topic.events.name,
      aws_s3_bucket.output.bucket,
    ] == ["night-2-cells", "night-2-cells-dead", "night-2-ledger", "night-2-events", "night-2-output-123456789012"]
    error_message = "A suffix differs from common/src/deployment.rs."
  }
}

run "machines_carry_the_tags" {
  command = plan

  assert {
    condition     = local.tags == { Team = "imaging", Project = "tilefleet", Fleet = "night-2" }
    error_message = "One of the fleet's own or the given tags is missing."
  }
  assert {
    condition = alltrue([for tag in aws_autoscaling_group.workers.tag : tag.propagate_at_launch]) && alltrue([
      for key in keys(local.tags) : contains([for tag in aws_autoscaling_group.workers.tag : tag.key], key)
    ])
    error_message = "A tag does not reach the instances."
  }
  assert {
    condition = toset([for tags in aws_launch_template.worker.tag_specifications : tags.resource_type]) == toset(["instance", "volume"]) && alltrue([
      for tags in aws_launch_template.worker.tag_specifications : tags.tags["Fleet"] == "night-2"
    ])
    error_message = "Instances and their volumes must be tagged."
  }
}

run "the_ledger_has_the_keys_of_the_code" {
  command = plan

  assert {
    condition     = [aws_dynamodb_table.ledger.hash_key, aws_dynamodb_table.ledger.range_key] == ["pk", "sk"]
    error_message = "The table's keys differ from the code's."
  }
  assert {
    condition = [for index in aws_dynamodb_table.ledger.global_secondary_index : [index.name, index.hash_key, index.range_key, index.projection_type]] == [
      ["tasks-by-time", "listed", "created_at", "INCLUDE"]
    ]
    error_message = "The table's index differs from the code's."
  }
  assert {
    condition     = aws_dynamodb_table.ledger.billing_mode == "PAY_PER_REQUEST" && aws_dynamodb_table.ledger.point_in_time_recovery[0].enabled
    error_message = "The table must be on demand and recoverable."
  }
  assert {
    condition     = [for ttl in aws_dynamodb_table.ledger.ttl : [ttl.attribute_name, tostring(ttl.enabled)]] == [["expires_at", "true"]]
    error_message = "The table must let items expire by the code's attribute."
  }
}

run "the_outputs_are_what_the_configuration_file_wants" {
  command = apply

  assert {
    condition = alltrue([for value in [
      output.queue_url, output.dead_letter_queue_url, output.table, output.topic_arn, output.region,
      output.autoscaling_group, output.output_bucket, output.repository_url, output.producer_policy_arn, output.log_group,
    ] : length(value) > 0])
    error_message = "An output is empty."
  }
  assert {
    condition     = output.cells_per_worker == 20
    error_message = "The producer needs cells_per_worker to wake the group."
  }
  assert {
    condition = alltrue([for line in [
      "TILEFLEET_QUEUE_URL=${output.queue_url}", "TILEFLEET_DEAD_LETTER_QUEUE_URL=${output.dead_letter_queue_url}",
      "TILEFLEET_TABLE=night-2-ledger", "TILEFLEET_TOPIC_ARN=${output.topic_arn}", "AWS_REGION=eu-central-1",
      "TILEFLEET_HEALTH_FILE=/dev/shm/tilefleet-worker.json", "${output.repository_url}:0.1.0 run --grace 100",
      "--env TILEFLEET_WORKER=$${INSTANCE_ID}",
    ] : strcontains(module.host.user_data, line)])
    error_message = "A setting that the worker reads is missing from its environment."
  }
  assert {
    condition     = base64decode(aws_launch_template.worker.user_data) == module.host.user_data && length(aws_launch_template.worker.user_data) < 16384
    error_message = "The machines must boot with the script, and EC2 accepts at most 16 KiB."
  }
  assert {
    condition     = can(jsondecode(aws_cloudwatch_dashboard.fleet.dashboard_body).widgets[6])
    error_message = "CloudWatch cannot read the dashboard."
  }
}
