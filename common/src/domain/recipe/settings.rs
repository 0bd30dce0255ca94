//! What a recipe says beside its outputs.

/// Reflectance is `number * scale + offset`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScaleOffset {
    /// Reflectance of one step, above 0.
    pub scale: f64,
    /// Reflectance of a stored 0.
    pub offset: f64,
}
