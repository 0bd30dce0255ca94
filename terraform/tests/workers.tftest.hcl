# Workers are Spot instances, can stop at any time, and accept no inbound traffic.

variables {
  image_tag = "0.1.0"
}

override_data {
  target = data.aws_availability_zones.available[0]
  values = { names = ["eu-central-1a", "eu-central-1b", "eu-central-1c"] }
}

run "spot_from_many_pools" {
  command = plan

  assert {
    condition = alltrue([for mix in aws_autoscaling_group.workers.mixed_instances_policy[0].instances_distribution :
      mix.on_demand_base_capacity == 0 && mix.on_demand_percentage_above_base_capacity == 0 && mix.spot_allocation_strategy == "price-capacity-optimized"
    ])
    error_message = "All workers must be Spot instances, chosen by price and capacity."
  }
  assert {
    condition = length(distinct([for type in aws_autoscaling_group.workers.mixed_instances_policy[0].launch_template[0].override : type.instance_type])) >= 6 && alltrue([
      for type in aws_autoscaling_group.workers.mixed_instances_policy[0].launch_template[0].override : can(regex("^[a-z][0-9]+g[a-z]*[.]xlarge$", type.instance_type))
    ])
    error_message = "There must be at least six Graviton types with the same number of processors."
  }
  assert {
    condition     = aws_autoscaling_group.workers.capacity_rebalance && aws_autoscaling_group.workers.suspended_processes == toset(["AZRebalance"])
    error_message = "Workers must be replaced before Spot reclaims them, and must not be ended for zone balance."
  }
  assert {
    condition     = aws_autoscaling_lifecycle_hook.drain.lifecycle_transition == "autoscaling:EC2_INSTANCE_TERMINATING" && aws_autoscaling_lifecycle_hook.drain.default_result == "CONTINUE" && aws_autoscaling_lifecycle_hook.drain.heartbeat_timeout > module.host.stop_seconds
    error_message = "Workers get no time to return their cells."
  }
  assert {
    condition     = endswith(aws_launch_template.worker.image_id, "-arm64")
    error_message = "The machine image is not for Graviton."
  }
}

run "x86_by_variable" {
  command = plan

  variables {
    architecture = "x86_64"
  }
  assert {
    condition = length(aws_autoscaling_group.workers.mixed_instances_policy[0].launch_template[0].override) >= 6 && alltrue([
      for type in aws_autoscaling_group.workers.mixed_instances_policy[0].launch_template[0].override : can(regex("^[a-z][0-9]+[adi]?[.]xlarge$", type.instance_type))
    ]) && endswith(aws_launch_template.worker.image_id, "-x86_64")
    error_message = "The instance types or the machine image are not for x86_64."
  }
}

run "nobody_gets_in" {
  command = apply

  assert {
    condition     = length(aws_security_group.worker.ingress) + length(aws_default_security_group.fleet[0].ingress) + length(aws_default_security_group.fleet[0].egress) == 0
    error_message = "A security group allows inbound traffic."
  }
  assert {
    condition     = [for rule in aws_security_group.worker.egress : [rule.from_port, rule.to_port, rule.protocol]] == [[443, 443, "tcp"]]
    error_message = "Workers must be able to call out over HTTPS only."
  }
  assert {
    condition     = aws_launch_template.worker.metadata_options[0].http_tokens == "required" && aws_launch_template.worker.metadata_options[0].http_put_response_hop_limit == 1
    error_message = "Credentials must need a session token and must not be reachable beyond the host's network."
  }
  assert {
    condition     = strcontains(module.host.user_data, "--network host ") && strcontains(module.host.user_data, "--user 65532:65532 --read-only ") && strcontains(module.host.user_data, "--cap-drop ALL --security-opt no-new-privileges ")
    error_message = "The worker's container has more permissions than it needs, or cannot reach its credentials."
  }
}

run "a_network_of_its_own" {
  command = plan

  assert {
    condition     = toset(keys(aws_subnet.public)) == toset(["eu-central-1a", "eu-central-1b", "eu-central-1c"]) && length(distinct([for subnet in aws_subnet.public : subnet.cidr_block])) == 3
    error_message = "Every zone must have a subnet."
  }
  assert {
    condition     = toset([for endpoint in aws_vpc_endpoint.gateway : endpoint.service_name]) == toset(["com.amazonaws.eu-central-1.s3", "com.amazonaws.eu-central-1.dynamodb"]) && alltrue([for endpoint in aws_vpc_endpoint.gateway : endpoint.vpc_endpoint_type == "Gateway"])
    error_message = "Traffic to S3 or DynamoDB would go through the internet gateway."
  }
  assert {
    condition     = tobool(aws_launch_template.worker.network_interfaces[0].associate_public_ip_address)
    error_message = "Workers could not reach AWS."
  }
}

run "a_network_that_exists" {
  command = plan

  variables {
    vpc_id           = "vpc-0123456789abcdef0"
    subnet_ids       = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
    assign_public_ip = false
  }
  assert {
    condition     = length(aws_vpc.fleet) == 0 && length(aws_subnet.public) == 0 && length(aws_vpc_endpoint.gateway) == 0 && length(aws_route_table.public) == 0
    error_message = "A VPC is created although one is given."
  }
  assert {
    condition     = aws_autoscaling_group.workers.vpc_zone_identifier == toset(["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]) && aws_security_group.worker.vpc_id == "vpc-0123456789abcdef0"
    error_message = "The given VPC is not used."
  }
}

run "a_worker_has_time_to_stop" {
  command = apply

  variables {
    worker_grace_seconds = 60
  }
  assert {
    condition     = strcontains(module.host.user_data, "run --grace 60\n") && strcontains(module.host.user_data, "docker stop -t 70 ") && strcontains(module.host.user_data, "TimeoutStopSec=90\n") && aws_autoscaling_lifecycle_hook.drain.heartbeat_timeout == 100
    error_message = "A worker would be killed while it returns its cells."
  }
  assert {
    condition = alltrue([for line in [
      "TILEFLEET_AUTOSCALING_GROUP=${aws_autoscaling_group.workers.name}",
      "TILEFLEET_LIFECYCLE_HOOK=${aws_autoscaling_lifecycle_hook.drain.name}",
      "TILEFLEET_LIFECYCLE_SECONDS=${aws_autoscaling_lifecycle_hook.drain.heartbeat_timeout}",
      "TILEFLEET_POISON=s3://${aws_s3_bucket.output.bucket}/poison",
    ] : strcontains(module.host.user_data, "${line}\n")])
    error_message = "The worker's environment lacks its group, its lifecycle hook, or the place for malformed messages."
  }
}
