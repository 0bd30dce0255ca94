# Who may do what: the worker's machines, and the policy for whoever submits. Each action is one that the code calls;
# an S3 upload in parts is s3:PutObject, a transaction is the actions of its parts.

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
  # Never called: without it S3 answers "access denied" for an object that is not there, and the cell would say so.
  statement {
    sid       = "TellMissingScenes"
    actions   = ["s3:ListBucket"]
    resources = local.scene_bucket_arns
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
  # SNS encrypts in the publisher's name.
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
    actions   = ["autoscaling:SetInstanceProtection", "autoscaling:CompleteLifecycleAction"]
    resources = [local.group_arn]
  }
  # The machine's own needs, besides the worker's.
  statement {
    sid       = "Image"
    actions   = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = [aws_ecr_repository.worker.arn]
  }
  # A token is the registry's, not a repository's: AWS takes no narrower resource.
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
  # To see whether they are set as they should be.
  statement {
    sid       = "Settings"
    actions   = ["sqs:GetQueueAttributes", "sns:GetTopicAttributes"]
    resources = [aws_sqs_queue.cells.arn, aws_sqs_queue.dead.arn, aws_sns_topic.events.arn]
  }
  # To look at dead letters and drain them.
  statement {
    sid       = "DeadLetters"
    actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"]
    resources = [aws_sqs_queue.dead.arn]
  }
  # A drain that fails a task's last cell completes the task, as a worker does.
  statement {
    sid       = "Ledger"
    actions   = ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:UpdateItem", "dynamodb:ConditionCheckItem"]
    resources = [aws_dynamodb_table.ledger.arn]
  }
  # To tell of a cancelled task, and of what a drain ended.
  statement {
    sid       = "Notices"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.events.arn]
  }
  # SNS encrypts in the publisher's name.
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
  # Never called: without it S3 answers "access denied" for a raster that is not there, and verify could not tell.
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
  # To see whether the group sleeps: AWS takes no narrower resource.
  statement {
    sid       = "SeeGroup"
    actions   = ["autoscaling:DescribeAutoScalingGroups"]
    resources = ["*"]
  }
}

# To attach to the users or roles that submit; the fleet itself has none of them.
resource "aws_iam_policy" "producer" {
  name        = "${var.prefix}-producer"
  description = "Submitting to ${var.prefix} and looking at its tasks"
  policy      = data.aws_iam_policy_document.producer.json
}
