# Invalid values are rejected before any resource is created.

variables {
  image_tag = "0.1.0"
}

override_data {
  target = data.aws_availability_zones.available[0]
  values = { names = ["eu-central-1a"] }
}

run "names_and_places" {
  command = plan

  variables {
    region             = "Frankfurt"
    prefix             = "Fleet_1"
    tags               = { "aws:team" = "x" }
    image_tag          = "latest"
    scene_buckets      = ["s3://sentinel-s2-l2a"]
    output_prefix      = "/rasters"
    additional_outputs = ["s3://bucket"]
  }
  expect_failures = [var.region, var.prefix, var.tags, var.image_tag, var.scene_buckets, var.output_prefix, var.additional_outputs]
}

run "numbers" {
  command = plan

  variables {
    min_workers          = 4
    max_workers          = 3
    cells_per_worker     = 0
    worker_grace_seconds = 200
    root_volume_gib      = 4
    log_retention_days   = 31
    oldest_message_hours = 400
    monthly_budget_usd   = -1
  }
  expect_failures = [
    var.max_workers, var.cells_per_worker, var.worker_grace_seconds, var.root_volume_gib, var.log_retention_days,
    var.oldest_message_hours, var.monthly_budget_usd,
  ]
}

run "machines_and_people" {
  command = plan

  variables {
    architecture        = "riscv"
    instance_types      = ["m7g.xlarge", "m7g.xlarge", "m6g.xlarge"]
    notification_emails = ["nobody"]
  }
  expect_failures = [var.architecture, var.instance_types, var.notification_emails]
}

run "networks" {
  command = plan

  variables {
    vpc_id     = "10.0.0.0/16"
    subnet_ids = ["subnet-0123456789abcdef0"]
    vpc_cidr   = "10.0.0.0/28"
  }
  expect_failures = [var.vpc_id, var.vpc_cidr]
}

run "a_network_without_subnets" {
  command = plan

  variables {
    vpc_id = "vpc-0123456789abcdef0"
  }
  expect_failures = [var.subnet_ids]
}

run "a_network_without_a_way_out" {
  command = plan

  variables {
    assign_public_ip = false
  }
  expect_failures = [var.assign_public_ip]
}
