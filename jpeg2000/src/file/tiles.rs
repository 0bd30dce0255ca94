//! The tile-parts of a codestream, and that none is missing (ISO/IEC 15444-1 A.4.2, A.4.4 and
//! A.7.1).

use std::ops::Range;
use std::sync::Arc;

use crate::codestream::main_header::MainHeader;
use crate::codestream::marker::{EOC, SOT};
use crate::error::{Error, Flaw};
use crate::file::image::Image;
use crate::read::buffered::{Fields, ReadRange, Window};

/// Bytes of an SOT marker segment.
pub(crate) const SOT_LENGTH: u64 = 12;

/// An SOT marker segment (A.4.2).
pub(crate) struct TilePartStart {
    pub(crate) tile: u16,
    /// From the SOT marker to the end of the data; 0 for "up to EOC".
    pub(crate) length: u32,
    pub(crate) number: u8,
    /// Number of parts that the tile has; 0 for "said elsewhere or not at all".
    pub(crate) announced: u8,
}

impl TilePartStart {
    /// Reads the segment from its 12 bytes.
    pub(crate) fn read(bytes: &[u8], offset: u64) -> Result<Self, Flaw> {
        let fields = Fields(bytes);
        let read = || {
            let whole = fields.u16(0)? == SOT && fields.u16(2)? == 10;
            whole.then_some(Self {
                tile: fields.u16(4)?,
                length: fields.u32(6)?,
                number: fields.u8(10)?,
                announced: fields.u8(11)?,
            })
        };
        read().ok_or_else(|| Flaw::malformed(offset, "SOT does not have 8 bytes of content"))
    }
}

/// A tile whose parts are all known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    /// Counted in rows of tiles from the upper left.
    pub index: u32,
    /// Its tile-parts in order, each from SOT to the end of its data; in bytes of the file.
    pub parts: Vec<Range<u64>>,
}

/// What has been seen of a tile.
#[derive(Clone, Default)]
struct Progress {
    parts: Vec<Range<u64>>,
    /// Number of parts that some part announced; 0 until one does.
    announced: u8,
    yielded: bool,
}

/// Finds the tiles of an image in the order of the file.
///
/// Reads nothing but the 12 bytes of each SOT marker segment, the EOC marker and the headers of
/// boxes behind the codestream. A tile comes out as soon as its last part is known, one that does
/// not announce its parts at the end.
pub struct Tiles {
    image: Image,
    main: Arc<MainHeader>,
    at: u64,
    progress: Vec<Progress>,
    /// Tile-parts so far.
    count: usize,
    /// Tiles to hand out after EOC.
    rest: Option<std::vec::IntoIter<Tile>>,
}

impl Tiles {
    /// Starts at the first tile-part.
    pub fn new(image: &Image) -> Self {
        let main = Arc::clone(&image.main);
        let tiles = usize::try_from(main.size.tiles()).unwrap_or_default();
        Self {
            at: main.range.end,
            progress: vec![Progress::default(); tiles],
            count: 0,
            rest: None,
            image: image.clone(),
            main,
        }
    }

    /// The next tile whose parts are all known; `None` after the last.
    ///
    /// That there is a last one means that EOC is where it should be, no tile is missing or has a
    /// part too many, the TLM marker segments, if any, agree, and no box behind the codestream is
    /// cut.
    ///
    /// # Errors
    /// The source's, or the first flaw. What comes after an error is of no meaning.
    pub fn next(&mut self, source: &dyn ReadRange) -> Result<Option<Tile>, Error> {
        if let Some(rest) = &mut self.rest {
            return Ok(rest.next());
        }
        let mut window = Window::new(source, SOT_LENGTH).limited(self.image.codestream().end);
        loop {
            match window.u16(self.at)? {
                Some(SOT) => {
                    if let Some(tile) = self.add_part(&mut window)? {
                        return Ok(Some(tile));
                    }
                }
                Some(EOC) => break,
                Some(other) => {
                    let detail =
                        format!("0x{other:04x} stands where the next tile-part or EOC should");
                    return Err(Flaw::malformed(self.at, detail).into());
                }
                None => {
                    return Err(Flaw::truncated(self.at, "the codestream ends without EOC").into());
                }
            }
        }
        self.check_complete()?;
        self.image.trailing_boxes(source)?;
        let rest: Vec<_> = (0..)
            .zip(&mut self.progress)
            .filter(|(_, tile)| !tile.yielded)
            .map(|(index, tile)| Tile {
                index,
                parts: std::mem::take(&mut tile.parts),
            })
            .collect();
        Ok(self.rest.insert(rest.into_iter()).next())
    }

