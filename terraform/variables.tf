# The settings of a fleet. Only image_tag has no default.

variable "region" {
  description = "Region of the fleet. Use the region of the scene bucket, because reads across regions cost transfer: sentinel-s2-l2a is in eu-central-1, usgs-landsat and sentinel-cogs are in us-west-2."
  type        = string
  default     = "eu-central-1"
  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be the name of an AWS region, such as eu-central-1."
  }
}

variable "prefix" {
  description = "First part of every resource's name. Two fleets in one account need two prefixes."
  type        = string
  default     = "tilefleet"
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,30}[a-z0-9]$", var.prefix))
    error_message = "prefix must have 2 to 32 lower-case letters, digits and hyphens, start with a letter and not end with a hyphen: it becomes part of a bucket name."
  }
}

variable "tags" {
  description = "Additional tags for every resource. The fleet sets Project and Fleet itself."
  type        = map(string)
  default     = {}
  validation {
    condition     = alltrue([for key in keys(var.tags) : !startswith(lower(key), "aws:")])
    error_message = "tags must not start with \"aws:\": AWS reserves this prefix."
  }
}

variable "image_tag" {
  description = "Tag of the worker image in the fleet's repository. Tags are immutable there, so each build needs a new one."
  type        = string
  validation {
    condition     = can(regex("^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$", var.image_tag)) && var.image_tag != "latest"
    error_message = "image_tag must be a tag such as 0.1.0. \"latest\" is not allowed: tags in the repository are immutable, so it would always name the first image."
  }
}

variable "architecture" {
  description = "Processor architecture of the workers and of their image: arm64 (Graviton) or x86_64."
  type        = string
  default     = "arm64"
  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture must be arm64 or x86_64."
  }
}

variable "instance_types" {
  description = "Instance types to choose from, all with the same architecture and number of processors. Default: eight types with 4 processors and 16 GiB or more."
  type        = list(string)
  default     = null
  validation {
    condition     = var.instance_types == null ? true : length(distinct(var.instance_types)) >= 6
    error_message = "instance_types must list at least six different types: with fewer, Spot capacity is short more often and interruptions are more frequent."
  }
}

variable "min_workers" {
  description = "Minimum number of workers, kept even without work."
  type        = number
  default     = 0
  validation {
    condition     = var.min_workers >= 0 && floor(var.min_workers) == var.min_workers
    error_message = "min_workers must be a whole number, 0 or more."
  }
}

variable "max_workers" {
  description = "Maximum number of workers. The account's quota of Spot processors must be at least four times as large."
  type        = number
  default     = 10
  validation {
    condition     = var.max_workers >= 1 && floor(var.max_workers) == var.max_workers && var.max_workers >= var.min_workers
    error_message = "max_workers must be a whole number, at least 1 and at least min_workers."
  }
}

variable "cells_per_worker" {
  description = "Cells in the queue per worker. A lower value is faster and costs more. Use several times the number of cells that a worker holds at once (3 with 4 processors)."
  type        = number
  default     = 20
  validation {
    condition     = var.cells_per_worker >= 1 && floor(var.cells_per_worker) == var.cells_per_worker
    error_message = "cells_per_worker must be a whole number, at least 1."
  }
}

variable "worker_grace_seconds" {
  description = "Seconds that a worker may use to finish cells after the request to stop. AWS reclaims a Spot instance two minutes after the notice."
  type        = number
  default     = 100
  validation {
    condition     = var.worker_grace_seconds >= 1 && var.worker_grace_seconds <= 110
    error_message = "worker_grace_seconds must be between 1 and 110: Spot gives 120 seconds, and returning cells to the queue takes some of them."
  }
}

variable "root_volume_gib" {
  description = "Size of a worker's disk in GiB. It holds the system and the image; cells stay in memory."
  type        = number
  default     = 16
  validation {
    condition     = var.root_volume_gib >= 8 && var.root_volume_gib <= 16384
    error_message = "root_volume_gib must be between 8 (the size of the system image) and 16384."
  }
}

