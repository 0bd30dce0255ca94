# The topic for notices, failed cells, alarms and the budget. The fleet has its own key, because the policy
# of the AWS-managed key does not allow CloudWatch to publish.

data "aws_iam_policy_document" "topic_key" {
  #checkov:skip=CKV_AWS_109:a key policy applies to its key only; the account must be able to manage the key
  #checkov:skip=CKV_AWS_111:a key policy applies to its key only; the account must be able to manage the key
  #checkov:skip=CKV_AWS_356:a key policy applies to its key only, and names it *
  statement {
    sid       = "Account"
    actions   = ["kms:*"]
    resources = ["*"]
    principals {
      type        = "AWS"
      identifiers = ["arn:${local.partition}:iam::${local.account}:root"]
    }
  }
  statement {
    sid       = "Publishers"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey*"]
    resources = ["*"]
    principals {
      type        = "Service"
      identifiers = local.publishing_services
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

locals {
  publishing_services = concat(
    ["cloudwatch.amazonaws.com"],
    var.monthly_budget_usd == null ? [] : ["budgets.amazonaws.com"],
  )
}

resource "aws_kms_key" "topic" {
  description             = "Notices of ${var.prefix}"
  policy                  = data.aws_iam_policy_document.topic_key.json
  enable_key_rotation     = true
  deletion_window_in_days = 7
}

resource "aws_kms_alias" "topic" {
  name          = "alias/${local.names.topic}"
  target_key_id = aws_kms_key.topic.key_id
}

resource "aws_sns_topic" "events" {
  name              = local.names.topic
  kms_master_key_id = aws_kms_key.topic.arn
}

data "aws_iam_policy_document" "topic" {
  statement {
    sid       = "Publishers"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.events.arn]
    principals {
      type        = "Service"
      identifiers = local.publishing_services
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
  statement {
    sid       = "DenyWithoutTls"
    effect    = "Deny"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.events.arn]
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

resource "aws_sns_topic_policy" "events" {
  arn    = aws_sns_topic.events.arn
  policy = data.aws_iam_policy_document.topic.json
}

resource "aws_sns_topic_subscription" "email" {
  for_each = var.notification_emails

  topic_arn = aws_sns_topic.events.arn
  protocol  = "email"
  endpoint  = each.value
  # Alarms have no attribute "event".
  filter_policy = var.email_failed_cells ? null : jsonencode({
    event = [{ exists = false }, { "anything-but" = ["cell_failed"] }]
  })
}
