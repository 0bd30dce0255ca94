//! The crash table of ARCHITECTURE: behind each step of the protocol a process dies, and what is
//! left brings the task to its end.

use std::fmt;
use std::os::unix::process::ExitStatusExt as _;

use anyhow::{Context as _, Result, ensure};
use futures::{StreamExt as _, stream};
use nix::sys::signal::Signal;
use serde_json::Value;
use tilefleet_common::domain::JobId;
use tilefleet_common::fault::Point;
use tilefleet_common::ledger::transition::{self, Ticket};
use tilefleet_tests::poll::BOUND;
use tilefleet_tests::{Endpoint, Fleet, Gate, Passage, Process, eventually, objects};

use crate::support::cells::{lines, with_missing_band};
use crate::support::killed::fail_all;
use crate::support::queues::{left, purge, taken};
use crate::support::tiny::{Ending, Events, Tiny, events};
use crate::support::worker_log::says;

/// More than one batch of messages.
const CELLS: u32 = 12;
const VISIBILITY_TIMEOUT_S: u32 = 3;
/// Longer than it takes to send a notice.
const LONGEST_WAIT_S: u32 = 6;
/// Rows at work at a time. Most of a row is waiting for messages to be visible again.
const ROWS_AT_ONCE: usize = 6;

/// What goes on when the process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scene {
    /// Three workers make cells. The first to come to the point dies, the others finish.
    Working,
    /// The same, and the cells are probes.
    Probing,
    /// The same, and the worker dies of a cell that has no second band.
    Failing,
    /// The first worker has all cells to itself, and dies of the last one.
    Last,
    /// The first worker has no way to the bands.
    Unreachable,
    /// The first worker waits for its bands when it is told to stop.
    Stopped,
    /// The first worker knows a topic that does not exist.
    Untold,
    /// There is a message that is no cell.
    Poisoned,
    /// `submit`.
    Submit,
    /// `retry` of a task whose cells have all failed.
    Retry,
    /// `cancel` of a task that nobody has begun.
    Cancel,
    /// `resume` of a cancelled task.
    Resume,
    /// `verify --repair` of a task whose queue was purged, and which counts a cell as ok that
    /// nobody has made.
    Repair,
    /// `dlq drain` of two cells, the others being done.
    Drain,
}

/// Where a process dies, and in what.
#[derive(Debug, Clone, Copy)]
struct Row {
    point: Point,
    scene: Scene,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} dies behind {}", self.scene, self.point.name())
    }
}

/// In what there is to die behind a point. A new point does not compile without.
fn scenes(point: Point) -> &'static [Scene] {
    match point {
        Point::Manifest | Point::Recipe | Point::Task | Point::Shard | Point::Submitted => {
            &[Scene::Submit]
        }
        Point::Send | Point::Enqueued => {
            &[Scene::Submit, Scene::Retry, Scene::Resume, Scene::Repair]
        }
        Point::Reopened => &[Scene::Retry, Scene::Repair],
        Point::Unmark => &[Scene::Repair],
        Point::Cancel | Point::PublishCancel | Point::MarkCancel => &[Scene::Cancel],
        Point::Resume => &[Scene::Resume],
        Point::Receive | Point::Start | Point::Fetch | Point::Fuse | Point::Raster => {
            &[Scene::Working]
        }
        Point::Probe => &[Scene::Probing],
        Point::Quarantine => &[Scene::Poisoned],
        Point::CountFailure => &[Scene::Unreachable],
        Point::CountInterruption => &[Scene::Stopped],
        Point::Record | Point::Close => {
            &[Scene::Working, Scene::Last, Scene::Failing, Scene::Drain]
        }
        Point::Announce => &[Scene::Failing, Scene::Drain],
        Point::CloseShard
        | Point::Complete
        | Point::Claim
        | Point::Results
        | Point::Publish
        | Point::Mark
        | Point::Delete => &[Scene::Working, Scene::Drain],
        Point::Release => &[Scene::Untold],
    }
}

/// The task's end, and the events that tell of it.
struct Told {
    task: String,
    ending: Ending,
    events: Events,
}

impl Told {
    fn new(task: &str, failed: u32, epoch: u32) -> Self {
        let ending = Ending {
            ok: CELLS - failed,
            failed,
            epoch,
        };
        Self {
            task: task.to_owned(),
            ending,
            events: Events::from([(format!("{task}/{epoch}"), 1)]),
        }
    }

    fn and(mut self, event: &str) -> Self {
        self.events.insert(format!("{}/{event}", self.task), 1);
        self
    }

