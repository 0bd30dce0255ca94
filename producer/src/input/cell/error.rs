//! Why a cell of the input cannot be used.

use tilefleet_common::domain::{DomainError, ResolveError, S3Url};

/// Why a cell of the input cannot be used. The message says the next step; the input and the
/// position are added where it is printed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CellError {
    #[error(
        "not a JSON object of its own: {cause}, column {column}; write one cell per line, as jq -c does"
    )]
    NotJson { cause: String, column: usize },
    #[error("byte {byte} of the line is not UTF-8 text; convert the file, for example with iconv")]
    NotUtf8 { byte: usize },
    #[error("longer than 1 MiB; write one cell per line, as jq -c does")]
    LongLine,
    #[error(
        "{found} is not a cell; expected an object such as {{\"files\":\"s3://…\",\"date\":\"20200801\",\"output_bucket\":\"…\"}}"
    )]
    NotAnObject { found: &'static str },
    #[error("unknown field \"{name}\"; known are {known}")]
    UnknownField { name: String, known: String },
    #[error("field \"{field}\" must be {expected}, not {found}")]
    Type {
        field: String,
        expected: &'static str,
        found: &'static str,
    },
    #[error("field \"{field}\": {cause}")]
    Value { field: String, cause: DomainError },
    #[error(
        "field \"output_bucket\": \"{text}\" is not a bucket's name; for a prefix give \"output\":\"s3://bucket/prefix\""
    )]
    Bucket { text: String },
    #[error("field \"region_name\": \"{text}\" is not a region; expected one such as eu-central-1")]
    Region { text: String },
    #[error(
        "field \"ledger\" names no recipe ({cause}); list the cells again, or remove the field"
    )]
    Ledger { cause: String },
    #[error(
        "the cell was listed from a task with recipe {listed}, but recipe {given} is to be used; pass --recipe {argument}, or change the recipe of the cells with jq -c 'del(.ledger)'"
    )]
    OtherRecipe {
        listed: String,
        given: String,
        argument: String,
    },
    #[error("fields \"{one}\" and \"{other}\" exclude each other; remove one")]
    Both {
        one: &'static str,
        other: &'static str,
    },
    #[error(
        "nothing to read; add \"files\":\"s3://bucket/prefix/\", or \"assets\" with the object of each band"
    )]
    NoFiles,
    #[error(
        "no output; add \"output_bucket\" or \"output\":\"s3://bucket/prefix\" to the cell, or pass --output"
    )]
    NoOutput,
    #[error(
        "\"files\" names the object {object}; give the prefix that it is in, or name the objects in \"assets\""
    )]
    FilesIsObject { object: S3Url },
    #[error("asset {band} names the prefix {url}, not an object; give the object's whole address")]
    AssetIsPrefix { band: String, url: S3Url },
    #[error("no asset {band}, which recipe {recipe} reads; it reads {bands}; the cell has {found}")]
    MissingAsset {
        band: String,
        recipe: String,
        bands: String,
        found: String,
    },
    #[error(
        "assets {one} and {other} are both band {band}; remove one, or rename the right one to {band}"
    )]
    SeveralAssets {
        band: String,
        one: String,
        other: String,
    },
    #[error("bands {one} and {other} are one object, {url}; give each its own")]
    OneObject {
        one: String,
        other: String,
        url: S3Url,
    },
    #[error("{0}; choose another recipe with --recipe")]
    Recipe(ResolveError),
    #[error("{what} {first} {from_first} does not agree with {second} {from_second}; {remedy}")]
    Disagreement {
        what: &'static str,
        first: String,
        from_first: &'static str,
        second: String,
        from_second: &'static str,
        remedy: &'static str,
    },
    #[error(
        "the tile of {address} is unknown: it has no layout tiles/48/R/XT/2020/8/1/0/, no tile in an object's name, no tileInfo.json; add \"tile\":\"48RXT\""
    )]
    NoTile { address: S3Url },
    #[error("the date of {address} is unknown; add \"date\":\"20200801\"")]
    NoDate { address: S3Url },
    #[error(
        "the tile or the date of the cell is unknown, and recipe {recipe} reads nothing to find it; add \"cell\":\"48RXT/2020-08-01/0\""
    )]
    NoName { recipe: String },
    #[error(
        "no object of band {band} below {prefix}, {found}; check \"files\", or name the objects in \"assets\""
    )]
    MissingBand {
        band: String,
        prefix: S3Url,
        found: String,
    },
    #[error(
        "asset {asset} is Landsat's, but no address has the name of a product, such as LC08_L2SP_…; the numbers of the bands differ between satellites, so give addresses that have it"
    )]
    UnknownLandsat { asset: String },
    #[error(
        "recipe {recipe} reads {band}, which level 1C does not have; choose another recipe, or level 2A"
    )]
    NotInLevel1C { recipe: String, band: String },
    #[error(
        "band {band} exists more than once below {prefix}, as {one} and {other}; give the prefix of one resolution, or name the objects in \"assets\""
    )]
    SeveralOfBand {
        band: String,
        prefix: S3Url,
        one: String,
        other: String,
    },
    #[error(
        "{product} is a Landsat product of level 1, which has no surface reflectance; name the product of level 2 (L2SP)"
    )]
    Level1 { product: String },
    #[error(
        "the Landsat sensor is unknown: no address has a product's name such as LC08_L2SP_033032_20231008_20231017_02_T1; band 4 is red on some and near infrared on others"
    )]
    NoSensor,
    #[error("asset {band} is {url}, which is named after {named}; correct one of them")]
    OtherBand {
        band: String,
        url: S3Url,
        named: String,
    },
    #[error("band {one} is of level {level}, band {two} of level {other}; give bands of one level")]
    Levels {
        one: String,
        level: &'static str,
        two: String,
        other: &'static str,
    },
    #[error("{object} does not name the tile: {cause}; add \"tile\":\"48RXT\"")]
    TileInfo { object: S3Url, cause: String },
    #[error("{0}")]
    Denied(String),
}
