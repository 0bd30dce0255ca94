//! How the items and messages of a task are laid out.

/// The number of the way in which a task's items and messages are laid out. A version that finds
/// another number than its own leaves the task to the version that submitted it.
pub const LAYOUT: u32 = 2;

/// The layout of a task that cuts its cells to an area, or asks for a share of valid pixels. Versions
/// from before there were areas know only [`LAYOUT`]: they leave such a task alone instead of making
/// whole cells of it.
pub const LAYOUT_OF_SCOPE: u32 = 3;

/// Whether this version knows the layout.
pub fn is_known_layout(layout: u32) -> bool {
    layout == LAYOUT || layout == LAYOUT_OF_SCOPE
}
