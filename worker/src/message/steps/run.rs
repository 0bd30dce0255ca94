//! Carries a message through the ledger's protocol, and holds it while the ledger does not answer.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tilefleet_common::aws::{Received, delay_after};
use tilefleet_common::domain::{Area, S3Url};
use tilefleet_common::fault::shortened;
use tilefleet_common::ledger::LedgerError;
use tilefleet_common::ledger::flow::{Deferral, Outcome, Step};
use tilefleet_common::ledger::transition::Failure;
use tokio::time::Instant;

use crate::activity::Phase;
use crate::message::delivery::Delivery;
use crate::message::disposition::Disposition;
use crate::message::handler::MessageHandler;
use crate::message::inbox::Origin;
use crate::message::isolation::Permit;
use crate::trouble::{self, Dependency};

/// How long a message is held whose next step the ledger does not answer. Its raster may be
/// finished, and a message that goes back costs a receive.
const HOLD: Duration = Duration::from_mins(15);
/// Bounds of the wait between two attempts of a step.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const MAX_WAIT: Duration = Duration::from_secs(30);

/// How long a dead letter waits for a task that the ledger does not know: its submit may still put
/// it there, or a person may mend the worker's table.
const UNKNOWN_TASK_PATIENCE: Duration = Duration::from_hours(24);
const NOT_AS_SENT: &str = "it is not as the producer sent it; verify --repair sends the cell again";
const UNKNOWN_TASK: &str = "the ledger has not known its task for a day";

impl MessageHandler {
    /// Carries out step after step of the ledger's protocol, up to the message's end.
    pub(in crate::message) async fn run_protocol(&self, delivery: &Delivery<'_>) -> Disposition {
        let works = delivery.origin == Origin::Cells;
        let mut step = Step::ReadTask;
        let (mut begun, mut is_signed) = (false, false);
        // Held to the end of this function.
        let mut permit: Option<Permit> = None;
        let mut area: Option<Arc<Area>> = None;
        let named = delivery.message.scope.area.as_ref();
        loop {
            step = match step {
                // A recipe that this version does not understand: a newer worker may.
                Step::Defer(Deferral::Recipe(_)) if !works => {
                    match self.judge_dead_letter(delivery).await {
                        Ok(failure) => Step::Record(Outcome::Failed(failure)),
                        Err(disposition) => return disposition,
                    }
                }
                Step::Defer(Deferral::UnknownTask) if !works && is_old(delivery.received) => {
                    let (url, received) = (delivery.queue_url, delivery.received);
                    return self.keep_poison(url, received, &UNKNOWN_TASK).await;
                }
                // The two ends.
                Step::Delete => return Disposition::Delete,
                Step::Defer(why) => return self.deferred(&why, delivery.received.receives),

                // The task is there, and with it the key of its messages.
                Step::ReadShard if !is_signed => match self.check_signature(delivery).await {
                    Ok(()) => {
                        is_signed = true;
                        Step::ReadShard
                    }
                    Err(disposition) => return disposition,
                },

                // The worker's own steps: before the cell begins it needs its area and a permit, and
                // then it is processed. A dead letter begins nothing.
                Step::Start(job)
                    if works
                        && area.is_none()
                        && let Some(named) = named =>
                {
                    match self.area(delivery, named).await {
                        Ok(read) => area = Some(read),
                        Err(disposition) => return disposition,
                    }
                    Step::Start(job)
                }
                Step::Start(job) if works && permit.is_none() => match self.admit(delivery).await {
                    Ok(Ok(admitted)) => {
                        permit = Some(admitted);
                        Step::Start(job)
                    }
                    Ok(Err(failure)) => Step::Record(Outcome::Failed(failure)),
                    Err(disposition) => return disposition,
                },
                Step::Work(job) if works => {
                    match self.process(delivery, &job, area.clone()).await {
                        Ok(outcome) => Step::Record(outcome),
                        Err(disposition) => return disposition,
                    }
                }
                Step::Start(_) if !works => match self.judge_dead_letter(delivery).await {
                    Ok(failure) => Step::Record(Outcome::Failed(failure)),
                    Err(disposition) => return disposition,
                },

                // All others are the tracker's.
                step => {
                    begun |= matches!(step, Step::Record(_));
                    delivery.activity.enter(Phase::Recording);
                    match self.advance_or_hold(delivery, step, begun).await {
                        Ok(next) => next,
                        Err(disposition) => return disposition,
                    }
                }
            };
            if delivery.lease_lost.is_cancelled() {
                return Disposition::LeaveAlone;
            }
        }
    }

