# The ledger: the table of tasks, groups, shards and cells.

resource "aws_dynamodb_table" "ledger" {
  #checkov:skip=CKV_AWS_119:DynamoDB's own key encrypts it; a key of the fleet would add KMS requests and exclude no reader
  name                        = local.names.table
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "pk"
  range_key                   = "sk"
  deletion_protection_enabled = !var.delete_data_on_destroy

  attribute {
    name = "pk"
    type = "S"
  }
  attribute {
    name = "sk"
    type = "S"
  }
  attribute {
    name = "listed"
    type = "S"
  }
  attribute {
    name = "created_at"
    type = "S"
  }

  global_secondary_index {
    name            = local.index
    hash_key        = "listed"
    range_key       = "created_at"
    projection_type = "INCLUDE"
    # What `producer list` shows. Closing a shard changes none of it, so it does not write to the index.
    non_key_attributes = [
      "layout", "state", "epoch", "cells", "recipe", "recipe_digest", "output", "submitted_at", "completed_at",
      "submitter_until", "stalled_until", "expires_at",
    ]
  }

  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }
  point_in_time_recovery {
    enabled = true
  }
  server_side_encryption {
    enabled = true
  }
}
