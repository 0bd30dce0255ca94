# All there is to decide about a fleet. Only image_tag has no default.

variable "region" {
  description = "Region of the fleet. Reading scenes costs transfer across regions, so use theirs: sentinel-s2-l2a is in eu-central-1."
  type        = string
  default     = "eu-central-1"
  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be the name of an AWS region, such as eu-central-1."
  }
}

variable "prefix" {
  description = "What the name of every resource begins with. Two fleets of one account need two prefixes."
  type        = string
  default     = "tilefleet"
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,30}[a-z0-9]$", var.prefix))
    error_message = "prefix must have 2 to 32 lower-case letters, digits and hyphens, begin with a letter and not end with a hyphen; it becomes part of a bucket's name."
  }
}

variable "tags" {
  description = "Tags that every resource gets besides the fleet's own (Project, Fleet)."
  type        = map(string)
  default     = {}
  validation {
    condition     = alltrue([for key in keys(var.tags) : !startswith(lower(key), "aws:")])
    error_message = "tags must not begin with \"aws:\", which AWS keeps for itself."
  }
}

variable "image_tag" {
  description = "Tag of the worker's image in the fleet's repository. Tags are immutable there, so each build has one of its own."
  type        = string
  validation {
    condition     = can(regex("^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$", var.image_tag)) && var.image_tag != "latest"
    error_message = "image_tag must be a tag such as 0.1.0. \"latest\" is refused: the repository's tags never move, so it would stay the first image."
  }
}

variable "architecture" {
  description = "Processor of the workers and of their image: arm64 (Graviton) or x86_64."
  type        = string
  default     = "arm64"
  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture must be arm64 or x86_64."
  }
}

variable "instance_types" {
  description = "Instance types to choose from, all of one architecture and alike in processors. Default: eight types with 4 processors and 16 GiB or more."
  type        = list(string)
  default     = null
  validation {
    condition     = var.instance_types == null ? true : length(distinct(var.instance_types)) >= 6
    error_message = "instance_types must name at least six different types: with fewer, Spot capacity runs out more often and is interrupted more often."
  }
}

variable "min_workers" {
  description = "Workers that are kept even when there is no work."
  type        = number
  default     = 0
  validation {
    condition     = var.min_workers >= 0 && floor(var.min_workers) == var.min_workers
    error_message = "min_workers must be a whole number, 0 or more."
  }
}

variable "max_workers" {
  description = "Workers at most. The account's quota of Spot processors must allow four times as many."
  type        = number
  default     = 10
  validation {
    condition     = var.max_workers >= 1 && floor(var.max_workers) == var.max_workers && var.max_workers >= var.min_workers
    error_message = "max_workers must be a whole number, at least 1 and at least min_workers."
  }
}

variable "cells_per_worker" {
  description = "Cells in the queue that justify one worker. Fewer: faster and dearer. It should be several times what a worker holds at once, its processors and one."
  type        = number
  default     = 20
  validation {
    condition     = var.cells_per_worker >= 1 && floor(var.cells_per_worker) == var.cells_per_worker
    error_message = "cells_per_worker must be a whole number, at least 1."
  }
}

variable "worker_grace_seconds" {
  description = "Seconds in which a worker that is told to stop may finish cells. A Spot instance is taken two minutes after its notice."
  type        = number
  default     = 100
  validation {
    condition     = var.worker_grace_seconds >= 1 && var.worker_grace_seconds <= 110
    error_message = "worker_grace_seconds must be between 1 and 110: Spot gives 120 seconds, and handing cells back takes some of them."
  }
}

variable "root_volume_gib" {
  description = "Size of a worker's disk. Cells live in memory; it holds the system and the image."
  type        = number
  default     = 16
  validation {
    condition     = var.root_volume_gib >= 8 && var.root_volume_gib <= 16384
    error_message = "root_volume_gib must be between 8, the size of the system's image, and 16384."
  }
}