variable "scene_buckets" {
  description = "Buckets that workers may read scenes from, such as sentinel-s2-l2a (requester pays, eu-central-1), sentinel-cogs (free, us-west-2) and usgs-landsat (requester pays, us-west-2)."
  type        = list(string)
  default     = ["sentinel-s2-l2a"]
  validation {
    condition     = length(var.scene_buckets) > 0 && alltrue([for name in var.scene_buckets : can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", name))])
    error_message = "scene_buckets must list at least one bucket name, without s3:// and without a prefix."
  }
}

variable "output_prefix" {
  description = "Prefix in the fleet's output bucket that the fleet may write to, such as rasters/2026. Empty: the whole bucket."
  type        = string
  default     = ""
  validation {
    condition     = !startswith(var.output_prefix, "/") && !endswith(var.output_prefix, "/") && !can(regex("[*?$]", var.output_prefix))
    error_message = "output_prefix must not start or end with a slash and must not contain *, ? or $."
  }
}

variable "additional_outputs" {
  description = "Other places that the fleet may write to, as bucket or bucket/prefix. Needed for cells with an output_bucket of their own."
  type        = list(string)
  default     = []
  validation {
    condition     = alltrue([for place in var.additional_outputs : can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^*?$]*[^/*?$])?$", place))])
    error_message = "additional_outputs must have the form bucket or bucket/prefix, without s3://, a trailing slash, *, ? or $."
  }
}

variable "output_versioning" {
  description = "Keep replaced and deleted objects of the output bucket for 30 days. The same cell gives the same bytes, so the old version of a repeated cell is only a paid copy."
  type        = bool
  default     = false
}

variable "delete_data_on_destroy" {
  description = "Allow destroy to delete the ledger and an output bucket with rasters. If false, destroy stops there."
  type        = bool
  default     = false
}

variable "notification_emails" {
  description = "E-mail addresses that receive notices and alarms. Each recipient must confirm the subscription once."
  type        = set(string)
  default     = []
  validation {
    condition     = alltrue([for address in var.notification_emails : can(regex("^[^@[:space:]]+@[^@[:space:]]+[.][^@[:space:]]+$", address))])
    error_message = "notification_emails must contain e-mail addresses only."
  }
}

variable "email_failed_cells" {
  description = "Send an e-mail for each failed cell. The notice of the task counts failed cells in any case."
  type        = bool
  default     = true
}

variable "vpc_id" {
  description = "Existing VPC to use, together with subnet_ids. Default: the fleet creates its own."
  type        = string
  default     = null
  validation {
    condition     = var.vpc_id == null ? true : startswith(var.vpc_id, "vpc-")
    error_message = "vpc_id must be a VPC id, such as vpc-0123456789abcdef0."
  }
}

variable "subnet_ids" {
  description = "Subnets of vpc_id to use. They must be able to reach AWS over HTTPS."
  type        = list(string)
  default     = []
  validation {
    condition     = (var.vpc_id == null) == (length(var.subnet_ids) == 0)
    error_message = "vpc_id and subnet_ids must be set together, or both left out."
  }
}

variable "assign_public_ip" {
  description = "Give workers a public IP address. The fleet's own VPC has no NAT gateway and needs it; subnets behind a NAT gateway do not."
  type        = bool
  default     = true
  validation {
    condition     = var.assign_public_ip || var.vpc_id != null
    error_message = "assign_public_ip can only be false with vpc_id: workers in the fleet's own VPC reach AWS through their public IP addresses."
  }
}

variable "vpc_cidr" {
  description = "IPv4 range of the fleet's own VPC."
  type        = string
  default     = "10.42.0.0/16"
  validation {
    condition     = can(cidrhost(var.vpc_cidr, 0)) ? tonumber(split("/", var.vpc_cidr)[1]) <= 22 && tonumber(split("/", var.vpc_cidr)[1]) >= 16 : false
    error_message = "vpc_cidr must be an IPv4 range between /16 and /22, such as 10.42.0.0/16."
  }
}

variable "log_retention_days" {
  description = "Days to keep the workers' logs."
  type        = number
  default     = 30
  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be a value that CloudWatch supports: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "oldest_message_hours" {
  description = "Age in hours of the oldest cell in the queue that raises an alarm. The queue drops a cell after 336 hours."
  type        = number
  default     = 24
  validation {
    condition     = var.oldest_message_hours >= 1 && var.oldest_message_hours < 336
    error_message = "oldest_message_hours must be at least 1 and below 336: the queue drops a cell after 336 hours."
  }
}

variable "monthly_budget_usd" {
  description = "Monthly budget in US dollars. The topic gets a message when 80 % of it is spent or forecast. Default: no budget."
  type        = number
  default     = null
  validation {
    condition     = var.monthly_budget_usd == null ? true : var.monthly_budget_usd > 0
    error_message = "monthly_budget_usd must be greater than 0, or left out."
  }
}

variable "budget_of_fleet_only" {
  description = "Count only the costs that carry the fleet's tag. Activate Fleet as a cost allocation tag first: until then such a budget counts nothing."
  type        = bool
  default     = false
}
