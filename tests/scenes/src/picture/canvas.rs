//! A small picture to draw on and to write as a PNG.

use std::path::Path;

use crate::error::{Error, Result};
use crate::layout::write_whole;
use crate::picture::glyphs;

/// Red, green and blue.
pub type Colour = [u8; 3];

/// A picture of 8-bit RGB pixels in row order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<Colour>,
}

impl Canvas {
    /// A canvas of one colour.
    pub fn new(width: usize, height: usize, colour: Colour) -> Self {
        Self {
            width,
            height,
            pixels: vec![colour; width * height],
        }
    }

    /// Width and height in pixels.
    pub fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// The colour of a pixel, if there is such a pixel.
    pub fn get(&self, x: usize, y: usize) -> Option<Colour> {
        (x < self.width)
            .then(|| self.pixels.get(y * self.width + x).copied())
            .flatten()
    }

    /// Colours a pixel; one outside the canvas is ignored.
    pub fn set(&mut self, x: usize, y: usize, colour: Colour) {
        if x < self.width
            && let Some(pixel) = self.pixels.get_mut(y * self.width + x)
        {
            *pixel = colour;
        }
    }

    /// Fills a rectangle.
    pub fn fill(
        &mut self,
        (left, top): (usize, usize),
        (width, height): (usize, usize),
        colour: Colour,
    ) {
        for y in top..top + height {
            for x in left..left + width {
                self.set(x, y, colour);
            }
        }
    }

    /// Writes a text with its upper left corner at a place, each font pixel `scale` pixels wide.
    pub fn text(&mut self, (left, top): (usize, usize), scale: usize, text: &str, colour: Colour) {
        for (x, y) in glyphs::pixels(text) {
            self.fill((left + x * scale, top + y * scale), (scale, scale), colour);
        }
    }

    /// Writes the picture as a PNG, completely or not at all.
    ///
    /// # Errors
    ///
    /// If the picture cannot be encoded or the file cannot be written.
    pub fn write_png(&self, path: &Path) -> Result<()> {
        let failed = |source| Error::Png {
            path: path.to_owned(),
            source,
        };
        let too_large = |_| failed(png::EncodingError::LimitsExceeded);
        let (width, height) = (
            u32::try_from(self.width).map_err(too_large)?,
            u32::try_from(self.height).map_err(too_large)?,
        );
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, width, height);
        encoder.set_color(png::ColorType::Rgb);
        let mut writer = encoder.write_header().map_err(failed)?;
        writer
            .write_image_data(self.pixels.as_flattened())
            .map_err(failed)?;
        writer.finish().map_err(failed)?;
        write_whole(path, &file)
    }
}
