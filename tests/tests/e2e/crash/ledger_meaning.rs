//! The ledger's writes do in DynamoDB what the model test assumes of them.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use tilefleet_common::domain::{Artefact, Job, JobId, MessageKey, Recipe, Role, Scope, TaskId};
use tilefleet_common::ledger::transition::{self, Failure, NewTask, Notice, Success, Ticket};
use tilefleet_common::ledger::{
    Answer, Item, Key, NoRaster, Part, TaskState, Transaction, TransactionAnswer, Write,
};

use crate::support::site::Site;

/// The table in memory.
#[derive(Default)]
struct Memory(BTreeMap<Key, Item>);

impl Memory {
    fn write(&mut self, write: &Write) -> Answer {
        let before = self.0.get(&write.key);
        match write.apply(before) {
            Some(item) => {
                self.0.insert(write.key.clone(), item.clone());
                Answer::Applied(item)
            }
            None => Answer::Refused(before.cloned()),
        }
    }

    fn transact(&mut self, transaction: &Transaction) -> TransactionAnswer {
        if !transaction
            .parts
            .iter()
            .all(|part| part.allowed(self.0.get(part.key())))
        {
            return TransactionAnswer::Refused;
        }
        for part in &transaction.parts {
            if let Part::Write(write) = part {
                self.write(write);
            }
        }
        TransactionAnswer::Applied
    }
}

enum Move {
    Write(Write),
    Transact(Transaction),
}

/// Any step of the protocol. Their order is random, so that each condition holds sometimes and
/// fails sometimes.
#[expect(clippy::too_many_lines, reason = "a table with a step in each item")]
fn any_move(random: &mut StdRng, task: &TaskId, memory: &Memory) -> Result<Move> {
    let shard = random.random_range(0..2);
    let ordinal = shard * 2 + random.random_range(0..2);
    let cell = "48RXT/2020-08-01/0".parse()?;
    let ticket = Ticket {
        task: task.clone(),
        shard,
        group: 0,
        ordinal,
        cell,
        job: JobId::Probe,
        reopened: 0,
        expires_at: Some(1_800_000_000),
    };
    let output = "s3://bucket/output/".parse()?;
    let epoch = random.random_range(1..4);
    let failure = Failure {
        code: "code".into(),
        message: "ü".repeat(300),
    };
    let success = Success {
        output,
        artefacts: vec![Artefact {
            role: Role::Raster,
            location: "ü.tif".into(),
            etag: "\"tag\"".into(),
            bytes: u64::MAX,
        }],
        without_raster: random.random_bool(0.3).then_some(NoRaster::TooFewValid),
        fetch_ms: 1,
        fuse_ms: 2,
        publish_ms: 3,
    };
    let notice = if random.random_bool(0.5) {
        Notice::Complete(epoch)
    } else {
        Notice::Cancelled(epoch)
    };
    let states = [TaskState::Running, TaskState::Complete];
    let failed = match memory
        .0
        .get(&Key::Shard(task.clone(), shard))
        .and_then(|item| item.get("failed"))
    {
        Some(tilefleet_common::ledger::Value::Numbers(failed)) => failed.clone(),
        _ => BTreeSet::from([ordinal]),
    };
    let rgb = Recipe::builtin("rgb").context("no recipe rgb")?;
    Ok(match random.random_range(0..26) {
        0 => Move::Write(transition::create_header(&NewTask {
            task: task.clone(),
            cells: 4,
            shard_size: 2,
            group_size: 2,
            manifest: success.output.join("manifest"),
            job: Job::Raster(rgb.clone()).id(),
            scope: Scope::default(),
            output: success.output.clone(),
            region: Some("eu-west-1".into()),
            digest: "d".into(),
            message_key: MessageKey::random(),
            max_failed: Some(2),
            created_at: "now".into(),
            submitter_until: 0,
            expires_at: 1_800_000_000,
        })),
        1 => Move::Write(transition::create_shard(
            task,
            shard,
            shard * 2..shard * 2 + 2,
            ticket.expires_at,
        )),
        2 => Move::Write(transition::mark_enqueued(task, shard, epoch - 1)),
        3 => Move::Write(transition::mark_submitted(
            task,
            if epoch == 1 { "now" } else { "later" },
        )),
        4 => Move::Write(transition::start_cell(&ticket, "worker", "now")),
        5 => Move::Write(transition::record_ok(&ticket, &success, "worker", "now")),
        6 => Move::Write(transition::record_failed(
            &ticket, &failure, "worker", "now",
        )),
        7 => Move::Write(transition::count_failure(&ticket, &failure, "now")),
        8 => Move::Write(transition::count_interruption(&ticket)),
        9 => Move::Write(transition::close_ok(&ticket)),
        10 => Move::Write(transition::close_failed(&ticket)),
        11 => Move::Transact(transition::close_shard(task, 0, shard)),
        12 => Move::Write(transition::complete_task(task, "now")),
        13 => Move::Write(transition::claim_notice(
            task,
            notice,
            i64::from(epoch) * 10,
            i64::from(epoch) * 10 + 5,
        )),
        14 => Move::Write(match epoch {
            1 => transition::release_notice(task, notice, 15, "why"),
            _ => transition::mark_notified(task, notice),
        }),
        15 => Move::Write(transition::cancel_task(task, &"ü".repeat(300), "now", 7)),
        16 => Move::Write(transition::resume_task(task)),
        17 => Move::Write(transition::stop_task(task, epoch, "now", 7)),
        18 => Move::Write(transition::lose_cell(
            &ticket,
            &success.artefacts,
            &failure,
            "now",
        )),
        19 => Move::Write(transition::unmark_enqueued(task, shard)),
        20 => Move::Write(transition::create_recipe(task, rgb, ticket.expires_at)),
        23 => Move::Write(transition::count_failed(task)),
        24 => Move::Write(transition::close_without_raster(
            &ticket,
            *NoRaster::ALL
                .choose(random)
                .unwrap_or(&NoRaster::OutsideArea),
        )),
        21 => Move::Write(transition::create_group(task, 0, 0..2, ticket.expires_at)),
        22 => Move::Transact(transition::close_group(task, 0)),
        _ => Move::Transact(transition::retry_shard(
            task,
            (*states.choose(random).unwrap_or(&states[0]), epoch),
            (0, shard),
            &failed,
            &if random.random_bool(0.5) {
                failed.clone()
            } else {
                [ordinal].into()
            },
        )),
    })
}

