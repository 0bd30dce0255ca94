# Each action of a policy is listed here again, so that none is added by accident.

variables {
  image_tag = "0.1.0"
}

override_data {
  target = data.aws_availability_zones.available[0]
  values = { names = ["eu-central-1a", "eu-central-1b", "eu-central-1c"] }
}

run "the_worker_may_do_what_it_does" {
  command = apply

  assert {
    condition = toset(flatten([for statement in jsondecode(aws_iam_role_policy.worker.policy).Statement : statement.Action])) == toset([
      "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes", "sqs:SendMessage",
      "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:UpdateItem", "dynamodb:ConditionCheckItem",
      "s3:GetObject", "s3:ListBucket", "s3:PutObject", "s3:AbortMultipartUpload",
      "sns:Publish", "kms:Decrypt", "kms:GenerateDataKey",
      "autoscaling:SetInstanceProtection", "autoscaling:CompleteLifecycleAction", "autoscaling:SetInstanceHealth",
      "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:GetAuthorizationToken",
      "logs:CreateLogStream", "logs:PutLogEvents",
    ])
    error_message = "The worker's policy must have exactly the actions that the worker needs."
  }
  assert {
    condition = alltrue([for statement in jsondecode(aws_iam_role_policy.worker.policy).Statement :
      flatten([statement.Action]) == ["ecr:GetAuthorizationToken"] if contains(flatten([statement.Resource]), "*")
    ])
    error_message = "A statement of the worker's policy applies to all resources."
  }
  assert {
    condition     = { for statement in jsondecode(aws_iam_role_policy.worker.policy).Statement : statement.Sid => statement.Resource if statement.Sid == "WriteOutput" || statement.Sid == "ReadScenes" } == { WriteOutput = ["${aws_s3_bucket.output.arn}/*"], ReadScenes = ["arn:aws:s3:::sentinel-s2-l2a/*"] }
    error_message = "The worker must read only the scene buckets and write only the output bucket."
  }
  assert {
    condition     = { for statement in jsondecode(aws_iam_role_policy.worker.policy).Statement : statement.Sid => statement.Resource if statement.Sid == "SendAgain" || startswith(statement.Sid, "Read") && statement.Sid != "ReadScenes" } == { SendAgain = [aws_sqs_queue.cells.arn], ReadManifests = ["${aws_s3_bucket.output.arn}/*tilefleet/*/manifest.ndjson"], ReadAreas = ["${aws_s3_bucket.output.arn}/*tilefleet/*/area-*.geojson"] }
    error_message = "The worker must send only to its own queue and read only manifests and areas of the output bucket."
  }
  assert {
    condition     = { for statement in jsondecode(aws_iam_role_policy.worker.policy).Statement : statement.Sid => statement.Resource if statement.Sid == "Queues" || statement.Sid == "Ledger" || statement.Sid == "Notices" } == { Queues = [aws_sqs_queue.cells.arn, aws_sqs_queue.dead.arn], Ledger = [aws_dynamodb_table.ledger.arn], Notices = [aws_sns_topic.events.arn] }
    error_message = "The worker must use only the fleet's queues, table and topic."
  }
  assert {
    condition     = one([for statement in jsondecode(aws_iam_role_policy.worker.policy).Statement : flatten([statement.Resource]) if statement.Sid == "Machine"]) == ["arn:aws:autoscaling:eu-central-1:123456789012:autoScalingGroup:*:autoScalingGroupName/${aws_autoscaling_group.workers.name}"]
    error_message = "The worker must not have access to other groups."
  }
  assert {
    condition     = jsondecode(aws_iam_role.worker.assume_role_policy).Statement[0].Principal == { Service = ["ec2.amazonaws.com"] } && length(jsondecode(aws_iam_role.worker.assume_role_policy).Statement) == 1
    error_message = "Only EC2 may assume the worker's role."
  }
}

