# The bucket for rasters, manifests and results.

resource "aws_s3_bucket" "output" {
  #checkov:skip=CKV_AWS_18:CloudTrail data events can record who reads rasters, if that is needed
  #checkov:skip=CKV_AWS_21:output_versioning decides; the same cell gives the same bytes, so old versions are rarely useful
  #checkov:skip=CKV_AWS_144:a lost raster can be made again from its scene
  #checkov:skip=CKV_AWS_145:S3 manages the key; a key of the fleet would have to be shared with every reader of a raster
  #checkov:skip=CKV2_AWS_62:the topic announces finished tasks and failed cells
  bucket        = local.names.output_bucket
  force_destroy = var.delete_data_on_destroy
}

resource "aws_s3_bucket_ownership_controls" "output" {
  bucket = aws_s3_bucket.output.id
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "output" {
  bucket                  = aws_s3_bucket.output.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "output" {
  bucket = aws_s3_bucket.output.id
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_versioning" "output" {
  bucket = aws_s3_bucket.output.id
  versioning_configuration {
    status = var.output_versioning ? "Enabled" : "Suspended"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "output" {
  bucket = aws_s3_bucket.output.id

  rule {
    id     = "aborted-uploads"
    status = "Enabled"
    filter {}
    abort_incomplete_multipart_upload {
      days_after_initiation = 3
    }
  }
  # Always present: old versions stay when versioning is turned off.
  rule {
    id     = "old-versions"
    status = "Enabled"
    filter {}
    noncurrent_version_expiration {
      noncurrent_days = 30
    }
    expiration {
      expired_object_delete_marker = true
    }
  }

  depends_on = [aws_s3_bucket_versioning.output]
}

data "aws_iam_policy_document" "output" {
  statement {
    sid       = "DenyWithoutTls"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.output.arn, "${aws_s3_bucket.output.arn}/*"]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_s3_bucket_policy" "output" {
  bucket = aws_s3_bucket.output.id
  policy = data.aws_iam_policy_document.output.json

  # S3 rejects two simultaneous changes of a bucket's access settings.
  depends_on = [aws_s3_bucket_public_access_block.output]
}
