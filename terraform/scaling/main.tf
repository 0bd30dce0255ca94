# The arithmetic of scaling, without a provider, so that a simulation can read the very expressions and steps that are
# deployed. Nothing is divided by a number of workers, so it works from zero and to zero.

terraform {
  required_version = ">= 1.9"
}

variable "cells_per_worker" {
  description = "Cells that justify one worker."
  type        = number
}

variable "min_workers" {
  description = "Workers that are kept without work."
  type        = number
}

locals {
  # About half as much again each time: a burst is met in a few rounds and never by more workers than it needs. Twenty
  # is the most that a policy takes (Amazon EC2 Auto Scaling quotas).
  sizes = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024]

  # What workers hold counts as work: without it the group would shrink under busy workers.
  wanted = "CEIL((visible + inflight) / ${var.cells_per_worker})"

  # Steps are relative to the threshold.
  threshold = 1
  steps = [for index, size in local.sizes : {
    lower = size - local.threshold
    upper = index + 1 < length(local.sizes) ? local.sizes[index + 1] - local.threshold : null
    size  = size
  }]
}

output "out" {
  description = "When to add workers, and how many. The value is the number of workers that are missing."
  value = {
    # SQS tells nothing of a queue that has been idle, and is late to begin again: nothing told is no work. The group's
    # own number is not filled, as a zero in its place would order the whole fleet once more.
    expression         = "CEIL((FILL(visible, 0) + FILL(inflight, 0)) / ${var.cells_per_worker}) - desired"
    threshold          = local.threshold
    period_seconds     = 60
    evaluation_periods = 1
    # Workers that were ordered count from the start, for as long as the metrics may not show them.
    warmup_seconds = 120
    steps          = [for step in local.steps : { lower = step.lower, upper = step.upper, change = step.size }]
  }
}

output "in" {
  description = "When to remove workers, and how many. The value is the number of workers that are spare."
  value = {
    # Not filled: queues of which nothing is known are no reason to remove anybody. IF, because MAX is documented for series, not for constants.
    expression         = "desired - IF(${local.wanted} > ${var.min_workers}, ${local.wanted}, ${var.min_workers})"
    threshold          = local.threshold
    period_seconds     = 60
    evaluation_periods = 15
    warmup_seconds     = null
    # Half, since the alarm acts every minute and may see the number of a minute ago once more.
    steps = [for step in local.steps : { lower = step.lower, upper = step.upper, change = -max(1, floor(step.size / 2)) }]
  }
}
