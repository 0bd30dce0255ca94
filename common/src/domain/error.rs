//! Why a text is not a value of the domain.

/// Why a text could not be parsed as one of the domain's types.
///
/// The message names the text and the expected form. The caller adds where the text came from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DomainError {
    /// Not a tile of Sentinel-2 or Landsat.
    #[error(
        "\"{0}\" is not a tile: expected zone, band and square as in 48RXT, or path and row of Landsat as in 033032"
    )]
    Tile(String),
    /// Not a day of the calendar.
    #[error("\"{0}\" is not a date: expected YYYYMMDD or YYYY-MM-DD, such as 20200801")]
    Date(String),
    /// Not a cell's name.
    #[error("\"{0}\" is not a cell: expected tile/date/number as in 48RXT/2020-08-01/0")]
    CellId(String),
    /// Not an S3 address.
    #[error("\"{0}\" is not an s3 address: expected s3://bucket/key")]
    S3Url(String),
    /// Not a recipe's digest.
    #[error("\"{0}\" is not a recipe's digest: expected 64 of 0-9 and a-f")]
    RecipeDigest(String),
    /// Not an area's digest.
    #[error("\"{0}\" is not an area's digest: expected 64 of 0-9 and a-f")]
    AreaDigest(String),
    /// Not a key for messages. It is a secret, so the text is left out.
    #[error("the key for a task's messages is not 32 of 0-9 and a-f")]
    MessageKey,
    /// Not a task's id.
    #[error(
        "\"{0}\" is not a task id: expected 1 to 64 of a-z, 0-9, '-', '_' and '.', beginning with a letter or digit"
    )]
    TaskId(String),
}
