# Stores are encrypted and private. Cells that fail too often go to a queue that somebody watches.

variables {
  image_tag = "0.1.0"
}

override_data {
  target = data.aws_availability_zones.available[0]
  values = { names = ["eu-central-1a", "eu-central-1b", "eu-central-1c"] }
}

run "every_store_is_encrypted" {
  command = apply

  assert {
    condition     = aws_sqs_queue.cells.sqs_managed_sse_enabled && aws_sqs_queue.dead.sqs_managed_sse_enabled
    error_message = "A queue is not encrypted."
  }
  assert {
    condition     = aws_dynamodb_table.ledger.server_side_encryption[0].enabled
    error_message = "The table is not encrypted."
  }
  assert {
    condition     = aws_sns_topic.events.kms_master_key_id == aws_kms_key.topic.arn && aws_kms_key.topic.enable_key_rotation
    error_message = "The topic is not encrypted with the fleet's key."
  }
  assert {
    condition     = one([for statement in jsondecode(aws_kms_key.topic.policy).Statement : statement.Principal.Service if statement.Sid == "Publishers"]) == ["cloudwatch.amazonaws.com"]
    error_message = "CloudWatch cannot use the topic's key, so alarms would be lost."
  }
  assert {
    condition     = one([for rule in aws_s3_bucket_server_side_encryption_configuration.output.rule : rule.apply_server_side_encryption_by_default[0].sse_algorithm]) == "AES256"
    error_message = "The bucket is not encrypted."
  }
  assert {
    condition     = alltrue([for device in aws_launch_template.worker.block_device_mappings : tobool(device.ebs[0].encrypted) && device.ebs[0].volume_type == "gp3"])
    error_message = "A worker's disk is not encrypted gp3."
  }
  assert {
    condition     = aws_ecr_repository.worker.encryption_configuration[0].encryption_type == "AES256"
    error_message = "The repository is not encrypted."
  }
}

run "the_bucket_is_private" {
  command = plan

  assert {
    condition = alltrue([
      aws_s3_bucket_public_access_block.output.block_public_acls, aws_s3_bucket_public_access_block.output.block_public_policy,
      aws_s3_bucket_public_access_block.output.ignore_public_acls, aws_s3_bucket_public_access_block.output.restrict_public_buckets,
    ])
    error_message = "The bucket could become public."
  }
  assert {
    condition     = aws_s3_bucket_ownership_controls.output.rule[0].object_ownership == "BucketOwnerEnforced"
    error_message = "Another account could own objects in the bucket."
  }
  assert {
    condition     = contains([for rule in aws_s3_bucket_lifecycle_configuration.output.rule : try(rule.abort_incomplete_multipart_upload[0].days_after_initiation, 0)], 3)
    error_message = "Parts of aborted uploads would stay for ever."
  }
}

run "data_outlives_a_destroy_unless_it_may_go" {
  command = plan

  assert {
    condition     = !aws_s3_bucket.output.force_destroy && aws_dynamodb_table.ledger.deletion_protection_enabled
    error_message = "Data is not protected."
  }
}

run "data_goes_when_it_may" {
  command = plan

  variables {
    delete_data_on_destroy = true
  }
  assert {
    condition     = aws_s3_bucket.output.force_destroy && !aws_dynamodb_table.ledger.deletion_protection_enabled
    error_message = "Destroy would stop at the ledger or the bucket."
  }
}

run "cells_are_given_up_where_somebody_looks" {
  command = apply

  assert {
    condition     = jsondecode(aws_sqs_queue.cells.redrive_policy) == { deadLetterTargetArn = aws_sqs_queue.dead.arn, maxReceiveCount = 10 }
    error_message = "The queue does not move messages to the dead-letter queue after ten receives."
  }
  assert {
    condition     = jsondecode(aws_sqs_queue_redrive_allow_policy.dead.redrive_allow_policy) == { redrivePermission = "byQueue", sourceQueueArns = [aws_sqs_queue.cells.arn] }
    error_message = "The dead-letter queue accepts messages from other queues."
  }
  assert {
    condition     = [aws_sqs_queue.cells.visibility_timeout_seconds, aws_sqs_queue.cells.receive_wait_time_seconds, aws_sqs_queue.cells.message_retention_seconds, aws_sqs_queue.dead.message_retention_seconds] == [120, 20, 1209600, 1209600]
    error_message = "A queue's settings differ from the code's."
  }
  assert {
    condition     = aws_ecr_repository.worker.image_tag_mutability == "IMMUTABLE" && aws_ecr_repository.worker.image_scanning_configuration[0].scan_on_push
    error_message = "Image tags are mutable, or images are not scanned."
  }
}

run "alarms_reach_people" {
  command = apply

  variables {
    notification_emails = ["a@example.com", "b@example.com"]
    email_failed_cells  = false
    monthly_budget_usd  = 100
  }
  assert {
    condition = alltrue([for alarm in concat([aws_cloudwatch_metric_alarm.dead_letters, aws_cloudwatch_metric_alarm.oldest_message, aws_cloudwatch_metric_alarm.deployment], values(aws_cloudwatch_metric_alarm.watch)) :
      alarm.alarm_actions == toset([aws_sns_topic.events.arn])
    ]) && toset(keys(aws_cloudwatch_metric_alarm.watch)) == toset(["stalled", "no-capacity"])
    error_message = "An alarm notifies nobody."
  }
  assert {
    condition     = alltrue([for mail in aws_sns_topic_subscription.email : jsondecode(mail.filter_policy).event[0].exists == false]) && length(aws_sns_topic_subscription.email) == 2
    error_message = "The filter of the e-mail subscriptions rejects alarms."
  }
  assert {
    condition     = contains(one([for statement in jsondecode(aws_kms_key.topic.policy).Statement : statement.Principal.Service if statement.Sid == "Publishers"]), "budgets.amazonaws.com")
    error_message = "The budget cannot use the topic's key."
  }
}

run "a_budget_of_the_fleet_alone" {
  command = plan

  variables {
    monthly_budget_usd   = 100
    budget_of_fleet_only = true
  }
  assert {
    condition     = [for filter in aws_budgets_budget.monthly[0].cost_filter : [filter.name, filter.values[0]]] == [["TagKeyValue", "user:Fleet$tilefleet"]]
    error_message = "The budget does not filter by the fleet's tag."
  }
}

run "no_budget_unless_asked_for" {
  command = plan

  assert {
    condition     = length(aws_budgets_budget.monthly) == 0
    error_message = "There is a budget although none is set."
  }
}