    /// There are three windows in which an event is published and nobody knows of it. It comes
    /// again, with the same id.
    fn with_the_repeat_of(mut self, row: Row) -> Self {
        let Self { task, ending, .. } = &self;
        let event = match (row.point, row.scene) {
            (Point::Publish, _) => format!("{task}/{}", ending.epoch),
            (Point::PublishCancel, _) => format!("{task}/1/cancelled/1"),
            (Point::Announce, Scene::Failing) => format!("{task}/1/{}", CELLS - 1),
            _ => return self,
        };
        self.events.entry(event).and_modify(|count| *count += 1);
        self
    }
}

impl Row {
    fn fault(self) -> String {
        // Not the first cell, where there are many: what a worker has done before it dies must
        // hold.
        let many = matches!(
            self.point,
            Point::Receive
                | Point::Start
                | Point::Fetch
                | Point::Fuse
                | Point::Raster
                | Point::Probe
                | Point::Record
                | Point::Close
                | Point::Delete
        );
        let hit = match self.scene {
            Scene::Working | Scene::Probing if many => 2,
            Scene::Last => CELLS,
            _ => 1,
        };
        format!("{}:{hit}", self.point.name())
    }

    /// Plays the row to its end.
    async fn play(self) -> Result<()> {
        let tiny = Tiny::new(
            &format!("crash-{}", self.point.name()),
            VISIBILITY_TIMEOUT_S,
        )
        .await?;
        let (told, workers) = match self.scene {
            Scene::Working | Scene::Probing | Scene::Failing | Scene::Poisoned => {
                self.among_workers(&tiny).await?
            }
            Scene::Last | Scene::Unreachable | Scene::Stopped | Scene::Untold => {
                self.alone_at_first(&tiny).await?
            }
            Scene::Drain => self.drain(&tiny).await?,
            Scene::Submit | Scene::Retry | Scene::Cancel | Scene::Resume | Scene::Repair => {
                self.command(&tiny).await?
            }
        };
        let told = told.with_the_repeat_of(self);
        let events = tiny.ends(&told.task, &told.ending, &workers).await?;
        ensure!(
            events == told.events,
            "told were {events:?} instead of {:?}",
            told.events
        );
        Ok(())
    }

    /// Fails unless the process has died at the point.
    fn died_there(self, how: Option<Signal>, words: &str) -> Result<()> {
        let last = format!("dying after {}", self.point.name());
        ensure!(
            how == Some(Signal::SIGABRT) && words.contains(&last),
            "it has not died there: {how:?} {words}"
        );
        Ok(())
    }

    fn worker_died_there(self, worker: &mut Process) -> Result<()> {
        let how = worker.exited()?.and_then(|status| status.signal());
        self.died_there(how.map(Signal::try_from).transpose()?, &worker.last_words())
    }

    async fn among_workers(self, tiny: &Tiny) -> Result<(Told, Vec<Process>)> {
        let site = &tiny.site;
        let mut cells = lines(site, &tiny.scene, CELLS);
        let mut fault = self.fault();
        if self.scene == Scene::Failing {
            cells = lines(site, &tiny.scene, CELLS - 1);
            with_missing_band(&mut cells, site, &tiny.scene, CELLS - 1)?;
            fault = format!("{fault}:48RXT/2020-08-01/{}", CELLS - 1);
        }
        let recipe = if self.scene == Scene::Probing {
            "probe"
        } else {
            "rgb"
        };
        let file = site.write("cells.ndjson", cells)?;
        let task = crate::submit::recipes::submit(site, &file, recipe).await?;
        let mut told = Told::new(&task, u32::from(self.scene == Scene::Failing), 1);
        if self.scene == Scene::Failing {
            told = told.and(&format!("1/{}", CELLS - 1));
        }
        if self.scene == Scene::Poisoned {
            site.stack
                .sqs
                .send_message()
                .queue_url(&site.stack.queue_url)
                .message_body("no cell")
                .send()
                .await?;
        }
        let fleet = tiny
            .hasty(LONGEST_WAIT_S)?
            .with("TILEFLEET_FAULT", fault)
            .with("TILEFLEET_FAULT_ONCE", site.path("died"))
            .with(
                "TILEFLEET_POISON",
                format!("s3://{}/poison", site.stack.output_bucket),
            );
        let mut workers: Vec<Process> = (0..3)
            .map(|_| fleet.start("worker", &["run"]))
            .collect::<Result<_>>()?;
        let dead = eventually("the death of a worker", BOUND, async || {
            for (index, worker) in workers.iter_mut().enumerate() {
                if worker.exited()?.is_some() {
                    return Ok(Some(index));
                }
            }
            Ok(None)
        })
        .await?;
        self.worker_died_there(&mut workers.remove(dead))?;
        if self.scene == Scene::Poisoned {
            eventually("an empty queue", BOUND, async || {
                let left = left(site, &site.stack.queue_url).await?;
                Ok((left == 0).then_some(()))
            })
            .await?;
            let kept = objects::list(&site.stack.s3, &site.stack.output_bucket, "poison/").await?;
            ensure!(kept.len() == 1, "{kept:?}");
        }
        Ok((told, workers))
    }

