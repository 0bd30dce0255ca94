//! How long a call may take.
//!
//! The SDK waits for an answer for ever if nothing else is set. A service that accepts a connection
//! and is then silent would hold a cell as long as it is silent. An attempt that takes too long
//! counts like one that failed: the SDK repeats it, within the time of the whole call.
//!
//! The time of an attempt includes sending the request. It ends with the response, or with its head
//! where the body is streamed, which only `GetObject` does; that body has a limit of its own,
//! [`body_silence`]. A read timeout, which runs to the head of the response, would be shorter only
//! for `CompleteMultipartUpload`. The HTTP client keeps connections apart by their read timeout, so
//! no other call has one.
//!
//! Tests set how long an answer may take ([`fault::limit`]).

use std::time::Duration;

use aws_config::timeout::{TimeoutConfig, TimeoutConfigBuilder};

use crate::fault;

/// Time to open a connection. Short, so that a wrong address is an error soon.
pub(super) const CONNECT: Duration = Duration::from_secs(5);
/// Attempt and whole of a call of ledger, queue, topic or Auto Scaling.
const SHORT: (Duration, Duration) = (Duration::from_secs(3), Duration::from_secs(15));
/// Attempt and whole of a call of S3 that sends nothing large. A listing can take seconds.
const OBJECT: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(45));
/// What a receive may take beyond its wait, and what its repetitions may take beyond that.
const BEYOND_WAIT: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(15));
/// What an attempt to send a body may take beyond the time that its bytes take.
const BEYOND_BYTES: Duration = Duration::from_secs(30);
/// The slowest rate at which a body may be sent, in bytes a second.
const SLOWEST: u64 = 64 * 1024;
/// Attempts that the whole call with a body has time for.
const SENDS: u32 = 3;
/// Head of the response, attempt and whole of `CompleteMultipartUpload`. S3 sends the head when it
/// begins to put the parts together, and then white space for as long as that takes, which can be
/// minutes (S3 API reference, `CompleteMultipartUpload`).
const COMPLETE: [Duration; 3] = [
    Duration::from_mins(1),
    Duration::from_mins(5),
    Duration::from_mins(10),
];
/// How long a body may bring no byte.
const BODY_SILENCE: Duration = Duration::from_secs(20);

fn limits(attempt: Duration, whole: Duration) -> TimeoutConfigBuilder {
    let limit = fault::limit(attempt);
    TimeoutConfig::builder()
        .operation_attempt_timeout(limit)
        .operation_timeout(limit.mul_f64(whole.div_duration_f64(attempt)))
}

/// The limits of all calls of ledger, queue, topic and Auto Scaling, except of a receive.
pub(super) fn short() -> TimeoutConfig {
    limits(SHORT.0, SHORT.1).connect_timeout(CONNECT).build()
}

/// The limits of all calls of S3 for which there are no others.
pub(super) fn object() -> TimeoutConfig {
    limits(OBJECT.0, OBJECT.1).connect_timeout(CONNECT).build()
}

/// The limits of a receive that waits for messages.
pub(super) fn receive(wait: Duration) -> TimeoutConfig {
    let attempt = wait + fault::limit(BEYOND_WAIT.0);
    TimeoutConfig::builder()
        .operation_attempt_timeout(attempt)
        .operation_timeout(attempt + BEYOND_WAIT.1)
        .build()
}

/// The limits of a call that sends a body of `bytes` bytes.
pub(super) fn send(bytes: usize) -> TimeoutConfig {
    let attempt = BEYOND_BYTES + Duration::from_secs(bytes as u64 / SLOWEST);
    limits(attempt, SENDS * attempt).build()
}

/// The limits of `CompleteMultipartUpload`.
pub(super) fn complete() -> TimeoutConfig {
    let [head, attempt, whole] = COMPLETE;
    limits(attempt, whole)
        .read_timeout(fault::limit(head))
        .build()
}

