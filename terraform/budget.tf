# Announces that the month's costs approach the budget. It does not stop anything.

resource "aws_budgets_budget" "monthly" {
  count = var.monthly_budget_usd == null ? 0 : 1

  name         = "${var.prefix}-monthly"
  budget_type  = "COST"
  limit_amount = tostring(var.monthly_budget_usd)
  limit_unit   = "USD"
  time_unit    = "MONTHLY"
  # Any past month works. Without it, each apply would set its own month.
  time_period_start = "2026-01-01_00:00"

  dynamic "cost_filter" {
    for_each = var.budget_of_fleet_only ? [format("user:Fleet$%s", var.prefix)] : []
    content {
      name   = "TagKeyValue"
      values = [cost_filter.value]
    }
  }

  dynamic "notification" {
    for_each = ["ACTUAL", "FORECASTED"]
    content {
      comparison_operator       = "GREATER_THAN"
      threshold                 = 80
      threshold_type            = "PERCENTAGE"
      notification_type         = notification.value
      subscriber_sns_topic_arns = [aws_sns_topic.events.arn]
    }
  }

  depends_on = [aws_sns_topic_policy.events]
}