run "the_producer_may_do_what_it_does" {
  command = apply

  assert {
    condition = toset(flatten([for statement in jsondecode(aws_iam_policy.producer.policy).Statement : statement.Action])) == toset([
      "sqs:SendMessage", "sqs:GetQueueAttributes", "sns:GetTopicAttributes",
      "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility",
      "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:UpdateItem", "dynamodb:ConditionCheckItem", "dynamodb:DeleteItem",
      "sns:Publish", "kms:Decrypt", "kms:GenerateDataKey",
      "s3:GetObject", "s3:ListBucket", "s3:PutObject", "s3:AbortMultipartUpload",
      "autoscaling:SetDesiredCapacity", "autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeScalingActivities",
      "autoscaling:SuspendProcesses", "autoscaling:ResumeProcesses",
      "autoscaling:SetInstanceProtection", "autoscaling:TerminateInstanceInAutoScalingGroup",
    ])
    error_message = "The producer's policy must have exactly the actions that the producer needs."
  }
  assert {
    condition = alltrue([for statement in jsondecode(aws_iam_policy.producer.policy).Statement :
      toset(flatten([statement.Action])) == toset(["autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeScalingActivities"]) if contains(flatten([statement.Resource]), "*")
    ])
    error_message = "A statement of the producer's policy applies to all resources."
  }
  assert {
    condition     = one(distinct(flatten([for statement in jsondecode(aws_iam_policy.producer.policy).Statement : statement.Resource if contains(["Wake", "StopAndStart"], statement.Sid)]))) == local.group_arn
    error_message = "The producer must not change other groups."
  }
  assert {
    condition     = one([for statement in jsondecode(aws_iam_policy.producer.policy).Statement : statement.Resource if statement.Sid == "TasksByTime"]) == ["${aws_dynamodb_table.ledger.arn}/index/tasks-by-time"]
    error_message = "The producer must be able to list tasks."
  }
}

run "outputs_are_written_where_allowed" {
  command = apply

  variables {
    output_prefix      = "rasters/2026"
    additional_outputs = ["my-bucket", "other-bucket/summer"]
  }
  assert {
    condition     = toset(one([for statement in jsondecode(aws_iam_role_policy.worker.policy).Statement : statement.Resource if statement.Sid == "WriteOutput"])) == toset(["${aws_s3_bucket.output.arn}/rasters/2026/*", "arn:aws:s3:::my-bucket/*", "arn:aws:s3:::other-bucket/summer/*"])
    error_message = "The worker must write only to the configured places."
  }
}

run "landsat_is_read_by_choice" {
  command = apply

  variables {
    scene_buckets = ["sentinel-s2-l2a", "usgs-landsat"]
  }
  assert {
    condition = alltrue([for policy in [aws_iam_role_policy.worker.policy, aws_iam_policy.producer.policy] :
      toset(one([for statement in jsondecode(policy).Statement : statement.Resource if statement.Sid == "ReadScenes"])) == toset(["arn:aws:s3:::sentinel-s2-l2a/*", "arn:aws:s3:::usgs-landsat/*"])
    ])
    error_message = "Worker and producer must read exactly the scene buckets of the list."
  }
}

run "nobody_talks_without_tls" {
  command = apply

  assert {
    condition = alltrue([for policy in [aws_sqs_queue_policy.cells.policy, aws_sqs_queue_policy.dead.policy, aws_sns_topic_policy.events.policy, aws_s3_bucket_policy.output.policy] : anytrue([
      for statement in jsondecode(policy).Statement : statement.Effect == "Deny" && statement.Principal == { "*" = ["*"] } && statement.Condition == { Bool = { "aws:SecureTransport" = ["false"] } }
    ])])
    error_message = "A queue, the topic or the bucket accepts requests without TLS."
  }
  assert {
    condition     = alltrue([for statement in jsondecode(aws_sns_topic_policy.events.policy).Statement : statement.Effect == "Deny" || statement.Condition == { StringEquals = { "aws:SourceAccount" = ["123456789012"] } }])
    error_message = "Alarms of other accounts must not publish to the topic."
  }
}
