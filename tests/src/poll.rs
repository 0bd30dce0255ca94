//! Waiting for something to become true.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// How long a wait may take before it counts as hung. Far beyond what anything needs, because
/// machines stall.
pub const BOUND: Duration = Duration::from_mins(2);

/// Pause between two calls of `look`.
pub(crate) const PAUSE: Duration = Duration::from_millis(25);

/// Calls `look` until it returns a value, at most for `bound`.
///
/// # Errors
///
/// When `look` fails or the bound is over. The message names `what` was waited for.
pub async fn eventually<T>(
    what: &str,
    bound: Duration,
    mut look: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    // `None` when the clock has no such time.
    let end = Instant::now().checked_add(bound);
    loop {
        if let Some(value) = look()
            .await
            .with_context(|| format!("while waiting for {what}"))?
        {
            return Ok(value);
        }
        if end.is_some_and(|end| Instant::now() >= end) {
            bail!("waited {} s in vain for {what}", bound.as_secs());
        }
        tokio::time::sleep(PAUSE).await;
    }
}
