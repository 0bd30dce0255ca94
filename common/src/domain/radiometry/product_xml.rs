//! The metadata of a whole product of Sentinel-2: `MTD_MSIL2A.xml`, `MTD_MSIL1C.xml`, and in the
//! scene buckets `products/…/metadata.xml`.

use std::collections::BTreeMap;
use std::str::FromStr;

use roxmltree::{Document, Node, ParsingOptions};

use super::baseline::Baseline;
use super::error::RadiometryError;

/// Nodes of a document, at most. ESA's have about 4,000.
const MOST_NODES: u32 = 200_000;

/// The bands in the order of their `band_id` (ESA, "Sentinel-2 Products Specification Document",
/// 14.9, table of `BAND_ID`).
const BANDS: [&str; 13] = [
    "B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12",
];

/// What the metadata of a product say of its numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct ProductMetadata {
    /// Address or path of the document.
    pub place: String,
    /// The processing baseline.
    pub baseline: Option<Baseline>,
    /// The number that means reflectance 1, beside an offset.
    pub quantification: f64,
    /// What is added to the number of a band before the division, by the band's name; empty before
    /// baseline 04.00.
    pub offsets: BTreeMap<String, f64>,
}

impl ProductMetadata {
    /// Parses the document at `place`. Entities, which are never needed, are refused.
    ///
    /// # Errors
    /// [`RadiometryError::Document`] when it is another document, or lacks the quantification.
    pub fn parse(place: &str, xml: &[u8]) -> Result<Self, RadiometryError> {
        let parsed = parse(xml).map_err(|cause| RadiometryError::Document {
            document: place.to_owned(),
            cause,
        })?;
        let (baseline, quantification, offsets) = parsed;
        Ok(Self {
            place: place.to_owned(),
            baseline,
            quantification,
            offsets,
        })
    }
}

type Values = (Option<Baseline>, f64, BTreeMap<String, f64>);

fn parse(xml: &[u8]) -> Result<Values, String> {
    let text = std::str::from_utf8(xml).map_err(|error| error.to_string())?;
    let options = ParsingOptions {
        allow_dtd: false,
        nodes_limit: MOST_NODES,
        ..ParsingOptions::default()
    };
    let document =
        Document::parse_with_options(text, options).map_err(|error| error.to_string())?;

    // The levels call the same things by different names.
    let root = document.root_element();
    let (quantifications, offset): (&[&str], &str) = match root.tag_name().name() {
        "Level-2A_User_Product" => (
            &["BOA_QUANTIFICATION_VALUE", "L2A_BOA_QUANTIFICATION_VALUE"],
            "BOA_ADD_OFFSET",
        ),
        "Level-1C_User_Product" => (&["QUANTIFICATION_VALUE"], "RADIO_ADD_OFFSET"),
        other => return Err(format!("it is {other}, not the metadata of a product")),
    };
    let baseline = elements(root, &["PROCESSING_BASELINE"]).next();
    let baseline = baseline.and_then(|node| Baseline::parse(node.text()?.trim()));
    let quantification = elements(root, quantifications).next();
    let quantification: f64 = number(quantification.ok_or("it has no quantification value")?)?;
    if quantification <= 0.0 {
        return Err(format!("its quantification value is {quantification}"));
    }

    // An offset for each band.
    let mut offsets = BTreeMap::new();
    for node in elements(root, &[offset]) {
        let id = node
            .attribute("band_id")
            .and_then(|id| usize::from_str(id).ok());
        let band = id.and_then(|id| BANDS.get(id));
        let band = band.ok_or_else(|| format!("an element {offset} has no band_id of 0 to 12"))?;
        if offsets.insert((*band).to_owned(), number(node)?).is_some() {
            return Err(format!("it has two elements {offset} for band {band}"));
        }
    }
    Ok((baseline, quantification, offsets))
}

/// The elements of these names, wherever they are: their places differ between versions.
fn elements<'a, 'input>(
    root: Node<'a, 'input>,
    names: &[&str],
) -> impl Iterator<Item = Node<'a, 'input>> {
    root.descendants()
        .filter(move |node| names.contains(&node.tag_name().name()))
}

