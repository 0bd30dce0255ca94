//! Everything in front of the full-resolution tiles: directories, tags, and the tiles of the
//! overviews.

use std::fmt::Write as _;

use bytes::Bytes;

use crate::cog::error::CogError;
use crate::cog::file::number::general;
use crate::cog::file::tiff::{Field, TiffVariant};
use crate::cog::overviews::Level;
use crate::cog::shape::Description;
use crate::cog::statistics::BandStatistics;
use crate::cog::tile::{Compression, LEADER, LERC_PARAMETERS, Predictor, TRAILER, Tiling};
use crate::sample::{Nodata, SampleType};

/// Where the body may begin: files get their head by inserting blocks of this size in front of the
/// body.
const ALIGNMENT: u64 = 4096;

/// What GDAL's COG driver says about the structure of a file, for readers that can make use of it:
/// the size of a tile is in front of it, and changes in place can be noticed (GDAL's "COG driver"
/// page, "Header ghost area").
const STRUCTURE: &str = "LAYOUT=IFDS_BEFORE_DATA\nBLOCK_ORDER=ROW_MAJOR\nBLOCK_LEADER=SIZE_AS_UINT4\n\
                         BLOCK_TRAILER=LAST_4_BYTES_REPEATED\nKNOWN_INCOMPATIBLE_EDITION=NO\n ";

/// All that goes into the head.
pub(crate) struct Head<'a> {
    pub(crate) tiling: Tiling,
    pub(crate) nodata: Nodata,
    pub(crate) compression: Compression,
    /// The full resolution first.
    pub(crate) levels: &'a [Level],
    /// Encoded tiles of the levels after the first.
    pub(crate) overviews: &'a [Vec<Bytes>],
    /// Encoded sizes of the tiles of the full resolution.
    pub(crate) body: &'a [u32],
    pub(crate) description: &'a Description,
    pub(crate) statistics: &'a [BandStatistics],
}

