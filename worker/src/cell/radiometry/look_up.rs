//! Which documents are read, and what follows from those that are missing.

use std::collections::BTreeMap;

use tilefleet_common::domain::{
    DocumentPlaces, Item, LandsatProduct, Mtl, ProductInfo, ProductMetadata, Radiometry,
    RadiometryError, radiometry_of_item, radiometry_of_landsat, radiometry_of_product,
    radiometry_of_tile,
};

use super::error::LookUpError;
use super::library::{Found, Library};

/// Folders above a file on this machine in which the metadata of its product are looked for. In a
/// product of ESA there are five: `GRANULE/L2A_…/IMG_DATA/R10m/`.
const MOST_FOLDERS: usize = 6;

/// The radiometry of `bands`, each by its name and its address in S3 or its path. Only bands of
/// reflectance have one: leave classes and masks out.
///
/// # Errors
/// [`LookUpError`] when no document says it, when they do not agree, or when S3 does not answer.
pub async fn look_up(
    library: &(impl Library + Sync),
    bands: &[(&str, &str)],
) -> Result<Radiometry, LookUpError> {
    // Bands of one scene share their documents.
    let mut scenes: BTreeMap<DocumentPlaces, Vec<(&str, &str)>> = BTreeMap::new();
    for &(band, address) in bands {
        let scene = scenes.entry(DocumentPlaces::of(address)).or_default();
        scene.push((band, address));
    }
    let mut known: Option<Radiometry> = None;
    for (places, bands) in scenes {
        let names: Vec<&str> = bands.iter().map(|&(band, _)| band).collect();
        let found = match places {
            DocumentPlaces::Tile { root, info } => of_tile(library, &root, &info, &names).await?,
            DocumentPlaces::Safe { metadata } => of_safe(library, &metadata, &names).await?,
            DocumentPlaces::Item { item } => of_item(library, &item, &bands).await?,
            DocumentPlaces::Landsat { product, metadata } => {
                of_landsat(library, &product, &metadata, &names).await?
            }
            DocumentPlaces::Unknown => of_folders_above(library, &bands, &names).await?,
        };
        known = Some(match known {
            Some(known) => known.and(found)?,
            None => found,
        });
    }
    known.ok_or_else(|| unknown(&[], "no band of reflectance is read".to_owned()))
}

/// In a scene bucket: `productInfo.json`, and the metadata of the product that it names.
async fn of_tile(
    library: &impl Library,
    root: &str,
    info: &str,
    bands: &[&str],
) -> Result<Radiometry, LookUpError> {
    let info = match library.read(info).await? {
        Found::Document(json) => ProductInfo::parse(info, &json)?,
        missing => return Err(unknown(bands, missing_document(info, &missing))),
    };
    let product = match &info.path {
        Some(path) => {
            let place = format!("{root}{path}/metadata.xml");
            match library.read(&place).await? {
                Found::Document(xml) => Some(ProductMetadata::parse(&place, &xml)?),
                Found::Missing | Found::Denied => None,
            }
        }
        None => None,
    };
    Ok(radiometry_of_tile(&info, product.as_ref(), bands)?)
}

/// In a product of ESA: its metadata.
async fn of_safe(
    library: &impl Library,
    metadata: &[String; 2],
    bands: &[&str],
) -> Result<Radiometry, LookUpError> {
    let mut looked = vec![];
    for place in metadata {
        match library.read(place).await? {
            Found::Document(xml) => {
                let product = ProductMetadata::parse(place, &xml)?;
                return Ok(radiometry_of_product(&product, bands)?);
            }
            missing => looked.push(missing_document(place, &missing)),
        }
    }
    Err(unknown(bands, looked.join(", ")))
}

/// In a folder of Earth Search: the STAC item.
async fn of_item(
    library: &impl Library,
    item: &str,
    bands: &[(&str, &str)],
) -> Result<Radiometry, LookUpError> {
    let item = match library.read(item).await? {
        Found::Document(json) => Item::parse(item, &json)?,
        missing => {
            let names: Vec<&str> = bands.iter().map(|&(band, _)| band).collect();
            return Err(unknown(&names, missing_document(item, &missing)));
        }
    };
    let objects: Vec<(&str, &str)> = bands
        .iter()
        .map(|&(band, address)| (band, address.rsplit('/').next().unwrap_or(address)))
        .collect();
    Ok(radiometry_of_item(&item, &objects)?)
}

/// In a Landsat product: the first `MTL` that there is; without one, the product's name.
async fn of_landsat(
    library: &impl Library,
    name: &str,
    metadata: &[String; 2],
    bands: &[&str],
) -> Result<Radiometry, LookUpError> {
    let Some(product) = LandsatProduct::from_name(name) else {
        return Err(unknown(
            bands,
            format!("{name} is not a product of Collection 2"),
        ));
    };
    for place in metadata {
        if let Found::Document(document) = library.read(place).await? {
            let mtl = Mtl::parse(place, &document)?;
            return Ok(radiometry_of_landsat(&product, Some(&mtl), bands)?);
        }
    }
    Ok(radiometry_of_landsat(&product, None, bands)?)
}

