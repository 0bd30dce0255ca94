# Alone in its file, so that an override file can lead the whole module elsewhere.
provider "aws" {
  region = var.region
  default_tags {
    tags = local.tags
  }
}
