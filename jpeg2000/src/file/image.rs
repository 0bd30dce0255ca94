//! What a file says about its image before the first tile.

use std::ops::Range;
use std::sync::Arc;

use crate::codestream::main_header::{MainHeader, main_header};
use crate::error::Error;
use crate::file::boxes::{self, Container};
use crate::read::buffered::{ReadRange, Window};

/// Bytes that are read at once: boxes and main header of a Sentinel-2 band fit.
const READ_AHEAD: u64 = 64 * 1024;

/// A JP2 file with one image: its boxes and the main header of its codestream (ISO/IEC 15444-1
/// Annexes I and A).
#[derive(Clone, Debug)]
pub struct Image {
    pub(crate) main: Arc<MainHeader>,
    boxes: Vec<Range<u64>>,
    codestream: Range<u64>,
    /// Where the box behind the codestream begins, if there is one.
    pub(crate) behind: u64,
}

impl Image {
    /// Reads the boxes up to the codestream, and its main header, with few reads at the beginning
    /// of the file.
    ///
    /// The caller has made sure that the file begins with a signature box (I.5.1). What follows the
    /// main header is not looked at; see [`Tiles`](crate::Tiles).
    ///
    /// # Errors
    /// The source's, or the first flaw. An image that is merely outside the profile is none.
    pub fn read(source: &dyn ReadRange) -> Result<Self, Error> {
        let mut window = Window::new(source, READ_AHEAD);
        let Container {
            header,
            before,
            codestream,
            behind,
        } = boxes::container(&mut window)?;
        let mut window = window.limited(codestream.end);
        let main = main_header(&mut window, codestream.start)?;
        header.agrees_with(&main.size)?;
        Ok(Self {
            main: Arc::new(main),
            boxes: before,
            codestream,
            behind,
        })
    }

    /// Columns.
    pub fn width(&self) -> u32 {
        self.main.size.width()
    }

    /// Rows.
    pub fn height(&self) -> u32 {
        self.main.size.height()
    }

    /// Bits of a sample of the first component, 1 to 38.
    pub fn bits(&self) -> u8 {
        self.main.size.bits()
    }

    /// Whether samples of the first component are signed.
    pub fn signed(&self) -> bool {
        self.main.size.signed()
    }

    /// Components, at least 1.
    pub fn components(&self) -> u16 {
        self.main.size.component_count()
    }

    /// Whether a component has fewer samples than the reference grid.
    pub fn subsampled(&self) -> bool {
        self.main.size.is_subsampled()
    }

    /// Columns of a whole tile; tiles at the edges may be smaller.
    pub fn tile_width(&self) -> u32 {
        self.main.size.tile_width
    }

    /// Rows of a whole tile; tiles at the edges may be smaller.
    pub fn tile_height(&self) -> u32 {
        self.main.size.tile_height
    }

    /// Columns of tiles.
    pub fn tiles_across(&self) -> u32 {
        self.main.size.tiles_across
    }

    /// Rows of tiles; with [`Image::tiles_across`] at most 65535 tiles.
    pub fn tiles_down(&self) -> u32 {
        self.main.size.tiles_down
    }

    /// Why this decoder does not take the image, for instance "the irreversible 9/7 wavelet".
    ///
    /// The header of a tile may bring the same later, as
    /// [`FlawKind::Unsupported`](crate::FlawKind).
    pub fn outside_profile(&self) -> Option<&str> {
        self.main.outside_profile.as_deref()
    }

    /// Column and row of a tile's first sample, its width and height; all in samples of the image.
    /// A tile that does not exist is empty.
    pub fn tile_rect(&self, tile: u32) -> (u32, u32, u32, u32) {
        let (image, rect) = (self.main.size.image(), self.main.size.tile(tile));
        let (x, y) = (
            rect.x0.saturating_sub(image.x0),
            rect.y0.saturating_sub(image.y0),
        );
        (x, y, rect.width(), rect.height())
    }

    /// The content of the codestream box, in bytes of the file.
    pub fn codestream(&self) -> Range<u64> {
        self.codestream.clone()
    }

    /// The main header, from SOC up to the first SOT, in bytes of the file.
    pub fn main_header(&self) -> Range<u64> {
        self.main.range.clone()
    }

    /// The boxes in front of the codestream, whole and in order, the signature box first; in bytes
    /// of the file.
    pub fn boxes(&self) -> &[Range<u64>] {
        &self.boxes
    }

    /// The boxes of known types behind the codestream, whole and in order; in bytes of the file.
    ///
    /// # Errors
    /// The source's, or the flaw that such a box runs past the end of the file.
    pub fn trailing_boxes(&self, source: &dyn ReadRange) -> Result<Vec<Range<u64>>, Error> {
        // Enough for the header of a box.
        boxes::trailing(&mut Window::new(source, 16), self.behind)
    }
}
