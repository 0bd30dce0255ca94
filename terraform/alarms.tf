# Alarms for people. Each description ends with the heading in docs/OPERATIONS.md that says what to do.
# The alarms that scale the group are in scaling.tf.

locals {
  # Alarms on an expression over several metrics of the queue and the group.
  watch = {
    # Each deleted message is a cell that ended, successful or not.
    stalled = {
      description = "The queue has cells, and none has ended for half an hour. OPERATIONS.md: Nothing moves"
      expression  = "IF((FILL(visible, 0) + FILL(inflight, 0) > 0) AND (FILL(deleted, 0) < 1), 1, 0)"
      period      = 300
      periods     = 6
      metrics     = ["visible", "inflight", "deleted"]
    }
    no-capacity = {
      description = "Workers are requested, and none is in service. There is no Spot capacity, a quota is reached, the image is missing, or the fleet is stopped and keeps min_workers. OPERATIONS.md: No machine is in service"
      expression  = "IF((desired > 0) AND (FILL(inservice, 0) < 1), 1, 0)"
      period      = 60
      periods     = 15
      metrics     = ["desired", "inservice"]
    }
  }
  watched_metrics = merge(
    { for id, metric in local.scaling_metrics : id => merge(metric, { stat = "Maximum" }) },
    {
      deleted   = merge(local.scaling_metrics.visible, { name = "NumberOfMessagesDeleted", stat = "Sum" })
      inservice = merge(local.scaling_metrics.desired, { name = "GroupInServiceInstances", stat = "Maximum" })
    },
  )
}

resource "aws_cloudwatch_metric_alarm" "watch" {
  for_each = local.watch

  alarm_name          = "${var.prefix}-${each.key}"
  alarm_description   = each.value.description
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  evaluation_periods  = each.value.periods
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.events.arn]
  ok_actions          = [aws_sns_topic.events.arn]

  metric_query {
    id          = "trouble"
    label       = each.key
    expression  = each.value.expression
    return_data = true
  }
  dynamic "metric_query" {
    for_each = each.value.metrics
    content {
      id = metric_query.value
      metric {
        namespace   = local.watched_metrics[metric_query.value].namespace
        metric_name = local.watched_metrics[metric_query.value].name
        dimensions  = local.watched_metrics[metric_query.value].dimensions
        period      = each.value.period
        stat        = local.watched_metrics[metric_query.value].stat
      }
    }
  }
}

# Workers turn dead letters into failed cells. A message stays if it is malformed, or if no worker runs.
resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  alarm_name          = "${var.prefix}-dead-letters"
  alarm_description   = "${local.names.dead_letter_queue} has messages: every worker that received them died, or they are malformed. OPERATIONS.md: There are dead letters"
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.dead.name }
  period              = 300
  statistic           = "Maximum"
  alarm_actions       = [aws_sns_topic.events.arn]
  ok_actions          = [aws_sns_topic.events.arn]
}

resource "aws_cloudwatch_metric_alarm" "oldest_message" {
  alarm_name          = "${var.prefix}-oldest-message"
  alarm_description   = "A cell has waited for more than ${var.oldest_message_hours} hours. The queue drops it after 336 hours. OPERATIONS.md: A cell has waited for hours"
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = var.oldest_message_hours * 3600
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateAgeOfOldestMessage"
  dimensions          = { QueueName = aws_sqs_queue.cells.name }
  period              = 300
  statistic           = "Maximum"
  alarm_actions       = [aws_sns_topic.events.arn]
  ok_actions          = [aws_sns_topic.events.arn]
}

# Workers wait, and say whose fault it is. Only a person can mend the deployment.
resource "aws_cloudwatch_log_metric_filter" "deployment" {
  name           = "${var.prefix}-deployment"
  log_group_name = aws_cloudwatch_log_group.worker.name
  pattern        = "{ $.message = \"a breaker opened\" && $.blame = \"deployment\" }"

  metric_transformation {
    name      = "DeploymentBreakersOpened"
    namespace = var.prefix
    value     = "1"
  }
}

resource "aws_cloudwatch_metric_alarm" "deployment" {
  alarm_name          = "${var.prefix}-deployment"
  alarm_description   = "Workers may not use the queue, the ledger, the output bucket or a bucket with scenes, or it does not exist. OPERATIONS.md: Workers may not use something"
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  namespace           = var.prefix
  metric_name         = aws_cloudwatch_log_metric_filter.deployment.metric_transformation[0].name
  period              = 300
  statistic           = "Sum"
  alarm_actions       = [aws_sns_topic.events.arn]
}
