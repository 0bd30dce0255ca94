//! Finding the tiles of a file, and checking that none is missing (A.4.2, A.4.4 and A.7.1).

use std::ops::Range;

use super::image::Image;
use crate::codestream::{EOC, SOT, SOT_LENGTH, TilePartStart};
use crate::error::{Error, Flaw};
use crate::read::{BufferedReader, ReadRange};

/// A tile whose parts are all known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    /// Number of the tile, row by row from the upper left, from 0.
    pub index: u32,
    /// Its tile-parts in order, each from SOT to the end of its data, in bytes of the file.
    pub parts: Vec<Range<u64>>,
}

/// The tile-parts found so far of one tile.
#[derive(Clone, Default)]
struct TileParts {
    parts: Vec<Range<u64>>,
    /// How many parts a part announced; 0 until one does.
    announced: u8,
    returned: bool,
}

/// Finds the tiles of an image in the order of the file.
///
/// It reads only the 12 bytes of each SOT marker segment, the EOC marker, and the headers of boxes
/// after the codestream. So it works while the file is still arriving. It returns a tile as soon as
/// it knows the last part. A tile that does not announce its parts comes at the end.
pub struct Tiles {
    image: Image,
    /// Position of the next tile-part or EOC in the file.
    at: u64,
    found: Vec<TileParts>,
    /// Number of tile-parts so far.
    count: usize,
    /// Tiles to return after EOC.
    rest: Option<std::vec::IntoIter<Tile>>,
}

impl Tiles {
    /// Starts at the first tile-part.
    pub fn new(image: &Image) -> Self {
        let main = &image.main;
        let count = usize::try_from(main.size.tiles()).unwrap_or_default();
        Self {
            at: main.range.end,
            found: vec![TileParts::default(); count],
            count: 0,
            rest: None,
            image: image.clone(),
        }
    }

    /// Returns the next tile whose parts are all known; `None` after the last.
    ///
    /// `None` also means that the structure of the file is whole: EOC is in its place, no tile is
    /// missing or has a part too many, the TLM marker segments agree, if there are any, and no box
    /// after the codestream is cut.
    ///
    /// # Errors
    /// [`Error::Read`] from the source, or [`Error::Flaw`] with the first flaw. Further calls after
    /// an error return unspecified tiles.
    pub fn next(&mut self, source: &dyn ReadRange) -> Result<Option<Tile>, Error> {
        if let Some(rest) = &mut self.rest {
            return Ok(rest.next());
        }
        let end = self.image.codestream().end;
        let mut reader = BufferedReader::new(source, SOT_LENGTH).limited(end);
        loop {
            match reader.u16(self.at)? {
                Some(SOT) => {
                    if let Some(tile) = self.add_part(&mut reader)? {
                        return Ok(Some(tile));
                    }
                }
                Some(EOC) => break,
                Some(other) => {
                    let detail =
                        format!("found 0x{other:04x} instead of the next tile-part or EOC");
                    return Err(Flaw::malformed(self.at, detail).into());
                }
                None => {
                    return Err(Flaw::truncated(self.at, "the codestream ends without EOC").into());
                }
            }
        }
        // EOC: all tiles and boxes must be whole. Then the tiles without announced parts follow.
        self.check_complete()?;
        self.image.trailing_boxes(source)?;
        let rest: Vec<_> = (0..)
            .zip(&mut self.found)
            .filter(|(_, tile)| !tile.returned)
            .map(|(index, tile)| Tile {
                index,
                parts: std::mem::take(&mut tile.parts),
            })
            .collect();
        Ok(self.rest.insert(rest.into_iter()).next())
    }

    /// Adds the tile-part at the current position. Returns the tile that it completes, if any.
    fn add_part(&mut self, reader: &mut BufferedReader<'_>) -> Result<Option<Tile>, Error> {
        // Read SOT, which gives the length.
        let start = self.at;
        let end = self.image.codestream().end;
        let sot = reader.get(start, SOT_LENGTH)?;
        let sot =
            sot.ok_or_else(|| Flaw::truncated(start, "the codestream ends in a tile-part header"))?;
        let part = TilePartStart::read(&sot, start)?;
        let wrong = |detail: String| Flaw::malformed(start, detail);
        let available = end.saturating_sub(start);
        let length = match part.length {
            // Only the last tile-part may have length 0. It then reaches up to EOC, the last
            // marker.
            0 if reader.u16(end.saturating_sub(2))? == Some(EOC) => available.saturating_sub(2),
            0 => {
                return Err(Flaw::truncated(
                    end,
                    "the last tile-part has no length and there is no EOC",
                )
                .into());
            }
            length => u64::from(length),
        };
        if length > available {
            let detail = format!(
                "part {} of tile {} has {length} bytes, but only {available} are left up to byte {end}",
                part.number, part.tile,
            );
            return Err(Flaw::truncated(start, detail).into());
        }
        // Every tile-part has an SOD (A.4.3).
        if length < SOT_LENGTH + 2 {
            return Err(wrong(format!("a tile-part of {length} bytes")).into());
        }
        // Check that the part is the one that must come next of its tile.
        self.check_listed(&part, start, length)?;
        let tiles = self.found.len();
        let Some(tile) = self.found.get_mut(usize::from(part.tile)) else {
            return Err(wrong(format!(
                "tile {} does not exist in a grid of {tiles}",
                part.tile
            ))
            .into());
        };
        if tile.returned {
            return Err(wrong(format!("tile {} continues after its last part", part.tile)).into());
        }
        if usize::from(part.number) != tile.parts.len() {
            let detail = format!(
                "tile {} continues with part {} instead of {}",
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
        // Add it, and return the tile if this was its last part.
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
        tile.returned = true;
        Ok(Some(Tile {
            index: part.tile.into(),
            parts: std::mem::take(&mut tile.parts),
        }))
    }

    /// Checks the tile-part against TLM, which lists all tile-parts in the order of the codestream,
    /// if it is there (A.7.1).
    fn check_listed(&self, part: &TilePartStart, start: u64, length: u64) -> Result<(), Flaw> {
        let listed = &self.image.main.listed_parts;
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
            "TLM does not list part {} of tile {} with {length} bytes in this place",
            part.number, part.tile,
        );
        Err(Flaw::malformed(start, detail))
    }

    /// Checks after EOC that no tile-part is missing.
    fn check_complete(&self) -> Result<(), Flaw> {
        let tiles = self.found.len();
        for (index, tile) in self
            .found
            .iter()
            .enumerate()
            .filter(|(_, tile)| !tile.returned)
        {
            let detail = match (tile.parts.len(), tile.announced) {
                (0, _) => format!("tile {index} of {tiles} is missing"),
                (_, 0) => continue,
                (parts, announced) => format!("tile {index} has {parts} of {announced} parts"),
            };
            return Err(Flaw::truncated(self.at, detail));
        }
        let listed = self.image.main.listed_parts.len();
        if listed != 0 && listed != self.count {
            let detail = format!("TLM lists {listed} tile-parts instead of {}", self.count);
            return Err(Flaw::truncated(self.at, detail));
        }
        Ok(())
    }
}
