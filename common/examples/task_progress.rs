//! Reads from the ledger how far a task is, with one read of its header and of each of its shards.
//!
//! `make demo KEEP=1` leaves a fleet running and names a file of its settings. In another terminal:
//!
//! ```console
//! $ . demo-output/env.sh
//! $ cargo run --workspace --example task_progress -- rgb-0123456789abcdef
//! ```
//!
//! Without a task it shows those that were submitted last.

use std::env;
use std::error::Error;

use tilefleet_common::aws::Clients;
use tilefleet_common::domain::{DomainError, TaskId};
use tilefleet_common::ledger::{Ledger, Progress};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // The same variables that producer and worker read; `AWS_ENDPOINT_URL` leads to a local endpoint.
    let table =
        env::var("TILEFLEET_TABLE").map_err(|_| "set TILEFLEET_TABLE to the ledger's table")?;
    let clients = Clients::from_environment(None).await;
    let ledger = Ledger::new(clients.dynamodb.clone(), table);
    if let Some(task) = env::args().nth(1) {
        let task = task
            .parse()
            .map_err(|error: DomainError| error.to_string())?;
        return show(&ledger, &task).await;
    }
    for (task, _) in ledger.tasks(10).await? {
        show(&ledger, &task).await?;
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "an example is there to print")]
async fn show(ledger: &Ledger, task: &TaskId) -> Result<(), Box<dyn Error>> {
    let record = ledger
        .task(task)
        .await?
        .ok_or("the ledger has no such task; `producer list` names all")?;
    let shards = ledger.shards(task, &record).await?;
    let progress = Progress::of(&record, &shards);
    let Progress {
        cells, remaining, ..
    } = progress;
    println!("{task}: {}, epoch {}", record.state.name(), record.epoch);
    println!("  of {cells} cells {progress}, {remaining} to do");
    println!("  open groups: {:?}", record.open_groups);
    Ok(())
}
