# What the module needs. 1.9 is the first Terraform whose validations may look at other variables.
terraform {
  required_version = ">= 1.9"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }
}