impl Head<'_> {
    /// The head in pieces; together they are a multiple of 4096 bytes long. A `BigTIFF` if the file
    /// needs it.
    pub(crate) fn pieces(&self) -> Result<Vec<Bytes>, CogError> {
        match self.pieces_as(TiffVariant::Classic, 0) {
            Ok(pieces) if u32::try_from(self.length(&pieces)).is_ok() => Ok(pieces),
            Ok(_) | Err(CogError::Unwritable { .. }) => self.pieces_as(TiffVariant::Big, 0),
            Err(error) => Err(error),
        }
    }

    fn length(&self, pieces: &[Bytes]) -> u64 {
        let head: u64 = pieces.iter().map(|piece| piece.len() as u64).sum();
        head.saturating_add(self.body_bytes())
    }

    pub(crate) fn body_bytes(&self) -> u64 {
        self.body.iter().map(|&tile| u64::from(tile)).sum()
    }

    /// As [`pieces`](Self::pieces) in the given variant; `gap` bytes, which only tests want, lie
    /// before the body.
    fn pieces_as(&self, variant: TiffVariant, gap: u64) -> Result<Vec<Bytes>, CogError> {
        let ghost = format!(
            "GDAL_STRUCTURAL_METADATA_SIZE={:06} bytes\n{STRUCTURE}",
            STRUCTURE.len()
        );
        // Once for its length, which does not depend on where the tiles lie, and then for good.
        let places: Vec<_> = self.sizes().map(|sizes| vec![0; sizes.len()]).collect();
        let start = variant
            .head(ghost.as_bytes(), &self.directories(variant, &places)?)
            .len();
        let tiles: u64 = self
            .overviews
            .iter()
            .flatten()
            .map(|tile| tile.len() as u64)
            .sum();
        let body = (start as u64)
            .saturating_add(tiles)
            .next_multiple_of(ALIGNMENT);
        let places = self.places(start as u64, body.saturating_add(gap));
        let first = variant.head(ghost.as_bytes(), &self.directories(variant, &places)?);

        let padding = body
            .saturating_sub(tiles)
            .saturating_sub(first.len() as u64);
        let mut pieces = vec![Bytes::from(first)];
        pieces.extend(self.overviews.iter().rev().flatten().cloned());
        // Less than the alignment.
        pieces.push(Bytes::from(vec![
            0;
            usize::try_from(padding)
                .unwrap_or_default()
        ]));
        Ok(pieces)
    }

    /// Encoded sizes of the tiles of each level, the full resolution first.
    fn sizes(&self) -> impl DoubleEndedIterator<Item = Vec<u64>> {
        let overviews = self
            .overviews
            .iter()
            .map(|tiles| tiles.iter().map(|tile| tile.len() as u64).collect());
        std::iter::once(self.body.iter().map(|&size| size.into()).collect()).chain(overviews)
    }

    /// Offsets of the tiles' data for each level; the smallest overview comes first in the file.
    fn places(&self, overviews: u64, body: u64) -> Vec<Vec<u64>> {
        let mut at = overviews;
        let mut places: Vec<Vec<u64>> = Vec::new();
        for (index, sizes) in self
            .sizes()
            .enumerate()
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
        {
            if index == 0 {
                at = body;
            }
            let place = |size: u64| {
                let place = at.saturating_add(LEADER as u64);
                at = at.saturating_add(size);
                place
            };
            places.push(sizes.into_iter().map(place).collect());
        }
        places.reverse();
        places
    }

    fn directories(
        &self,
        variant: TiffVariant,
        places: &[Vec<u64>],
    ) -> Result<Vec<Vec<Field>>, CogError> {
        let mut directories = Vec::new();
        for (index, ((level, sizes), places)) in
            self.levels.iter().zip(self.sizes()).zip(places).enumerate()
        {
            let mut fields = self.image(level)?;
            let around = (LEADER + TRAILER) as u64;
            let sizes: Vec<u32> = sizes
                .iter()
                .map(|size| u32::try_from(size.saturating_sub(around)).unwrap_or(u32::MAX))
                .collect();
            fields.push(Field::offsets(324, variant, places)?);
            fields.push(Field::longs(325, &sizes));
            if index == 0 {
                fields.extend(self.description.georeference.fields.iter().cloned());
                fields.extend(self.metadata()?);
            } else {
                // NewSubfileType: a reduced-resolution version (TIFF 6.0, section 8).
                fields.push(Field::longs(254, &[1]));
            }
            fields.sort_by_key(|field| field.tag);
            directories.push(fields);
        }
        Ok(directories)
    }

    /// The tags that describe pixels. Numbers are those of TIFF 6.0, sections 8, 14, 15 and 19,
    /// unless said otherwise.
    fn image(&self, level: &Level) -> Result<Vec<Field>, CogError> {
        let Tiling { size, bands } = self.tiling;
        let sample_type = self.nodata.sample_type();
        let unwritable = |what: &str, detail: &str| CogError::Unwritable {
            what: what.into(),
            detail: detail.into(),
        };
        let side = |side: usize| {
            u32::try_from(side)
                .map_err(|_| unwritable("the image", "its sides do not fit into 32 bits"))
        };
        let bands_tag = u16::try_from(bands)
            .map_err(|_| unwritable("the image", "it has more bands than 16 bits can count"))?;
        // Bits, and SampleFormat: 1 is unsigned, 2 signed, 3 floating point.
        let (bits, sample_format) = match sample_type {
            SampleType::U8 => (8, 1),
            SampleType::U16 => (16, 1),
            SampleType::I16 => (16, 2),
            SampleType::F32 => (32, 3),
        };
        // Three bands of digital numbers are a colour image, whatever their wavelengths: that is
        // how viewers open them. Three bands of other numbers are not colours.
        let is_colour = bands == 3 && sample_format == 1;
        let mut fields = vec![
            Field::side(256, side(level.width)?),          // ImageWidth
            Field::side(257, side(level.height)?),         // ImageLength
            Field::shorts(258, &vec![bits; bands]),        // BitsPerSample
            Field::shorts(259, &[self.compression.tag()]), // Compression
            Field::shorts(262, &[if is_colour { 2 } else { 1 }]), // PhotometricInterpretation: RGB, BlackIsZero
            Field::shorts(277, &[bands_tag]),                     // SamplesPerPixel
            Field::shorts(284, &[1]),                             // PlanarConfiguration: chunky
            Field::side(322, side(size)?),                        // TileWidth
            Field::side(323, side(size)?),                        // TileLength
            Field::shorts(339, &vec![sample_format; bands]),      // SampleFormat
            // GDAL_NODATA (GDAL's "GTiff driver" page, "Nodata value").
            Field::ascii(42113, &general(self.nodata.value())),
        ];
        let predictor = self.compression.predictor(sample_type);
        if predictor != Predictor::None {
            fields.push(Field::shorts(317, &[predictor.tag()])); // Predictor
        }
        if !is_colour && bands > 1 {
            // ExtraSamples: unspecified, for all but the one that is grey.
            fields.push(Field::shorts(338, &vec![0; bands.saturating_sub(1)]));
        }
        if self.compression == Compression::Lerc {
            fields.push(Field::longs(50674, &LERC_PARAMETERS)); // LercParameters (libtiff's tiff.h)
        }
        Ok(fields)
    }

    /// What is said about the image: tags for the items that have one, and `GDAL_METADATA` for all
    /// others.
    fn metadata(&self) -> Result<Vec<Field>, CogError> {
        let mut fields = Vec::new();
        let mut xml = String::from("<GDALMetadata>\n");
        // Items of the image.
        for (key, value) in &self.description.metadata {
            if let Some(name) = key.strip_prefix("TIFFTAG_") {
                let tag = TEXT_TAGS.iter().find(|(known, _)| *known == name);
                let (_, tag) = tag.ok_or_else(|| CogError::Unwritable {
                    what: format!("the metadata item {key}"),
                    detail: format!(
                        "text can be in {}",
                        TEXT_TAGS.map(|(name, _)| name).join(", ")
                    ),
                })?;
                fields.push(Field::ascii(*tag, value));
            } else {
                item(&mut xml, key, "", value);
            }
        }
        // Items of the bands, in GDAL's order.
        for (band, (name, statistics)) in self
            .description
            .names
            .iter()
            .zip(self.statistics)
            .enumerate()
        {
            for (key, value) in statistics.items() {
                item(&mut xml, key, &format!(" sample=\"{band}\""), &value);
            }
            let mut of_role = |key, role: &str, value: &str| {
                let attributes = format!(" sample=\"{band}\" role=\"{role}\"");
                item(&mut xml, key, &attributes, value);
            };
            if let Some(Some(of)) = self.description.scales.get(band) {
                of_role("OFFSET", "offset", &general(of.offset));
                of_role("SCALE", "scale", &general(of.scale));
            }
            of_role("DESCRIPTION", "description", name);
        }
        xml.push_str("</GDALMetadata>\n");
        // GDAL_METADATA (GDAL's "GTiff driver" page, "Metadata").
        fields.push(Field::ascii(42112, &xml));
        Ok(fields)
    }
}

