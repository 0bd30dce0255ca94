//! `worker run`: builds the parts of a worker from its arguments, and runs the main loop.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use tilefleet_common::aws::{Clients, DeleteBatcher, Group, Queue, Topic};
use tilefleet_common::domain::{S3Url, TaskId};
use tilefleet_common::ledger::transition::NO_GROUP;
use tilefleet_common::ledger::{Key, Ledger};
use tilefleet_common::tracker::{Sweep, Tracker};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::activity::Activities;
use crate::cell::{self, CellProcessor, MemoryBudget};
use crate::cli::{MachineArgs, RunArgs};
use crate::machine::health::HealthFile;
use crate::machine::{GroupMembership, Machine, Shutdown};
use crate::message::{
    AttemptBudget, Inbox, Isolation, MessageHandler, Origin, PoisonStore, Uncounted,
};
use crate::pool::{self, Pool, RunMode};
use crate::report::Reporter;
use crate::trouble::{Breakers, KnownBuckets, Probe};

/// The time that is left for counts when the time to finish cells is over.
const LAST_COUNTS: Duration = Duration::from_secs(5);

/// Processes cells until the run mode or a signal ends it.
///
/// # Errors
/// When a setting is missing, or the queue or the table cannot be used.
pub async fn run(args: RunArgs) -> anyhow::Result<()> {
    let settings = args.fleet.settings()?;
    // Of flags and environment alone: a configuration file is for many machines.
    let group = args.fleet.given().autoscaling_group.clone();
    let (queue_url, table) = (settings.queue_url()?, settings.table()?);
    let topic = settings.topic_arn()?;
    let clients = Clients::from_environment(settings.region).await;
    let ledger = Ledger::new(clients.dynamodb.clone(), table);
    let shutdown = Shutdown::on_signals(Duration::from_secs(args.grace))?;

    // Use the queues and the table once before the first cell: a wrong name must end this worker,
    // and not fail cells.
    let mode = mode(&args);
    let unstarted: TaskId = "startup-check".parse()?;
    let dead_url = settings.dead_letter_queue_url;
    let (cells, dead_letters) = inboxes(&clients, queue_url, dead_url).await?;
    ledger.read(&Key::Header(unstarted.clone())).await?;

    // Share the machine among the cells.
    let worker = args.name.clone().unwrap_or_else(default_name);
    let shares = Shares::of_this_machine(args.slots, args.memory, args.largest_memory);
    shares.log(&worker, &cells);

    // Malformed messages go to the fleet's own output bucket, where the worker may write.
    let bucket = settings.output_bucket.as_ref();
    let default_poison = bucket
        .map(|bucket| S3Url::new(bucket, "poison"))
        .transpose()?;
    let poison = args.poison.clone().or(default_poison);

    // Build the handler of messages from the inside out.
    let processor = CellProcessor {
        objects: clients.objects.clone(),
        slots: Arc::new(Semaphore::new(shares.slots)),
        threads: shares.threads,
        memory: shares.memory,
        own_bucket: poison.as_ref().map(|place| place.bucket().to_owned()),
        known: Arc::new(KnownBuckets::new(ledger.clone())),
        shutdown: shutdown.clone(),
    };
    let uncounted = Uncounted::default();
    let (activities, breakers) = (Activities::default(), Arc::new(Breakers::default()));
    let probe = Probe {
        queue: cells.queue.clone(),
        ledger: ledger.clone(),
        objects: clients.objects.clone(),
        output: poison.as_ref().map(|place| place.join("probe")),
        task: unstarted,
    };
    tokio::spawn(probe.run(Arc::clone(&breakers), shutdown.abort.clone()));
    let topic = Topic::new(clients.sns.clone(), topic);
    let handler = MessageHandler {
        tracker: Tracker::new(
            ledger.clone(),
            clients.objects.clone(),
            topic.clone(),
            worker.clone(),
        ),
        processor,
        worker: worker.clone(),
        budget: AttemptBudget {
            ledger: ledger.clone(),
            max_failures: args.max_failures,
            max_crashes: args.max_crashes,
            uncounted: uncounted.clone(),
        },
        isolation: Isolation::default(),
        poison: PoisonStore::new(clients.objects.clone(), poison),
        activities: activities.clone(),
        breakers: Arc::clone(&breakers),
        cells: cells.queue.clone(),
        deletions: DeleteBatcher::new(cells.queue.clone()),
        recipe_refusals: AtomicU64::new(0),
    };

    // Run the main loop, and report on it.
    let reporter = Reporter {
        ledger: ledger.clone(),
        group: group.clone().unwrap_or_else(|| NO_GROUP.to_owned()),
        worker: worker.clone(),
        activities,
        breakers: Arc::clone(&breakers),
    };
    let (ahead, abort) = (usize::from(args.ahead), shutdown.abort.clone());
    let pool = Pool {
        sweep: Arc::new(sweep(&clients, &ledger, topic, &cells)),
        cells,
        dead_letters,
        breakers,
        handler: Arc::new(handler),
        max_held: shares.slots + ahead,
        batch: pool::receive_batch(ahead),
        machine: Machine::watch(
            membership(&clients, group, ledger, args.machine),
            shutdown.clone(),
        ),
        shutdown,
        mode,
        health: HealthFile::new(args.health_file),
    };
    let done = Box::pin(reporter.during(pool.run())).await;
    wait_for_counts(&uncounted, &abort).await;
    done?;
    tracing::info!(worker, calls = ?clients.calls.counts(), "stopped");
    Ok(())
}

