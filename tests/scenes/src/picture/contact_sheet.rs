//! Many results on one page: tiles from top to bottom, dates from left to right.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::picture::canvas::{Canvas, Colour};
use crate::picture::glyphs;
use crate::picture::thumbnail::Thumbnail;

/// The most thumbnails on a sheet; of more files an even sample is shown.
pub const CAPACITY: usize = 100;

/// The most columns: a wider sheet would not fit on a screen.
const MAX_COLUMNS: usize = 10;
const MARGIN: usize = 40;
const GAP: usize = 18;
const TITLE_SCALE: usize = 3;
const TEXT_SCALE: usize = 2;
/// Between a picture and its caption, and between the lines of the title.
const LEADING: usize = 9;

const PAPER: Colour = [14, 16, 20];
const FRAME: Colour = [44, 49, 59];
const NO_DATA: Colour = [23, 26, 32];
const HATCH: Colour = [33, 37, 45];
const INK: Colour = [226, 230, 238];
const FAINT_INK: Colour = [126, 134, 150];

/// A drawn sheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    /// The picture.
    pub canvas: Canvas,
    /// Files shown.
    pub shown: usize,
    /// Files given.
    pub total: usize,
}

/// Draws the files, which need at least three bands each.
///
/// Files named `sentinel_l2a_<tile>_<date>_<n>_RGB.tif` get a row for each tile and a column for
/// each date if that fits; others, and longer series, are laid out in the order of their names.
///
/// # Errors
///
/// If there are no files, or as [`Thumbnail::read`].
pub fn draw(files: &[PathBuf]) -> Result<Sheet> {
    if files.is_empty() {
        return Err(Error::NothingToShow);
    }
    let mut entries: Vec<Entry> = files.iter().map(|path| Entry::of(path)).collect();
    entries.sort();
    let total = entries.len();
    let entries = sample_evenly(entries, CAPACITY);
    let grid = Grid::of(&entries);

    let side = match grid.columns {
        0..=4 => 340,
        5..=6 => 280,
        _ => 210,
    };
    let caption = LEADING + glyphs::HEIGHT * TEXT_SCALE;
    let (title, subtitle) = headline(&entries, total);
    let heading = glyphs::HEIGHT * (TITLE_SCALE + TEXT_SCALE) + LEADING + 24;
    let text_width =
        (glyphs::width(&title) * TITLE_SCALE).max(glyphs::width(&subtitle) * TEXT_SCALE);
    let width = 2 * MARGIN + text_width.max(grid.columns * (side + GAP) - GAP);
    let height = 2 * MARGIN + heading + grid.rows * (side + caption + GAP) - GAP;
    let mut canvas = Canvas::new(width, height, PAPER);

    canvas.text((MARGIN, MARGIN), TITLE_SCALE, &title, INK);
    canvas.text(
        (MARGIN, MARGIN + glyphs::HEIGHT * TITLE_SCALE + LEADING),
        TEXT_SCALE,
        &subtitle,
        FAINT_INK,
    );
    let corner = |(column, row): (usize, usize)| {
        (
            MARGIN + column * (side + GAP),
            MARGIN + heading + row * (side + caption + GAP),
        )
    };
    for row in 0..grid.rows {
        for column in 0..grid.columns {
            if grid.is_table && !grid.cells.contains(&(column, row)) {
                empty_frame(&mut canvas, corner((column, row)), side);
            }
        }
    }
    for (entry, &cell) in entries.iter().zip(&grid.cells) {
        let (left, top) = corner(cell);
        let thumbnail = Thumbnail::read(&entry.path, side)?;
        place(&mut canvas, (left, top), side, &thumbnail);
        write_caption(&mut canvas, (left, top + side + LEADING), side, entry);
    }
    Ok(Sheet {
        canvas,
        shown: entries.len(),
        total,
    })
}

/// A file and the parts of its name. The order of the fields is the order on the sheet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    tile: String,
    /// Date and acquisition number, e.g. `2020-08-01` or `2020-08-01/1`; empty if the name says
    /// nothing.
    date: String,
    path: PathBuf,
}

