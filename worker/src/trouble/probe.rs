//! Probes: read-only calls that find out whether what every cell needs works again.

use std::sync::Arc;

use tilefleet_common::aws::{AwsErrorKind, ObjectStore, Queue, Upload};
use tilefleet_common::domain::{S3Url, TaskId};
use tilefleet_common::ledger::{Key, Ledger};
use tokio_util::sync::CancellationToken;

use super::blame::{self, Blame, Dependency, Trouble};
use super::breakers::Breakers;

/// What is asked whether it works.
#[derive(Debug)]
pub struct Probe {
    /// The queue of cells.
    pub queue: Queue,
    /// The ledger.
    pub ledger: Ledger,
    /// S3.
    pub objects: ObjectStore,
    /// An object in the fleet's output bucket that need not exist, if the bucket is known.
    pub output: Option<S3Url>,
    /// A task that need not exist.
    pub task: TaskId,
}

impl Probe {
    /// Probes what does not work, each at its own intervals, until `stop`.
    pub async fn run(self, breakers: Arc<Breakers>, stop: CancellationToken) {
        let mut changes = breakers.changes();
        loop {
            for (dependency, blame) in breakers.due() {
                match self.probe(&dependency, blame).await {
                    Ok(()) => breakers.close(&dependency),
                    Err(trouble) => {
                        breakers.trip(&Trouble {
                            dependency,
                            ..trouble
                        });
                    }
                }
            }
            let next = breakers.next_probe();
            tokio::select! {
                () = tokio::time::sleep_until(next.unwrap_or_else(tokio::time::Instant::now)), if next.is_some() => {}
                news = changes.changed() => if news.is_err() { return },
                () = stop.cancelled() => return,
            }
        }
    }

    async fn probe(&self, dependency: &Dependency, blame: Blame) -> Result<(), Trouble> {
        match dependency {
            Dependency::Ledger => {
                let read = self.ledger.read(&Key::Header(self.task.clone())).await;
                read.map(|_| ()).map_err(|error| blame::of_ledger(&error))
            }
            Dependency::Output => self.probe_output(blame).await,
            Dependency::Queue | Dependency::Machine | Dependency::Bucket(_) => {
                let read = self.queue.attributes().await;
                read.map(|_| ()).map_err(|error| blame::of_queue(&error))
            }
        }
    }

    /// Whether the output bucket answers. Only an upload shows that it may be written again; one that
    /// is begun and aborted leaves nothing.
    async fn probe_output(&self, blame: Blame) -> Result<(), Trouble> {
        let Some(object) = &self.output else {
            return Ok(());
        };
        let probed = if blame == Blame::Deployment {
            Upload::probe(&self.objects, object).await
        } else {
            match self.objects.head(object, None).await {
                // S3 denies the look at an object that does not exist to those who may not list.
                Err(error) if error.kind() != AwsErrorKind::AccessDenied => Err(error),
                _ => Ok(()),
            }
        };
        probed.map_err(|error| {
            blame::of_upload(&error, Some(object.bucket()))
                .unwrap_or_else(|| Trouble::of_machine(&error))
        })
    }
}
