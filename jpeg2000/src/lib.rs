//! A decoder for JPEG 2000 Part 1 (ISO/IEC 15444-1) as Sentinel-2 uses it, strict enough to notice
//! damage.
//!
//! # Profile
//!
//! The decoder reads JP2 files of one unsigned component of 1 to 16 bits, with the reversible 5/3
//! wavelet. It reads no code-block style flags, no region of interest, no changes of the
//! progression order, and no packed packet headers. Everything else is free: tiles, tile-parts,
//! precincts, code blocks, layers and progression orders. It reports a file outside the profile as
//! [`FlawKind::Unsupported`], which is not damage, so that a caller can use another decoder.
//!
//! # Use
//!
//! [`Image::read`] reads the boxes and the main header. [`Tiles`] finds the tiles, also while the
//! file is still arriving. A [`TileDecoder`] per thread decodes them one by one.
//! [`Image::check_tile`] checks tiles for another decoder.
//!
//! ```no_run
//! use std::ops::Range;
//!
//! use bytes::Bytes;
//! use tilefleet_jpeg2000::{Image, TileDecoder, Tiles};
//!
//! let file = Bytes::from(std::fs::read("B04.jp2")?);
//! let image = Image::read(&file)?;
//! let width = image.width() as usize;
//! let mut samples = vec![0_u16; width * image.height() as usize];
//! let (mut tiles, mut decoder) = (Tiles::new(&image), TileDecoder::new());
//! while let Some(tile) = tiles.next(&file)? {
//!     let bytes = |part: &Range<u64>| file.slice(part.start as usize..part.end as usize);
//!     let parts: Vec<_> = tile.parts.iter().map(|part| (part.start, bytes(part))).collect();
//!     let (x, y, ..) = image.tile_rect(tile.index);
//!     let out = &mut samples[y as usize * width + x as usize..];
//!     decoder.decode(&image, tile.index, &parts, out, width, &|| false)?;
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where is what
//!
//! JPEG 2000 has two tiers of coding. *Tier-1* codes the wavelet coefficients of one code block, a
//! rectangle of at most 4096 of them, into bytes. *Tier-2* puts the bytes of all code blocks of a
//! tile into packets. A decoder goes the other way:
//!
//! | folder | from what to what | ISO/IEC 15444-1 |
//! |---|---|---|
//! | `read` | ranges of a file, fields of headers | |
//! | `file` | the JP2 file, to its boxes, its image and the places of its tiles | Annex I, A.4 |
//! | `codestream` | marker segments, to the headers of the image and of tile-parts | Annex A |
//! | `tier2` | the packets of a tile, to the bytes of its code blocks | Annex B |
//! | `tier1` | the bytes of a code block, to wavelet coefficients | Annexes C and D |
//! | `wavelet` | wavelet coefficients, to the next resolution level | Annex F |
//! | `tile` | all of it: the bytes of a tile, to its samples | E.1, G.1 |
//!
//! Section, table and equation numbers in the code are those of ISO/IEC 15444-1.

mod codestream;
mod error;
mod file;
mod read;
mod rect;
mod tier1;
mod tier2;
mod tile;
mod wavelet;

pub use error::{Error, Flaw, FlawKind};
pub use file::{Image, Tile, Tiles};
pub use read::ReadRange;
pub use tile::TileDecoder;
