//! Runs several commands in turn, so that a drift of the machine's speed affects all of them alike.

use anyhow::Result;

use crate::measure::{Cost, Figure, Job};

/// One of the commands that are compared.
#[derive(Debug, Clone)]
pub(crate) struct Contender {
    pub(crate) name: String,
    pub(crate) job: Job,
}

/// The costs of one contender, one for each round.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) costs: Vec<Cost>,
}

impl Series {
    /// The median of one figure.
    pub(crate) fn median(&self, figure: Figure) -> f64 {
        median(self.costs.iter().map(figure).collect())
    }

    /// The median of this one's figure over the other's, round by round.
    pub(crate) fn ratio(&self, other: &Self, figure: Figure) -> f64 {
        median(
            self.costs
                .iter()
                .zip(&other.costs)
                .map(|(a, b)| figure(a) / figure(b))
                .collect(),
        )
    }
}

/// Runs all contenders in turn, `rounds` times.
pub(crate) fn run(
    title: &str,
    contenders: &[Contender],
    rounds: usize,
    say: &dyn Fn(&str),
) -> Result<Vec<Series>> {
    let mut series: Vec<Series> = contenders
        .iter()
        .map(|contender| Series {
            name: contender.name.clone(),
            costs: Vec::with_capacity(rounds),
        })
        .collect();
    for round in 1..=rounds {
        for (contender, series) in contenders.iter().zip(&mut series) {
            let cost = contender.job.run()?;
            say(&format!(
                "{title}, round {round} of {rounds}, {}: {:.2} CPU s, {:.2} s, {:.0} MB, {:.1} MB out",
                contender.name, cost.cpu, cost.wall, cost.peak, cost.output
            ));
            series.costs.push(cost);
        }
    }
    Ok(series)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.get(middle) {
        None => f64::NAN,
        Some(&upper) if values.len() % 2 == 1 => upper,
        Some(&upper) => f64::midpoint(values.get(middle - 1).copied().unwrap_or(upper), upper),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(name: &str, cpu: &[f64]) -> Series {
        let cost = |&cpu: &f64| Cost {
            cpu,
            wall: 0.0,
            peak: 0.0,
            output: 0.0,
        };
        Series {
            name: name.into(),
            costs: cpu.iter().map(cost).collect(),
        }
    }

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        assert!((median(vec![4.0, 1.0, 3.0, 2.0]) - 2.5).abs() < 1e-12);
        assert!((median(vec![9.0, 1.0, 2.0]) - 2.0).abs() < 1e-12);
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        let (fast, slow) = (
            series("fast", &[1.0, 10.0, 2.0]),
            series("slow", &[2.0, 20.0, 8.0]),
        );
        assert!((fast.ratio(&slow, |cost| cost.cpu) - 0.5).abs() < 1e-12);
    }
}
