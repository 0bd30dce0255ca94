# In a file of its own, so that an override file can replace the provider.
provider "aws" {
  region = var.region
  default_tags {
    tags = local.tags
  }
}
