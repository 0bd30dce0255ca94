//! Radiometry: which scale and offset make reflectance of the stored numbers of a cell.
//!
//! The documents of a scene say it (`places` says where they are): `productInfo.json`
//! (`product_info`) and the product's metadata (`product_xml`) of Sentinel-2, the STAC item of
//! Earth Search (`item`), the `MTL` of Landsat (`mtl`). The rules for what they say together are in
//! `sentinel2`, `earth_search` and `landsat`. The date of an acquisition never says it: archives are
//! processed again. What is unknown or does not agree is an error ([`RadiometryError`]); then only
//! the recipe can tell it.

mod baseline;
mod earth_search;
mod error;
mod item;
mod landsat;
mod mtl;
mod places;
mod product_info;
mod product_xml;
mod sentinel2;
mod value;

pub use baseline::Baseline;
pub use earth_search::radiometry_of_item;
pub use error::RadiometryError;
pub use item::Item;
pub use landsat::radiometry_of_landsat;
pub use mtl::Mtl;
pub use places::DocumentPlaces;
pub use product_info::ProductInfo;
pub use product_xml::ProductMetadata;
pub use sentinel2::{radiometry_of_product, radiometry_of_tile};
pub use value::Radiometry;