/// How long the body of a response may bring no byte before it counts as broken off.
pub(super) fn body_silence() -> Duration {
    fault::limit(BODY_SILENCE)
}

#[cfg(test)]
mod tests {
    use aws_config::{BehaviorVersion, Region, SdkConfig};
    use aws_sdk_sqs::config::{Credentials, SharedCredentialsProvider};
    use aws_smithy_runtime_api::client::http::SharedHttpClient;
    use tokio::time::Instant;

    use super::*;
    use crate::aws::canned::{self, Answer, Log};
    use crate::aws::{AwsErrorKind, CallCounter, Clients, Existing, Group, Queue, Topic, Upload};
    use crate::ledger::{Key, Ledger};

    fn clients(http: SharedHttpClient) -> Clients {
        let credentials = Credentials::new("key", "secret", None, None, "canned");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(http)
            .build();
        Clients::from_config(&config, CallCounter::default())
    }

    fn silent() -> (Clients, Log) {
        let (http, log) = canned::client(|_, _| Answer::Silence);
        (clients(http), log)
    }

    /// How long `call` takes, and the number of its attempts.
    async fn took<T>(log: &Log, call: impl Future<Output = T>) -> (T, u64, usize) {
        let (begun, before) = (Instant::now(), log.requests().len());
        let done = call.await;
        (
            done,
            begun.elapsed().as_secs(),
            log.requests().len() - before,
        )
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_is_silent_is_unreachable_within_seconds() {
        let (clients, log) = silent();
        let queue = Queue::new(clients.sqs.clone(), "http://queue/1".into());
        let (error, seconds, attempts) = took(&log, queue.delete("receipt")).await;
        assert_eq!(error.unwrap_err().kind(), AwsErrorKind::Unreachable);
        assert!(seconds <= 15 && attempts > 1, "{seconds} s, {attempts}");

        let ledger = Ledger::new(clients.dynamodb.clone(), "table".into());
        let key = Key::Header("t".parse().unwrap());
        let (read, seconds, attempts) = took(&log, ledger.read(&key)).await;
        assert!(read.is_err() && seconds <= 15 && attempts > 1);

        let topic = Topic::new(clients.sns.clone(), "arn:topic".into());
        let (read, seconds, attempts) = took(&log, topic.subscriptions()).await;
        assert!(read.is_err() && seconds <= 15 && attempts > 1);

        let group = Group::new(clients.autoscaling.clone(), "workers".into());
        let (read, seconds, attempts) = took(&log, group.state()).await;
        assert!(read.is_err() && seconds <= 15 && attempts > 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_receive_waits_for_its_messages_and_not_much_longer() {
        let (clients, log) = silent();
        let queue = Queue::new(clients.sqs, "http://queue/1".into());
        let wait = Duration::from_secs(20);
        let (received, seconds, attempts) = took(&log, queue.receive(1, wait)).await;
        assert_eq!(received.unwrap_err().kind(), AwsErrorKind::Unreachable);
        assert_eq!(
            (seconds, attempts),
            (45, 2),
            "the first one ends after 30 s"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_bucket_is_left_after_a_time_that_fits_the_bytes() {
        let (clients, log) = silent();
        let object = "s3://bucket/a.tif".parse().unwrap();
        let (read, seconds, attempts) = took(&log, clients.objects.head(&object, None)).await;
        assert!(read.is_err() && seconds <= 45 && attempts > 1);
        let put = async |bytes: usize| {
            let mut upload = Upload::begin(
                &clients.objects,
                &object,
                None,
                "image/tiff",
                Existing::Replace,
            );
            upload.write(&vec![7; bytes]).await.unwrap();
            upload.finish().await.unwrap_err()
        };
        let (_, small, _) = took(&log, put(1)).await;
        let (_, large, _) = took(&log, put(5 << 20)).await;
        assert!((30..=100).contains(&small), "{small}");
        assert!((small + 100..=400).contains(&large), "{large}");
    }
}
