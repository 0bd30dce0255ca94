//! `worker run`: builds the parts of a worker from its arguments, and runs the main loop.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use tilefleet_common::aws::{Clients, DeleteBatcher, Group, Queue, Topic};
use tilefleet_common::ledger::{Key, Ledger};
use tilefleet_common::tracker::Tracker;
use tokio::sync::Semaphore;

use crate::cell::{self, CellProcessor, MemoryBudget};
use crate::cli::{MachineArgs, RunArgs};
use crate::machine::health::HealthFile;
use crate::machine::{GroupMembership, Machine, Shutdown};
use crate::message::{AttemptBudget, Inbox, Isolation, MessageHandler, Origin, PoisonStore};
use crate::pool::{self, Pool, RunMode};

/// Processes cells until the run mode or a signal ends it.
///
/// # Errors
/// When a setting is missing, or the queue or the table cannot be used.
pub async fn run(args: RunArgs) -> anyhow::Result<()> {
    let settings = args.fleet.settings()?;
    // Of flags and environment alone: a configuration file is for many machines.
    let group = args.fleet.given().autoscaling_group.clone();
    let (queue_url, table, topic) = (
        settings.queue_url()?,
        settings.table()?,
        settings.topic_arn()?,
    );
    let clients = Clients::from_environment(settings.region).await;
    let ledger = Ledger::new(clients.dynamodb.clone(), table);
    let shutdown = Shutdown::on_signals(Duration::from_secs(args.grace))?;

    // Use the queues and the table once before the first cell: a wrong name must end this worker,
    // and not fail cells.
    let cells = inbox(&clients, Origin::Cells, queue_url).await?;
    ledger.read(&Key::Header("startup-check".parse()?)).await?;
    let dead_letters = match settings.dead_letter_queue_url {
        Some(url) => Some(inbox(&clients, Origin::DeadLetters, url).await?),
        None => None,
    };

    // Share the machine among the cells.
    let worker = args.name.unwrap_or_else(default_name);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let slots = args
        .slots
        .map_or_else(|| cell::default_slots(cores), usize::from);
    let threads = cores.div_ceil(slots);
    let memory = args
        .memory
        .map_or_else(MemoryBudget::of_this_machine, MemoryBudget::new);
    tracing::info!(
        worker,
        slots,
        threads,
        memory_mib = memory.mib(),
        queue = cells.queue.url(),
        timeout_s = cells.visibility_timeout.as_secs(),
        "waiting for cells"
    );

    // Build the handler of messages from the inside out.
    let processor = CellProcessor {
        objects: clients.objects.clone(),
        slots: Arc::new(Semaphore::new(slots)),
        threads,
        memory,
        shutdown: shutdown.clone(),
    };
    let default_poison = settings
        .output_bucket
        .map(|bucket| format!("s3://{bucket}/poison").parse())
        .transpose()?;
    let topic = Topic::new(clients.sns.clone(), topic);
    let handler = MessageHandler {
        tracker: Tracker::new(
            ledger.clone(),
            clients.objects.clone(),
            topic,
            worker.clone(),
        ),
        processor,
        worker: worker.clone(),
        budget: AttemptBudget {
            ledger,
            max_failures: args.max_failures,
            max_crashes: args.max_crashes,
        },
        isolation: Isolation::default(),
        poison: PoisonStore::new(clients.objects.clone(), args.poison.or(default_poison)),
        deletions: DeleteBatcher::new(cells.queue.clone()),
        recipe_refusals: AtomicU64::new(0),
    };

    // Run the main loop.
    let ahead = usize::from(args.ahead);
    let pool = Pool {
        cells,
        dead_letters,
        handler: Arc::new(handler),
        max_held: slots + ahead,
        batch: pool::receive_batch(ahead),
        machine: Machine::watch(membership(&clients, group, args.machine), shutdown.clone()),
        shutdown,
        mode: match (args.until_empty, args.once) {
            (true, _) => RunMode::UntilEmpty,
            (_, true) => RunMode::Once,
            _ => RunMode::Continuous,
        },
        health: HealthFile::new(args.health_file),
    };
    pool.run().await?;
    tracing::info!(worker, calls = ?clients.calls.counts(), "stopped");
    Ok(())
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

fn membership(clients: &Clients, group: Option<String>, args: MachineArgs) -> GroupMembership {
    let hook_time = Duration::from_secs(args.lifecycle_seconds);
    GroupMembership {
        group: group.map(|name| Group::new(clients.autoscaling.clone(), name)),
        hook: args.lifecycle_hook.map(|hook| (hook, hook_time)),
    }
}
