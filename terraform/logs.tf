# The workers' logs.

resource "aws_cloudwatch_log_group" "worker" {
  #checkov:skip=CKV_AWS_158:CloudWatch encrypts the logs; they name cells and objects and contain no secrets
  #checkov:skip=CKV_AWS_338:log_retention_days decides; the ledger also records how each cell ended
  name              = local.names.log_group
  retention_in_days = var.log_retention_days
}
