//! The plot: one panel a burst, the queue above and the workers below.

use std::fmt::Write as _;

use crate::fleet::outcome::Sample;
use crate::output::table::{Row, duration, grouped};

const WIDTH: f64 = 960.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 24.0;
const PANEL: f64 = 250.0;
const HALF: f64 = 84.0;
const TOP: f64 = 64.0;

const QUEUE: &str = "#2b6cb0";
const COUNTED: &str = "#a0aec0";
const BUSY: &str = "#2f855a";
const DESIRED: &str = "#c05621";

/// A drawing of every row, in the order of the rows.
#[expect(clippy::cast_precision_loss, reason = "places on paper")]
pub fn svg(rows: &[Row], max_workers: usize) -> String {
    let height = TOP + PANEL * rows.len() as f64;
    let mut text = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12" fill="#1a202c">
<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>
<text x="{LEFT}" y="24" font-size="15" font-weight="bold">Bursts of cells, at most {} workers</text>
"##,
        grouped(max_workers as u64)
    );
    let legend = [
        (QUEUE, "cells not done"),
        (COUNTED, "workers, booting and idle"),
        (BUSY, "busy workers"),
        (DESIRED, "desired"),
    ];
    for (index, (colour, label)) in legend.iter().enumerate() {
        let x = LEFT + 200.0 * index as f64;
        line(
            &mut text,
            format_args!(r#"<rect x="{x}" y="36" width="14" height="10" fill="{colour}"/>"#),
        );
        line(
            &mut text,
            format_args!(r#"<text x="{}" y="45">{label}</text>"#, x + 20.0),
        );
    }
    for (index, row) in rows.iter().enumerate() {
        panel(&mut text, row, TOP + PANEL * index as f64);
    }
    text += "</svg>\n";
    text
}

/// Writing to a string cannot fail.
fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    let _ = writeln!(text, "{arguments}");
}

/// What is drawn of a moment.
type Measure = fn(&Sample) -> u64;

#[expect(clippy::cast_precision_loss, reason = "places on paper")]
fn panel(text: &mut String, (name, outcome): &Row, top: f64) {
    // Until the fleet sleeps, and a little of its sleep.
    let last = outcome.asleep_at.map_or(outcome.minutes.len(), |second| {
        let minutes = usize::try_from(second / 60).unwrap_or(usize::MAX);
        (minutes + minutes / 20 + 2).min(outcome.minutes.len())
    });
    let samples = &outcome.minutes[..last];
    let open: Measure = |sample| sample.visible + sample.inflight;
    let live: Measure = |sample| sample.live as u64;
    let busy: Measure = |sample| sample.busy as u64;
    let desired: Measure = |sample| sample.desired as u64;
    let drained = outcome.drain_seconds().map_or_else(
        || "never drained".to_owned(),
        |s| format!("drained in {}", duration(s)),
    );
    let title = format!(
        "{name} {}: {drained}",
        if name == "1" { "cell" } else { "cells" }
    );
    line(
        text,
        format_args!(
            r#"<text x="{LEFT}" y="{}" font-weight="bold">{title}</text>"#,
            top + 20.0
        ),
    );

    let queue = Axis {
        top: top + 30.0,
        most: outcome.cells.max(1),
        minutes: last,
    };
    queue.frame(text, "cells");
    queue.area(text, samples, open, QUEUE);
    let workers = Axis {
        top: top + 30.0 + HALF + 12.0,
        most: samples
            .iter()
            .map(|s| live(s).max(desired(s)))
            .max()
            .unwrap_or(1)
            .max(1),
        minutes: last,
    };
    workers.frame(text, "workers");
    workers.area(text, samples, live, COUNTED);
    workers.area(text, samples, busy, BUSY);
    workers.outline(text, samples, desired, DESIRED);
    let bottom = workers.top + HALF;
    for quarter in 0..=4_u64 {
        let x = LEFT + (WIDTH - LEFT - RIGHT) * quarter as f64 / 4.0;
        let anchor =
            ["start", "middle", "middle", "middle", "end"][usize::try_from(quarter).unwrap_or(0)];
        let label = if quarter == 0 {
            "0".to_owned()
        } else {
            duration(last as u64 * 60 * quarter / 4)
        };
        line(
            text,
            format_args!(
                r##"<text x="{x}" y="{}" text-anchor="{anchor}" fill="#4a5568">{label}</text>"##,
                bottom + 16.0
            ),
        );
    }
}

struct Axis {
    top: f64,
    most: u64,
    minutes: usize,
}

impl Axis {
    fn frame(&self, text: &mut String, unit: &str) {
        let (bottom, right) = (self.top + HALF, WIDTH - RIGHT);
        line(
            text,
            format_args!(
                r##"<path d="M{LEFT},{} H{right} M{LEFT},{bottom} H{right}" stroke="#e2e8f0"/>"##,
                self.top
            ),
        );
        let x = LEFT - 6.0;
        line(
            text,
            format_args!(
                r##"<text x="{x}" y="{}" text-anchor="end" fill="#4a5568">{}</text>"##,
                self.top + 10.0,
                grouped(self.most)
            ),
        );
        line(
            text,
            format_args!(
                r##"<text x="{x}" y="{}" text-anchor="end" fill="#4a5568">{unit}</text>"##,
                self.top + 26.0
            ),
        );
        line(
            text,
            format_args!(
                r##"<text x="{x}" y="{bottom}" text-anchor="end" fill="#4a5568">0</text>"##
            ),
        );
    }

    fn area(&self, text: &mut String, samples: &[Sample], measure: Measure, colour: &str) {
        let bottom = self.top + HALF;
        let steps = self.steps(samples, measure);
        line(
            text,
            format_args!(r#"<path d="M{LEFT},{bottom}{steps}V{bottom}Z" fill="{colour}"/>"#),
        );
    }

    fn outline(&self, text: &mut String, samples: &[Sample], measure: Measure, colour: &str) {
        let bottom = self.top + HALF;
        let steps = self.steps(samples, measure);
        line(
            text,
            format_args!(
                r#"<path d="M{LEFT},{bottom}{steps}" fill="none" stroke="{colour}" stroke-width="1.5"/>"#
            ),
        );
    }

    /// A value holds until the next; only changes are written, which keeps weeks small.
    #[expect(clippy::cast_precision_loss, reason = "places on paper")]
    fn steps(&self, samples: &[Sample], measure: Measure) -> String {
        let x = |minute: usize| {
            LEFT + (WIDTH - LEFT - RIGHT) * minute as f64 / self.minutes.max(1) as f64
        };
        let mut path = String::new();
        let mut drawn = String::new();
        // More than one step a pixel cannot be seen.
        let stride = (samples.len() / 800).max(1);
        for (index, group) in samples.chunks(stride).enumerate() {
            let value = group.iter().map(measure).max().unwrap_or(0);
            let y = format!(
                "{:.1}",
                self.top + HALF * (1.0 - value as f64 / self.most as f64)
            );
            if y != drawn {
                let _ = write!(path, "H{:.1}V{y}", x(index * stride));
                drawn = y;
            }
        }
        let _ = write!(path, "H{:.1}", x(samples.len()));
        path
    }
}
