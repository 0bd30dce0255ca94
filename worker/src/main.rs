//! The worker's binary: parse, build, run, map the result to an exit code.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser as _;
use tilefleet_common::aws::{Clients, DeleteBatcher, Group, Queue, Topic};
use tilefleet_common::ledger::{Key, Ledger};
use tilefleet_common::telemetry;
use tilefleet_common::tracker::Tracker;
use tilefleet_worker::cli::{Cli, Command, RunArgs};
use tilefleet_worker::convert;
use tilefleet_worker::health::{self, HealthFile};
use tilefleet_worker::holding::Holder;
use tilefleet_worker::instance::{Machine, Membership};
use tilefleet_worker::isolation::Isolation;
use tilefleet_worker::memory::MemoryBudget;
use tilefleet_worker::poison::Poison;
use tilefleet_worker::pool::{self, Pool, Until};
use tilefleet_worker::shutdown::Shutdown;
use tilefleet_worker::work::{self, Workshop};
use tokio::sync::Semaphore;

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Run(args) => {
            telemetry::start("info");
            runtime().and_then(|runtime| runtime.block_on(run(*args)))
        }
        Command::Fuse(args) => {
            telemetry::start("warn");
            runtime().and_then(|runtime| runtime.block_on(convert::run(args)))
        }
        Command::Health(args) => health::check(&args.health_file, args.max_age)
            .map(|_| ())
            .map_err(Into::into),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Runtime::new().context("the runtime cannot start")
}

#[expect(
    clippy::print_stderr,
    reason = "the last word of a process, which a log filter must not swallow"
)]
fn complain(error: &anyhow::Error) {
    eprintln!("error: {error:#}");
}

async fn run(args: RunArgs) -> anyhow::Result<()> {
    let settings = args.fleet.settings()?;
    let (queue_url, table, topic) = (
        settings.queue_url()?,
        settings.table()?,
        settings.topic_arn()?,
    );
    let clients = Clients::from_environment(settings.region).await;
    let queue = Queue::new(clients.sqs.clone(), queue_url);
    let ledger = Ledger::new(clients.dynamodb.clone(), table);
    let shutdown = Shutdown::on_signals(Duration::from_secs(args.grace))?;

    // Asked before the first cell, so that a wrong name is this worker's trouble and not the
    // cells'.
    let timeout = queue.visibility_timeout().await?;
    ledger.read(&Key::Task("startup-check".parse()?)).await?;
    let dead_letters = match settings.dead_letter_queue_url {
        Some(url) => {
            let queue = Queue::new(clients.sqs.clone(), url);
            let timeout = queue.visibility_timeout().await?;
            Some((queue, timeout))
        }
        None => None,
    };

    let worker = args.name.unwrap_or_else(|| {
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        format!("{}-{}", host.trim(), std::process::id())
    });
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let slots = args.slots.map_or_else(|| work::slots(cores), usize::from);
    let threads = cores.div_ceil(slots);
    let memory = args
        .memory
        .map_or_else(MemoryBudget::of_this_machine, MemoryBudget::new);
    tracing::info!(
        worker,
        slots,
        threads,
        memory_mib = memory.mib(),
        queue = queue.url(),
        timeout_s = timeout.as_secs(),
        "waiting for cells"
    );
    let membership = Membership {
        group: args
            .machine
            .autoscaling_group
            .map(|name| Group::new(clients.autoscaling.clone(), name)),
        hook: args
            .machine
            .lifecycle_hook
            .zip(Some(Duration::from_secs(args.machine.lifecycle_seconds))),
    };
    let output = settings
        .output_bucket
        .map(|bucket| format!("s3://{bucket}/poison").parse())
        .transpose()?;
    let workshop = Workshop {
        objects: clients.objects.clone(),
        slots: Arc::new(Semaphore::new(slots)),
        threads,
        memory,
        shutdown: shutdown.clone(),
    };
    let topic = Topic::new(clients.sns.clone(), topic);
    let tracker = Tracker::new(ledger, clients.objects.clone(), topic, worker.clone());
    let ahead = usize::from(args.ahead);
    let pool = Pool {
        queue: queue.clone(),
        timeout,
        dead_letters,
        holder: Arc::new(Holder {
            tracker,
            workshop,
            worker: worker.clone(),
            max_failures: args.max_failures,
            max_crashes: args.max_crashes,
            isolation: Isolation::default(),
            poison: Poison::new(clients.objects.clone(), args.poison.or(output)),
            deletions: DeleteBatcher::new(queue),
        }),
        most: slots + ahead,
        batch: pool::batch(ahead),
        machine: Machine::watch(membership, shutdown.clone()),
        shutdown,
        until: match (args.until_empty, args.once) {
            (true, _) => Until::Empty,
            (_, true) => Until::Once,
            _ => Until::Stopped,
        },
        health: HealthFile::new(args.health_file),
    };
    pool.run().await?;
    tracing::info!(worker, calls = ?clients.calls.counts(), "stopped");
    Ok(())
}
