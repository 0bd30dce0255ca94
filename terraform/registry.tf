# The repository of the worker image.

resource "aws_ecr_repository" "worker" {
  #checkov:skip=CKV_AWS_136:the image contains no data and no secrets; ECR's own encryption is enough
  name                 = local.names.repository
  image_tag_mutability = "IMMUTABLE"
  # An image can be built again from its commit. Without this, images would block destroy.
  force_delete = true
  image_scanning_configuration {
    scan_on_push = true
  }
  encryption_configuration {
    encryption_type = "AES256"
  }
}

resource "aws_ecr_lifecycle_policy" "worker" {
  repository = aws_ecr_repository.worker.name
  policy = jsonencode({
    rules = [
      {
        rulePriority = 1
        description  = "Layers of pushes that were never tagged"
        selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = 1 }
        action       = { type = "expire" }
      },
      {
        rulePriority = 2
        description  = "All but the newest images"
        selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 50 }
        action       = { type = "expire" }
      },
    ]
  })
}
