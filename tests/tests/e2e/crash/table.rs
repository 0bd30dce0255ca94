//! The crash table of ARCHITECTURE: a process dies after each step of the protocol, and the others
//! complete the task.

use std::fmt;
use std::os::unix::process::ExitStatusExt as _;

use anyhow::{Context as _, Result, ensure};
use futures::{StreamExt as _, stream};
use nix::sys::signal::Signal;
use serde_json::Value;
use tilefleet_common::domain::{JobId, TaskId};
use tilefleet_common::fault::Point;
use tilefleet_common::ledger::Key;
use tilefleet_common::ledger::transition::{self, Ticket};
use tilefleet_tests::poll::BOUND;
use tilefleet_tests::{
    Endpoint, Fleet, Gate, Passage, Plan, Process, Proxy, Trouble, eventually, objects,
};

use crate::support::cells::{lines, with_missing_band};
use crate::support::killed::fail_all;
use crate::support::queues::{give_up, left, purge, taken};
use crate::support::tiny::{Ending, Events, Tiny, events};
use crate::support::worker_log::wait_for_line;

/// More than one batch of messages.
const CELLS: u32 = 12;
const VISIBILITY_TIMEOUT_S: u32 = 3;
/// Longer than it takes to send a notice.
const LONGEST_WAIT_S: u32 = 6;
/// Rows that run at the same time. A row mostly waits for messages to become visible again.
const ROWS_AT_ONCE: usize = 6;

/// The situation in which the process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scene {
    /// Three workers make cells. The first that reaches the point dies, the others finish.
    Working,
    /// The same, and the cells are probes.
    Probing,
    /// The same, and the worker dies at a cell without a second band.
    Failing,
    /// The first worker works alone and dies at the last cell.
    Last,
    /// The first worker gets the first band of every cell damaged.
    Damaged,
    /// The producer has died in the middle of its submit.
    Left,
    /// The queue was purged, and the task is stalled.
    Stalled,
    /// The queue has given up the messages of cells that did nothing wrong.
    GivenUp,
    /// The first worker gets SIGTERM while it waits for its bands.
    Stopped,
    /// The first worker publishes to a topic that does not exist.
    Untold,
    /// The queue has a malformed message.
    Poisoned,
    /// `submit`.
    Submit,
    /// `retry` of a task whose cells have all failed.
    Retry,
    /// `cancel` of a task that no worker has begun.
    Cancel,
    /// `resume` of a cancelled task.
    Resume,
    /// `verify --repair` of a task whose queue was purged, and which counts a cell as ok that
    /// has no raster.
    Repair,
    /// A cell of a task fails whose limit is one failed cell. A worker stops the task; it is resumed
    /// and completes.
    Stopping,
    /// `dlq drain` of two cells, the others being done.
    Drain,
    /// `forget` of a complete task, which is then submitted again.
    Forget,
}

/// The point at which a process dies, and the situation.
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

/// The situations in which a process can reach a point. A new point does not compile without any.
fn scenes(point: Point) -> &'static [Scene] {
    match point {
        Point::Manifest
        | Point::Recipe
        | Point::Task
        | Point::Group
        | Point::Shard
        | Point::Submitted => &[Scene::Submit],
        Point::Send | Point::Enqueued => {
            &[Scene::Submit, Scene::Retry, Scene::Resume, Scene::Repair]
        }
        Point::Reopened => &[Scene::Retry, Scene::Repair],
        Point::Unmark => &[Scene::Repair],
        Point::Cancel | Point::PublishCancel | Point::MarkCancel => &[Scene::Cancel],
        Point::Resume => &[Scene::Resume],
        Point::Forget | Point::ForgetCells | Point::ForgetItems => &[Scene::Forget],
        Point::Receive | Point::Start | Point::Fetch | Point::Fuse | Point::Raster => {
            &[Scene::Working]
        }
        Point::Probe => &[Scene::Probing],
        Point::Quarantine => &[Scene::Poisoned],
        Point::CountFailure => &[Scene::Damaged],
        Point::Resend => &[Scene::GivenUp],
        Point::ClaimSubmit => &[Scene::Left],
        Point::PublishStall | Point::MarkStall => &[Scene::Stalled],
        Point::CountInterruption => &[Scene::Stopped],
        Point::Record | Point::Close => {
            &[Scene::Working, Scene::Last, Scene::Failing, Scene::Drain]
        }
        Point::Announce => &[Scene::Failing, Scene::Drain],
        Point::CountFailed | Point::Stop | Point::PublishStop | Point::MarkStop => {
            &[Scene::Stopping]
        }
        Point::CloseShard
        | Point::CloseGroup
        | Point::Complete
        | Point::Claim
        | Point::Results
        | Point::Publish
        | Point::Mark
        | Point::Delete => &[Scene::Working, Scene::Drain],
        Point::Release => &[Scene::Untold],
    }
}

