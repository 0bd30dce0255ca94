# The arithmetic of scaling. It needs no provider, so the simulation reads the same expressions and
# steps that are deployed. No expression divides by a number of workers, so the group can scale from
# and to zero.

terraform {
  required_version = ">= 1.9"
}

variable "cells_per_worker" {
  description = "Cells in the queue per worker."
  type        = number
}

variable "min_workers" {
  description = "Minimum number of workers, kept even without work."
  type        = number
}

locals {
  # Each size is about 1.5 times the one before: a few rounds cover a burst, and none orders more
  # workers than it needs. A policy has at most twenty steps (Amazon EC2 Auto Scaling quotas).
  sizes = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024]

  # Cells in flight count as work: without them the group would shrink while workers are busy. SQS
  # reports messages in flight only if there are any, so a missing point counts as 0. A missing point
  # of waiting messages is not filled: it means that the queue's state is unknown, and then the group
  # keeps its size.
  wanted = "CEIL((visible + FILL(inflight, 0)) / ${var.cells_per_worker})"

  # A window of five minutes, moving by one, contains a point even if the queue's metrics are
  # that late ("Alarm evaluation", Amazon CloudWatch User Guide). A new point counts at once.
  period_seconds = 300

  # The bounds of a step are relative to the threshold.
  threshold = 1
  steps = [for index, size in local.sizes : {
    lower = size - local.threshold
    upper = index + 1 < length(local.sizes) ? local.sizes[index + 1] - local.threshold : null
    size  = size
  }]
}

output "out" {
  description = "When to add workers, and how many. The expression gives the number of missing workers."
  value = {
    # The group's size is not filled: a zero in its place would order the whole fleet again.
    expression = "${local.wanted} - desired"
    # No cell counts twice: one that was received within the window is in the maximum of waiting cells.
    statistics         = { visible = "Maximum", inflight = "Minimum", desired = "Maximum" }
    threshold          = local.threshold
    period_seconds     = local.period_seconds
    evaluation_periods = 1
    # Ordered workers count at once, for as long as the metrics may not show them.
    warmup_seconds = 120
    steps          = [for step in local.steps : { lower = step.lower, upper = step.upper, change = step.size }]
  }
}

output "in" {
  description = "When to remove workers, and how many. The expression gives the number of spare workers."
  value = {
    # IF instead of MAX: MAX is documented for time series only, not for constants.
    expression = "desired - IF(${local.wanted} > ${var.min_workers}, ${local.wanted}, ${var.min_workers})"
    # No worker is removed twice, and none that may have had work within the window.
    statistics         = { visible = "Maximum", inflight = "Maximum", desired = "Minimum" }
    threshold          = local.threshold
    period_seconds     = local.period_seconds
    evaluation_periods = 3
    warmup_seconds     = null
    # Half of the spare workers: the alarm acts every minute and may see the same number twice.
    steps = [for step in local.steps : { lower = step.lower, upper = step.upper, change = -max(1, floor(step.size / 2)) }]
  }
}