fn sweep(clients: &Clients, ledger: &Ledger, topic: Topic, cells: &Inbox) -> Sweep {
    Sweep {
        ledger: ledger.clone(),
        objects: clients.objects.clone(),
        topic,
        cells: cells.queue.clone(),
    }
}

/// Waits for interruptions that the ledger has not counted yet, as long as there is time: an attempt
/// without an end looks like a crash.
async fn wait_for_counts(uncounted: &Uncounted, abort: &CancellationToken) {
    tokio::select! {
        () = uncounted.wait() => {}
        () = async {
            abort.cancelled().await;
            tokio::time::sleep(LAST_COUNTS).await;
        } => tracing::warn!("interruptions are not counted"),
    }
}

/// What each of the cells that are fused at a time has of the machine.
struct Shares {
    slots: usize,
    threads: usize,
    memory: MemoryBudget,
}

impl Shares {
    fn of_this_machine(
        slots: Option<u16>,
        memory: Option<u32>,
        largest_memory: Option<u32>,
    ) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let slots = slots.map_or_else(|| cell::default_slots(cores), usize::from);
        let memory = memory.map_or_else(MemoryBudget::of_this_machine, MemoryBudget::new);
        let largest = largest_memory.unwrap_or(memory.mib());
        Self {
            slots,
            threads: cores.div_ceil(slots),
            memory: memory.with_largest(largest),
        }
    }

    fn log(&self, worker: &str, cells: &Inbox) {
        tracing::info!(
            worker,
            slots = self.slots,
            threads = self.threads,
            memory_mib = self.memory.mib(),
            queue = cells.queue.url(),
            timeout_s = cells.visibility_timeout.as_secs(),
            "waiting for cells"
        );
    }
}

fn mode(args: &RunArgs) -> RunMode {
    match (args.until_empty, args.once) {
        (true, _) => RunMode::UntilEmpty,
        (_, true) => RunMode::Once,
        _ => RunMode::Continuous,
    }
}

/// The queue of cells, and the dead-letter queue if it is known.
async fn inboxes(
    clients: &Clients,
    cells: String,
    dead_letters: Option<String>,
) -> anyhow::Result<(Inbox, Option<Inbox>)> {
    let cells = inbox(clients, Origin::Cells, cells).await?;
    let dead_letters = match dead_letters {
        Some(url) => Some(inbox(clients, Origin::DeadLetters, url).await?),
        None => None,
    };
    Ok((cells, dead_letters))
}

async fn inbox(clients: &Clients, origin: Origin, url: String) -> anyhow::Result<Inbox> {
    let queue = Queue::new(clients.sqs.clone(), url);
    let visibility_timeout = queue.visibility_timeout().await?;
    Ok(Inbox {
        origin,
        queue,
        visibility_timeout,
    })
}

/// Host and process id.
fn default_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}-{}", host.trim(), std::process::id())
}

fn membership(
    clients: &Clients,
    group: Option<String>,
    ledger: Ledger,
    args: MachineArgs,
) -> GroupMembership {
    let hook_time = Duration::from_secs(args.lifecycle_seconds);
    GroupMembership {
        group: group.map(|name| Group::new(clients.autoscaling.clone(), name)),
        ledger,
        hook: args.lifecycle_hook.map(|hook| (hook, hook_time)),
    }
}
