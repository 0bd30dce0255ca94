//! Step 4: the area to which the cell is cut, before the cell begins. So a cell is charged nothing
//! for an area that is not there.

use std::sync::Arc;
use std::time::Duration;

use tilefleet_common::domain::{Area, AreaDigest};
use tilefleet_common::tracker::AreaTrouble;

use crate::message::delivery::Delivery;
use crate::message::disposition::Disposition;
use crate::message::handler::MessageHandler;
use crate::trouble;

/// The wait before another worker receives a message whose area this one cannot use.
const OTHER_WAIT: Duration = Duration::from_mins(5);

impl MessageHandler {
    /// The area that the message names.
    pub(super) async fn area(
        &self,
        delivery: &Delivery<'_>,
        digest: &AreaDigest,
    ) -> Result<Arc<Area>, Disposition> {
        let reading = self.tracker.area(&delivery.ticket.task, digest);
        let error = tokio::select! {
            read = reading => match read {
                Ok(area) => return Ok(area),
                Err(error) => error,
            },
            () = delivery.lease_lost.cancelled() => return Err(Disposition::LeaveAlone),
            () = self.processor.shutdown.stop.cancelled() => {
                return Err(Disposition::ReleaseAfter(Duration::ZERO));
            }
        };
        // What is a service's fault opens its breaker; everything else needs another worker or a
        // person.
        let trouble = match &error {
            AreaTrouble::Ledger(error) => Some(trouble::of_ledger(error)),
            AreaTrouble::Object(error) => trouble::of_scene(error),
            _ => None,
        };
        if let Some(trouble) = trouble {
            return Err(Disposition::ReleaseAfter(self.trouble(&trouble)));
        }
        tracing::error!(
            worker = self.worker, %error, wait_s = OTHER_WAIT.as_secs(),
            "the cell is not begun; the message goes back to the queue"
        );
        Err(Disposition::ReleaseAfter(OTHER_WAIT))
    }
}
