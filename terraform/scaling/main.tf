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

  # What workers hold counts as work: without it the group would shrink under busy workers. SQS tells of held messages only
  # where there are some, so nothing told is none. Waiting ones are not filled: of a queue that tells nothing, nothing is
  # known, which is no reason to add or to remove anybody.
  wanted = "CEIL((visible + FILL(inflight, 0)) / ${var.cells_per_worker})"

  # A window of five minutes that slides by one has a point in it even where the queue's metrics are that late ("Alarm
  # evaluation", Amazon CloudWatch User Guide); the newest point counts as soon as it is there.
  period_seconds = 300

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
    # The group's own number is not filled, as a zero in its place would order the whole fleet once more.
    expression = "${local.wanted} - desired"
    # Nothing is ordered twice: a cell that began to be held within the window is in the largest number of waiting ones.
    statistics         = { visible = "Maximum", inflight = "Minimum", desired = "Maximum" }
    threshold          = local.threshold
    period_seconds     = local.period_seconds
    evaluation_periods = 1
    # Workers that were ordered count from the start, for as long as the metrics may not show them.
    warmup_seconds = 120
    steps          = [for step in local.steps : { lower = step.lower, upper = step.upper, change = step.size }]
  }
}

output "in" {
  description = "When to remove workers, and how many. The value is the number of workers that are spare."
  value = {
    # IF, because MAX is documented for series, not for constants.
    expression = "desired - IF(${local.wanted} > ${var.min_workers}, ${local.wanted}, ${var.min_workers})"
    # Nothing is removed twice, and nobody who may have had work within the window.
    statistics         = { visible = "Maximum", inflight = "Maximum", desired = "Minimum" }
    threshold          = local.threshold
    period_seconds     = local.period_seconds
    evaluation_periods = 3
    warmup_seconds     = null
    # Half, since the alarm acts every minute and may see the number of a minute ago once more.
    steps = [for step in local.steps : { lower = step.lower, upper = step.upper, change = -max(1, floor(step.size / 2)) }]
  }
}
