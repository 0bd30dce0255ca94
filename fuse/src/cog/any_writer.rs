//! The writer for whatever type of samples a kernel makes.

use crate::cog::error::CogError;
use crate::cog::overviews::Overviews;
use crate::cog::shape::{Description, Finished, Shape};
use crate::cog::tile::Compression;
use crate::cog::writer::{ChunkScratch, CogWriter};
use crate::output::Output;
use crate::sample::{Planes, SampleType};

/// A [`CogWriter`] of one of the types of samples. The type is looked at once a chunk.
pub enum AnyCogWriter<'a> {
    /// Of samples of 8 bits.
    U8(CogWriter<'a, u8>),
    /// Of unsigned samples of 16 bits.
    U16(CogWriter<'a, u16>),
    /// Of signed samples of 16 bits.
    I16(CogWriter<'a, i16>),
    /// Of floating-point samples.
    F32(CogWriter<'a, f32>),
}

impl<'a> AnyCogWriter<'a> {
    /// For an image of this shape; see [`CogWriter::new`].
    pub fn new(
        shape: Shape,
        overviews: Overviews,
        compression: Compression,
        output: &'a dyn Output,
    ) -> Option<Self> {
        match shape.nodata.sample_type() {
            SampleType::U8 => CogWriter::new(shape, overviews, compression, output).map(Self::U8),
            SampleType::U16 => CogWriter::new(shape, overviews, compression, output).map(Self::U16),
            SampleType::I16 => CogWriter::new(shape, overviews, compression, output).map(Self::I16),
            SampleType::F32 => CogWriter::new(shape, overviews, compression, output).map(Self::F32),
        }
    }

    /// Takes one chunk; see [`CogWriter::chunk`].
    ///
    /// # Errors
    /// See [`CogError`]. Planes of another type of samples are one.
    pub fn chunk(
        &self,
        column: u32,
        row: u32,
        planes: &mut Planes,
        scratch: &mut ChunkScratch,
    ) -> Result<(), CogError> {
        match (self, planes) {
            (Self::U8(writer), Planes::U8(planes)) => writer.chunk(column, row, planes, scratch),
            (Self::U16(writer), Planes::U16(planes)) => writer.chunk(column, row, planes, scratch),
            (Self::I16(writer), Planes::I16(planes)) => writer.chunk(column, row, planes, scratch),
            (Self::F32(writer), Planes::F32(planes)) => writer.chunk(column, row, planes, scratch),
            (_, planes) => Err(CogError::Chunk {
                column,
                row,
                detail: format!("has samples of another type, {:?}", planes.sample_type()),
            }),
        }
    }

    /// The head, once all chunks have come; see [`CogWriter::finish`].
    ///
    /// # Errors
    /// See [`CogError`].
    pub fn finish(self, description: &Description) -> Result<Finished, CogError> {
        match self {
            Self::U8(writer) => writer.finish(description),
            Self::U16(writer) => writer.finish(description),
            Self::I16(writer) => writer.finish(description),
            Self::F32(writer) => writer.finish(description),
        }
    }
}
