//! The clients that a command needs, made from its settings.

use std::num::NonZero;

use tilefleet_common::aws::{Clients, Group, Queue};
use tilefleet_common::deployment::CELLS_PER_WORKER;
use tilefleet_common::domain::TaskId;
use tilefleet_common::ledger::{Ledger, TaskRecord};

use crate::cli::Global;
use crate::error::ProducerError;

/// The ledger, for commands that only look.
#[derive(Debug)]
pub(crate) struct LedgerConnection {
    pub(crate) ledger: Ledger,
    table: String,
}

impl LedgerConnection {
    pub(crate) async fn open(global: &Global) -> Result<Self, ProducerError> {
        let settings = global.settings()?;
        let table = settings.table()?;
        let clients = Clients::from_environment(settings.region).await;
        Ok(Self { ledger: Ledger::new(clients.dynamodb, table.clone()), table })
    }

    /// The task's item.
    pub(crate) async fn task(&self, task: &TaskId) -> Result<TaskRecord, ProducerError> {
        let found = self.ledger.task(task).await?;
        found.ok_or_else(|| ProducerError::NoSuchTask { task: task.clone(), table: self.table.clone() })
    }
}

/// Everything, for commands that send cells.
#[derive(Debug)]
pub(crate) struct FleetConnection {
    pub(crate) clients: Clients,
    pub(crate) ledger: Ledger,
    pub(crate) queue: Queue,
    /// The workers' group, if it is known.
    pub(crate) group: Option<Group>,
    pub(crate) cells_per_worker: u32,
}

impl FleetConnection {
    pub(crate) async fn open(global: &Global) -> Result<Self, ProducerError> {
        let settings = global.settings()?;
        let (queue_url, table) = (settings.queue_url()?, settings.table()?);
        let cells_per_worker = settings.cells_per_worker.map_or(CELLS_PER_WORKER, NonZero::get);
        let clients = Clients::from_environment(settings.region).await;
        let ledger = Ledger::new(clients.dynamodb.clone(), table);
        let queue = Queue::new(clients.sqs.clone(), queue_url);
        let group = settings.autoscaling_group.map(|name| Group::new(clients.autoscaling.clone(), name));
        Ok(Self { clients, ledger, queue, group, cells_per_worker })
    }
}
