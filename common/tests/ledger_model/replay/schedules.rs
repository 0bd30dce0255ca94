//! What happens in each trace.

use tilefleet_common::ledger::flow::Step;

use super::committed::is_committed;
use super::script::Script;
use crate::event::Event;
use crate::{ONE_SHARD, TWO_SHARDS};

const FIRST: u8 = 0;
const SECOND: u8 = 1;

#[test]
fn submit_dies_half_way() {
    let mut script = Script::new(
        TWO_SHARDS,
        "A submit dies half way",
        [
            "The task exists with both shards open, so it cannot complete before shard 1 exists. The same",
            "command again completes the submit. It sends cell 0 a second time, which does no harm.",
        ],
    );
    script
        .times(6, Event::Submit)
        .event(Event::SubmitCrashes)
        .note("the operator runs the same command again")
        .until_it_cannot(Event::Submit)
        .receive(FIRST, 0)
        .finish(FIRST)
        .note("the second message of cell 0")
        .receive(FIRST, 0)
        .finish(FIRST)
        .make(FIRST, 1);
    is_committed("submit_dies_half_way", script);
}

#[test]
fn one_of_two_workers_loses_its_lease() {
    let mut script = Script::new(
        TWO_SHARDS,
        "One of two workers loses its lease",
        [
            "Both make cell 0. The first records ok and dies before it closes the cell. The second fails.",
            "Ok wins: the second closes the cell as ok. Otherwise cell 0 would stay pending for ever.",
        ],
    );
    script.submit().make(FIRST, 1);
    script.begin(FIRST, 0).event(Event::Expire(FIRST));
    script.begin(SECOND, 0);
    script
        .until(FIRST, |step| matches!(step, Step::CloseOk(_)))
        .event(Event::Crash(FIRST));
    script.event(Event::WorkFailed(SECOND)).finish(SECOND);
    is_committed("one_of_two_workers_loses_its_lease", script);
}

#[test]
fn retry_at_the_same_time_as_a_close() {
    let mut script = Script::new(
        ONE_SHARD,
        "A retry comes at the same time as a close",
        [
            "Cell 0 has failed. A retry reopens it just before the worker of cell 1 closes the shard. The",
            "check of step 8 refuses that. Otherwise the task would complete with a pending cell.",
        ],
    );
    script.submit();
    script
        .begin(FIRST, 0)
        .event(Event::WorkFailed(FIRST))
        .finish(FIRST);
    script
        .receive(FIRST, 1)
        .until(FIRST, |step| *step == Step::CloseShard);
    script.event(Event::RetryAsked).times(3, Event::Retry);
    script.finish(FIRST);
    script.until_it_cannot(Event::Retry);
    script.make(FIRST, 0);
    is_committed("retry_at_the_same_time_as_a_close", script);
}

#[test]
fn cancel_and_resume() {
    let mut script = Script::new(
        ONE_SHARD,
        "A task is cancelled and resumed",
        [
            "Cancel dies before its notice; a worker sends it and drops its message. A cell that has begun is",
            "finished. Resume runs the task before it sends, or else workers would drop the new messages.",
        ],
    );
    script.submit();
    script.begin(FIRST, 0).event(Event::Cancel);
    script.note("the command dies; its claim of the notice runs out");
    script.event(Event::LeaseLapses);
    script.receive(SECOND, 1).finish(SECOND);
    script.finish(FIRST);
    script
        .event(Event::ResumeAsked)
        .until_it_cannot(Event::Resume);
    script.make(FIRST, 1);
    is_committed("cancel_and_resume", script);
}

#[test]
fn task_is_stopped_by_its_limit() {
    let mut script = Script::with_limit(
        1,
        ONE_SHARD,
        "A task is stopped by its limit of failed cells",
        [
            "One failed cell is one too many. The worker that counts it stops the task and sends the notice;",
            "later messages are dropped. Resume counts from 0 again, and the failed cell stays failed.",
        ],
    );
    script.submit();
    script
        .begin(FIRST, 0)
        .event(Event::WorkFailed(FIRST))
        .finish(FIRST);
    script.receive(SECOND, 1).finish(SECOND);
    script
        .event(Event::ResumeAsked)
        .until_it_cannot(Event::Resume);
    script.make(FIRST, 1);
    is_committed("task_is_stopped_by_its_limit", script);
}

