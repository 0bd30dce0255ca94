//! What a file says about its image: its boxes and the main header of its codestream.

use std::ops::Range;
use std::sync::Arc;

use super::boxes::{self, Container};
use crate::codestream::MainHeader;
use crate::error::Error;
use crate::read::{BufferedReader, ReadRange};

/// Bytes to read at once. The boxes and the main header of a Sentinel-2 band fit.
const READ_AHEAD: u64 = 64 * 1024;

/// The image of a JP2 file: its boxes and the main header of its codestream (ISO/IEC 15444-1
/// Annexes I and A).
#[derive(Clone, Debug)]
pub struct Image {
    pub(crate) main: Arc<MainHeader>,
    boxes: Vec<Range<u64>>,
    codestream: Range<u64>,
    /// Where the box after the codestream would begin.
    after: u64,
}

impl Image {
    /// Reads the boxes up to the codestream, and its main header. This takes a few reads at the
    /// beginning of the file, usually one of 64 KB.
    ///
    /// The caller must check the signature box at the beginning of the file (I.5.1).
    /// [`Tiles`](crate::Tiles) reads what follows the main header.
    ///
    /// # Errors
    /// [`Error::Read`] from the source, or [`Error::Flaw`] with the first flaw. An image outside
    /// the profile is no error here; see [`outside_profile`](Self::outside_profile).
    pub fn read(source: &dyn ReadRange) -> Result<Self, Error> {
        let mut reader = BufferedReader::new(source, READ_AHEAD);
        let Container {
            header,
            before,
            codestream,
            after,
        } = boxes::container(&mut reader)?;
        let mut reader = reader.limited(codestream.end);
        let main = MainHeader::read(&mut reader, codestream.start)?;
        header.check_agrees_with(&main.size)?;
        Ok(Self {
            main: Arc::new(main),
            boxes: before,
            codestream,
            after,
        })
    }

    /// Columns of samples.
    pub fn width(&self) -> u32 {
        self.main.size.width()
    }

    /// Rows of samples.
    pub fn height(&self) -> u32 {
        self.main.size.height()
    }

    /// Bits of a sample of the first component, 1 to 38.
    pub fn bits(&self) -> u8 {
        self.main.size.bits()
    }

    /// Whether samples of the first component are signed.
    pub fn signed(&self) -> bool {
        self.main.size.is_signed()
    }

    /// Components, at least 1.
    pub fn components(&self) -> u16 {
        self.main.size.component_count()
    }

    /// Whether a component has fewer samples than the reference grid.
    pub fn subsampled(&self) -> bool {
        self.main.size.is_subsampled()
    }

    /// Columns of samples in a whole tile. Tiles at the edges of the image may be smaller.
    pub fn tile_width(&self) -> u32 {
        self.main.size.tile_width
    }

    /// Rows of samples in a whole tile. Tiles at the edges of the image may be smaller.
    pub fn tile_height(&self) -> u32 {
        self.main.size.tile_height
    }

    /// Columns of tiles.
    pub fn tiles_across(&self) -> u32 {
        self.main.size.tiles_across
    }

    /// Rows of tiles. The image has at most 65535 tiles.
    pub fn tiles_down(&self) -> u32 {
        self.main.size.tiles_down
    }

    /// Why this decoder cannot decode the image, for instance "the irreversible 9/7 wavelet";
    /// `None` for an image inside the profile.
    ///
    /// The header of a tile may still lead out of the profile. Decoding the tile then fails with
    /// [`FlawKind::Unsupported`](crate::FlawKind::Unsupported).
    pub fn outside_profile(&self) -> Option<&str> {
        self.main.outside_profile.as_deref()
    }

    /// Column and row of the first sample of a tile, its width and its height, all in samples of
    /// the image. A tile that does not exist is empty.
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

    /// The whole boxes before the codestream, in order, in bytes of the file. The first is the
    /// signature box.
    pub fn boxes(&self) -> &[Range<u64>] {
        &self.boxes
    }

    /// The whole boxes of known types after the codestream, in order, in bytes of the file.
    ///
    /// # Errors
    /// [`Error::Read`] from the source, or [`Error::Flaw`] where such a box runs past the end of
    /// the file.
    pub fn trailing_boxes(&self, source: &dyn ReadRange) -> Result<Vec<Range<u64>>, Error> {
        // The header of a box has at most 16 bytes.
        boxes::trailing(&mut BufferedReader::new(source, 16), self.after)
    }
}
