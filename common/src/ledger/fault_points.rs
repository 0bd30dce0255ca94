//! The fault points of the ledger's own steps.
//!
//! [`crate::fault`] lists all points and knows nothing of the ledger. Which of them lies behind which
//! step of the flow is said here.

use super::flow::Step;
use super::transition::{Notice, Ticket};
use crate::fault::{self, Point};

/// Reaches the fault point behind `step`, if the step has one.
#[inline]
pub(crate) fn after(step: &Step, ticket: &Ticket) {
    let point = match step {
        Step::Start(_) | Step::Restart(_) => Point::Start,
        Step::Record(_) => Point::Record,
        Step::CloseOk(_) | Step::CloseFailed => Point::Close,
        Step::CloseShard => Point::CloseShard,
        Step::CloseGroup => Point::CloseGroup,
        Step::Complete => Point::Complete,
        Step::ClaimNotice(_) => Point::Claim,
        Step::MarkNotified(Notice::Complete(_)) => Point::Mark,
        Step::MarkNotified(Notice::Cancelled(_)) => Point::MarkStop,
        Step::CountFailed { .. } => Point::CountFailed,
        Step::Stop(_) => Point::Stop,
        Step::ReleaseNotice { .. } => Point::Release,
        _ => return,
    };
    fault::point_of(point, &ticket.cell);
}