#[test]
fn notice_repeated() {
    let mut script = Script::new(
        ONE_SHARD,
        "A notice is sent twice",
        [
            "A worker dies after it has published the notice and before it marks it as sent. Its message",
            "comes again, waits until the claim has run out, and publishes the same event_id.",
        ],
    );
    script.submit().make(FIRST, 0);
    script.receive(FIRST, 1);
    script.until(FIRST, |step| matches!(step, Step::MarkNotified(_)));
    script.event(Event::Crash(FIRST));
    script.receive(SECOND, 1).finish(SECOND);
    script.event(Event::LeaseLapses);
    script.receive(SECOND, 1).finish(SECOND);
    is_committed("notice_repeated", script);
}

#[test]
fn retry_while_the_notice_is_made() {
    let mut script = Script::new(
        ONE_SHARD,
        "A retry comes while the notice is made",
        [
            "The worker has claimed the notice of epoch 1 when a retry reopens cell 0. What it counts is not",
            "what became of epoch 1, so it publishes nothing. The notice of epoch 2 tells.",
        ],
    );
    script.submit().make(FIRST, 1);
    script.begin(FIRST, 0).event(Event::WorkFailed(FIRST));
    script.until(FIRST, |step| matches!(step, Step::Publish { .. }));
    script
        .event(Event::RetryAsked)
        .until_it_cannot(Event::Retry);
    script.finish(FIRST);
    script.make(SECOND, 0);
    is_committed("retry_while_the_notice_is_made", script);
}

#[test]
fn failed_cell_is_retried() {
    let mut script = Script::new(
        TWO_SHARDS,
        "A failed cell is retried after the task was complete",
        [
            "The first notice counts a failed cell. The retry begins epoch 2, which ends with a notice of",
            "its own. Only the shard of the failed cell is reopened and sent again.",
        ],
    );
    script.submit().make(FIRST, 0);
    script
        .begin(FIRST, 1)
        .event(Event::WorkFailed(FIRST))
        .finish(FIRST);
    script.note("the operator repairs the input of cell 1");
    script
        .event(Event::RetryAsked)
        .until_it_cannot(Event::Retry);
    script.receive(FIRST, 1).finish(FIRST);
    is_committed("failed_cell_is_retried", script);
}

#[test]
fn dead_letter() {
    let mut script = Script::new(
        ONE_SHARD,
        "A dead letter becomes a failed cell",
        [
            "Every worker that holds cell 0 dies. After ten receives SQS moves its message to the dead-letter",
            "queue. A worker takes it from there by the same steps, but fails the cell instead of making it.",
        ],
    );
    script.submit().make(FIRST, 1);
    script.begin(FIRST, 0).event(Event::Crash(FIRST));
    script.note("nine more workers die in the same way; the message is a dead letter now");
    script.begin(SECOND, 0).event(Event::WorkFailed(SECOND));
    script.until(SECOND, |step| matches!(step, Step::Announce(_)));
    script.event(Event::Crash(SECOND));
    script.note("the dead letter becomes visible again, as any message does");
    script
        .begin(FIRST, 0)
        .event(Event::WorkFailed(FIRST))
        .finish(FIRST);
    is_committed("dead_letter", script);
}

#[test]
fn repair_sends_again() {
    let mut script = Script::with_repair(
        ONE_SHARD,
        "A repair sends again what was lost",
        [
            "The messages are lost. `verify --repair` first marks the shard as not enqueued, then sends. A",
            "repair that dies in between is run again: the shard still shows what it has to send.",
        ],
    );
    script.submit().make(FIRST, 0).purge();
    script
        .event(Event::RepairAsked)
        .event(Event::Retry)
        .event(Event::RetryCrashes);
    script.note("the operator runs the same command again");
    script.until_it_cannot(Event::Retry);
    script.make(FIRST, 1);
    is_committed("repair_sends_again", script);
}
