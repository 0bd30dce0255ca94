# Machines that come cheap, go at any time, and let nobody in.

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
    error_message = "The workers are not all Spot, or not chosen by price and capacity."
  }
  assert {
    condition = length(distinct([for type in aws_autoscaling_group.workers.mixed_instances_policy[0].launch_template[0].override : type.instance_type])) >= 6 && alltrue([
      for type in aws_autoscaling_group.workers.mixed_instances_policy[0].launch_template[0].override : can(regex("^[a-z][0-9]+g[a-z]*[.]xlarge$", type.instance_type))
    ])
    error_message = "There must be at least six types, Graviton and alike in processors."
  }
  assert {
    condition     = aws_autoscaling_group.workers.capacity_rebalance && aws_autoscaling_group.workers.suspended_processes == toset(["AZRebalance"])
    error_message = "Workers must be replaced before Spot takes them, and not be ended for balance."
  }
  assert {
    condition     = aws_autoscaling_lifecycle_hook.drain.lifecycle_transition == "autoscaling:EC2_INSTANCE_TERMINATING" && aws_autoscaling_lifecycle_hook.drain.default_result == "CONTINUE" && aws_autoscaling_lifecycle_hook.drain.heartbeat_timeout > module.host.stop_seconds
    error_message = "Workers get no time to hand back what they hold."
  }
  assert {
    condition     = endswith(aws_launch_template.worker.image_id, "-arm64")
    error_message = "The system is not for Graviton."
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
    error_message = "The types or the system are not x86."
  }
}

run "nobody_gets_in" {
  command = apply

  assert {
    condition     = length(aws_security_group.worker.ingress) + length(aws_default_security_group.fleet[0].ingress) + length(aws_default_security_group.fleet[0].egress) == 0
    error_message = "A security group lets somebody in."
  }
  assert {
    condition     = [for rule in aws_security_group.worker.egress : [rule.from_port, rule.to_port, rule.protocol]] == [[443, 443, "tcp"]]
    error_message = "Workers may call out by more than HTTPS."
  }
  assert {
    condition     = aws_launch_template.worker.metadata_options[0].http_tokens == "required" && aws_launch_template.worker.metadata_options[0].http_put_response_hop_limit == 1
    error_message = "Credentials can be had without a session token, or from further than the host's network."
  }
  assert {
    condition     = strcontains(module.host.user_data, "--network host ") && strcontains(module.host.user_data, "--user 65532:65532 --read-only ") && strcontains(module.host.user_data, "--cap-drop ALL --security-opt no-new-privileges ")
    error_message = "The worker's container has more rights than it needs, or cannot reach its credentials."
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
    error_message = "Scenes or ledger would leave by the internet gateway."
  }
  assert {
    condition     = tobool(aws_launch_template.worker.network_interfaces[0].associate_public_ip_address)
    error_message = "Workers would have no way out."
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
    error_message = "A network is made although there is one."
  }
  assert {
    condition     = aws_autoscaling_group.workers.vpc_zone_identifier == toset(["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]) && aws_security_group.worker.vpc_id == "vpc-0123456789abcdef0"
    error_message = "The network that was given is not used."
  }
}

run "a_worker_has_time_to_stop" {
  command = apply

  variables {
    worker_grace_seconds = 60
  }
  assert {
    condition     = strcontains(module.host.user_data, "run --grace 60\n") && strcontains(module.host.user_data, "docker stop -t 70 ") && strcontains(module.host.user_data, "TimeoutStopSec=90\n") && aws_autoscaling_lifecycle_hook.drain.heartbeat_timeout == 100
    error_message = "A worker would be killed while it hands cells back."
  }
  assert {
    condition = alltrue([for line in [
      "TILEFLEET_AUTOSCALING_GROUP=${aws_autoscaling_group.workers.name}",
      "TILEFLEET_LIFECYCLE_HOOK=${aws_autoscaling_lifecycle_hook.drain.name}",
      "TILEFLEET_LIFECYCLE_SECONDS=${aws_autoscaling_lifecycle_hook.drain.heartbeat_timeout}",
      "TILEFLEET_POISON=s3://${aws_s3_bucket.output.bucket}/poison",
    ] : strcontains(module.host.user_data, "${line}\n")])
    error_message = "The worker does not know its group, its hook, or where to keep what it cannot read."
  }
}
