# What the workers have to say.

resource "aws_cloudwatch_log_group" "worker" {
  #checkov:skip=CKV_AWS_158:CloudWatch encrypts it; the lines name cells and objects and hold no secret
  #checkov:skip=CKV_AWS_338:log_retention_days decides; what became of a cell is in the ledger, not only here
  name              = local.names.log_group
  retention_in_days = var.log_retention_days
}
