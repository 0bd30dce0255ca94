# What a worker's machine does when it boots, without a provider, so that it can be rendered and checked anywhere.

terraform {
  required_version = ">= 1.9"
}

variable "region" {
  description = "Region of registry and log group."
  type        = string
}

variable "image" {
  description = "The worker's image, with registry and tag."
  type        = string
}

variable "log_group" {
  description = "Log group of the workers."
  type        = string
}

variable "environment" {
  description = "Environment of the worker."
  type        = map(string)
}

variable "grace_seconds" {
  description = "Seconds in which the worker may finish cells."
  type        = number
}

locals {
  # Handing cells back takes a few seconds after the grace; killing comes last.
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
  description = "The script that cloud-init runs."
  value = templatefile("${path.module}/user-data.sh.tftpl", {
    registry    = split("/", var.image)[0]
    environment = merge(var.environment, { AWS_REGION = var.region, TILEFLEET_HEALTH_FILE = "/dev/shm/tilefleet-worker.json" })
    unit        = local.unit
    health      = file("${path.module}/health.service")
    timer       = file("${path.module}/health.timer")
  })
}

output "stop_seconds" {
  description = "Seconds from the order to stop to the end of the worker."
  value       = local.stop_seconds
}
