# Scaling on the queue's depth, from and to zero workers. scaling/main.tf has the expressions and steps.

module "scaling" {
  source = "./scaling"

  cells_per_worker = var.cells_per_worker
  min_workers      = var.min_workers
}

locals {
  # The metrics behind the names visible, inflight and desired in the expressions.
  scaling_metrics = {
    visible  = { namespace = "AWS/SQS", name = "ApproximateNumberOfMessagesVisible", dimensions = { QueueName = aws_sqs_queue.cells.name } }
    inflight = { namespace = "AWS/SQS", name = "ApproximateNumberOfMessagesNotVisible", dimensions = { QueueName = aws_sqs_queue.cells.name } }
    desired  = { namespace = "AWS/AutoScaling", name = "GroupDesiredCapacity", dimensions = { AutoScalingGroupName = aws_autoscaling_group.workers.name } }
  }
}

resource "aws_autoscaling_policy" "out" {
  name                      = "${var.prefix}-scale-out"
  autoscaling_group_name    = aws_autoscaling_group.workers.name
  policy_type               = "StepScaling"
  adjustment_type           = "ChangeInCapacity"
  metric_aggregation_type   = "Maximum"
  estimated_instance_warmup = module.scaling.out.warmup_seconds

  dynamic "step_adjustment" {
    for_each = module.scaling.out.steps
    content {
      metric_interval_lower_bound = step_adjustment.value.lower
      metric_interval_upper_bound = step_adjustment.value.upper
      scaling_adjustment          = step_adjustment.value.change
    }
  }
}

resource "aws_autoscaling_policy" "in" {
  name                    = "${var.prefix}-scale-in"
  autoscaling_group_name  = aws_autoscaling_group.workers.name
  policy_type             = "StepScaling"
  adjustment_type         = "ChangeInCapacity"
  metric_aggregation_type = "Maximum"

  dynamic "step_adjustment" {
    for_each = module.scaling.in.steps
    content {
      metric_interval_lower_bound = step_adjustment.value.lower
      metric_interval_upper_bound = step_adjustment.value.upper
      scaling_adjustment          = step_adjustment.value.change
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "out" {
  alarm_name          = "${var.prefix}-scale-out"
  alarm_description   = "Workers are missing. This alarm scales the group and notifies nobody."
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = module.scaling.out.threshold
  evaluation_periods  = module.scaling.out.evaluation_periods
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_autoscaling_policy.out.arn]

  metric_query {
    id          = "missing"
    label       = "Workers missing"
    expression  = module.scaling.out.expression
    return_data = true
  }
  dynamic "metric_query" {
    for_each = local.scaling_metrics
    content {
      id = metric_query.key
      metric {
        namespace   = metric_query.value.namespace
        metric_name = metric_query.value.name
        dimensions  = metric_query.value.dimensions
        period      = module.scaling.out.period_seconds
        stat        = module.scaling.out.statistics[metric_query.key]
      }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "in" {
  alarm_name          = "${var.prefix}-scale-in"
  alarm_description   = "Workers are spare. This alarm scales the group and notifies nobody."
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = module.scaling.in.threshold
  evaluation_periods  = module.scaling.in.evaluation_periods
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_autoscaling_policy.in.arn]

  metric_query {
    id          = "spare"
    label       = "Workers spare"
    expression  = module.scaling.in.expression
    return_data = true
  }
  dynamic "metric_query" {
    for_each = local.scaling_metrics
    content {
      id = metric_query.key
      metric {
        namespace   = metric_query.value.namespace
        metric_name = metric_query.value.name
        dimensions  = metric_query.value.dimensions
        period      = module.scaling.in.period_seconds
        stat        = module.scaling.in.statistics[metric_query.key]
      }
    }
  }
}
