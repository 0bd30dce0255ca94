//! Asking AWS about each piece, with no more rights than a submit needs.

use tilefleet_common::aws::{Clients, Group, Queue, QueueAttributes, Topic, Upload};
use tilefleet_common::config::Settings;
use tilefleet_common::domain::{S3Url, TaskId};
use tilefleet_common::ledger::{Action, Condition, Key, Ledger, LedgerError, Write, attribute};

use super::run::{Check, Found};
use super::verdict::{self, Told};
use crate::cli;

/// A task that nobody has, and the object that is not put: their names tell whoever finds them in a
/// log what they are.
const NOBODY: &str = "tilefleet-doctor";

/// What is looked at.
pub(super) struct Pieces<'a> {
    pub(super) clients: Clients,
    pub(super) settings: Settings,
    pub(super) arguments: &'a cli::Doctor,
}

impl Pieces<'_> {
    /// Looks at every piece; one that is missing keeps none of the others from being looked at.
    pub(super) async fn look(&self) -> Vec<Check> {
        let identity = self.identity().await;
        if identity.result == Found::Failed {
            let rest = [
                "queue",
                "dead letters",
                "table",
                "topic",
                "output",
                "scenes",
                "group",
            ];
            let unknown = |piece| Check::not_checked(piece, "needs credentials and a region");
            return [identity].into_iter().chain(rest.map(unknown)).collect();
        }
        let ((queue, dead_letters), table, topic, output, scenes, group) = futures::join!(
            self.queues(),
            self.table(),
            self.topic(),
            self.output(),
            self.scenes(),
            self.group()
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
        let told = Queue::new(self.clients.sqs.clone(), url.clone())
            .attributes()
            .await;
        let dead_letters = self.dead_letters(&url, told.as_ref().ok()).await;
        (verdict::queue(&url, told), dead_letters)
    }

    async fn dead_letters(&self, queue: &str, told: Option<&QueueAttributes>) -> Check {
        let Some(told) = told else {
            return Check::not_checked("dead letters", "needs the queue, which names its own");
        };
        let url = self.settings.dead_letter_queue_url.clone();
        match verdict::redrive(queue, told.redrive.as_ref(), url.as_deref()) {
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
        let told = self.use_table(&table).await;
        verdict::table(&table, told)
    }

    /// Reads, writes and lists as a submit does. The write has a condition that no item meets.
    async fn use_table(&self, table: &str) -> Told<(), LedgerError> {
        let ledger = Ledger::new(self.clients.dynamodb.clone(), table.to_owned());
        let nobody: TaskId = match NOBODY.parse() {
            Ok(nobody) => nobody,
            // The name is ours and well formed.
            Err(_) => return Ok(()),
        };
        let key = Key::Task(nobody);
        ledger.read(&key).await?;
        let never = Write {
            key,
            conditions: vec![Condition::Is(attribute::STATE, NOBODY.into())],
            actions: vec![Action::Set(attribute::STATE, NOBODY.into())],
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
        let place = match (&self.arguments.output, &self.settings.output_bucket) {
            (Some(place), _) => place.clone(),
            (None, Some(bucket)) => match S3Url::new(bucket, "") {
                Ok(place) => place,
                Err(error) => {
                    return Check::failed(
                        "output",
                        format!("{error}; correct output_bucket in the settings"),
                    );
                }
            },
            (None, None) => return verdict::no_output(),
        };
        let object = place.join(NOBODY);
        let told = Upload::probe(&self.clients.objects, &object).await;
        let check = verdict::output(&place, self.arguments.output.is_some(), told);
        if check.result != Found::Ok {
            return check;
        }
        verdict::rasters(check, self.clients.objects.head(&object, None).await)
    }

    async fn scenes(&self) -> Check {
        let scenes = &self.arguments.scenes;
        verdict::scenes(scenes, self.clients.objects.list(scenes, true, 1).await)
    }

    async fn group(&self) -> Check {
        let Some(name) = &self.settings.autoscaling_group else {
            return verdict::no_group();
        };
        let group = Group::new(self.clients.autoscaling.clone(), name.clone());
        verdict::group(name, group.size().await)
    }
}
