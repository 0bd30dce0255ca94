//! Small files, and the ways of writing them.

/// The signature box.
pub(crate) const SIGNATURE: [u8; 12] = *b"\0\0\0\x0cjP  \r\n\x87\n";

/// A small file: 100x60 samples in two tiles, whose packets are nonsense.
#[derive(Clone)]
pub(crate) struct SmallFile {
    /// Tile index, number of the tile-part, announced number of tile-parts, bytes of packets.
    pub(crate) parts: Vec<(u16, u8, u8, usize)>,
    /// What TLM lists instead of the tile-parts that are there.
    pub(crate) tlm: Option<Vec<(u16, u32)>>,
    /// The last tile-part has length 0, which means up to EOC.
    pub(crate) open_part: bool,
    pub(crate) eoc: bool,
    pub(crate) codestream_length: Length,
    /// A box with a 64-bit length comes before the codestream.
    pub(crate) long_box_before: bool,
    /// Bytes after the codestream.
    pub(crate) trailer: Vec<u8>,
    /// Columns that the image header box announces.
    pub(crate) header_width: u32,
    /// Code-block style flags and wavelet transformation.
    pub(crate) coding: [u8; 2],
}

/// How the length of a box is written.
#[derive(Clone, Copy)]
pub(crate) enum Length {
    Short,
    Long,
    UpToTheEnd,
}

impl Default for SmallFile {
    fn default() -> Self {
        Self {
            parts: vec![(0, 0, 1, 8), (1, 0, 1, 9)],
            tlm: None,
            open_part: false,
            eoc: true,
            codestream_length: Length::Short,
            long_box_before: false,
            trailer: Vec::new(),
            header_width: 100,
            coding: [0, 1],
        }
    }
}

/// A box.
pub(crate) fn boxed(kind: [u8; 4], content: &[u8], length: Length) -> Vec<u8> {
    let bytes = content.len() as u64;
    let mut out = Vec::new();
    match length {
        Length::Short => out.extend(u32::try_from(bytes + 8).expect("32 bits").to_be_bytes()),
        Length::Long => out.extend(1_u32.to_be_bytes()),
        Length::UpToTheEnd => out.extend(0_u32.to_be_bytes()),
    }
    out.extend(kind);
    if let Length::Long = length {
        out.extend((bytes + 16).to_be_bytes());
    }
    out.extend(content);
    out
}

fn marker_segment(marker: u16, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len() + 2).expect("16 bits");
    [&marker.to_be_bytes()[..], &length.to_be_bytes(), content].concat()
}

fn codestream(file: &SmallFile) -> Vec<u8> {
    // The main header: SIZ, COD, QCD, and TLM if there is a list.
    let mut size = vec![0, 0];
    for field in [100_u32, 60, 0, 0, 64, 64, 0, 0] {
        size.extend(field.to_be_bytes());
    }
    size.extend([0, 1, 14, 1, 1]);
    let mut out = vec![0xff, 0x4f];
    out.extend(marker_segment(0xff51, &size));
    let [block_style, transformation] = file.coding;
    out.extend(marker_segment(
        0xff52,
        &[0, 0, 0, 1, 0, 1, 4, 4, block_style, transformation],
    ));
    // The 9/7 wavelet has steps of two bytes.
    let steps: &[u8] = if transformation == 0 {
        &[0x42, 0x78, 0, 0x80, 0, 0x80, 0, 0x88, 0]
    } else {
        &[0x40, 0x78, 0x80, 0x80, 0x88]
    };
    out.extend(marker_segment(0xff5c, steps));
    if let Some(listed) = &file.tlm {
        let mut content = vec![0, 0x60];
        for (tile, length) in listed {
            content.extend(tile.to_be_bytes());
            content.extend(length.to_be_bytes());
        }
        out.extend(marker_segment(0xff55, &content));
    }
    // The tile-parts: SOT, SOD, packets.
    let last = file.parts.len() - 1;
    for (position, &(tile, number, announced, packets)) in file.parts.iter().enumerate() {
        let length = if file.open_part && position == last {
            0
        } else {
            packets + 14
        };
        let mut start = tile.to_be_bytes().to_vec();
        start.extend(u32::try_from(length).expect("32 bits").to_be_bytes());
        start.extend([number, announced]);
        out.extend(marker_segment(0xff90, &start));
        out.extend([0xff, 0x93]);
        out.extend(std::iter::repeat_n(0x55, packets));
    }
    if file.eoc {
        out.extend([0xff, 0xd9]);
    }
    out
}

/// The bytes of the file.
pub(crate) fn written(file: &SmallFile) -> Vec<u8> {
    let mut header = 60_u32.to_be_bytes().to_vec();
    header.extend(file.header_width.to_be_bytes());
    header.extend([0, 1, 14, 7, 0, 0]);
    let mut out = SIGNATURE.to_vec();
    out.extend(boxed(*b"ftyp", b"jp2 \0\0\0\0jp2 ", Length::Short));
    out.extend(boxed(
        *b"jp2h",
        &boxed(*b"ihdr", &header, Length::Short),
        Length::Short,
    ));
    if file.long_box_before {
        out.extend(boxed(*b"asoc", b"georeference", Length::Long));
    }
    out.extend(boxed(*b"jp2c", &codestream(file), file.codestream_length));
    out.extend(&file.trailer);
    out
}

/// Every way of writing the file that the standard allows, by name.
pub(crate) fn legal() -> Vec<(&'static str, SmallFile)> {
    let plain = SmallFile::default;
    let both = vec![(0, 22), (1, 23)];
    vec![
        ("plain", plain()),
        (
            "with tile-part lengths",
            SmallFile {
                tlm: Some(both.clone()),
                ..plain()
            },
        ),
        (
            "long box length",
            SmallFile {
                codestream_length: Length::Long,
                long_box_before: true,
                ..plain()
            },
        ),
        (
            "codestream up to the end",
            SmallFile {
                codestream_length: Length::UpToTheEnd,
                ..plain()
            },
        ),
        (
            "last tile-part up to EOC",
            SmallFile {
                open_part: true,
                tlm: Some(both),
                ..plain()
            },
        ),
        (
            "last tile-part and codestream up to the end",
            SmallFile {
                open_part: true,
                codestream_length: Length::UpToTheEnd,
                ..plain()
            },
        ),
        (
            "tiles in another order",
            SmallFile {
                parts: vec![(1, 0, 1, 8), (0, 0, 1, 9)],
                ..plain()
            },
        ),
        (
            "several interleaved tile-parts",
            SmallFile {
                parts: vec![(0, 0, 0, 3), (1, 0, 2, 2), (0, 1, 2, 5), (1, 1, 0, 7)],
                ..plain()
            },
        ),
    ]
}
