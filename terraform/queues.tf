# The queue of cells, and the dead-letter queue for cells that several workers failed to finish.

resource "aws_sqs_queue" "cells" {
  name                       = local.names.queue
  visibility_timeout_seconds = 120
  receive_wait_time_seconds  = 20
  message_retention_seconds  = 1209600
  sqs_managed_sse_enabled    = true
  # Ten, because Spot interruptions count as receives too.
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead.arn
    maxReceiveCount     = 10
  })
}

resource "aws_sqs_queue" "dead" {
  name                      = local.names.dead_letter_queue
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

# A resource of its own, to avoid a cycle between the two queues.
resource "aws_sqs_queue_redrive_allow_policy" "dead" {
  queue_url = aws_sqs_queue.dead.id
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.cells.arn]
  })
}

data "aws_iam_policy_document" "queue_tls" {
  for_each = { cells = aws_sqs_queue.cells.arn, dead = aws_sqs_queue.dead.arn }

  statement {
    sid       = "DenyWithoutTls"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [each.value]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_sqs_queue_policy" "cells" {
  queue_url = aws_sqs_queue.cells.id
  policy    = data.aws_iam_policy_document.queue_tls["cells"].json
}

resource "aws_sqs_queue_policy" "dead" {
  queue_url = aws_sqs_queue.dead.id
  policy    = data.aws_iam_policy_document.queue_tls["dead"].json
}