    /// The worker that dies has the cells to itself.
    async fn alone_at_first(self, tiny: &Tiny) -> Result<(Told, Vec<Process>)> {
        let site = &tiny.site;
        let task = tiny.submit(CELLS).await?;
        let fleet = tiny.hasty(LONGEST_WAIT_S)?;
        let gate = Gate::before(Endpoint::shared()?.url())?;
        let armed = tiny
            .hasty(LONGEST_WAIT_S)?
            .with("TILEFLEET_FAULT", self.fault());
        let armed = match self.scene {
            Scene::Unreachable => armed.with("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9"),
            Scene::Stopped => armed.with("AWS_ENDPOINT_URL_S3", gate.url()),
            Scene::Last => armed,
            _ => armed.with(
                "TILEFLEET_TOPIC_ARN",
                format!("{}-nowhere", site.stack.topic_arn),
            ),
        };
        if self.scene == Scene::Stopped {
            gate.set(Passage::Held);
        }
        let mut first = armed.start("worker", &["run", "--grace", "0"])?;
        if self.scene == Scene::Stopped {
            says(&mut first, &["begun"]).await?;
            first.signal(Signal::SIGTERM)?;
        }
        first.wait(BOUND).await?;
        self.worker_died_there(&mut first)?;
        let workers = (0..2)
            .map(|_| fleet.start("worker", &["run"]))
            .collect::<Result<_>>()?;
        Ok((Told::new(&task, 0, 1), workers))
    }

    /// Runs a command that dies, and expects the same command to do it when it is run again.
    async fn dies_and_is_run_again(self, tiny: &Tiny, command: &[&str], code: i32) -> Result<()> {
        self.dies(tiny.hasty(LONGEST_WAIT_S)?, command).await?;
        tiny.site.producer(command).await?.expect_code(code)?;
        Ok(())
    }

    async fn dies(self, fleet: Fleet, command: &[&str]) -> Result<()> {
        let ended = fleet
            .with("TILEFLEET_FAULT", self.fault())
            .producer(command)
            .await?;
        let how = ended.status.signal().map(Signal::try_from).transpose()?;
        self.died_there(how, &ended.story())
    }

    async fn command(self, tiny: &Tiny) -> Result<(Told, Vec<Process>)> {
        let site = &tiny.site;
        let file = tiny.file(CELLS)?;
        if self.scene == Scene::Submit {
            self.dies_and_is_run_again(tiny, &["submit", &file], 0)
                .await?;
        }
        // The same submit again is the same task.
        let task = site.submit(&file).await?;
        let id = task.parse()?;
        let mut told = Told::new(&task, 0, 1);
        match self.scene {
            Scene::Retry => {
                purge(site).await?;
                fail_all(site, &id, CELLS).await?;
                self.dies_and_is_run_again(tiny, &["retry", &task], 0)
                    .await?;
                told = Told::new(&task, 0, 2);
            }
            Scene::Cancel | Scene::Resume => {
                let cancel = ["cancel", &task, "--reason", "to see"];
                if self.scene == Scene::Cancel {
                    self.dies_and_is_run_again(tiny, &cancel, 0).await?;
                    site.producer(&["resume", &task]).await?.expect_code(0)?;
                } else {
                    site.producer(&cancel).await?.expect_code(0)?;
                    purge(site).await?;
                    self.dies_and_is_run_again(tiny, &["resume", &task], 0)
                        .await?;
                }
                told = told.and("1/cancelled/1");
            }
            Scene::Repair => {
                purge(site).await?;
                let cell = "48RXT/2020-08-01/0".parse()?;
                let ticket = Ticket {
                    task: task.parse()?,
                    shard: 0,
                    ordinal: 0,
                    cell,
                    job: JobId::Probe,
                };
                site.ledger.write(&transition::close_ok(&ticket)).await?;
                // Whether it finds anything left to repair depends on where it died.
                self.dies(tiny.hasty(LONGEST_WAIT_S)?, &["verify", &task, "--repair"])
                    .await?;
                site.producer(&["verify", &task, "--repair"]).await?;
            }
            _ => {}
        }
        let waits_for: u32 = site
            .ledger
            .shard(&id, 0)
            .await?
            .context("no shard")?
            .pending
            .len()
            .try_into()?;
        ensure!(waits_for == CELLS, "{waits_for} cells are pending");
        Ok((
            told,
            vec![tiny.hasty(LONGEST_WAIT_S)?.start("worker", &["run"])?],
        ))
    }

