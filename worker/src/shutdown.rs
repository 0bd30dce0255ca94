//! Being told to stop.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The two stages of stopping: no new cells, then no cells at all.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    /// Receive nothing more; hand back what is not being fused.
    pub stop: CancellationToken,
    /// Hand back everything.
    pub hurry: CancellationToken,
}

impl Shutdown {
    /// Listens for SIGTERM and SIGINT: the first one stops, and hurries after `grace`; the second one hurries at once.
    ///
    /// # Errors
    /// The operating system's, if it has no such signals to give.
    pub fn on_signals(grace: Duration) -> std::io::Result<Self> {
        let shutdown = Self::default();
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let (stop, hurry) = (shutdown.stop.clone(), shutdown.hurry.clone());
        tokio::spawn(async move {
            let mut next = async || {
                tokio::select! {
                    _ = terminate.recv() => "SIGTERM",
                    _ = interrupt.recv() => "SIGINT",
                }
            };
            let first = next().await;
            tracing::info!(
                signal = first,
                grace_s = grace.as_secs(),
                "told to stop; receiving no more cells"
            );
            stop.cancel();
            tokio::select! {
                second = next() => tracing::info!(signal = second, "told to stop again; handing everything back"),
                () = tokio::time::sleep(grace) => tracing::info!("the time to finish is up; handing everything back"),
            }
            hurry.cancel();
        });
        Ok(shutdown)
    }
}
