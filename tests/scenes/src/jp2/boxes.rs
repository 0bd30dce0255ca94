//! The JP2 file around a codestream (ISO/IEC 15444-1 Annex I, box headers in I.4), box for box as
//! in ESA's files.
//!
//! The outer `asoc` box has its length in the 64-bit `XLBox` field although it is two kilobytes
//! long, and the codestream box has length zero, "to the end of the file". Both are legal and stand
//! in every real Sentinel-2 file, and GDAL writes neither. That is why this module exists.

/// Extended length follows (ISO/IEC 15444-1 table I.1).
const LENGTH_IN_XLBOX: u32 = 1;
/// The box reaches to the end of the file.
const LENGTH_TO_END: u32 = 0;
/// Enumerated colour space "greyscale" (table I.10).
const GREYSCALE: u32 = 17;

/// The part of a single-component JP2 file that stands before the codestream.
///
/// The returned bytes end with the header of an open-ended `jp2c` box: append the codestream and
/// the file is complete.
pub fn preamble(width: u32, height: u32, bits: u8, gml: &str) -> Vec<u8> {
    let mut file = Vec::with_capacity(gml.len() + 256);
    put_box(&mut file, *b"jP  ", &[0x0d, 0x0a, 0x87, 0x0a]);
    put_box(&mut file, *b"ftyp", b"jp2 \0\0\0\0jp2 ");
    put_box(&mut file, *b"jp2h", &image_header(width, height, bits));
    put_long_box(&mut file, *b"asoc", &gml_data(gml));
    file.extend(LENGTH_TO_END.to_be_bytes());
    file.extend(b"jp2c");
    file
}

fn image_header(width: u32, height: u32, bits: u8) -> Vec<u8> {
    let mut ihdr = Vec::with_capacity(14);
    ihdr.extend(height.to_be_bytes());
    ihdr.extend(width.to_be_bytes());
    ihdr.extend(1_u16.to_be_bytes());
    // Precision less one, compression type 7, colour space "unknown" set as ESA does, no
    // intellectual property box.
    ihdr.extend([bits - 1, 7, 1, 0]);

    let mut colr = vec![1, 0, 0];
    colr.extend(GREYSCALE.to_be_bytes());

    let mut header = Vec::new();
    put_box(&mut header, *b"ihdr", &ihdr);
    put_box(&mut header, *b"colr", &colr);
    header
}

/// The GML boxes, labelled and nested as OGC 05-047r3 clause 8 requires.
fn gml_data(gml: &str) -> Vec<u8> {
    let mut instance = Vec::new();
    put_box(&mut instance, *b"lbl ", b"gml.root-instance");
    put_box(&mut instance, *b"xml ", gml.as_bytes());

    let mut data = Vec::new();
    put_box(&mut data, *b"lbl ", b"gml.data");
    put_box(&mut data, *b"asoc", &instance);
    data
}

fn put_box(file: &mut Vec<u8>, kind: [u8; 4], content: &[u8]) {
    match u32::try_from(content.len() + 8) {
        Ok(length) => {
            file.extend(length.to_be_bytes());
            file.extend(kind);
            file.extend(content);
        }
        Err(_) => put_long_box(file, kind, content),
    }
}

fn put_long_box(file: &mut Vec<u8>, kind: [u8; 4], content: &[u8]) {
    file.extend(LENGTH_IN_XLBOX.to_be_bytes());
    file.extend(kind);
    file.extend((content.len() as u64 + 16).to_be_bytes());
    file.extend(content);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names of the boxes in `bytes`, each with the width of its length field.
    fn names(bytes: &[u8]) -> Vec<(String, u8)> {
        let mut found = Vec::new();
        let mut rest = bytes;
        while let Some((header, _)) = rest.split_first_chunk::<8>() {
            let (length, kind) = header.split_first_chunk::<4>().unwrap();
            let name = String::from_utf8_lossy(kind).into_owned();
            let (length, bits) = match u32::from_be_bytes(*length) {
                LENGTH_TO_END => (rest.len(), 0),
                LENGTH_IN_XLBOX => (
                    usize::try_from(u64::from_be_bytes(rest[8..16].try_into().unwrap())).unwrap(),
                    64,
                ),
                short => (short as usize, 32),
            };
            found.push((name, bits));
            rest = &rest[length..];
        }
        found
    }

    #[test]
    fn boxes_are_those_of_a_real_product() {
        let file = preamble(1830, 1830, 15, "<gml/>");
        let expected = [
            ("jP  ", 32),
            ("ftyp", 32),
            ("jp2h", 32),
            ("asoc", 64),
            ("jp2c", 0),
        ];
        assert_eq!(
            names(&file),
            expected.map(|(name, bits)| (name.to_owned(), bits))
        );
        assert_eq!(
            &file[48..62],
            b"\x00\x00\x07&\x00\x00\x07&\x00\x01\x0e\x07\x01\x00"
        );
    }
}
