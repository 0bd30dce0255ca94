//! The SIZ marker segment: the sizes of the image and its tiles (A.5.1 and B.2 to B.3).

use super::marker::MarkerSegment;
use crate::error::Flaw;
use crate::read::Fields;
use crate::rect::Rect;

/// The content of a SIZ marker segment.
#[derive(Debug)]
pub(crate) struct ImageSize {
    /// The image area on the reference grid.
    image: Rect,
    pub(crate) tile_width: u32,
    pub(crate) tile_height: u32,
    tile_x0: u32,
    tile_y0: u32,
    pub(crate) tiles_across: u32,
    pub(crate) tiles_down: u32,
    /// `Ssiz`, `XRsiz` and `YRsiz` of each component: sample format, horizontal and vertical
    /// subsampling. There is at least one component.
    components: Vec<[u8; 3]>,
}

impl ImageSize {
    pub(crate) fn width(&self) -> u32 {
        self.image.width()
    }

    pub(crate) fn height(&self) -> u32 {
        self.image.height()
    }

    /// The whole image on the reference grid.
    pub(crate) fn image(&self) -> Rect {
        self.image
    }

    /// Number of tiles, at most 65535.
    pub(crate) fn tiles(&self) -> u32 {
        self.tiles_across.saturating_mul(self.tiles_down)
    }

    pub(crate) fn component_count(&self) -> u16 {
        u16::try_from(self.components.len()).unwrap_or(u16::MAX)
    }

    /// `Ssiz` of the first component: bits less one, and in the top bit whether it is signed.
    pub(crate) fn sample_format(&self) -> u8 {
        self.components.first().map_or(0, |component| component[0])
    }

    pub(crate) fn bits(&self) -> u8 {
        (self.sample_format() & 0x7f).saturating_add(1)
    }

    pub(crate) fn is_signed(&self) -> bool {
        self.sample_format() & 0x80 != 0
    }

    pub(crate) fn is_subsampled(&self) -> bool {
        self.components
            .iter()
            .any(|&[_, across, down]| across != 1 || down != 1)
    }

    /// The area of tile `index` on the reference grid (B-7 to B-10). It is empty for a tile that
    /// does not exist.
    pub(crate) fn tile(&self, index: u32) -> Rect {
        let across = self.tiles_across.max(1);
        let extent = |position: u32, tile0: u32, tile: u32, image0: u32, image1: u32| {
            let start = u64::from(tile0) + u64::from(position) * u64::from(tile);
            let end = (start + u64::from(tile)).min(u64::from(image1));
            let clamped = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
            (clamped(start.max(image0.into())), clamped(end))
        };
        let image = self.image;
        let (x0, x1) = extent(
            index % across,
            self.tile_x0,
            self.tile_width,
            image.x0,
            image.x1,
        );
        let (y0, y1) = extent(
            index / across,
            self.tile_y0,
            self.tile_height,
            image.y0,
            image.y1,
        );
        Rect { x0, y0, x1, y1 }
    }

    /// Reads the segment.
    ///
    /// # Errors
    /// The image or a tile is empty, the first tile lies outside the image, there are too many
    /// tiles or components, or a field contradicts the segment's length.
    pub(crate) fn read(segment: &MarkerSegment) -> Result<Self, Flaw> {
        // Read the fields.
        let wrong = |detail: &str| Flaw::malformed(segment.offset, format!("SIZ: {detail}"));
        let content = Fields(&segment.content);
        let field = |index: usize| content.u32(2 + 4 * index).ok_or_else(|| wrong("too short"));
        let count = content.u16(34).ok_or_else(|| wrong("too short"))?;
        let (components, rest) = content.from(36).unwrap_or_default().as_chunks::<3>();
        if !rest.is_empty() || components.len() != usize::from(count) || count == 0 || count > 16384
        {
            return Err(wrong("the number of components does not fit its length"));
        }
        let image = Rect {
            x1: field(0)?,
            y1: field(1)?,
            x0: field(2)?,
            y0: field(3)?,
        };
        let mut size = Self {
            image,
            tile_width: field(4)?,
            tile_height: field(5)?,
            tile_x0: field(6)?,
            tile_y0: field(7)?,
            tiles_across: 0,
            tiles_down: 0,
            components: components.to_vec(),
        };
        // Check them against each other.
        if image.is_empty() || size.tile_width == 0 || size.tile_height == 0 {
            return Err(wrong("the image or its tiles are empty"));
        }
        let first_tile_holds_origin = |tile0: u32, tile: u32, image0: u32| {
            tile0 <= image0 && u64::from(tile0) + u64::from(tile) > u64::from(image0)
        };
        if !first_tile_holds_origin(size.tile_x0, size.tile_width, image.x0)
            || !first_tile_holds_origin(size.tile_y0, size.tile_height, image.y0)
        {
            return Err(wrong("the first tile lies outside the image"));
        }
        if size
            .components
            .iter()
            .any(|&[format, across, down]| (format & 0x7f) > 37 || across == 0 || down == 0)
        {
            return Err(wrong("a component has an impossible depth or subsampling"));
        }
        // Count the tiles.
        size.tiles_across = image
            .x1
            .saturating_sub(size.tile_x0)
            .div_ceil(size.tile_width);
        size.tiles_down = image
            .y1
            .saturating_sub(size.tile_y0)
            .div_ceil(size.tile_height);
        if u64::from(size.tiles_across) * u64::from(size.tiles_down) > 65535 {
            return Err(wrong("there are more than 65535 tiles"));
        }
        Ok(size)
    }
}