impl Entry {
    fn of(path: &Path) -> Self {
        let stem = path
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
            .unwrap_or_default();
        let (tile, date) = named(&stem).unwrap_or_else(|| (stem.clone(), String::new()));
        Self {
            tile,
            date,
            path: path.to_owned(),
        }
    }
}

fn named(stem: &str) -> Option<(String, String)> {
    let mut parts = stem
        .strip_prefix("sentinel_l2a_")?
        .strip_suffix("_RGB")?
        .split('_');
    let (tile, date, number) = (parts.next()?, parts.next()?, parts.next()?);
    let digits: String = date.chars().filter(char::is_ascii_digit).collect();
    if parts.next().is_some() || digits.len() != 8 {
        return None;
    }
    let (year, month, day) = (&digits[..4], &digits[4..6], &digits[6..]);
    let number = if number == "0" {
        String::new()
    } else {
        format!("/{number}")
    };
    Some((tile.to_owned(), format!("{year}-{month}-{day}{number}")))
}

/// The place of every entry.
struct Grid {
    columns: usize,
    rows: usize,
    /// Column and row of each entry.
    cells: Vec<(usize, usize)>,
    /// Whether rows are tiles and columns are dates.
    is_table: bool,
}

impl Grid {
    fn of(entries: &[Entry]) -> Self {
        let tiles: BTreeSet<_> = entries.iter().map(|entry| &entry.tile).collect();
        let dates: BTreeSet<_> = entries.iter().map(|entry| &entry.date).collect();
        let all_named = entries.iter().all(|entry| !entry.date.is_empty());
        // Two files of one tile and date (in two folders, say) would cover each other, and a mostly
        // empty table would not help.
        let cells: BTreeSet<_> = entries
            .iter()
            .map(|entry| (&entry.tile, &entry.date))
            .collect();
        let fits = dates.len() <= MAX_COLUMNS && tiles.len() * dates.len() <= 2 * entries.len();
        if all_named && fits && cells.len() == entries.len() {
            let place = |entry: &Entry| {
                let column = dates.iter().filter(|&&date| *date < entry.date).count();
                (
                    column,
                    tiles.iter().filter(|&&tile| *tile < entry.tile).count(),
                )
            };
            let cells = entries.iter().map(place).collect();
            return Self {
                columns: dates.len(),
                rows: tiles.len(),
                cells,
                is_table: true,
            };
        }
        let columns = entries.len().isqrt().clamp(1, MAX_COLUMNS);
        let columns = if columns * columns < entries.len() {
            (columns + 1).min(MAX_COLUMNS)
        } else {
            columns
        };
        let cells = (0..entries.len())
            .map(|index| (index % columns, index / columns))
            .collect();
        Self {
            columns,
            rows: entries.len().div_ceil(columns),
            cells,
            is_table: false,
        }
    }
}

fn sample_evenly<T>(items: Vec<T>, capacity: usize) -> Vec<T> {
    let total = items.len();
    if total <= capacity {
        return items;
    }
    let mut kept = Vec::with_capacity(capacity);
    for (index, item) in items.into_iter().enumerate() {
        if kept.len() * total <= index * capacity {
            kept.push(item);
        }
    }
    kept
}

fn headline(entries: &[Entry], total: usize) -> (String, String) {
    let plural =
        |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let mut facts = Vec::new();
    if entries.iter().all(|entry| !entry.date.is_empty()) {
        let tiles: BTreeSet<_> = entries.iter().map(|entry| &entry.tile).collect();
        facts.push(plural(tiles.len(), "tile"));
        let days = || {
            entries
                .iter()
                .map(|entry| entry.date.split('/').next().unwrap_or_default())
        };
        if let (Some(first), Some(last)) = (days().min(), days().max()) {
            facts.push(if first == last {
                first.to_owned()
            } else {
                format!("{first} to {last}")
            });
        }
    }
    if entries.len() < total {
        facts.push(format!("an even sample of {} is shown", entries.len()));
    }
    (
        format!("Tilefleet \u{b7} {}", plural(total, "scene")),
        facts.join(" \u{b7} "),
    )
}

