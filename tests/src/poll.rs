//! Waiting for something to become true.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// How long a wait may take before it counts as hung. Far beyond what anything needs, because
/// machines stall.
pub const BOUND: Duration = Duration::from_mins(2);

/// Pause between two looks.
pub(crate) const PAUSE: Duration = Duration::from_millis(25);

/// Looks until `look` gives a value, at most for `bound`.
///
/// # Errors
///
/// When a look fails or the bound is over; both say what was waited for.
pub async fn eventually<T>(
    what: &str,
    bound: Duration,
    mut look: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    // None when the bound is beyond all clocks.
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
