# The machines: Spot instances of several types, between min_workers and max_workers.

locals {
  # Each type has 4 processors and 16 GiB or more. The number of processors is the same for all types,
  # because scaling counts machines.
  default_instance_types = {
    arm64  = ["m6g.xlarge", "m6gd.xlarge", "m7g.xlarge", "m7gd.xlarge", "m8g.xlarge", "r6g.xlarge", "r6gd.xlarge", "r7g.xlarge"]
    x86_64 = ["m5.xlarge", "m5a.xlarge", "m5d.xlarge", "m6a.xlarge", "m6i.xlarge", "m7i.xlarge", "r5.xlarge", "r6i.xlarge"]
  }
  # The worker's grace period, plus time to notice the request and to complete the lifecycle action.
  drain_seconds  = var.worker_grace_seconds + 40
  instance_types = var.instance_types == null ? local.default_instance_types[var.architecture] : distinct(var.instance_types)
}

module "host" {
  source = "./host"

  region        = var.region
  image         = "${aws_ecr_repository.worker.repository_url}:${var.image_tag}"
  log_group     = aws_cloudwatch_log_group.worker.name
  grace_seconds = var.worker_grace_seconds
  environment = {
    TILEFLEET_QUEUE_URL             = aws_sqs_queue.cells.id
    TILEFLEET_DEAD_LETTER_QUEUE_URL = aws_sqs_queue.dead.id
    TILEFLEET_TABLE                 = aws_dynamodb_table.ledger.name
    TILEFLEET_TOPIC_ARN             = aws_sns_topic.events.arn
    TILEFLEET_POISON                = "s3://${aws_s3_bucket.output.bucket}/${local.output_start}poison"
    # Built from the names, because the group depends on this script.
    TILEFLEET_AUTOSCALING_GROUP = local.names.group
    TILEFLEET_LIFECYCLE_HOOK    = local.names.hook
    TILEFLEET_LIFECYCLE_SECONDS = local.drain_seconds
  }
}

resource "aws_launch_template" "worker" {
  #checkov:skip=CKV_AWS_88:the fleet's own network has no NAT gateway, and the security group lets nothing in; see assign_public_ip
  name                   = local.names.group
  update_default_version = true
  # A parameter instead of an id: every machine boots with the newest patches, and new patches do
  # not change the plan.
  image_id                             = "resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-${var.architecture}"
  ebs_optimized                        = true
  user_data                            = base64encode(module.host.user_data)
  instance_initiated_shutdown_behavior = "terminate"

  iam_instance_profile {
    arn = aws_iam_instance_profile.worker.arn
  }

  metadata_options {
    http_endpoint = "enabled"
    http_tokens   = "required"
    # The worker's container shares the host's network.
    http_put_response_hop_limit = 1
  }

  network_interfaces {
    associate_public_ip_address = var.assign_public_ip
    security_groups             = [aws_security_group.worker.id]
    delete_on_termination       = true
  }

  block_device_mappings {
    device_name = "/dev/xvda"
    ebs {
      volume_type           = "gp3"
      volume_size           = var.root_volume_gib
      encrypted             = true
      delete_on_termination = true
    }
  }

  dynamic "tag_specifications" {
    for_each = toset(["instance", "volume"])
    content {
      resource_type = tag_specifications.value
      tags          = merge(local.tags, { Name = local.names.group })
    }
  }
}

resource "aws_autoscaling_group" "workers" {
  name                = local.names.group
  min_size            = var.min_workers
  max_size            = var.max_workers
  vpc_zone_identifier = local.subnet_ids
  # The scaling policies and the producer set the number of workers.
  wait_for_capacity_timeout = "0"
  health_check_type         = "EC2"
  default_instance_warmup   = module.scaling.out.warmup_seconds
  capacity_rebalance        = true
  # Zone balancing would end busy workers.
  suspended_processes = ["AZRebalance"]
  # The cells of a worker return to the queue, so destroy does not have to wait for it.
  force_delete = true

  enabled_metrics     = ["GroupDesiredCapacity", "GroupInServiceInstances", "GroupMaxSize", "GroupPendingInstances", "GroupTerminatingInstances"]
  metrics_granularity = "1Minute"

  mixed_instances_policy {
    instances_distribution {
      on_demand_base_capacity                  = 0
      on_demand_percentage_above_base_capacity = 0
      spot_allocation_strategy                 = "price-capacity-optimized"
    }
    launch_template {
      launch_template_specification {
        launch_template_id = aws_launch_template.worker.id
        version            = aws_launch_template.worker.latest_version
      }
      dynamic "override" {
        for_each = local.instance_types
        content {
          instance_type = override.value
        }
      }
    }
  }

  # A new image or setting also replaces busy workers, although they are protected: the hook gives
  # them time to return their cells. Waiting for them would fail after an hour if the queue lasts
  # longer.
  instance_refresh {
    strategy = "Rolling"
    preferences {
      min_healthy_percentage       = 50
      scale_in_protected_instances = "Refresh"
    }
  }

  dynamic "tag" {
    for_each = merge(local.tags, { Name = local.names.group })
    content {
      key                 = tag.key
      value               = tag.value
      propagate_at_launch = true
    }
  }

  lifecycle {
    # `producer fleet stop` suspends more. An apply must not start the fleet again.
    ignore_changes = [suspended_processes]
  }

  # A machine that boots before it can reach the image, or may read it, shuts itself down.
  depends_on = [aws_iam_role_policy.worker, aws_route.internet, aws_route_table_association.public]
}

# A terminating machine waits until its worker has returned its cells, or until the hook times out.
resource "aws_autoscaling_lifecycle_hook" "drain" {
  name                   = local.names.hook
  autoscaling_group_name = aws_autoscaling_group.workers.name
  lifecycle_transition   = "autoscaling:EC2_INSTANCE_TERMINATING"
  heartbeat_timeout      = local.drain_seconds
  default_result         = "CONTINUE"
}