/// The end that a task must reach, and the events that must be published.
struct Expected {
    task: String,
    ending: Ending,
    events: Events,
}

impl Expected {
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

    /// At four points an event is published and not yet marked as sent. It is published again with
    /// the same id.
    fn with_the_repeat_of(mut self, row: Row) -> Self {
        let Self { task, ending, .. } = &self;
        let event = match (row.point, row.scene) {
            (Point::Publish, _) => format!("{task}/{}", ending.epoch),
            (Point::PublishStall, _) => format!("{task}/1/stalled/1"),
            (Point::PublishCancel | Point::PublishStop, _) => format!("{task}/1/cancelled/1"),
            (Point::Announce, Scene::Failing) => format!("{task}/1/{}", CELLS - 1),
            _ => return self,
        };
        self.events.entry(event).and_modify(|count| *count += 1);
        self
    }
}

impl Row {
    fn fault(self) -> String {
        // Not at the first of many cells: what the worker has done before must stay done.
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

    /// Runs the row to its end.
    async fn play(self) -> Result<()> {
        let tiny = Tiny::new(
            &format!("crash-{}", self.point.name()),
            VISIBILITY_TIMEOUT_S,
        )
        .await?;
        let (expected, workers) = match self.scene {
            Scene::Working | Scene::Probing | Scene::Failing | Scene::Poisoned => {
                self.among_workers(&tiny).await?
            }
            Scene::Last
            | Scene::Damaged
            | Scene::GivenUp
            | Scene::Left
            | Scene::Stalled
            | Scene::Stopped
            | Scene::Untold => self.alone_at_first(&tiny).await?,
            Scene::Drain => self.drain(&tiny).await?,
            Scene::Stopping => self.stopping(&tiny).await?,
            Scene::Submit
            | Scene::Retry
            | Scene::Cancel
            | Scene::Resume
            | Scene::Repair
            | Scene::Forget => self.command(&tiny).await?,
        };
        let expected = expected.with_the_repeat_of(self);
        let events = tiny
            .ends(&expected.task, &expected.ending, &workers)
            .await?;
        ensure!(
            events == expected.events,
            "{events:?} were published instead of {:?}",
            expected.events
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

    async fn among_workers(self, tiny: &Tiny) -> Result<(Expected, Vec<Process>)> {
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
        let mut expected = Expected::new(&task, u32::from(self.scene == Scene::Failing), 1);
        if self.scene == Scene::Failing {
            expected = expected.and(&format!("1/{}", CELLS - 1));
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
            .with_short_waits(LONGEST_WAIT_S)?
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
        Ok((expected, workers))
    }

    /// The worker that dies works alone.
    async fn alone_at_first(self, tiny: &Tiny) -> Result<(Expected, Vec<Process>)> {
        let site = &tiny.site;
        let task = if self.scene == Scene::Left {
            submit_and_die(tiny).await?
        } else {
            tiny.submit(CELLS).await?
        };
        let fleet = tiny.with_short_waits(LONGEST_WAIT_S)?;
        let gate = Gate::before(Endpoint::shared()?.url())?;
        let armed = tiny
            .with_short_waits(LONGEST_WAIT_S)?
            .with("TILEFLEET_FAULT", self.fault());
        let armed = match self.scene {
            Scene::Damaged => {
                let plan = Plan::Always(Trouble::Damaged, &["GetObject"]);
                let proxy = Proxy::before(Endpoint::shared()?.url(), 0, plan)?;
                armed.with("AWS_ENDPOINT_URL_S3", proxy.url())
            }
            Scene::Stopped => armed.with("AWS_ENDPOINT_URL_S3", gate.url()),
            Scene::Last | Scene::GivenUp | Scene::Left | Scene::Stalled => armed,
            _ => armed.with(
                "TILEFLEET_TOPIC_ARN",
                format!("{}-nowhere", site.stack.topic_arn),
            ),
        };
        match self.scene {
            Scene::Stopped => gate.set(Passage::Held),
            Scene::GivenUp => give_up(site, |_| {}).await?,
            Scene::Stalled => purge(site).await?,
            _ => {}
        }
        let mut first = armed.start("worker", &["run", "--grace", "0"])?;
        if self.scene == Scene::Stopped {
            wait_for_line(&mut first, &["begun"]).await?;
            first.signal(Signal::SIGTERM)?;
        }
        first.wait(BOUND).await?;
        self.worker_died_there(&mut first)?;
        let workers = (0..2)
            .map(|_| fleet.start("worker", &["run"]))
            .collect::<Result<_>>()?;
        let mut expected = Expected::new(&task, 0, 1);
        if self.scene == Scene::Stalled {
            // Nothing but the telling is repaired; a person sends the cells again.
            let id = task.parse()?;
            eventually("the mark that it was told", BOUND, async || {
                let record = site.ledger.task(&id).await?.context("no task")?;
                Ok(record.stalled_until.map(|_| ()))
            })
            .await?;
            site.producer(&["resume", &task]).await?.expect_code(0)?;
            expected = expected.and("1/stalled/1");
        }
        Ok((expected, workers))
    }

    /// Runs a command that dies, and expects that it succeeds when it is run again.
    async fn dies_and_is_run_again(self, tiny: &Tiny, command: &[&str], code: i32) -> Result<()> {
        self.dies(tiny.with_short_waits(LONGEST_WAIT_S)?, command)
            .await?;
        tiny.site.producer(command).await?.expect_code(code)?;
        Ok(())
    }

    /// Forgets the task. It is not found from the first step on, and nothing is left of it in the
    /// end.
    async fn forgotten(self, tiny: &Tiny, task: &TaskId) -> Result<()> {
        let site = &tiny.site;
        let forget = ["forget", task.as_str()];
        self.dies(tiny.with_short_waits(LONGEST_WAIT_S)?, &forget)
            .await?;
        for command in ["status", "retry"] {
            site.producer(&[command, task.as_str()])
                .await?
                .expect_code(3)?;
        }
        let submit = site.producer(&["submit", &tiny.file(CELLS)?]).await?;
        submit.expect_code(4)?;
        site.producer(&forget).await?.expect_code(0)?;
        site.producer(&forget).await?.expect_code(3)?;
        let left = (
            site.ledger.remains(task).await?,
            site.ledger.read(&Key::Recipe(task.clone())).await?,
            site.ledger.groups(task, [0]).await?.len(),
            site.ledger.shard(task, 0).await?,
            site.ledger.cells(task, 0).await?.len(),
        );
        ensure!(left == (None, None, 0, None, 0), "{left:?}");
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

    async fn command(self, tiny: &Tiny) -> Result<(Expected, Vec<Process>)> {
        let site = &tiny.site;
        let file = tiny.file(CELLS)?;
        if self.scene == Scene::Submit {
            self.dies_and_is_run_again(tiny, &["submit", &file], 0)
                .await?;
        }
        // The same submit again is the same task.
        let task = site.submit(&file).await?;
        let id = task.parse()?;
        let mut expected = Expected::new(&task, 0, 1);
        match self.scene {
            Scene::Retry => {
                purge(site).await?;
                fail_all(site, &id, CELLS).await?;
                self.dies_and_is_run_again(tiny, &["retry", &task], 0)
                    .await?;
                expected = Expected::new(&task, 0, 2);
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
                expected = expected.and("1/cancelled/1");
            }
            Scene::Forget => {
                tiny.work_off(&tiny.with_short_waits(LONGEST_WAIT_S)?, &[])
                    .await?;
                let before = events(site).await?;
                ensure!(before == expected.events, "{before:?}");
                self.forgotten(tiny, &id).await?;
                ensure!(site.submit(&file).await? == task, "another id");
            }
            Scene::Repair => {
                purge(site).await?;
                let cell = "48RXT/2020-08-01/0".parse()?;
                let ticket = Ticket {
                    task: task.parse()?,
                    shard: 0,
                    group: 0,
                    ordinal: 0,
                    cell,
                    job: JobId::Probe,
                    reopened: 0,
                    expires_at: None,
                };
                site.ledger.write(&transition::close_ok(&ticket)).await?;
                // Its exit code depends on how much the first run has repaired.
                self.dies(
                    tiny.with_short_waits(LONGEST_WAIT_S)?,
                    &["verify", &task, "--repair"],
                )
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
            expected,
            vec![
                tiny.with_short_waits(LONGEST_WAIT_S)?
                    .start("worker", &["run"])?,
            ],
        ))
    }

    /// The worker that dies counts the failed cell or stops the task. The next one finds the task at
    /// its limit, and sends the notice.
    async fn stopping(self, tiny: &Tiny) -> Result<(Expected, Vec<Process>)> {
        let site = &tiny.site;
        let mut cells = lines(site, &tiny.scene, CELLS - 1);
        with_missing_band(&mut cells, site, &tiny.scene, CELLS - 1)?;
        let file = site.write("cells.ndjson", cells)?;
        let submitted = site
            .json(&["submit", &file, "--max-failed", "1", "-o", "json"])
            .await?;
        let task = submitted["task"].as_str().context("no task")?.to_owned();
        let fleet = tiny.with_short_waits(LONGEST_WAIT_S)?;
        let armed = tiny
            .with_short_waits(LONGEST_WAIT_S)?
            .with("TILEFLEET_FAULT", self.fault());
        let mut first = armed.start("worker", &["run"])?;
        first.wait(BOUND).await?;
        self.worker_died_there(&mut first)?;
        let second = fleet.start("worker", &["run"])?;
        let id = task.parse()?;
        eventually("the notice of the stop", BOUND, async || {
            let record = site.ledger.task(&id).await?.context("no task")?;
            let left = left(site, &site.stack.queue_url).await?;
            let told = record.stopped && record.cancels_notified == 1;
            Ok((told && left == 0).then_some(()))
        })
        .await
        .with_context(|| second.last_words())?;
        site.producer(&["resume", &task]).await?.expect_code(0)?;
        let expected = Expected::new(&task, 1, 1)
            .and(&format!("1/{}", CELLS - 1))
            .and("1/cancelled/1");
        Ok((expected, vec![second]))
    }

    async fn drain(self, tiny: &Tiny) -> Result<(Expected, Vec<Process>)> {
        const DEAD: usize = 2;
        let site = &tiny.site;
        let task = tiny.submit(CELLS).await?;
        let mut expected = Expected::new(&task, u32::try_from(DEAD)?, 1);
        let bodies = taken(site).await?;
        for (index, body) in bodies.iter().enumerate() {
            let (dead, alive) = (&site.stack.dead_letter_queue_url, &site.stack.queue_url);
            if index < DEAD {
                let ordinal = serde_json::from_str::<Value>(body)?["ordinal"].clone();
                expected = expected.and(&format!("1/{ordinal}"));
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

        self.dies(tiny.with_short_waits(2)?, &["dlq", "drain"])
            .await?;
        if self.point == Point::Announce {
            let announced = events(site).await?;
            let (event, _) = announced
                .first_key_value()
                .context("nothing was announced")?;
            ensure!(
                announced.len() == 1 && expected.events.contains_key(event),
                "{announced:?}"
            );
        }
        let fleet = tiny.with_short_waits(2)?;
        // The letter of the dead process is hidden for a while, and its claim of the notice lasts
        // as long.
        eventually("nothing left to drain", BOUND, async || {
            fleet.producer(&["dlq", "drain"]).await?.expect_code(0)?;
            let left = left(site, &site.stack.dead_letter_queue_url).await?;
            Ok((left == 0).then_some(()))
        })
        .await?;
        Ok((expected, vec![]))
    }
}

/// Runs a submit that dies when the task exists and has no message. Returns the task.
async fn submit_and_die(tiny: &Tiny) -> Result<String> {
    let dying = tiny.with_short_waits(1)?.with("TILEFLEET_FAULT", "task:1");
    dying.producer(&["submit", &tiny.file(CELLS)?]).await?;
    let tasks = tiny.site.ledger.tasks(1).await?;
    let (task, _) = tasks.into_iter().next().context("no task")?;
    Ok(task.to_string())
}

/// Runs all rows of the wanted scenes and returns their number.
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
    use Scene::{
        Damaged, Failing, GivenUp, Last, Left, Poisoned, Probing, Stalled, Stopped, Stopping,
        Untold, Working,
    };
    matches!(
        scene,
        Working
            | Probing
            | Failing
            | Last
            | Damaged
            | GivenUp
            | Left
            | Stalled
            | Stopped
            | Stopping
            | Untold
            | Poisoned
    )
}

#[tokio::test]
async fn after_a_worker_dies_at_any_step_the_others_complete_the_task() -> Result<()> {
    let rows = play_all(is_a_workers).await?;
    eprintln!("{rows} rows hold");
    Ok(())
}

#[tokio::test]
async fn after_a_command_dies_at_any_step_the_same_command_completes_it() -> Result<()> {
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