/// In an unknown layout: on this machine, the metadata of a product of ESA in a folder above, or a
/// `productInfo.json` beside the band. In S3 nothing is tried, because every try is a request.
async fn of_folders_above(
    library: &impl Library,
    bands: &[(&str, &str)],
    names: &[&str],
) -> Result<Radiometry, LookUpError> {
    let mut known: Option<Radiometry> = None;
    for &(band, address) in bands {
        let found = of_file(library, band, address).await?;
        let Some(found) = found else {
            let looked = format!(
                "{address} lies in no product folder (.SAFE), no folder with productInfo.json or a STAC item, and has no name of a Landsat product"
            );
            return Err(unknown(names, looked));
        };
        known = Some(match known {
            Some(known) => known.and(found)?,
            None => found,
        });
    }
    known.ok_or_else(|| unknown(names, "no band of reflectance is read".to_owned()))
}

async fn of_file(
    library: &impl Library,
    band: &str,
    address: &str,
) -> Result<Option<Radiometry>, LookUpError> {
    if address.starts_with("s3://") {
        return Ok(None);
    }
    let mut folder = address;
    for level in 0..MOST_FOLDERS {
        let Some((above, _)) = folder.rsplit_once('/') else {
            break;
        };
        folder = above;
        let info = format!("{folder}/productInfo.json");
        if level == 0
            && let Found::Document(json) = library.read(&info).await?
        {
            let info = ProductInfo::parse(&info, &json)?;
            return Ok(Some(radiometry_of_tile(&info, None, &[band])?));
        }
        for name in ["MTD_MSIL2A.xml", "MTD_MSIL1C.xml"] {
            let place = format!("{folder}/{name}");
            if let Found::Document(xml) = library.read(&place).await? {
                let product = ProductMetadata::parse(&place, &xml)?;
                return Ok(Some(radiometry_of_product(&product, &[band])?));
            }
        }
    }
    Ok(None)
}

fn missing_document(place: &str, found: &Found) -> String {
    match found {
        Found::Denied => format!("access to {place} is denied, or it does not exist"),
        _ => format!("{place} does not exist"),
    }
}