    /// Refuses a message that is not as the producer sent it. The manifest says what is to be done,
    /// and the message only repeats it.
    async fn check_signature(&self, delivery: &Delivery<'_>) -> Result<(), Disposition> {
        match self.tracker.message_key(&delivery.ticket.task).await {
            Ok(Some(key)) if delivery.message.is_signed_with(&key) => Ok(()),
            Ok(_) => {
                let (url, received) = (delivery.queue_url, delivery.received);
                Err(self.keep_poison(url, received, &NOT_AS_SENT).await)
            }
            Err(error) => {
                self.breakers.trip(&trouble::of_ledger(&error));
                Err(Disposition::ReleaseAfter(Duration::ZERO))
            }
        }
    }

    /// Carries out a step, again and again while the ledger does not answer, as long as a message is
    /// held. `begun` says that there is an outcome to record.
    async fn advance_or_hold(
        &self,
        delivery: &Delivery<'_>,
        step: Step,
        begun: bool,
    ) -> Result<Step, Disposition> {
        let shutdown = &self.processor.shutdown;
        // Nothing is lost with a message that has not begun; an outcome is worth the time that is
        // left.
        let ending = if begun {
            &shutdown.abort
        } else {
            &shutdown.stop
        };
        let since = Instant::now();
        for failures in 0_u32.. {
            // Try the step, for as long as the message is this worker's.
            let advanced = tokio::select! {
                advanced = self.advance(delivery, step.clone()) => advanced,
                () = delivery.lease_lost.cancelled() => return Err(Disposition::LeaveAlone),
            };
            let error = match advanced {
                Ok(next) => {
                    self.breakers.close(&Dependency::Ledger);
                    return Ok(next);
                }
                Err(error) => error,
            };
            // Hold the message, unless that has lasted too long or the worker ends.
            let trouble = trouble::of_ledger(&error);
            self.breakers.trip(&trouble);
            if since.elapsed() >= shortened(HOLD) {
                tracing::error!(%error, "the ledger did not answer for too long; the message goes back to the queue");
                break;
            }
            let wait = shortened(delay_after(FIRST_WAIT, MAX_WAIT, failures));
            tracing::warn!(%error, failures, "the ledger did not answer; the message is held");
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = delivery.lease_lost.cancelled() => return Err(Disposition::LeaveAlone),
                () = ending.cancelled() => {
                    tracing::info!("interrupted; handed back");
                    break;
                }
            }
        }
        if begun {
            self.budget.count_interruption(&delivery.ticket).await;
        }
        Err(Disposition::ReleaseAfter(Duration::ZERO))
    }

    async fn advance(&self, delivery: &Delivery<'_>, step: Step) -> Result<Step, LedgerError> {
        let ticket = &delivery.ticket;
        match delivery.origin {
            Origin::Cells => self.tracker.advance(ticket, step).await,
            Origin::DeadLetters => {
                let (epoch, id) = (delivery.message.epoch, &delivery.received.id);
                self.tracker
                    .advance_dead_letter(ticket, epoch, id, step)
                    .await
            }
        }
    }

    /// Waits for a permit to run the cell, an exclusive one if workers died of it before (see
    /// [`super::isolation`]). A cell that too many died of fails instead. One whose bucket does not
    /// work goes back before it begins.
    async fn admit(&self, delivery: &Delivery<'_>) -> Result<Result<Permit, Failure>, Disposition> {
        let cell = &delivery.message.cell;
        let buckets = cell.assets.values().map(S3Url::bucket);
        let buckets = buckets.chain([cell.output.bucket()]);
        if let Some(wait) = self.breakers.wait_for_buckets(buckets) {
            tracing::info!(
                wait_s = wait.as_secs(),
                "a bucket of the cell does not work; handed back before it began"
            );
            return Err(Disposition::ReleaseAfter(wait));
        }

        let crashes = self.budget.crashes(delivery).await;
        if let Some(failure) = self.budget.too_many_crashes(crashes) {
            tracing::error!(
                code = failure.code,
                error = failure.message,
                "crashed too often"
            );
            return Ok(Err(failure));
        }
        if crashes > 0 {
            tracing::warn!(
                crashes,
                "workers that had the cell died or lost the message; it runs alone"
            );
        }
        delivery.activity.enter(Phase::Waiting);
        tokio::select! {
            permit = self.isolation.acquire(crashes > 0) => Ok(Ok(permit)),
            () = delivery.lease_lost.cancelled() => Err(Disposition::LeaveAlone),
            () = self.processor.shutdown.stop.cancelled() => {
                tracing::info!("interrupted; handed back before it began");
                Err(Disposition::ReleaseAfter(Duration::ZERO))
            }
        }
    }
}

fn is_old(received: &Received) -> bool {
    let age = received
        .sent_at
        .map(|sent| Timestamp::now().duration_since(sent));
    let patience = shortened(UNKNOWN_TASK_PATIENCE);
    age.is_some_and(|age| age.unsigned_abs() >= patience)
}