variable "scene_buckets" {
  description = "Buckets that scenes may be read from."
  type        = list(string)
  default     = ["sentinel-s2-l2a"]
  validation {
    condition     = length(var.scene_buckets) > 0 && alltrue([for name in var.scene_buckets : can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", name))])
    error_message = "scene_buckets must name at least one bucket, without s3:// and without a prefix."
  }
}

variable "output_prefix" {
  description = "Part of the fleet's output bucket that may be written, such as rasters/2026. Empty: all of it."
  type        = string
  default     = ""
  validation {
    condition     = !startswith(var.output_prefix, "/") && !endswith(var.output_prefix, "/") && !can(regex("[*?$]", var.output_prefix))
    error_message = "output_prefix must not begin or end with a slash, nor hold *, ? or $."
  }
}

variable "additional_outputs" {
  description = "Other places that may be written, as bucket or bucket/prefix: the output_bucket of cells that name one of their own."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for place in var.additional_outputs : can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^*?$]*[^/*?$])?$", place))])
    error_message = "additional_outputs must be of the form bucket or bucket/prefix, without s3://, a closing slash, *, ? or $."
  }
}

variable "output_versioning" {
  description = "Keep replaced and deleted objects of the output bucket for 30 days. The same cell gives the same bytes, so a cell done again costs a copy and saves nothing."
  type        = bool
  default     = false
}

variable "delete_data_on_destroy" {
  description = "Let destroy remove the ledger and a bucket that holds rasters. Without it destroy stops at them."
  type        = bool
  default     = false
}

variable "notification_emails" {
  description = "Addresses that get the notices and alarms. Each must confirm its subscription once."
  type        = set(string)
  default     = []
  validation {
    condition     = alltrue([for address in var.notification_emails : can(regex("^[^@[:space:]]+@[^@[:space:]]+[.][^@[:space:]]+$", address))])
    error_message = "notification_emails must be e-mail addresses."
  }
}

variable "email_failed_cells" {
  description = "Mail each failed cell, besides the notice of the task that counts them all."
  type        = bool
  default     = true
}

variable "vpc_id" {
  description = "Existing network to use, together with subnet_ids. Default: one of the fleet's own."
  type        = string
  default     = null
  validation {
    condition     = var.vpc_id == null ? true : startswith(var.vpc_id, "vpc-")
    error_message = "vpc_id must be the id of a VPC, such as vpc-0123456789abcdef0."
  }
}

variable "subnet_ids" {
  description = "Subnets of vpc_id to use. They need a way out to AWS by HTTPS."
  type        = list(string)
  default     = []
  validation {
    condition     = (var.vpc_id == null) == (length(var.subnet_ids) == 0)
    error_message = "vpc_id and subnet_ids belong together: give both or neither."
  }
}

variable "assign_public_ip" {
  description = "Give workers a public address. The fleet's own network has no NAT gateway and needs it; subnets behind one do not."
  type        = bool
  default     = true
  validation {
    condition     = var.assign_public_ip || var.vpc_id != null
    error_message = "assign_public_ip can only be false with vpc_id: workers in the fleet's own network reach AWS by their public addresses."
  }
}

variable "vpc_cidr" {
  description = "Addresses of the fleet's own network."
  type        = string
  default     = "10.42.0.0/16"
  validation {
    condition     = can(cidrhost(var.vpc_cidr, 0)) ? tonumber(split("/", var.vpc_cidr)[1]) <= 22 && tonumber(split("/", var.vpc_cidr)[1]) >= 16 : false
    error_message = "vpc_cidr must be an IPv4 range between /16 and /22, such as 10.42.0.0/16."
  }
}

variable "log_retention_days" {
  description = "Days for which the workers' logs are kept."
  type        = number
  default     = 30
  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be one that CloudWatch knows: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "oldest_message_hours" {
  description = "Age of the oldest cell in the queue that raises an alarm. The queue drops a cell after 336 hours."
  type        = number
  default     = 24
  validation {
    condition     = var.oldest_message_hours >= 1 && var.oldest_message_hours < 336
    error_message = "oldest_message_hours must be at least 1 and below 336, after which the queue drops the cell."
  }
}

variable "monthly_budget_usd" {
  description = "US dollars a month, at 80 % of which, spent or forecast, the topic is told. Default: no budget."
  type        = number
  default     = null
  validation {
    condition     = var.monthly_budget_usd == null ? true : var.monthly_budget_usd > 0
    error_message = "monthly_budget_usd must be more than 0, or left out."
  }
}

variable "budget_of_fleet_only" {
  description = "Count only what carries the fleet's tag. Works once Fleet is activated as a cost allocation tag; before that such a budget sees nothing."
  type        = bool
  default     = false
}