fn number(node: Node<'_, '_>) -> Result<f64, String> {
    let text = node.text().unwrap_or_default().trim();
    let number = text.parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| format!("its {} is {text:?}", node.tag_name().name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The form of ESA's document, with what matters here.
    fn level_2a(list: &str) -> String {
        format!(
            r#"<?xml version="1.0" encoding="UTF-8" standalone="no"?>
            <n1:Level-2A_User_Product xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/User_Product_Level-2A.xsd">
            <n1:General_Info><Product_Info><PROCESSING_BASELINE>04.00</PROCESSING_BASELINE></Product_Info>
            <Product_Image_Characteristics><QUANTIFICATION_VALUES_LIST>
            <BOA_QUANTIFICATION_VALUE unit="none">10000</BOA_QUANTIFICATION_VALUE>
            <AOT_QUANTIFICATION_VALUE unit="none">1000.0</AOT_QUANTIFICATION_VALUE>
            </QUANTIFICATION_VALUES_LIST>{list}</Product_Image_Characteristics></n1:General_Info>
            </n1:Level-2A_User_Product>"#
        )
    }

    fn parsed(xml: &str) -> ProductMetadata {
        ProductMetadata::parse("metadata.xml", xml.as_bytes()).unwrap()
    }

    fn error(xml: &str) -> String {
        let parsed = ProductMetadata::parse("metadata.xml", xml.as_bytes());
        parsed.unwrap_err().to_string()
    }

    #[test]
    fn offsets_belong_to_the_band_of_their_id() {
        let list = r#"<BOA_ADD_OFFSET_VALUES_LIST><BOA_ADD_OFFSET band_id="3">-1000</BOA_ADD_OFFSET>
            <BOA_ADD_OFFSET band_id="8">-1001</BOA_ADD_OFFSET></BOA_ADD_OFFSET_VALUES_LIST>"#;
        let product = parsed(&level_2a(list));
        assert_eq!(product.baseline, Baseline::parse("04.00"));
        assert_eq!(product.quantification.to_string(), "10000");
        let expected = [("B04".to_owned(), -1000.0), ("B8A".to_owned(), -1001.0)];
        assert_eq!(product.offsets, expected.into());
        assert!(parsed(&level_2a("")).offsets.is_empty());
    }

    #[test]
    fn level_1c_has_its_own_names() {
        let product = parsed(
            r#"<n1:Level-1C_User_Product xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/User_Product_Level-1C.xsd">
            <PROCESSING_BASELINE>05.09</PROCESSING_BASELINE><QUANTIFICATION_VALUE unit="none">10000</QUANTIFICATION_VALUE>
            <Radiometric_Offset_List><RADIO_ADD_OFFSET band_id="0">-1000</RADIO_ADD_OFFSET></Radiometric_Offset_List>
            </n1:Level-1C_User_Product>"#,
        );
        assert_eq!(product.offsets, [("B01".to_owned(), -1000.0)].into());
    }

    #[test]
    fn other_documents_and_entities_are_refused() {
        let tile = r#"<n1:Level-1C_Tile_ID xmlns:n1="x"/>"#;
        assert_eq!(
            error(tile),
            "metadata.xml cannot be used: it is Level-1C_Tile_ID, not the metadata of a product; is it the right document?"
        );
        let entity = level_2a("").replace(
            "<n1:Level-2A_User_Product ",
            "<!DOCTYPE x [<!ENTITY e \"10\">]><n1:Level-2A_User_Product ",
        );
        assert!(error(&entity).contains("DTD"), "{}", error(&entity));
        assert!(error("no xml").starts_with("metadata.xml cannot be used: "));
        for (from, to) in [
            (">10000<", ">ten<"),
            (">10000<", ">0<"),
            (">10000<", ">inf<"),
            ("BOA_QUANT", "OTHER_QUANT"),
        ] {
            let shown = error(&level_2a("").replace(from, to)).to_lowercase();
            assert!(shown.contains("quantification"), "{shown}");
        }
        let twice = r#"<BOA_ADD_OFFSET band_id="3">-1000</BOA_ADD_OFFSET>"#.repeat(2);
        assert!(error(&level_2a(&twice)).contains("two elements BOA_ADD_OFFSET for band B04"));
        let unknown = r#"<BOA_ADD_OFFSET band_id="13">-1000</BOA_ADD_OFFSET>"#;
        assert!(error(&level_2a(unknown)).contains("no band_id of 0 to 12"));
    }
}
