//! The GML that places a Sentinel-2 image on the map (OGC 05-047r3, "GML in JPEG 2000", version
//! 1.0).
//!
//! Written as the ground segment writes it: a rectified grid whose origin is the *centre* of the
//! first pixel, and grid limits that count from one although the standard's own examples count from
//! zero. Readers go by origin and offset vectors and ignore the limits.

use crate::georeference::Georeference;

/// The XML document of the `gml.root-instance` box for a raster of `width` x `height` pixels.
pub fn root_instance(georeference: &Georeference, width: u32, height: u32) -> String {
    let Georeference {
        epsg,
        west,
        north,
        pixel,
    } = *georeference;
    let crs = format!("urn:ogc:def:crs:EPSG::{epsg}");
    let (x, y) = (west + pixel / 2.0, north - pixel / 2.0);
    format!(
        r#"<?xml version='1.0' encoding='UTF-8' standalone='no'?>
<gml:FeatureCollection xmlns:gml="http://www.opengis.net/gml" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://www.opengeospatial.net/gml http://schemas.opengis.net/gml/3.1.1/profiles/gmlJP2Profile/1.0.0/gmlJP2Profile.xsd">

  <gml:boundedBy>
    <gml:Null>withheld</gml:Null>
  </gml:boundedBy>

  <gml:featureMember>
    <gml:FeatureCollection>
      <gml:featureMember>
        <gml:RectifiedGridCoverage dimension="2" gml:id="RGC0001">
          <gml:rectifiedGridDomain>
            <gml:RectifiedGrid dimension="2">
              <gml:limits>
                <gml:GridEnvelope>
                  <gml:low>1 1</gml:low>
                  <gml:high>{width} {height}</gml:high>
                </gml:GridEnvelope>
              </gml:limits>
              <gml:axisName>x</gml:axisName>
              <gml:axisName>y</gml:axisName>
              <gml:origin>
                <gml:Point gml:id="P0001" srsName="{crs}">
                  <gml:pos>{x} {y}</gml:pos>
                </gml:Point>
              </gml:origin>
              <gml:offsetVector srsName="{crs}">{pixel} 0</gml:offsetVector>
              <gml:offsetVector srsName="{crs}">0 -{pixel}</gml:offsetVector>
            </gml:RectifiedGrid>
          </gml:rectifiedGridDomain>
          <gml:rangeSet>
            <gml:File>
              <gml:rangeParameters>
                <gml:QuantityExtent uom="{crs}">inapplicable inapplicable</gml:QuantityExtent>
              </gml:rangeParameters>
              <gml:fileName>gmljp2://codestream/0</gml:fileName>
              <gml:fileStructure>Record Interleaved</gml:fileStructure>
            </gml:File>
          </gml:rangeSet>
          <gml:coverageFunction>
            <gml:GridFunction>
              <gml:sequenceRule order="+x-y">Linear</gml:sequenceRule>
              <gml:startPoint>1 {height}</gml:startPoint>
            </gml:GridFunction>
          </gml:coverageFunction>
        </gml:RectifiedGridCoverage>
      </gml:featureMember>
    </gml:FeatureCollection>
  </gml:featureMember>

</gml:FeatureCollection>
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origin_is_the_centre_of_the_first_pixel() {
        let georeference = Georeference {
            epsg: 32629,
            west: 499_980.0,
            north: 5_900_040.0,
            pixel: 60.0,
        };
        let xml = root_instance(&georeference, 1830, 1830);
        assert!(xml.contains("<gml:pos>500010 5900010</gml:pos>"));
        assert!(xml.contains(r#"srsName="urn:ogc:def:crs:EPSG::32629">0 -60<"#));
    }
}