#[tokio::test]
async fn a_write_does_the_same_in_the_table_as_in_memory() -> Result<()> {
    let site = Site::new("meaning").await?;
    let seed = rand::random::<u64>();
    let mut random = StdRng::seed_from_u64(seed);
    let (mut applied, mut refused) = (0, 0);
    for round in 0..12 {
        let task: TaskId = format!("task-{round}").parse()?;
        let mut memory = Memory::default();
        for step in 0..80 {
            let said = format!("seed {seed}, round {round}, step {step}");
            match any_move(&mut random, &task, &memory)? {
                Move::Write(write) => {
                    let (expected, real) = (memory.write(&write), site.ledger.write(&write).await?);
                    ensure!(
                        expected == real,
                        "{said}: {write:?}\nin memory {expected:?}\nin the table {real:?}"
                    );
                    if matches!(real, Answer::Applied(_)) {
                        applied += 1;
                    } else {
                        refused += 1;
                    }
                }
                Move::Transact(transaction) => {
                    let (expected, real) = (
                        memory.transact(&transaction),
                        site.ledger.transact(&transaction).await?,
                    );
                    ensure!(
                        expected == real,
                        "{said}: {transaction:?}\nin memory {expected:?}\nin the table {real:?}"
                    );
                    if real == TransactionAnswer::Applied {
                        applied += 1;
                    } else {
                        refused += 1;
                    }
                }
            }
        }
        for (key, item) in &memory.0 {
            let real = site.ledger.read(key).await?;
            ensure!(
                real.as_ref() == Some(item),
                "seed {seed}: {key}\nin memory {item:?}\nin the table {real:?}"
            );
        }
    }
    ensure!(
        applied > 100 && refused > 100,
        "seed {seed}: {applied} applied, {refused} refused"
    );
    Ok(())
}