fn place(canvas: &mut Canvas, (left, top): (usize, usize), side: usize, thumbnail: &Thumbnail) {
    canvas.fill((left - 1, top - 1), (side + 2, side + 2), FRAME);
    let (inset_x, inset_y) = ((side - thumbnail.width) / 2, (side - thumbnail.height) / 2);
    for y in 0..side {
        for x in 0..side {
            let column = x
                .checked_sub(inset_x)
                .filter(|&column| column < thumbnail.width);
            let row = y.checked_sub(inset_y).filter(|&row| row < thumbnail.height);
            let seen = column
                .zip(row)
                .and_then(|(column, row)| thumbnail.pixels[row * thumbnail.width + column]);
            let colour = seen.unwrap_or(if (x + y) % 12 < 2 { HATCH } else { NO_DATA });
            canvas.set(left + x, top + y, colour);
        }
    }
}

fn empty_frame(canvas: &mut Canvas, (left, top): (usize, usize), side: usize) {
    canvas.fill((left - 1, top - 1), (side + 2, side + 2), FRAME);
    canvas.fill((left, top), (side, side), PAPER);
}

fn write_caption(canvas: &mut Canvas, (left, top): (usize, usize), side: usize, entry: &Entry) {
    let room = side / (TEXT_SCALE * glyphs::ADVANCE);
    let date_room = entry.date.chars().count() + 1;
    let name: String = entry
        .tile
        .chars()
        .take(room.saturating_sub(date_room))
        .collect();
    canvas.text((left, top), TEXT_SCALE, &name, INK);
    let indent = side.saturating_sub(glyphs::width(&entry.date) * TEXT_SCALE);
    canvas.text((left + indent, top), TEXT_SCALE, &entry.date, FAINT_INK);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(names: &[&str]) -> Vec<Entry> {
        names
            .iter()
            .map(|name| Entry::of(Path::new(name)))
            .collect()
    }

    #[test]
    fn tiles_are_rows_and_dates_are_columns() {
        let grid = Grid::of(&entries(&[
            "a/sentinel_l2a_48RXT_20200801_0_RGB.tif",
            "b/sentinel_l2a_48RXT_2020-08-06_0_RGB.tif",
            "c/sentinel_l2a_48RYT_20200806_0_RGB.tif",
        ]));
        assert!(grid.is_table);
        assert_eq!(
            (grid.columns, grid.rows, grid.cells),
            (2, 2, vec![(0, 0), (1, 0), (1, 1)])
        );
    }

    #[test]
    fn other_names_fill_a_square() {
        let grid = Grid::of(&entries(&["a.tif", "b.tif", "c.tif", "d.tif", "e.tif"]));
        assert_eq!((grid.columns, grid.rows, grid.is_table), (3, 2, false));
    }

    #[test]
    fn files_that_share_a_tile_and_date_do_not_cover_each_other() {
        let name = "sentinel_l2a_48RXT_20200801_0_RGB.tif";
        let grid = Grid::of(&entries(&[&format!("a/{name}"), &format!("b/{name}")]));
        assert_eq!(grid.cells, [(0, 0), (1, 0)]);
    }

    #[test]
    fn more_files_than_fit_are_sampled_evenly() {
        let sampled = sample_evenly((0..250).collect(), CAPACITY);
        assert_eq!(
            (sampled.len(), sampled[0], sampled[1], sampled[2]),
            (CAPACITY, 0, 3, 5)
        );
        assert_eq!(sample_evenly(vec![1, 2], CAPACITY), [1, 2]);
    }

    #[test]
    fn no_files_are_refused() {
        assert!(matches!(draw(&[]), Err(Error::NothingToShow)));
    }
}
