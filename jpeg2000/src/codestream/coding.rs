//! How a tile is coded: the coding style and the quantization that belong together.

use super::cod::CodingStyle;
use super::qcd::Quantization;
use super::tile_part_header::TilePartHeader;

/// The coding style and the quantization of an image or a tile.
#[derive(Clone, Debug)]
pub(crate) struct Coding {
    pub(crate) style: CodingStyle,
    pub(crate) quantization: Quantization,
}

impl Coding {
    /// Applies what the header of a tile-part says. It overrides the main header (A.6.1, A.6.4).
    pub(crate) fn override_with(&mut self, header: &mut TilePartHeader) {
        if let Some(style) = header.style.take() {
            self.style = style;
        }
        if let Some(quantization) = header.quantization.take() {
            self.quantization = quantization;
        }
    }

    /// What the two marker segments say that excludes each other, for an image of so many
    /// components.
    ///
    /// Nothing else in a file repeats what these two say, so this check is what shows damage in
    /// them.
    pub(crate) fn contradiction(&self, components: u16) -> Option<String> {
        let Self {
            style,
            quantization,
        } = self;
        let subbands = 3 * usize::from(style.levels) + 1;
        // The component transformations take three components (G.2).
        if style.component_transformation != 0 && components < 3 {
            return Some(format!(
                "a transformation of three components for {components}"
            ));
        }
        match (quantization.style, style.transformation) {
            // Without quantization there are no step sizes, and the 9/7 wavelet needs them (table
            // A.28 and E.1).
            (0, 0) => return Some("the irreversible 9/7 wavelet and no quantization".into()),
            (1 | 2, 1) => return Some("the reversible 5/3 wavelet and a quantization".into()),
            (0..=2, _) => {}
            (style, _) => return Some(format!("the unknown quantization style {style}")),
        }
        let expected = if quantization.style == 1 { 1 } else { subbands };
        let listed = quantization.exponents.len();
        (listed < expected).then(|| format!("exponents for {listed} of {expected} subbands"))
    }

    /// Why the coding is outside the profile, if it is.
    pub(crate) fn outside_profile(&self) -> Option<String> {
        self.style
            .outside_profile()
            .or_else(|| self.quantization.outside_profile(self.style.levels))
    }
}
