//! What the file says, and how the writer fails.

use std::io;

use bytes::Bytes;
use gdal::Metadata;
use gdal::raster::ColorInterpretation;

use super::image::{Image, Memory, description, reopened, write};
use crate::cog::{ChunkScratch, CogError, CogWriter, Compression, Description, Overviews};
use crate::output::Output;

fn writer<'a>(image: &Image<u16>, output: &'a dyn Output) -> CogWriter<'a, u16> {
    CogWriter::new(image.shape, Overviews::Average, Compression::None, output).unwrap()
}

#[test]
fn the_file_says_what_and_where_it_is() {
    let image = Image::scene(600, 520, 3);
    let (file, finished) = write(
        &image,
        Overviews::Average,
        Compression::default(),
        &image.chunks(),
        1,
    );
    reopened(&file, |dataset| {
        let structure = |key| dataset.metadata_item(key, "IMAGE_STRUCTURE");
        assert_eq!(structure("LAYOUT").as_deref(), Some("COG"));
        assert_eq!(structure("COMPRESSION").as_deref(), Some("DEFLATE"));
        assert_eq!(structure("INTERLEAVE").as_deref(), Some("PIXEL"));
        for (key, value) in description(3).metadata {
            assert_eq!(dataset.metadata_item(&key, ""), Some(value));
        }
        assert_eq!(
            dataset.spatial_ref().unwrap().authority().unwrap(),
            "EPSG:32629"
        );
        let expected = [499_980.0_f64, 10.0, 0.0, 5_900_040.0, 0.0, -10.0];
        assert_eq!(
            dataset.geo_transform().unwrap().map(f64::to_bits),
            expected.map(f64::to_bits)
        );
        let colours = [
            ColorInterpretation::RedBand,
            ColorInterpretation::GreenBand,
            ColorInterpretation::BlueBand,
        ];
        for (index, colour) in (1..).zip(colours) {
            let band = dataset.rasterband(index).unwrap();
            assert_eq!(band.description().unwrap(), format!("B{index:02}"));
            assert_eq!(band.no_data_value(), Some(0.0));
            assert_eq!(band.color_interpretation(), colour);
            assert_eq!(band.block_size(), (512, 512));
            for (key, value) in finished.statistics[index - 1].items() {
                assert_eq!(band.metadata_item(key, ""), Some(value));
            }
        }
    });
}

#[test]
fn wrong_chunks_are_refused_and_missing_ones_noticed() {
    let image = Image::scene(1500, 100, 1);
    let output = Memory::default();
    let refused = |column, row, planes: &mut [Vec<u16>]| {
        let writer = writer(&image, &output);
        let mut scratch = ChunkScratch::new();
        writer
            .chunk(0, 0, &mut image.chunk(0, 0), &mut scratch)
            .unwrap();
        let error = writer
            .chunk(column, row, planes, &mut scratch)
            .unwrap_err()
            .to_string();
        assert!(matches!(
            writer.chunk(1, 0, &mut image.chunk(1, 0), &mut scratch),
            Err(CogError::Abandoned)
        ));
        error
    };
    assert!(refused(2, 0, &mut [vec![1]]).contains("lies outside of the image"));
    assert!(refused(0, 0, &mut image.chunk(0, 0)).contains("came twice"));
    assert!(refused(1, 0, &mut [vec![1; 7]]).contains("has 7 samples instead of 47600 in a band"));
    assert!(refused(1, 0, &mut [vec![1], vec![1]]).contains("has 2 bands instead of 1"));

    let writer = writer(&image, &output);
    writer
        .chunk(0, 0, &mut image.chunk(0, 0), &mut ChunkScratch::new())
        .unwrap();
    let error = writer.finish(&description(1)).unwrap_err().to_string();
    assert_eq!(
        error,
        "the chunk at column 1, row 0 has not come; report this as a bug"
    );
}

#[test]
fn an_output_that_fails_stops_everything() {
    struct Full;
    impl Output for Full {
        fn body(&self, _: Bytes) -> io::Result<()> {
            Err(io::Error::from(io::ErrorKind::StorageFull))
        }
    }
    let image = Image::scene(1500, 100, 1);
    let writer = writer(&image, &Full);
    let mut scratch = ChunkScratch::new();
    // Its tiles wait for those on their left.
    writer
        .chunk(1, 0, &mut image.chunk(1, 0), &mut scratch)
        .unwrap();
    let error = writer
        .chunk(0, 0, &mut image.chunk(0, 0), &mut scratch)
        .unwrap_err();
    assert!(matches!(error, CogError::Output(error) if error.kind() == io::ErrorKind::StorageFull));
    assert!(matches!(
        writer.finish(&description(1)),
        Err(CogError::Chunk { .. } | CogError::Abandoned)
    ));
}

#[test]
fn items_that_no_tag_can_take_are_refused() {
    let image = Image::scene(40, 40, 1);
    let output = Memory::default();
    let writer = writer(&image, &output);
    writer
        .chunk(0, 0, &mut image.chunk(0, 0), &mut ChunkScratch::new())
        .unwrap();
    let metadata = vec![("TIFFTAG_XRESOLUTION".into(), "72".into())];
    let error = writer
        .finish(&Description {
            metadata,
            ..description(1)
        })
        .unwrap_err()
        .to_string();
    assert!(error.starts_with(
        "the metadata item TIFFTAG_XRESOLUTION cannot be written to a TIFF: text can be in"
    ));
}