    /// Adds the part at the current position; returns the tile that it completes.
    fn add_part(&mut self, window: &mut Window<'_>) -> Result<Option<Tile>, Error> {
        let start = self.at;
        let end = self.image.codestream().end;
        let sot = window.get(start, SOT_LENGTH)?;
        let sot =
            sot.ok_or_else(|| Flaw::truncated(start, "the codestream ends in a tile-part header"))?;
        let part = TilePartStart::read(&sot, start)?;
        let wrong = |detail: String| Flaw::malformed(start, detail);
        let available = end.saturating_sub(start);
        let length = match part.length {
            // Only the last tile-part may leave its length open; it then reaches up to EOC, the
            // last marker.
            0 if window.u16(end.saturating_sub(2))? == Some(EOC) => available.saturating_sub(2),
            0 => {
                return Err(
                    Flaw::truncated(end, "the last tile-part is open and there is no EOC").into(),
                );
            }
            length => u64::from(length),
        };
        if length > available {
            let detail = format!(
                "part {} of tile {} has {length} bytes, of which {available} are there (up to byte {end})",
                part.number, part.tile,
            );
            return Err(Flaw::truncated(start, detail).into());
        }
        // SOD is in every tile-part (A.4.3).
        if length < SOT_LENGTH + 2 {
            return Err(wrong(format!("a tile-part of {length} bytes")).into());
        }
        self.check_listed(&part, start, length)?;
        let tiles = self.progress.len();
        let Some(tile) = self.progress.get_mut(usize::from(part.tile)) else {
            return Err(wrong(format!(
                "tile {} does not exist in a grid of {tiles}",
                part.tile
            ))
            .into());
        };
        if tile.yielded {
            return Err(wrong(format!("tile {} goes on after its last part", part.tile)).into());
        }
        if usize::from(part.number) != tile.parts.len() {
            let detail = format!(
                "tile {} goes on with part {} instead of {}",
                part.tile,
                part.number,
                tile.parts.len()
            );
            return Err(wrong(detail).into());
        }
        if part.announced != 0 {
            if tile.announced != 0 && tile.announced != part.announced {
                return Err(wrong(format!(
                    "tile {} announces different numbers of parts",
                    part.tile
                ))
                .into());
            }
            tile.announced = part.announced;
        }
        self.at = start.saturating_add(length);
        self.count = self.count.saturating_add(1);
        tile.parts.push(start..self.at);
        if tile.announced == 0 || tile.parts.len() < usize::from(tile.announced) {
            return Ok(None);
        }
        if tile.parts.len() > usize::from(tile.announced) {
            let detail = format!("tile {} has more than {} parts", part.tile, tile.announced);
            return Err(wrong(detail).into());
        }
        tile.yielded = true;
        Ok(Some(Tile {
            index: part.tile.into(),
            parts: std::mem::take(&mut tile.parts),
        }))
    }

    /// The TLM marker segments, if there are any, list all tile-parts in the order of the
    /// codestream (A.7.1).
    fn check_listed(&self, part: &TilePartStart, start: u64, length: u64) -> Result<(), Flaw> {
        let listed = &self.main.listed_parts;
        if listed.is_empty() {
            return Ok(());
        }
        let agrees = listed.get(self.count).is_some_and(|listed| {
            let same_tile = match listed.tile {
                Some(tile) => tile == part.tile,
                None => self.count == usize::from(part.tile),
            };
            same_tile && u64::from(listed.length) == length
        });
        if agrees {
            return Ok(());
        }
        let detail = format!(
            "part {} of tile {} with {length} bytes is not what TLM lists in its place",
            part.number, part.tile,
        );
        Err(Flaw::malformed(start, detail))
    }

    fn check_complete(&self) -> Result<(), Flaw> {
        let tiles = self.progress.len();
        for (index, tile) in self
            .progress
            .iter()
            .enumerate()
            .filter(|(_, tile)| !tile.yielded)
        {
            let detail = match (tile.parts.len(), tile.announced) {
                (0, _) => format!("tile {index} of {tiles} is missing"),
                (_, 0) => continue,
                (parts, announced) => format!("tile {index} has {parts} of {announced} parts"),
            };
            return Err(Flaw::truncated(self.at, detail));
        }
        let listed = self.main.listed_parts.len();
        if listed != 0 && listed != self.count {
            let detail = format!("TLM lists {listed} tile-parts, {} are there", self.count);
            return Err(Flaw::truncated(self.at, detail));
        }
        Ok(())
    }
}
