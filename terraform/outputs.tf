# The settings of tilefleet.toml under the same names, and what an operator needs next.

output "queue_url" {
  description = "URL of the queue of cells."
  value       = aws_sqs_queue.cells.id
}

output "dead_letter_queue_url" {
  description = "URL of the dead-letter queue."
  value       = aws_sqs_queue.dead.id
}

output "table" {
  description = "Name of the ledger table."
  value       = aws_dynamodb_table.ledger.name
}

output "topic_arn" {
  description = "ARN of the topic for notices and alarms."
  value       = aws_sns_topic.events.arn
}

output "region" {
  description = "Region of the fleet."
  value       = var.region
}

output "autoscaling_group" {
  description = "Name of the workers' Auto Scaling group."
  value       = aws_autoscaling_group.workers.name
}

output "cells_per_worker" {
  description = "Cells in the queue per worker."
  value       = var.cells_per_worker
}

output "output_bucket" {
  description = "Bucket for rasters, manifests and results."
  value       = aws_s3_bucket.output.bucket
}

output "repository_url" {
  description = "Repository to push the worker image to."
  value       = aws_ecr_repository.worker.repository_url
}

output "producer_policy_arn" {
  description = "ARN of the policy to attach to users or roles that submit tasks."
  value       = aws_iam_policy.producer.arn
}

output "log_group" {
  description = "Log group of the workers."
  value       = aws_cloudwatch_log_group.worker.name
}

output "dashboard_url" {
  description = "URL of the fleet's dashboard."
  value       = "https://${var.region}.console.aws.amazon.com/cloudwatch/home?region=${var.region}#dashboards/dashboard/${aws_cloudwatch_dashboard.fleet.dashboard_name}"
}