fn unknown(bands: &[&str], looked: String) -> LookUpError {
    let bands = bands.join(", ");
    RadiometryError::Unknown { bands, looked }.into()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::json;

    use super::*;

    /// Documents by their place, and what was asked for.
    #[derive(Default)]
    struct Shelf {
        documents: BTreeMap<String, String>,
        denied: Vec<String>,
        asked: Mutex<Vec<String>>,
    }

    impl Library for Shelf {
        async fn read(&self, place: &str) -> Result<Found, LookUpError> {
            self.asked.lock().unwrap().push(place.to_owned());
            if self.denied.iter().any(|denied| denied == place) {
                return Ok(Found::Denied);
            }
            let document = self.documents.get(place);
            Ok(document.map_or(Found::Missing, |text| Found::Document(text.clone().into())))
        }
    }

    fn shelf<const N: usize>(documents: [(&str, String); N]) -> Shelf {
        let documents = documents.map(|(place, text)| (place.to_owned(), text));
        Shelf {
            documents: documents.into(),
            ..Shelf::default()
        }
    }

    const TILE: &str = "s3://sentinel-s2-l2a/tiles/48/R/XT/2022/10/5/0";
    const PRODUCT: &str = "products/2022/10/5/S2A_MSIL2A_20221005T1_N0400_R1";

    fn info() -> String {
        let name = "S2A_MSIL2A_20221005T1_N0400_R1";
        json!({"name": name, "path": PRODUCT}).to_string()
    }

    fn metadata(root: &str) -> String {
        let offset = |id| format!(r#"<BOA_ADD_OFFSET band_id="{id}">-1000</BOA_ADD_OFFSET>"#);
        let offsets: Vec<String> = (0..13).map(offset).collect();
        let offsets = offsets.concat();
        format!(
            r#"<n:{root} xmlns:n="x"><PROCESSING_BASELINE>04.00</PROCESSING_BASELINE>
            <BOA_QUANTIFICATION_VALUE>10000</BOA_QUANTIFICATION_VALUE>{offsets}</n:{root}>"#
        )
    }

    async fn offset(shelf: &Shelf, bands: &[(&str, &str)]) -> Result<f64, String> {
        let known = look_up(shelf, bands)
            .await
            .map_err(|error| error.to_string())?;
        Ok(known.of_cell().unwrap().offset)
    }

    #[tokio::test]
    async fn bands_of_one_scene_take_two_requests_in_all() {
        let info_place = format!("{TILE}/productInfo.json");
        let product_place = format!("s3://sentinel-s2-l2a/{PRODUCT}/metadata.xml");
        let shelf = shelf([
            (&info_place, info()),
            (&product_place, metadata("Level-2A_User_Product")),
        ]);
        let (red, nir) = (
            format!("{TILE}/R10m/B04.jp2"),
            format!("{TILE}/R20m/B8A.jp2"),
        );
        let bands = [("B04", red.as_str()), ("B8A", nir.as_str())];
        assert_eq!(offset(&shelf, &bands).await, Ok(-0.1));
        assert_eq!(*shelf.asked.lock().unwrap(), [info_place, product_place]);
    }

    #[tokio::test]
    async fn without_the_products_metadata_the_baseline_counts_and_without_both_it_is_unknown() {
        let info_place = format!("{TILE}/productInfo.json");
        let red = format!("{TILE}/R10m/B04.jp2");
        let mut known = shelf([(&info_place, info())]);
        assert_eq!(offset(&known, &[("B04", &red)]).await, Ok(-0.1));
        known.denied = vec![format!("s3://sentinel-s2-l2a/{PRODUCT}/metadata.xml")];
        assert_eq!(offset(&known, &[("B04", &red)]).await, Ok(-0.1));
        let looked = |cause: &str| {
            Err(format!(
                "scale and offset of B04 are unknown: {cause}; say them in the recipe with assume under [radiometry]"
            ))
        };
        let mut empty = shelf([]);
        let missing = format!("{info_place} does not exist");
        assert_eq!(offset(&empty, &[("B04", &red)]).await, looked(&missing));
        let denied = format!("access to {info_place} is denied, or it does not exist");
        empty.denied = vec![info_place];
        assert_eq!(offset(&empty, &[("B04", &red)]).await, looked(&denied));
    }

    #[tokio::test]
    async fn scenes_of_one_cell_that_differ_are_refused() {
        let older = TILE.replace("2022", "2021");
        let old_info = json!({"name": "S2A_MSIL2A_20211005T1_N0301_R1"}).to_string();
        let shelf = shelf([
            (&format!("{TILE}/productInfo.json"), info()),
            (&format!("{older}/productInfo.json"), old_info),
        ]);
        let (red, nir) = (format!("{TILE}/B04.jp2"), format!("{older}/B08.jp2"));
        let refused = offset(&shelf, &[("B04", &red), ("B08", &nir)]).await;
        assert!(refused.unwrap_err().contains("does not agree with"));
    }

    #[tokio::test]
    async fn products_items_and_mtls_are_found() {
        let safe = "/data/S2A_MSIL2A_N0400_R1.SAFE";
        let folder = "s3://sentinel-cogs/c/48/R/XT/2022/10/S2A_48RXT_20221005_0_L2A";
        let item = json!({
            "collection": "sentinel-2-l2a",
            "properties": {"earthsearch:boa_offset_applied": true, "s2:processing_baseline": "04.00"},
            "assets": {"red": {"href": "B04.tif", "raster:bands": [{"scale": 0.0001, "offset": -0.1}]}}
        });
        let landsat = "/data/LC08_L2SP_008059_20191201_20200825_02_T1";
        let mtl = "GROUP = PRODUCT_CONTENTS\nPROCESSING_LEVEL = \"L2SP\"\nEND_GROUP = PRODUCT_CONTENTS\n\
                   GROUP = LEVEL2_SURFACE_REFLECTANCE_PARAMETERS\nREFLECTANCE_MULT_BAND_4 = 2.75e-05\n\
                   REFLECTANCE_ADD_BAND_4 = -0.2\nEND_GROUP = LEVEL2_SURFACE_REFLECTANCE_PARAMETERS\nEND";
        let shelf = shelf([
            (
                &format!("{safe}/MTD_MSIL2A.xml"),
                metadata("Level-2A_User_Product"),
            ),
            ("/plain/MTD_MSIL2A.xml", metadata("Level-2A_User_Product")),
            (
                &format!("{folder}/S2A_48RXT_20221005_0_L2A.json"),
                item.to_string(),
            ),
            (&format!("{landsat}_MTL.txt"), mtl.to_owned()),
        ]);
        let jp2 = format!("{safe}/GRANULE/L2A/IMG_DATA/R10m/B04.jp2");
        assert_eq!(offset(&shelf, &[("B04", &jp2)]).await, Ok(-0.1));
        let plain = "/plain/GRANULE/L2A/IMG_DATA/R10m/B04.jp2";
        assert_eq!(offset(&shelf, &[("B04", plain)]).await, Ok(-0.1));
        let cog = format!("{folder}/B04.tif");
        assert_eq!(offset(&shelf, &[("B04", &cog)]).await, Ok(0.0));
        let tif = format!("{landsat}_SR_B4.TIF");
        assert_eq!(offset(&shelf, &[("SR_B4", &tif)]).await, Ok(-0.2));
        let other = "/data/LC09_L2SP_008059_20191201_20200825_02_T1_SR_B4.TIF";
        assert_eq!(offset(&shelf, &[("SR_B4", other)]).await, Ok(-0.2));
    }

    #[tokio::test]
    async fn an_unknown_layout_in_s3_takes_no_request() {
        let shelf = shelf([]);
        let refused = offset(&shelf, &[("B04", "s3://bucket/x/B04.jp2")]).await;
        assert!(refused.unwrap_err().contains("lies in no product folder"));
        assert!(shelf.asked.lock().unwrap().is_empty());
    }
}