/// Tags with text in them, by the names of GDAL's metadata items (GDAL's "`GTiff` driver" page,
/// "Metadata"; TIFF 6.0, section 8 and section 12 for the first).
const TEXT_TAGS: [(&str, u16); 7] = [
    ("DOCUMENTNAME", 269),
    ("IMAGEDESCRIPTION", 270),
    ("SOFTWARE", 305),
    ("DATETIME", 306),
    ("ARTIST", 315),
    ("HOSTCOMPUTER", 316),
    ("COPYRIGHT", 33432),
];

/// GDAL escapes values twice and takes both back when it reads them (`frmts/gtiff`,
/// `AppendMetadataItem`).
fn item(xml: &mut String, key: &str, attributes: &str, value: &str) {
    let (key, value) = (escaped(key), escaped(&escaped(value)));
    // Writing to a string cannot fail.
    let _ = writeln!(xml, "  <Item name=\"{key}\"{attributes}>{value}</Item>");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use gdal::{Dataset, Metadata, vsi};

    use super::*;
    use crate::cog::file::geo_tags::directory;
    use crate::gdal::MemoryFolder;

    const TILING: Tiling = Tiling {
        size: 512,
        bands: 1,
    };
    const LEVELS: [Level; 3] = [
        Level {
            factor: 1,
            width: 1000,
            height: 600,
        },
        Level {
            factor: 2,
            width: 500,
            height: 300,
        },
        Level {
            factor: 4,
            width: 250,
            height: 150,
        },
    ];

    /// A tile of equal samples, as it is without compression, with leader and trailer.
    fn tile(sample: u16) -> Bytes {
        let data = 512_u32 * 512 * 2;
        let mut tile = data.to_le_bytes().to_vec();
        tile.extend((0..512 * 512 + 2).flat_map(|_| sample.to_le_bytes()));
        tile.into()
    }

    fn with_head<R>(body: &[u32], work: impl FnOnce(&Head<'_>) -> R) -> R {
        let description = Description {
            names: vec!["B04".into()],
            ..Description::default()
        };
        let statistics = [BandStatistics {
            pixels: 1,
            valid_pixels: 0,
            spread: None,
        }];
        work(&Head {
            tiling: TILING,
            nodata: Nodata::U16(0),
            compression: Compression::None,
            levels: &LEVELS,
            overviews: &[vec![tile(2)], vec![tile(4)]],
            body,
            description: &description,
            statistics: &statistics,
        })
    }

    /// First samples of the full resolution's last tile and of both overviews.
    fn corners(file: Vec<u8>) -> [u16; 3] {
        let folder = MemoryFolder::new();
        let path = folder.path("big.tif");
        vsi::create_mem_file(&path, file).unwrap();
        let dataset = Dataset::open(&path).unwrap();
        assert_eq!(
            dataset
                .metadata_item("LAYOUT", "IMAGE_STRUCTURE")
                .as_deref(),
            Some("COG")
        );
        let band = dataset.rasterband(1).unwrap();
        let last = band
            .read_as::<u16>((600, 550), (1, 1), (1, 1), None)
            .unwrap()
            .data()[0];
        let overview = |level| {
            band.overview(level)
                .unwrap()
                .read_band_as::<u16>()
                .unwrap()
                .data()[0]
        };
        [last, overview(0), overview(1)]
    }

    #[test]
    fn tiles_lie_where_both_formats_say() {
        let sizes = [u32::try_from(tile(1).len()).unwrap(); 4];
        for (variant, magic, gap) in [
            (TiffVariant::Classic, 42, 0),
            (TiffVariant::Big, 43, 0),
            (TiffVariant::Big, 43, 1 << 20),
        ] {
            let mut file = with_head(&sizes, |head| head.pieces_as(variant, gap).unwrap()).concat();
            assert_eq!((file[2], file.len() % 4096), (magic, 0));
            file.resize(file.len() + usize::try_from(gap).unwrap(), 0);
            (0..4).for_each(|_| file.extend(tile(1)));
            assert_eq!(corners(file), [1, 2, 4]);
        }
    }

    #[test]
    fn a_file_becomes_a_bigtiff_beyond_4_gib() {
        let is_big =
            |body: &[u32]| with_head(body, |head| head.pieces().unwrap().concat())[2] == 43;
        let gib = 1_u32 << 30;
        assert!(!is_big(&[gib, gib, gib, gib / 2]));
        assert!(is_big(&[gib, gib, gib, gib]));
        assert!(is_big(&[gib, u32::MAX, u32::MAX, gib]));
    }

    #[test]
    fn overviews_come_before_the_full_resolution_and_the_smallest_first() {
        let sizes = [u32::try_from(tile(1).len()).unwrap(); 4];
        let pieces = with_head(&sizes, |head| head.pieces().unwrap());
        let starts = |index: usize| pieces[..index].iter().map(Bytes::len).sum::<usize>();
        assert_eq!((pieces[1][4], pieces[2][4]), (4, 2));
        let file = pieces.concat();
        let first = directory(&file).unwrap();
        let offsets = first.iter().find(|field| field.tag == 324).unwrap();
        assert_eq!(offsets.first_integer(), Some((file.len() + LEADER) as u64));
        let gap = file.len() - starts(3);
        assert!(gap < 4096 && pieces[3].len() == gap);
        assert!(
            file[8..].starts_with(
                b"GDAL_STRUCTURAL_METADATA_SIZE=000140 bytes\nLAYOUT=IFDS_BEFORE_DATA\n"
            )
        );
    }
}
