# Permissions of the worker machines, and the policy for users and roles that submit tasks. Each action
# is one that the code calls. A multipart upload to S3 needs s3:PutObject; a transaction needs the
# actions of its parts.

data "aws_iam_policy_document" "worker_trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ec2.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "worker" {
  name               = "${var.prefix}-worker"
  description        = "Workers of ${var.prefix}"
  assume_role_policy = data.aws_iam_policy_document.worker_trust.json
}

resource "aws_iam_instance_profile" "worker" {
  name = "${var.prefix}-worker"
  role = aws_iam_role.worker.name
}

data "aws_iam_policy_document" "worker" {
  statement {
    sid       = "Queues"
    actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"]
    resources = [aws_sqs_queue.cells.arn, aws_sqs_queue.dead.arn]
  }
  # A dead letter whose cell is not to blame is sent again.
  statement {
    sid       = "SendAgain"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.cells.arn]
  }
  statement {
    sid       = "Ledger"
    actions   = ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:UpdateItem", "dynamodb:ConditionCheckItem"]
    resources = [aws_dynamodb_table.ledger.arn]
  }
  statement {
    sid       = "ReadScenes"
    actions   = ["s3:GetObject"]
    resources = [for arn in local.scene_bucket_arns : "${arn}/*"]
  }
  # Not called. Without it, S3 answers "access denied" for a missing object, and the cell would fail with
  # the wrong error.
  statement {
    sid       = "TellMissingScenes"
    actions   = ["s3:ListBucket"]
    resources = local.scene_bucket_arns
  }
  # A worker completes a submit that its producer left, from the manifest.
  statement {
    sid       = "ReadManifests"
    actions   = ["s3:GetObject"]
    resources = [for arn in local.output_arns : "${trimsuffix(arn, "*")}*tilefleet/*/manifest.ndjson"]
  }
  # The area to which a task cuts its cells, beside the manifest.
  statement {
    sid       = "ReadAreas"
    actions   = ["s3:GetObject"]
    resources = [for arn in local.output_arns : "${trimsuffix(arn, "*")}*tilefleet/*/area-*.geojson"]
  }
  statement {
    sid       = "WriteOutput"
    actions   = ["s3:PutObject", "s3:AbortMultipartUpload"]
    resources = local.output_arns
  }
  statement {
    sid       = "Notices"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.events.arn]
  }
  # SNS encrypts messages with the publisher's permissions.
  statement {
    sid       = "NoticesKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.topic.arn]
    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["sns.${var.region}.amazonaws.com"]
    }
  }
  statement {
    sid       = "Machine"
    actions   = ["autoscaling:SetInstanceProtection", "autoscaling:CompleteLifecycleAction", "autoscaling:SetInstanceHealth"]
    resources = [local.group_arn]
  }
  # Needed by the machine itself, to start the worker.
  statement {
    sid       = "Image"
    actions   = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = [aws_ecr_repository.worker.arn]
  }
  # The token is valid for the whole registry, so AWS accepts no narrower resource.
  statement {
    sid       = "RegistryToken"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }
  statement {
    sid       = "Logs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.worker.arn}:*"]
  }
}

resource "aws_iam_role_policy" "worker" {
  name   = "worker"
  role   = aws_iam_role.worker.id
  policy = data.aws_iam_policy_document.worker.json
}

data "aws_iam_policy_document" "producer" {
  statement {
    sid       = "Queue"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.cells.arn]
  }
  # For `producer doctor`, which checks their settings.
  statement {
    sid       = "Settings"
    actions   = ["sqs:GetQueueAttributes", "sns:GetTopicAttributes"]
    resources = [aws_sqs_queue.cells.arn, aws_sqs_queue.dead.arn, aws_sns_topic.events.arn]
  }
  # For `producer dlq`.
  statement {
    sid       = "DeadLetters"
    actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"]
    resources = [aws_sqs_queue.dead.arn]
  }
  # A drain that fails a task's last cell completes the task, as a worker does. Forget deletes items.
  statement {
    sid       = "Ledger"
    actions   = ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:UpdateItem", "dynamodb:ConditionCheckItem", "dynamodb:DeleteItem"]
    resources = [aws_dynamodb_table.ledger.arn]
  }
  # For the notices of cancelled tasks, and of tasks that a drain completes.
  statement {
    sid       = "Notices"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.events.arn]
  }
  # SNS encrypts messages with the publisher's permissions.
  statement {
    sid       = "NoticesKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.topic.arn]
    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["sns.${var.region}.amazonaws.com"]
    }
  }
  statement {
    sid       = "TasksByTime"
    actions   = ["dynamodb:Query"]
    resources = ["${aws_dynamodb_table.ledger.arn}/index/${local.index}"]
  }
  statement {
    sid       = "Manifests"
    actions   = ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"]
    resources = local.output_arns
  }
  # Not called. Without it, S3 answers "access denied" for a missing raster, and verify could not detect it.
  statement {
    sid       = "TellMissingRasters"
    actions   = ["s3:ListBucket"]
    resources = local.output_bucket_arns
  }
  statement {
    sid       = "ListScenes"
    actions   = ["s3:ListBucket"]
    resources = local.scene_bucket_arns
  }
  statement {
    sid       = "ReadScenes"
    actions   = ["s3:GetObject"]
    resources = [for arn in local.scene_bucket_arns : "${arn}/*"]
  }
  statement {
    sid       = "Wake"
    actions   = ["autoscaling:SetDesiredCapacity"]
    resources = [local.group_arn]
  }
  # For `producer fleet stop` and `start`.
  statement {
    sid = "StopAndStart"
    actions = [
      "autoscaling:SuspendProcesses", "autoscaling:ResumeProcesses",
      "autoscaling:SetInstanceProtection", "autoscaling:TerminateInstanceInAutoScalingGroup",
    ]
    resources = [local.group_arn]
  }
  # To check whether the group is empty or stopped, and why it launches nothing. AWS accepts no narrower
  # resource.
  statement {
    sid       = "SeeGroup"
    actions   = ["autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeScalingActivities"]
    resources = ["*"]
  }
}

# For the users or roles that submit tasks. The module does not attach it to anyone.
resource "aws_iam_policy" "producer" {
  name        = "${var.prefix}-producer"
  description = "Submitting to ${var.prefix} and looking at its tasks"
  policy      = data.aws_iam_policy_document.producer.json
}
