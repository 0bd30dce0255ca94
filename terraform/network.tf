# The fleet's own VPC, if vpc_id does not name one. Every zone has a public subnet, because Spot capacity
# differs between zones. Gateway endpoints make the transfer of scenes and ledger free. There is no NAT
# gateway: it would cost more than the workers.

data "aws_availability_zones" "available" {
  count = local.own_network ? 1 : 0

  state = "available"
  # Local zones lack instance types and gateway endpoints.
  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

locals {
  own_network = var.vpc_id == null
  # At most six zones: the address range has eight parts.
  zones      = local.own_network ? slice(sort(data.aws_availability_zones.available[0].names), 0, min(6, length(data.aws_availability_zones.available[0].names))) : []
  vpc_id     = local.own_network ? aws_vpc.fleet[0].id : var.vpc_id
  subnet_ids = local.own_network ? [for zone in local.zones : aws_subnet.public[zone].id] : var.subnet_ids
}

resource "aws_vpc" "fleet" {
  #checkov:skip=CKV2_AWS_11:no inbound traffic is allowed; logs and CloudTrail show what workers call
  count = local.own_network ? 1 : 0

  cidr_block           = var.vpc_cidr
  enable_dns_support   = true
  enable_dns_hostnames = true
  tags                 = { Name = var.prefix }
}

# Every VPC has a default security group whose members may talk to each other. This empties it.
resource "aws_default_security_group" "fleet" {
  count = local.own_network ? 1 : 0

  vpc_id  = aws_vpc.fleet[0].id
  ingress = []
  egress  = []
  tags    = { Name = "${var.prefix}-unused" }
}

resource "aws_internet_gateway" "fleet" {
  count = local.own_network ? 1 : 0

  vpc_id = aws_vpc.fleet[0].id
  tags   = { Name = var.prefix }
}

resource "aws_subnet" "public" {
  for_each = toset(local.zones)

  vpc_id            = aws_vpc.fleet[0].id
  availability_zone = each.value
  cidr_block        = cidrsubnet(var.vpc_cidr, 3, index(local.zones, each.value))
  tags              = { Name = "${var.prefix}-${each.value}" }
}

resource "aws_route_table" "public" {
  count = local.own_network ? 1 : 0

  vpc_id = aws_vpc.fleet[0].id
  tags   = { Name = var.prefix }
}

resource "aws_route" "internet" {
  count = local.own_network ? 1 : 0

  route_table_id         = aws_route_table.public[0].id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.fleet[0].id
}

resource "aws_route_table_association" "public" {
  for_each = aws_subnet.public

  subnet_id      = each.value.id
  route_table_id = aws_route_table.public[0].id
}

resource "aws_vpc_endpoint" "gateway" {
  for_each = local.own_network ? toset(["s3", "dynamodb"]) : toset([])

  vpc_id            = aws_vpc.fleet[0].id
  service_name      = "com.amazonaws.${var.region}.${each.value}"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.public[0].id]
  tags              = { Name = "${var.prefix}-${each.value}" }
}

resource "aws_security_group" "worker" {
  name        = local.names.group
  description = "Workers of ${var.prefix}: nothing in, HTTPS out"
  vpc_id      = local.vpc_id
  tags        = { Name = local.names.group }

  # Written out, so that Terraform removes rules that were added by hand.
  ingress = []
  # DNS, time and credentials come from link-local addresses, to which security groups do not apply.
  egress {
    description = "AWS by HTTPS"
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }
}
