# The script that a worker machine runs at boot. It needs no provider, so it can be rendered and checked
# anywhere.

terraform {
  required_version = ">= 1.9"
}

variable "region" {
  description = "Region of the image registry and of the log group."
  type        = string
}

variable "image" {
  description = "Worker image, with registry and tag."
  type        = string
}

variable "log_group" {
  description = "Log group of the workers."
  type        = string
}

variable "environment" {
  description = "Environment variables of the worker."
  type        = map(string)
}

variable "grace_seconds" {
  description = "Seconds that the worker may use to finish cells."
  type        = number
}

locals {
  # Returning cells takes a few seconds after the grace period. Only then may the worker be killed.
  stop_seconds = var.grace_seconds + 10
  unit = templatefile("${path.module}/worker.service.tftpl", {
    image         = var.image
    log_group     = var.log_group
    region        = var.region
    grace_seconds = var.grace_seconds
    stop_seconds  = local.stop_seconds
  })
}

output "user_data" {
  description = "Script for cloud-init."
  value = templatefile("${path.module}/user-data.sh.tftpl", {
    registry    = split("/", var.image)[0]
    environment = merge(var.environment, { AWS_REGION = var.region, TILEFLEET_HEALTH_FILE = "/dev/shm/tilefleet-worker.json" })
    unit        = local.unit
    health      = file("${path.module}/health.service")
    timer       = file("${path.module}/health.timer")
  })
}

output "stop_seconds" {
  description = "Seconds from the request to stop until the worker has ended."
  value       = local.stop_seconds
}