    async fn drain(self, tiny: &Tiny) -> Result<(Told, Vec<Process>)> {
        const DEAD: usize = 2;
        let site = &tiny.site;
        let task = tiny.submit(CELLS).await?;
        let mut told = Told::new(&task, u32::try_from(DEAD)?, 1);
        let bodies = taken(site).await?;
        for (index, body) in bodies.iter().enumerate() {
            let (dead, alive) = (&site.stack.dead_letter_queue_url, &site.stack.queue_url);
            if index < DEAD {
                let ordinal = serde_json::from_str::<Value>(body)?["ordinal"].clone();
                told = told.and(&format!("1/{ordinal}"));
            }
            let queue = if index < DEAD { dead } else { alive };
            site.stack
                .sqs
                .send_message()
                .queue_url(queue)
                .message_body(body)
                .send()
                .await?;
        }
        let without = Fleet::new(&site.stack)?.with("TILEFLEET_DEAD_LETTER_QUEUE_URL", "");
        tiny.work_off(&without, &[]).await?;

        self.dies(tiny.hasty(2)?, &["dlq", "drain"]).await?;
        if self.point == Point::Announce {
            let announced = events(site).await?;
            let (event, _) = announced
                .first_key_value()
                .context("nothing was announced")?;
            ensure!(
                announced.len() == 1 && told.events.contains_key(event),
                "{announced:?}"
            );
        }
        let fleet = tiny.hasty(2)?;
        // A letter that the dead one held is hidden for a while, and so is the notice that it
        // claimed.
        eventually("nothing left to drain", BOUND, async || {
            fleet.producer(&["dlq", "drain"]).await?.expect_code(0)?;
            let left = left(site, &site.stack.dead_letter_queue_url).await?;
            Ok((left == 0).then_some(()))
        })
        .await?;
        Ok((told, vec![]))
    }
}

/// Plays all rows of the scenes that are wanted, and gives how many hold.
async fn play_all(wanted: impl Fn(Scene) -> bool) -> Result<usize> {
    let all = Point::ALL
        .iter()
        .flat_map(|&point| scenes(point).iter().map(move |&scene| Row { point, scene }));
    let played = stream::iter(all.filter(|row| wanted(row.scene)))
        .map(|row| async move { row.play().await.with_context(|| row.to_string()) })
        .buffer_unordered(ROWS_AT_ONCE)
        .collect::<Vec<_>>();
    let (played, failed): (Vec<_>, Vec<_>) = played.await.into_iter().partition(Result::is_ok);
    let failed: Vec<String> = failed
        .into_iter()
        .filter_map(Result::err)
        .map(|error| format!("{error:#}"))
        .collect();
    ensure!(
        failed.is_empty(),
        "{} rows hold, {} do not:\n{}",
        played.len(),
        failed.len(),
        failed.join("\n\n")
    );
    Ok(played.len())
}

fn is_a_workers(scene: Scene) -> bool {
    use Scene::{Failing, Last, Poisoned, Probing, Stopped, Unreachable, Untold, Working};
    matches!(
        scene,
        Working | Probing | Failing | Last | Unreachable | Stopped | Untold | Poisoned
    )
}

#[tokio::test]
async fn whatever_step_a_worker_dies_behind_the_others_bring_the_task_to_its_end() -> Result<()> {
    let rows = play_all(is_a_workers).await?;
    eprintln!("{rows} rows hold");
    Ok(())
}

#[tokio::test]
async fn whatever_step_a_command_dies_behind_the_same_command_again_completes_it() -> Result<()> {
    let rows = play_all(|scene| !is_a_workers(scene)).await?;
    eprintln!("{rows} rows hold");
    Ok(())
}

#[test]
fn every_point_has_a_row() {
    for point in Point::ALL {
        assert!(!scenes(*point).is_empty(), "{}", point.name());
    }
}
