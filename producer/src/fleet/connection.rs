//! The AWS clients of a command, made from its settings.

use std::num::NonZero;

use tilefleet_common::aws::{Clients, Group, Queue, Topic};
use tilefleet_common::deployment::CELLS_PER_WORKER;
use tilefleet_common::dispatch::Dispatch;
use tilefleet_common::domain::TaskId;
use tilefleet_common::ledger::{Ledger, TaskRecord};
use tilefleet_settings::Settings;

use super::worker_trouble::WorkerTrouble;
use crate::cli::{GlobalArgs, note};
use crate::error::ProducerError;

/// The ledger, for commands that send no cells.
#[derive(Debug)]
pub(crate) struct LedgerConnection {
    pub(crate) clients: Clients,
    pub(crate) ledger: Ledger,
    settings: Settings,
    table: String,
}

impl LedgerConnection {
    pub(crate) async fn open(global: &GlobalArgs) -> Result<Self, ProducerError> {
        let settings = global.fleet.settings()?;
        let table = settings.table()?;
        let clients = Clients::from_environment(settings.region.clone()).await;
        let ledger = Ledger::new(clients.dynamodb.clone(), table.clone());
        Ok(Self {
            clients,
            ledger,
            settings,
            table,
        })
    }

    /// The task's item.
    pub(crate) async fn task(&self, task: &TaskId) -> Result<TaskRecord, ProducerError> {
        find_task(&self.ledger, &self.table, task).await
    }

    /// What the workers cannot use at the moment. Nothing, if their items cannot be read: the caller
    /// has read others from the same table.
    pub(crate) async fn worker_trouble(&self) -> Vec<WorkerTrouble> {
        let group = self.settings.autoscaling_group.as_deref();
        let workers = self.ledger.workers(group).await;
        workers.map_or_else(|_| vec![], |workers| WorkerTrouble::of(&workers))
    }

    /// The error of a command that does not find the task.
    pub(crate) fn no_such_task(&self, task: &TaskId) -> ProducerError {
        no_such_task(&self.table, task)
    }

    /// The topic of notices, if it is set.
    pub(crate) fn topic(&self) -> Option<Topic> {
        let arn = self.settings.topic_arn.clone()?;
        Some(Topic::new(self.clients.sns.clone(), arn))
    }

    /// Prints the number of AWS calls to stderr, under `--verbose`.
    pub(crate) fn print_calls(&self, global: &GlobalArgs) {
        print_calls(&self.clients, global);
    }
}

/// Ledger, queues and workers' group, for commands that send cells.
#[derive(Debug)]
pub(crate) struct FleetConnection {
    pub(crate) clients: Clients,
    pub(crate) ledger: Ledger,
    pub(crate) queue: Queue,
    /// The dead-letter queue, if it is set.
    pub(crate) dead_letters: Option<Queue>,
    /// The workers' group, if it is set.
    pub(crate) group: Option<Group>,
    pub(crate) cells_per_worker: u32,
    table: String,
}

impl FleetConnection {
    pub(crate) async fn open(global: &GlobalArgs) -> Result<Self, ProducerError> {
        let settings = global.fleet.settings()?;
        let (queue_url, table) = (settings.queue_url()?, settings.table()?);
        let cells_per_worker = settings
            .cells_per_worker
            .map_or(CELLS_PER_WORKER, NonZero::get);
        let clients = Clients::from_environment(settings.region).await;
        let ledger = Ledger::new(clients.dynamodb.clone(), table.clone());
        let queue = Queue::new(clients.sqs.clone(), queue_url);
        let dead_letters = settings
            .dead_letter_queue_url
            .map(|url| Queue::new(clients.sqs.clone(), url));
        let group = settings
            .autoscaling_group
            .map(|name| Group::new(clients.autoscaling.clone(), name));
        Ok(Self {
            clients,
            ledger,
            queue,
            dead_letters,
            group,
            cells_per_worker,
            table,
        })
    }

    /// The task's item.
    pub(crate) async fn task(&self, task: &TaskId) -> Result<TaskRecord, ProducerError> {
        find_task(&self.ledger, &self.table, task).await
    }

    /// Sends cells of the task, whose item is `record`.
    pub(crate) fn dispatch<'a>(&'a self, task: &'a TaskId, record: &'a TaskRecord) -> Dispatch<'a> {
        Dispatch {
            objects: &self.clients.objects,
            ledger: &self.ledger,
            queue: &self.queue,
            task,
            record,
        }
    }

    /// Prints the number of AWS calls to stderr, under `--verbose`.
    pub(crate) fn print_calls(&self, global: &GlobalArgs) {
        print_calls(&self.clients, global);
    }
}

async fn find_task(
    ledger: &Ledger,
    table: &str,
    task: &TaskId,
) -> Result<TaskRecord, ProducerError> {
    let found = ledger.task(task).await?;
    found.ok_or_else(|| no_such_task(table, task))
}

fn no_such_task(table: &str, task: &TaskId) -> ProducerError {
    ProducerError::NoSuchTask {
        task: task.clone(),
        table: table.to_owned(),
    }
}

fn print_calls(clients: &Clients, global: &GlobalArgs) {
    if global.verbose {
        for (operation, count) in clients.calls.counts() {
            note(&format!("{count:>8} {operation}"));
        }
    }
}
