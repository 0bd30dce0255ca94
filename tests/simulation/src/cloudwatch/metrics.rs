//! The data points that `CloudWatch` has, and the second from which it has them.

use crate::rendered::Statistic;

/// A metric that the expressions may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// `ApproximateNumberOfMessagesVisible` of the queue.
    Visible,
    /// `ApproximateNumberOfMessagesNotVisible` of the queue.
    Inflight,
    /// `GroupDesiredCapacity` of the group.
    Desired,
}

impl Metric {
    /// The metric that terraform gives this id.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "visible" => Some(Self::Visible),
            "inflight" => Some(Self::Inflight),
            "desired" => Some(Self::Desired),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Point {
    value: f64,
    /// The second from which `CloudWatch` has it.
    known_from: u64,
}

/// One metric: at most one point a minute.
#[derive(Debug, Default)]
struct Series(Vec<Option<Point>>);

impl Series {
    fn record(&mut self, minute: usize, point: Point) {
        if self.0.len() <= minute {
            self.0.resize(minute + 1, None);
        }
        self.0[minute] = Some(point);
    }

    /// One value of the minutes `from..to`, as far as they are known at second `now`.
    fn fetch(&self, from: usize, to: usize, now: u64, statistic: Statistic) -> Option<f64> {
        let known = self
            .0
            .get(from..to.min(self.0.len()))?
            .iter()
            .flatten()
            .filter(|point| point.known_from <= now);
        let values = known.map(|point| point.value);
        match statistic {
            Statistic::Maximum => values.reduce(f64::max),
            Statistic::Minimum => values.reduce(f64::min),
        }
    }
}

/// All that the alarms look at.
#[derive(Debug, Default)]
pub struct Metrics {
    visible: Series,
    inflight: Series,
    desired: Series,
}

impl Metrics {
    /// Publishes the point of a minute, to be known from a second on.
    pub fn publish(&mut self, metric: Metric, minute: usize, value: f64, known_from: u64) {
        let series = match metric {
            Metric::Visible => &mut self.visible,
            Metric::Inflight => &mut self.inflight,
            Metric::Desired => &mut self.desired,
        };
        series.record(minute, Point { value, known_from });
    }

    /// One value of a metric over the minutes `from..to`, as known at second `now`.
    pub fn fetch(
        &self,
        metric: Metric,
        from: usize,
        to: usize,
        now: u64,
        statistic: Statistic,
    ) -> Option<f64> {
        let series = match metric {
            Metric::Visible => &self.visible,
            Metric::Inflight => &self.inflight,
            Metric::Desired => &self.desired,
        };
        series.fetch(from, to, now, statistic)
    }
}
