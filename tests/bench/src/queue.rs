//! A queue of full-size cells through one worker, with everything on loopback: how busy the
//! processors are.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tilefleet_tests::endpoint::EndpointOptions;
use tilefleet_tests::{Endpoint, Fleet, Process, Stack, layout, objects};

use crate::bands::Bands;
use crate::figures::{TICKS, processor_seconds};
use crate::timeline::{Moment, Timeline};

/// Pause between two readings of the processors' counters, which advance in hundredths of a second.
const PAUSE: Duration = Duration::from_millis(250);

/// Sends `cells` cells of the same bands through a worker and watches.
pub(crate) async fn run(
    bands: &Bands,
    cells: u32,
    home: &Path,
    say: &dyn Fn(&str),
) -> Result<Timeline> {
    let directory = home.join("queue");
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory)?;
    // On disk: in memory, eight rasters would fill a small machine.
    let options = EndpointOptions {
        state: Some(directory.join("state")),
        port: None,
    };
    let mut endpoint = Endpoint::start(&directory, &options)?;
    let stack = Stack::create(&endpoint, &layout::unique_name("bench")).await?;
    let fleet = Fleet::new(&stack)?;

    let [band, ..] = &bands.paths;
    let root = band.parent().context("a band lies in no directory")?;
    let names = ["B02.jp2", "B03.jp2", "B04.jp2"].map(Into::into);
    objects::upload(&stack.s3, &stack.scene_bucket, root, &names).await?;
    let document = directory.join("cells.ndjson");
    let line = |day: u32| {
        json!({
            "cell": format!("48RXT/2020-08-{:02}/0", day + 1),
            "files": format!("s3://{}/", stack.scene_bucket),
            "output_bucket": stack.output_bucket,
        })
    };
    let lines: Vec<String> = (0..cells).map(|day| line(day).to_string()).collect();
    fs::write(&document, lines.join("\n") + "\n")?;
    let document = document
        .to_str()
        .context("the path of the document is not UTF-8")?;
    let submitted = fleet.producer(&["submit", document, "-o", "json"]).await?;
    submitted.expect_code(0)?;
    let task = submitted.json()?;
    let task = task
        .get("task")
        .and_then(Value::as_str)
        .context("submit names no task")?
        .to_owned();
    say(&format!(
        "task {task}: {cells} cells, logs in {}",
        directory.display()
    ));

    let server = endpoint.process().map(|process| process.pid());
    let mut worker = fleet.start("worker", &["run", "--until-empty"])?;
    let moments = watch(&mut worker, server).await?;
    let status = fleet
        .producer(&["status", &task, "-o", "json"])
        .await?
        .json()?;
    ensure!(
        status["ok"] == cells,
        "not all cells are ok: {status}; {}",
        worker.last_words()
    );
    let timeline = Timeline {
        cells,
        moments,
        ..Timeline::default()
    };
    Ok(timeline.between(&worker.log()))
}

/// Reads the counters until the worker has ended.
async fn watch(worker: &mut Process, server: Option<u32>) -> Result<Vec<Moment>> {
    let (begin, mut last) = (Instant::now(), Counters::read(worker.pid(), server)?);
    let mut moments = Vec::new();
    loop {
        tokio::time::sleep(PAUSE).await;
        if let Some(status) = worker.exited()? {
            ensure!(
                status.success(),
                "the worker ended with {status}; {}",
                worker.last_words()
            );
            return Ok(moments);
        }
        let Ok(now) = Counters::read(worker.pid(), server) else {
            continue;
        };
        let seconds = begin.elapsed().as_secs_f64();
        moments.push(Moment {
            unix: jiff::Timestamp::now().as_duration().as_secs_f64(),
            seconds,
            worker: now.worker - last.worker,
            server: now.server - last.server,
            idle: now.idle - last.idle,
            all: now.all - last.all,
        });
        last = now;
    }
}

/// Processor seconds since the machine was started.
#[derive(Clone, Copy)]
struct Counters {
    worker: f64,
    server: f64,
    /// Of all processors: idle and waiting for disks.
    idle: f64,
    /// Of all processors.
    all: f64,
}

impl Counters {
    fn read(worker: u32, server: Option<u32>) -> Result<Self> {
        // proc(5), /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal of all
        // processors together.
        let text = fs::read_to_string("/proc/stat")?;
        let first = text.lines().next().context("/proc/stat is empty")?;
        let ticks: Vec<f64> = first
            .split_whitespace()
            .skip(1)
            .take(8)
            .map(str::parse)
            .collect::<Result<_, _>>()?;
        let [_, _, _, idle, waiting, ..] = ticks.as_slice() else {
            anyhow::bail!("/proc/stat lacks the idle time: {first}")
        };
        Ok(Self {
            worker: processor_seconds(worker)?,
            server: server.map_or(Ok(0.0), processor_seconds)?,
            idle: (idle + waiting) / TICKS,
            all: ticks.iter().sum::<f64>() / TICKS,
        })
    }
}
