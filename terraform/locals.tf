# Names and settings that several files use. common/src/deployment.rs has the same names for queues,
# table and bucket.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition

  tags = merge(var.tags, { Project = "tilefleet", Fleet = var.prefix })

  names = {
    queue             = "${var.prefix}-cells"
    dead_letter_queue = "${var.prefix}-cells-dead"
    table             = "${var.prefix}-ledger"
    topic             = "${var.prefix}-events"
    output_bucket     = "${var.prefix}-output-${local.account}"
    repository        = "${var.prefix}-worker"
    group             = "${var.prefix}-workers"
    hook              = "${var.prefix}-drain"
    log_group         = "/${var.prefix}/worker"
  }

  index = "tasks-by-time"

  # Built from the name, because the group depends on the role whose policy names the group.
  group_arn = "arn:${local.partition}:autoscaling:${var.region}:${local.account}:autoScalingGroup:*:autoScalingGroupName/${local.names.group}"

  # Keys in the output bucket start with this.
  output_start = var.output_prefix == "" ? "" : "${var.output_prefix}/"

  output_arns = concat(
    ["${aws_s3_bucket.output.arn}/${local.output_start}*"],
    [for place in var.additional_outputs : "arn:${local.partition}:s3:::${place}/*"],
  )
  output_bucket_arns = concat(
    [aws_s3_bucket.output.arn],
    [for place in var.additional_outputs : "arn:${local.partition}:s3:::${split("/", place)[0]}"],
  )
  scene_bucket_arns = [for name in var.scene_buckets : "arn:${local.partition}:s3:::${name}"]
}
