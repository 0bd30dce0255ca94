//! An alarm on a metric math expression.
//!
//! "Alarm evaluation" and "Configuring how `CloudWatch` alarms treat missing data" (Amazon
//! `CloudWatch` User Guide): every minute the alarm fetches more points than it needs (the
//! evaluation range); the newest real points decide, and only where there are too few of them are
//! the others filled in, here as not breaching. An alarm with a period of several minutes is
//! evaluated every minute over a window that slides. An alarm whose action is a scaling policy
//! calls it every minute for as long as it lasts, with its newest data point.

use crate::cloudwatch::expression::Expression;
use crate::cloudwatch::metrics::{Metric, Metrics};
use crate::error::Error;
use crate::rendered::Policy;

/// An alarm with its policy.
#[derive(Debug)]
pub struct Alarm<'a> {
    policy: &'a Policy,
    expression: Expression,
    /// Points fetched beyond those that are needed.
    extra: usize,
}

impl<'a> Alarm<'a> {
    /// The alarm of a policy.
    ///
    /// # Errors
    /// What [`Expression::parse`] says of the policy's expression.
    pub fn new(policy: &'a Policy, extra: usize) -> Result<Self, Error> {
        Ok(Self {
            policy,
            expression: Expression::parse(&policy.expression)?,
            extra,
        })
    }

    /// The value that the alarm hands to its policy at the end of a minute, if it is in the state
    /// ALARM.
    pub fn evaluate(&self, metrics: &Metrics, minute: usize) -> Option<f64> {
        let needed = self.policy.evaluation_periods;
        let points: Vec<f64> = (0..needed + self.extra)
            .filter_map(|back| self.point(metrics, minute, back))
            .take(needed)
            .collect();
        let breaching = points
            .iter()
            .filter(|value| **value >= self.policy.threshold)
            .count();
        let enough = self.policy.datapoints_to_alarm.unwrap_or(needed);
        if breaching >= enough {
            points.first().copied()
        } else {
            None
        }
    }

    /// The change that the policy makes for a value.
    pub fn change(&self, value: f64) -> Option<i64> {
        self.policy.change(value)
    }

    /// The data point that is `back` periods old, as known at the end of the minute.
    fn point(&self, metrics: &Metrics, minute: usize, back: usize) -> Option<f64> {
        let minutes = usize::try_from(self.policy.period_seconds / 60)
            .unwrap_or(1)
            .max(1);
        let to = (minute + 1).checked_sub(back * minutes)?;
        let from = to.checked_sub(minutes)?;
        let now = (minute as u64 + 1) * 60;
        self.expression.evaluate(&|metric| {
            let statistics = self.policy.statistics;
            let statistic = match metric {
                Metric::Visible => statistics.visible,
                Metric::Inflight => statistics.inflight,
                Metric::Desired => statistics.desired,
            };
            metrics.fetch(metric, from, to, now, statistic)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rendered::{Statistic, Statistics};

    fn policy(expression: &str, evaluation_periods: usize, period_seconds: u64) -> Policy {
        Policy {
            expression: expression.to_owned(),
            threshold: 1.0,
            period_seconds,
            evaluation_periods,
            datapoints_to_alarm: None,
            statistics: Statistics {
                visible: Statistic::Maximum,
                inflight: Statistic::Maximum,
                desired: Statistic::Maximum,
            },
            warmup_seconds: None,
            steps: Vec::new(),
        }
    }

    /// Minutes 0 to 9 with a queue of 5, each known so many minutes after its end.
    fn late(minutes: u64) -> Metrics {
        let mut metrics = Metrics::default();
        for minute in 0..10 {
            metrics.publish(
                Metric::Visible,
                minute,
                5.0,
                (minute as u64 + 1 + minutes) * 60,
            );
        }
        metrics
    }

    #[test]
    fn a_late_point_does_not_hide_the_one_before_it() {
        let policy = policy("visible", 1, 60);
        let alarm = Alarm::new(&policy, 2).unwrap();
        assert_eq!(alarm.evaluate(&late(0), 9), Some(5.0));
        assert_eq!(alarm.evaluate(&late(2), 9), Some(5.0));
        assert_eq!(
            alarm.evaluate(&late(3), 9),
            None,
            "beyond the evaluation range"
        );
    }

    #[test]
    fn a_filled_point_hides_the_one_before_it() {
        let policy = policy("FILL(visible, 0)", 1, 60);
        assert_eq!(Alarm::new(&policy, 2).unwrap().evaluate(&late(1), 9), None);
    }

    #[test]
    fn a_longer_period_bridges_late_points() {
        let policy = policy("FILL(visible, 0)", 1, 300);
        assert_eq!(
            Alarm::new(&policy, 2).unwrap().evaluate(&late(4), 9),
            Some(5.0)
        );
    }

    #[test]
    fn missing_points_are_not_breaching() {
        let policy = policy("visible", 15, 60);
        assert_eq!(
            Alarm::new(&policy, 2).unwrap().evaluate(&late(0), 9),
            None,
            "only ten are known"
        );
    }
}
