# One page with the work, the workers, the progress and the errors.

locals {
  queue_name = aws_sqs_queue.cells.name
  group_name = aws_autoscaling_group.workers.name
  graphs = [
    {
      title = "Cells waiting and in flight"
      stat  = "Maximum"
      metrics = [
        ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", local.queue_name, { label = "waiting" }],
        ["AWS/SQS", "ApproximateNumberOfMessagesNotVisible", "QueueName", local.queue_name, { label = "in flight" }],
        ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", aws_sqs_queue.dead.name, { label = "dead letters" }],
      ]
    },
    {
      title = "Workers"
      stat  = "Maximum"
      metrics = [
        ["AWS/AutoScaling", "GroupDesiredCapacity", "AutoScalingGroupName", local.group_name, { label = "desired" }],
        ["AWS/AutoScaling", "GroupInServiceInstances", "AutoScalingGroupName", local.group_name, { label = "in service" }],
        ["AWS/AutoScaling", "GroupTerminatingInstances", "AutoScalingGroupName", local.group_name, { label = "draining" }],
      ]
    },
    {
      title = "Cells submitted, received and ended per minute"
      stat  = "Sum"
      metrics = [
        ["AWS/SQS", "NumberOfMessagesSent", "QueueName", local.queue_name, { label = "submitted" }],
        ["AWS/SQS", "NumberOfMessagesDeleted", "QueueName", local.queue_name, { label = "ended" }],
        ["AWS/SQS", "NumberOfMessagesReceived", "QueueName", local.queue_name, { label = "received" }],
      ]
    },
    {
      title   = "Age of the oldest cell in the queue in seconds"
      stat    = "Maximum"
      metrics = [["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", local.queue_name, { label = "oldest" }]]
    },
    {
      title = "Ledger: capacity units per minute, and rejected requests"
      stat  = "Sum"
      metrics = [
        ["AWS/DynamoDB", "ConsumedWriteCapacityUnits", "TableName", aws_dynamodb_table.ledger.name, { label = "written" }],
        ["AWS/DynamoDB", "ConsumedReadCapacityUnits", "TableName", aws_dynamodb_table.ledger.name, { label = "read" }],
        ["AWS/DynamoDB", "WriteThrottleEvents", "TableName", aws_dynamodb_table.ledger.name, { label = "throttled writes" }],
        ["AWS/DynamoDB", "TransactionConflict", "TableName", aws_dynamodb_table.ledger.name, { label = "transaction conflicts" }],
      ]
    },
  ]
  graph_widgets = [for index, graph in local.graphs : {
    type   = "metric"
    x      = index % 2 * 12
    y      = floor(index / 2) * 6
    width  = 12
    height = 6
    properties = {
      title   = graph.title
      region  = var.region
      view    = "timeSeries"
      period  = 60
      stat    = graph.stat
      metrics = graph.metrics
      yAxis   = { left = { min = 0 } }
    }
  }]
  alarm_widget = {
    type   = "alarm"
    x      = 12
    y      = 12
    width  = 12
    height = 6
    properties = {
      title = "Alarms"
      alarms = concat(
        [aws_cloudwatch_metric_alarm.dead_letters.arn, aws_cloudwatch_metric_alarm.oldest_message.arn],
        [for alarm in aws_cloudwatch_metric_alarm.watch : alarm.arn],
      )
    }
  }
  log_widget = {
    type   = "log"
    x      = 0
    y      = 18
    width  = 24
    height = 6
    properties = {
      title  = "Warnings and errors of the workers"
      region = var.region
      view   = "table"
      query  = "SOURCE '${aws_cloudwatch_log_group.worker.name}' | fields @timestamp, level, message, task, cell, worker | filter level in ['WARN', 'ERROR'] | sort @timestamp desc | limit 50"
    }
  }
}

resource "aws_cloudwatch_dashboard" "fleet" {
  dashboard_name = var.prefix
  # Each kind of widget is encoded separately: Terraform would give the elements of one list the
  # properties of all.
  dashboard_body = "{\"widgets\":[${join(",", concat([for widget in local.graph_widgets : jsonencode(widget)], [jsonencode(local.alarm_widget), jsonencode(local.log_widget)]))}]}"
}
