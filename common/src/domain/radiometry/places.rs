//! Where the documents of a scene are, seen from one of its bands.

use crate::domain::{LandsatProduct, SceneLayout, ScenePath};

/// Folders from `tiles` to the acquisition's number: `tiles/48/R/XT/2020/8/1/0`.
const TILE_FOLDERS: usize = 8;

/// Where the documents are that tell the radiometry of a band, by the form of the band's address in
/// a bucket or of its path. Bands with equal places belong to one scene.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum DocumentPlaces {
    /// The layout of the scene buckets of Sentinel-2.
    Tile {
        /// What stands before `tiles/` and `products/`; empty in the buckets.
        root: String,
        /// The `productInfo.json` of the tile.
        info: String,
    },
    /// A product as ESA delivers it, in a folder that ends in `.SAFE`.
    Safe {
        /// `MTD_MSIL2A.xml` or `MTD_MSIL1C.xml`: which of them there is shows the level.
        metadata: [String; 2],
    },
    /// A folder with the STAC item of Earth Search, which has the folder's name.
    Item {
        /// The item.
        item: String,
    },
    /// A Landsat product.
    Landsat {
        /// The product's name.
        product: String,
        /// The metadata as JSON and as text, of which the first is read that exists.
        metadata: [String; 2],
    },
    /// No form that is known.
    Unknown,
}

impl DocumentPlaces {
    /// The places for the band at `address`, a key or a path.
    ///
    /// ```
    /// use tilefleet_common::domain::DocumentPlaces;
    ///
    /// let places = DocumentPlaces::of("tiles/48/R/XT/2020/8/1/0/R10m/B04.jp2");
    /// let info = "tiles/48/R/XT/2020/8/1/0/productInfo.json".to_owned();
    /// assert_eq!(places, DocumentPlaces::Tile { root: String::new(), info });
    /// ```
    pub fn of(address: &str) -> Self {
        let (folder, _) = address.rsplit_once('/').unwrap_or_default();
        let parts: Vec<&str> = if folder.is_empty() {
            vec![]
        } else {
            folder.split('/').collect()
        };
        let below = |count: usize, name: &str| {
            let folders = parts.get(..count).unwrap_or_default();
            folders
                .iter()
                .copied()
                .chain([name])
                .collect::<Vec<_>>()
                .join("/")
        };

        // First the layouts of buckets that have documents of their own.
        match ScenePath::from_key(address).map(|path| path.layout) {
            Some(SceneLayout::Jp2) => {
                if let Some(start) = parts.iter().position(|&part| part == "tiles") {
                    return Self::Tile {
                        root: below(start, ""),
                        info: below(start + TILE_FOLDERS, "productInfo.json"),
                    };
                }
            }
            Some(SceneLayout::Cogs) => {
                if let Some(name) = parts.last() {
                    return Self::Item {
                        item: below(parts.len(), &format!("{name}.json")),
                    };
                }
            }
            Some(SceneLayout::Landsat(_)) | None => {}
        }
        // Then products as their makers deliver them.
        if let Some(end) = parts.iter().rposition(|part| part.contains(".SAFE")) {
            let metadata = ["MTD_MSIL2A.xml", "MTD_MSIL1C.xml"].map(|name| below(end + 1, name));
            return Self::Safe { metadata };
        }
        if let Some(product) = LandsatProduct::of_address(address) {
            let name = product.name;
            let metadata =
                ["json", "txt"].map(|form| below(parts.len(), &format!("{name}_MTL.{form}")));
            return Self::Landsat {
                product: name,
                metadata,
            };
        }
        Self::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documents_of_each_layout_are_found() {
        let tile = |root: &str| DocumentPlaces::Tile {
            root: root.to_owned(),
            info: format!("{root}tiles/48/R/XT/2020/8/1/0/productInfo.json"),
        };
        for root in ["", "/data/mirror/"] {
            let key = format!("{root}tiles/48/R/XT/2020/8/1/0");
            assert_eq!(DocumentPlaces::of(&format!("{key}/B04.jp2")), tile(root));
            assert_eq!(
                DocumentPlaces::of(&format!("{key}/R20m/SCL.jp2")),
                tile(root)
            );
        }
        let folder = "sentinel-s2-l2a-cogs/48/R/XT/2020/8/S2A_48RXT_20200801_1_L2A";
        let item = format!("{folder}/S2A_48RXT_20200801_1_L2A.json");
        let found = DocumentPlaces::of(&format!("{folder}/B04.tif"));
        assert_eq!(found, DocumentPlaces::Item { item });
        let safe = "x/S2A_MSIL2A_20221005T115411_N0400_R023_T29UNU_20221005T164454.SAFE";
        let found = DocumentPlaces::of(&format!("{safe}/GRANULE/L2A/IMG_DATA/R60m/B04.jp2"));
        let metadata = ["2A", "1C"].map(|level| format!("{safe}/MTD_MSIL{level}.xml"));
        assert_eq!(found, DocumentPlaces::Safe { metadata });
        let name = "LC08_L2SP_033032_20231008_20231017_02_T1";
        for folder in [format!("oli-tirs/2023/033/032/{name}/"), String::new()] {
            let found = DocumentPlaces::of(&format!("{folder}{name}_SR_B4.TIF"));
            let metadata = ["json", "txt"].map(|form| format!("{folder}{name}_MTL.{form}"));
            let product = name.to_owned();
            assert_eq!(found, DocumentPlaces::Landsat { product, metadata });
        }
        for address in ["B04.jp2", "x/B04.tif", ""] {
            assert_eq!(DocumentPlaces::of(address), DocumentPlaces::Unknown);
        }
    }
}
