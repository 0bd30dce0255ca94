//! How busy the processors were, as a plot and in a sentence.

use std::fmt::Write as _;

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 60.0;
const TOP: f64 = 50.0;
const BOTTOM: f64 = 40.0;

/// Processor seconds between two readings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// The time of the reading, in seconds since 1970.
    pub(crate) unix: f64,
    /// The time of the reading since the worker was started.
    pub(crate) seconds: f64,
    pub(crate) worker: f64,
    pub(crate) server: f64,
    pub(crate) idle: f64,
    pub(crate) all: f64,
}

/// Name, colour, and busy processors below the layer's upper edge.
type Layer = (&'static str, &'static str, fn(&Moment) -> f64);

/// A worker's run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Timeline {
    pub(crate) cells: u32,
    pub(crate) moments: Vec<Moment>,
    /// When the first cell was begun and the last was published, in seconds since the worker was
    /// started.
    pub(crate) span: Option<(f64, f64)>,
}

impl Timeline {
    /// Finds the begin and the end in the worker's log: from the first "begun" to the last
    /// "published".
    pub(crate) fn between(self, log: &str) -> Self {
        let at = |line: &str| {
            let stamp = line.split_whitespace().next()?;
            // Lines are JSON or text; the time stamp is the first text of its form.
            let stamp = stamp
                .trim_start_matches(r#"{"timestamp":""#)
                .split('"')
                .next()?;
            Some(
                stamp
                    .parse::<jiff::Timestamp>()
                    .ok()?
                    .as_duration()
                    .as_secs_f64(),
            )
        };
        let first = log
            .lines()
            .filter(|line| line.contains("begun"))
            .find_map(at);
        let last = log
            .lines()
            .filter(|line| line.contains("published"))
            .filter_map(at)
            .next_back();
        let start = self
            .moments
            .first()
            .map(|moment| moment.unix - moment.seconds);
        let span = first
            .zip(last)
            .zip(start)
            .map(|((first, last), start)| (first - start, last - start));
        Self { span, ..self }
    }

    fn inside(&self) -> impl Iterator<Item = &Moment> {
        let (from, to) = self.span.unwrap_or((0.0, f64::INFINITY));
        self.moments
            .iter()
            .filter(move |moment| moment.seconds > from && moment.seconds <= to)
    }

    /// The share of the processors' time that was used, from the first cell begun to the last
    /// published.
    pub(crate) fn busy(&self) -> f64 {
        let (idle, all) = self
            .inside()
            .fold((0.0, 0.0), |(idle, all), it| (idle + it.idle, all + it.all));
        1.0 - idle / all
    }

    /// The run in a sentence.
    pub(crate) fn sentence(&self) -> String {
        let (from, to) = self
            .span
            .unwrap_or((0.0, self.moments.last().map_or(0.0, |last| last.seconds)));
        let sum = |figure: fn(&Moment) -> f64| self.inside().map(figure).sum::<f64>();
        format!(
            "{} cells in {:.1} s: processors {:.1} % busy from the first byte to the last; worker {:.1} CPU s, local \
             endpoint {:.1} CPU s.\n",
            self.cells,
            to - from,
            100.0 * self.busy(),
            sum(|moment| moment.worker),
            sum(|moment| moment.server)
        )
    }

    /// Busy processors over time: the worker's below, the endpoint's above it, all others on top.
    pub(crate) fn svg(&self) -> String {
        let last = self.moments.last().map_or(1.0, |moment| moment.seconds);
        let processors = self
            .moments
            .windows(2)
            .filter_map(|pair| match pair {
                [a, b] => Some((b.all / (b.seconds - a.seconds)).round()),
                _ => None,
            })
            .fold(1.0, f64::max);
        let x = |seconds: f64| LEFT + (WIDTH - LEFT - 20.0) * seconds / last;
        let y =
            |busy: f64| TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - (busy / processors).clamp(0.0, 1.0));
        let mut text = format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12" fill="#1a202c">
<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>
<text x="{LEFT}" y="20" font-size="14" font-weight="bold">{} full-size cells through one worker: {:.1} % busy</text>
"##,
            self.cells,
            100.0 * self.busy()
        );
        let layers: [Layer; 3] = [
            ("everything else", "#e2e8f0", |it| it.all - it.idle),
            ("local endpoint", "#c05621", |it| it.worker + it.server),
            ("worker", "#2b6cb0", |it| it.worker),
        ];
        for (index, (name, colour, busy)) in layers.iter().enumerate() {
            let mut path = format!("M{:.1},{:.1}", x(0.0), y(0.0));
            let mut before = 0.0;
            for moment in &self.moments {
                let share = busy(moment) / (moment.seconds - before);
                // Writing to a String cannot fail.
                let _ = write!(
                    path,
                    "L{:.1},{2:.1}L{:.1},{:.1}",
                    x(before),
                    x(moment.seconds),
                    y(share)
                );
                before = moment.seconds;
            }
            let _ = writeln!(
                text,
                r#"<path d="{path}L{:.1},{:.1}Z" fill="{colour}"/>"#,
                x(before),
                y(0.0)
            );
            #[expect(clippy::cast_precision_loss, reason = "places on paper")]
            let legend = LEFT + 150.0 * index as f64;
            let _ = writeln!(
                text,
                r#"<rect x="{legend}" y="28" width="12" height="10" fill="{colour}"/><text x="{}" y="37">{name}</text>"#,
                legend + 18.0
            );
        }
        for (busy, label) in [(0.0, "0"), (processors, "all")] {
            let _ = writeln!(
                text,
                r##"<text x="{}" y="{:.1}" text-anchor="end" fill="#4a5568">{label}</text>"##,
                LEFT - 6.0,
                y(busy) + 4.0
            );
        }
        for (from, name) in self
            .span
            .iter()
            .flat_map(|&(from, to)| [(from, "first cell begun"), (to, "last published")])
        {
            let _ = writeln!(
                text,
                r##"<path d="M{0:.1},{TOP}V{1:.1}" stroke="#1a202c" stroke-dasharray="3,3"/><text x="{0:.1}" y="{2:.1}" text-anchor="middle" fill="#4a5568">{name}, {from:.0} s</text>"##,
                x(from),
                HEIGHT - BOTTOM,
                HEIGHT - BOTTOM + 18.0
            );
        }
        text += "</svg>\n";
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_between_the_first_cell_and_the_last_counts() {
        let moment = |second: f64, idle: f64| Moment {
            unix: 1_000_000_000.0 + second,
            seconds: second,
            worker: 2.0 - idle,
            server: 0.0,
            idle,
            all: 2.0,
        };
        let moments = vec![
            moment(1.0, 2.0),
            moment(2.0, 0.1),
            moment(3.0, 0.1),
            moment(4.0, 2.0),
        ];
        let log = "2001-09-09T01:46:41.000Z INFO begun\n2001-09-09T01:46:43.000Z INFO published\n";
        let timeline = Timeline {
            cells: 1,
            moments,
            ..Timeline::default()
        }
        .between(log);
        assert!((timeline.busy() - 0.95).abs() < 1e-9, "{}", timeline.busy());
        assert!(
            timeline
                .sentence()
                .starts_with("1 cells in 2.0 s: processors 95.0 % busy")
        );
    }
}
