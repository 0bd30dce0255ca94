//! Why a COG could not be written, and what to do about it.

use std::io;

/// Failure of [`CogWriter`](super::CogWriter). Nothing more can be done with a writer that has
/// failed: what its output has received is not a file, and has to be thrown away.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CogError {
    /// The output refused bytes. Whether trying again helps is for the output to say.
    #[error("the body of the COG could not be written: {0}; see to the output and start over")]
    Output(#[source] io::Error),
    /// A compressor refused a tile, which valid settings do not lead to. Report it.
    #[error(
        "a tile could not be compressed with {compression}: {detail}; choose another compression"
    )]
    Compress {
        /// As in [`Compression`](super::Compression)'s text form.
        compression: String,
        /// The library's message.
        detail: String,
    },
    /// Another thread's call failed before; the cause is in its error. Drop this one.
    #[error("the COG was given up after an error in another thread; see its error for the cause")]
    Abandoned,
    /// A chunk has the wrong place or size, came twice, or never. An error of the calling code.
    #[error("the chunk at column {column}, row {row} {detail}; report this as a bug")]
    Chunk {
        /// In chunks, from the left.
        column: u32,
        /// In chunks, from the top.
        row: u32,
        /// What is wrong with it, as a verb phrase.
        detail: String,
    },
    /// Fail the request: its image or metadata does not fit into a TIFF.
    #[error("{what} cannot be written to a TIFF: {detail}; change the request")]
    Unwritable {
        /// What it is about.
        what: String,
        /// Why not.
        detail: String,
    },
}
