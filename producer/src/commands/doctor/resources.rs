//! The requests to AWS for each resource. They need no more permissions than a submit.

use jiff::Timestamp;
use tilefleet_common::aws::{Clients, Group, Queue, QueueAttributes, Topic, Upload};
use tilefleet_common::domain::{S3Url, TaskId};
use tilefleet_common::ledger::{Action, Condition, Key, Ledger, LedgerError, Write, attribute};
use tilefleet_settings::Settings;

use super::check::{Check, CheckResult};
use super::verdict;
use crate::cli::DoctorArgs;

/// A task that does not exist, and an object that is never put. In a log, the name says where the
/// request came from.
const PROBE_NAME: &str = "tilefleet-doctor";
/// The newest tasks among which those are looked for that nobody moves.
const TASKS: usize = 100;

/// The resources of a fleet.
pub(super) struct Resources<'a> {
    pub(super) clients: Clients,
    pub(super) settings: Settings,
    pub(super) args: &'a DoctorArgs,
}

impl Resources<'_> {
    /// Checks every resource. One that is missing hides no other, except that all need credentials.
    pub(super) async fn check(&self) -> Vec<Check> {
        let identity = self.identity().await;
        if identity.result == CheckResult::Failed {
            let rest = [
                "queue",
                "dead letters",
                "table",
                "topic",
                "output",
                "scenes",
                "group",
                "workers",
                "tasks",
            ];
            let unknown = |resource| Check::not_checked(resource, "needs credentials and a region");
            return [identity].into_iter().chain(rest.map(unknown)).collect();
        }
        let ((queue, dead_letters), table, topic, output, scenes, group, workers, tasks) = futures::join!(
            self.queues(),
            self.table(),
            self.topic(),
            self.output(),
            self.scenes(),
            self.group(),
            self.workers(),
            self.tasks()
        );
        vec![
            identity,
            queue,
            dead_letters,
            table,
            topic,
            output,
            scenes,
            group,
            workers,
            tasks,
        ]
    }

    async fn identity(&self) -> Check {
        verdict::identity(self.clients.region(), self.clients.access_key().await)
    }

    async fn queues(&self) -> (Check, Check) {
        let url = match self.settings.queue_url() {
            Ok(url) => url,
            Err(error) => {
                let dead_letters =
                    Check::not_checked("dead letters", "needs the queue, which names its own");
                return (Check::failed("queue", error), dead_letters);
            }
        };
        let answer = Queue::new(self.clients.sqs.clone(), url.clone())
            .attributes()
            .await;
        let dead_letters = self.dead_letters(&url, answer.as_ref().ok()).await;
        (verdict::queue(&url, answer), dead_letters)
    }

    async fn dead_letters(&self, queue: &str, attributes: Option<&QueueAttributes>) -> Check {
        let Some(attributes) = attributes else {
            return Check::not_checked("dead letters", "needs the queue, which names its own");
        };
        let url = self.settings.dead_letter_queue_url.clone();
        match verdict::redrive(queue, attributes.redrive.as_ref(), url.as_deref()) {
            Err(check) => check,
            Ok(url) => {
                let dead = Queue::new(self.clients.sqs.clone(), url.to_owned());
                verdict::dead_letters(url, dead.attributes().await)
            }
        }
    }

    async fn table(&self) -> Check {
        let table = match self.settings.table() {
            Ok(table) => table,
            Err(error) => return Check::failed("table", error),
        };
        let answer = self.use_table(&table).await;
        verdict::table(&table, answer)
    }

    /// Reads, writes and lists as a submit does. The write has a condition that no item meets.
    async fn use_table(&self, table: &str) -> Result<(), LedgerError> {
        let ledger = Ledger::new(self.clients.dynamodb.clone(), table.to_owned());
        let task: TaskId = match PROBE_NAME.parse() {
            Ok(task) => task,
            // The name is ours and well formed.
            Err(_) => return Ok(()),
        };
        let key = Key::Header(task);
        ledger.read(&key).await?;
        let never = Write {
            key,
            conditions: vec![Condition::Is(attribute::STATE, PROBE_NAME.into())],
            actions: vec![Action::Set(attribute::STATE, PROBE_NAME.into())],
        };
        ledger.write(&never).await?;
        ledger.tasks(1).await?;
        Ok(())
    }

    async fn topic(&self) -> Check {
        let Some(arn) = &self.settings.topic_arn else {
            return verdict::no_topic();
        };
        verdict::topic(
            arn,
            Topic::new(self.clients.sns.clone(), arn.clone())
                .subscriptions()
                .await,
        )
    }

    async fn output(&self) -> Check {
        let prefix = match (&self.args.output, &self.settings.output_bucket) {
            (Some(prefix), _) => prefix.clone(),
            (None, Some(bucket)) => match S3Url::new(bucket, "") {
                Ok(prefix) => prefix,
                Err(error) => {
                    return Check::failed(
                        "output",
                        format!("{error}; correct output_bucket in the settings"),
                    );
                }
            },
            (None, None) => return verdict::no_output(),
        };
        let object = prefix.join(PROBE_NAME);
        let answer = Upload::probe(&self.clients.objects, &object).await;
        let check = verdict::output(&prefix, self.args.output.is_some(), answer);
        if check.result != CheckResult::Ok {
            return check;
        }
        verdict::rasters(check, self.clients.objects.head(&object, None).await)
    }

    async fn scenes(&self) -> Check {
        let scenes = &self.args.scenes;
        verdict::scenes(scenes, self.clients.objects.list(scenes, true, 1).await)
    }

    async fn tasks(&self) -> Check {
        let Ok(table) = self.settings.table() else {
            return Check::not_checked("tasks", "needs the table");
        };
        let ledger = Ledger::new(self.clients.dynamodb.clone(), table);
        let second = Timestamp::now().as_second();
        verdict::tasks(ledger.tasks(TASKS).await, second)
    }

    async fn workers(&self) -> Check {
        let Ok(table) = self.settings.table() else {
            return Check::not_checked("workers", "needs the table");
        };
        let ledger = Ledger::new(self.clients.dynamodb.clone(), table);
        let group = self.settings.autoscaling_group.as_deref();
        verdict::workers(ledger.workers(group).await)
    }

    async fn group(&self) -> Check {
        let Some(name) = &self.settings.autoscaling_group else {
            return verdict::no_group();
        };
        let group = Group::new(self.clients.autoscaling.clone(), name.clone());
        verdict::group(name, group.state().await)
    }
}
