# What a person should be told of.

locals {
  # Alarms that look at more than one number: an expression over metrics of the queue and the group.
  watch = {
    # Deletes are cells that came to an end, whether well or not.
    stalled = {
      description = "There are cells, and none has come to an end for half an hour. Look at the workers' logs, and whether Spot has capacity."
      expression  = "IF((FILL(visible, 0) + FILL(inflight, 0) > 0) AND (FILL(deleted, 0) < 1), 1, 0)"
      period      = 300
      periods     = 6
      metrics     = ["visible", "inflight", "deleted"]
    }
    no-capacity = {
      description = "Workers are wanted and there is none. Look at the group's activity: no Spot capacity, a quota, or an image that is not there."
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

# Workers turn dead letters into failed cells; what stays is a message that is no cell, or nobody is there to look.
resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  alarm_name          = "${var.prefix}-dead-letters"
  alarm_description   = "Messages lie in ${local.names.dead_letter_queue}: every worker that had them died, or they are no cells."
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
  alarm_description   = "A cell has waited for more than ${var.oldest_message_hours} hours. The queue drops it after 336: raise max_workers, or see why it comes back."
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
