//! A JP2 file in pieces that can be changed, left out, moved and put together again (ISO/IEC
//! 15444-1 Annexes A and I).
//!
//! It is taken apart here, without the decoder that is under test.

pub(crate) const SIZ: u16 = 0xff51;
pub(crate) const COD: u16 = 0xff52;
pub(crate) const TLM: u16 = 0xff55;
pub(crate) const PLT: u16 = 0xff58;
pub(crate) const QCD: u16 = 0xff5c;
pub(crate) const COM: u16 = 0xff64;
const SOC: u16 = 0xff4f;
const SOT: u16 = 0xff90;
const SOD: u16 = 0xff93;
const EOC: u16 = 0xffd9;

/// How a box says how long it is (I.4).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    Short,
    /// In the field of 64 bits.
    Long,
    /// 0: up to the end of the file.
    Open,
}

#[derive(Clone)]
pub(crate) struct Jp2Box {
    pub(crate) kind: [u8; 4],
    pub(crate) length: Length,
    pub(crate) content: Vec<u8>,
}

impl Jp2Box {
    pub(crate) fn new(kind: [u8; 4], content: impl Into<Vec<u8>>) -> Self {
        Self {
            kind,
            length: Length::Short,
            content: content.into(),
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let length = self.content.len() as u64;
        match self.length {
            Length::Short => out.extend(u32::try_from(length + 8).expect("32 bits").to_be_bytes()),
            Length::Long => out.extend(1_u32.to_be_bytes()),
            Length::Open => out.extend(0_u32.to_be_bytes()),
        }
        out.extend(self.kind);
        if self.length == Length::Long {
            out.extend((length + 16).to_be_bytes());
        }
        out.extend(&self.content);
        out
    }
}

/// A marker with what follows its length.
#[derive(Clone)]
pub(crate) struct Segment {
    pub(crate) marker: u16,
    pub(crate) content: Vec<u8>,
}

impl Segment {
    pub(crate) fn new(marker: u16, content: impl Into<Vec<u8>>) -> Self {
        Self {
            marker,
            content: content.into(),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.marker.to_be_bytes());
        out.extend(
            u16::try_from(self.content.len() + 2)
                .expect("16 bits")
                .to_be_bytes(),
        );
        out.extend(&self.content);
    }
}

/// A tile-part (A.4.2).
#[derive(Clone)]
pub(crate) struct Part {
    pub(crate) tile: u16,
    pub(crate) number: u8,
    pub(crate) of: u8,
    /// Psot, where it is not to be the length of the tile-part.
    pub(crate) claimed: Option<u32>,
    pub(crate) header: Vec<Segment>,
    pub(crate) data: Vec<u8>,
}

impl Part {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut rest = Vec::new();
        for segment in &self.header {
            segment.write(&mut rest);
        }
        rest.extend(SOD.to_be_bytes());
        rest.extend(&self.data);
        let length = self
            .claimed
            .unwrap_or(u32::try_from(rest.len() + 12).expect("32 bits"));
        let mut start = self.tile.to_be_bytes().to_vec();
        start.extend(length.to_be_bytes());
        start.extend([self.number, self.of]);
        let mut out = Vec::new();
        Segment::new(SOT, start).write(&mut out);
        out.extend(rest);
        out
    }
}

#[derive(Clone)]
pub(crate) struct Jp2 {
    /// In front of the codestream, signature box first.
    pub(crate) boxes: Vec<Jp2Box>,
    pub(crate) codestream: Length,
    pub(crate) main: Vec<Segment>,
    pub(crate) parts: Vec<Part>,
    /// EOC.
    pub(crate) end: Vec<u8>,
    /// Behind the codestream.
    pub(crate) behind: Vec<u8>,
}

/// Bytes that are taken from the front.
struct Taker<'a>(&'a [u8]);

impl<'a> Taker<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken
    }

    fn number(&mut self, bytes: usize) -> u64 {
        self.take(bytes)
            .iter()
            .fold(0, |number, &byte| number << 8 | u64::from(byte))
    }

    fn marker(&mut self) -> u16 {
        u16::try_from(self.number(2)).expect("16 bits")
    }

    fn segment(&mut self, marker: u16) -> Segment {
        let length = usize::try_from(self.number(2)).expect("16 bits");
        Segment::new(marker, self.take(length - 2))
    }
}

impl Jp2 {
    /// Takes a sound file with nothing behind its codestream apart.
    pub(crate) fn of(file: &[u8]) -> Self {
        let mut rest = Taker(file);
        let mut boxes = Vec::new();
        let (codestream, mut stream) = loop {
            let (short, kind) = (rest.number(4), rest.take(4).try_into().expect("4 bytes"));
            let (length, content) = match short {
                0 => (Length::Open, rest.0.len() as u64),
                1 => (Length::Long, rest.number(8) - 16),
                short => (Length::Short, short - 8),
            };
            let content = rest.take(usize::try_from(content).expect("it is in memory"));
            if &kind == b"jp2c" {
                break (length, Taker(content));
            }
            boxes.push(Jp2Box {
                kind,
                length,
                content: content.to_vec(),
            });
        };
        assert_eq!(stream.marker(), SOC);
        let (mut main, mut parts) = (Vec::new(), Vec::new());
        let mut marker = stream.marker();
        while marker != SOT {
            main.push(stream.segment(marker));
            marker = stream.marker();
        }
        while marker == SOT {
            let mut part = Taker(&stream.0[10..]);
            let start = stream.segment(SOT).content;
            let length = u32::from_be_bytes(start[2..6].try_into().expect("4 bytes")) as usize;
            part.0 = &part.0[..length - 12];
            stream.take(length - 12);
            let mut header = Vec::new();
            loop {
                match part.marker() {
                    SOD => break,
                    marker => header.push(part.segment(marker)),
                }
            }
            let tile = u16::from_be_bytes([start[0], start[1]]);
            let data = part.0.to_vec();
            parts.push(Part {
                tile,
                number: start[6],
                of: start[7],
                claimed: None,
                header,
                data,
            });
            marker = stream.marker();
        }
        assert_eq!((marker, stream.0.len()), (EOC, 0));
        Self {
            boxes,
            codestream,
            main,
            parts,
            end: EOC.to_be_bytes().to_vec(),
            behind: Vec::new(),
        }
    }

    /// From SOC on.
    pub(crate) fn stream(&self) -> Vec<u8> {
        let mut out = SOC.to_be_bytes().to_vec();
        for segment in &self.main {
            segment.write(&mut out);
        }
        for part in &self.parts {
            out.extend(part.bytes());
        }
        out.extend(&self.end);
        out
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out: Vec<u8> = self.boxes.iter().flat_map(Jp2Box::bytes).collect();
        out.extend(
            Jp2Box {
                kind: *b"jp2c",
                length: self.codestream,
                content: self.stream(),
            }
            .bytes(),
        );
        out.extend(&self.behind);
        out
    }

    /// The first marker segment of the main header with this marker.
    pub(crate) fn main(&mut self, marker: u16) -> &mut Vec<u8> {
        &mut self
            .main
            .iter_mut()
            .find(|segment| segment.marker == marker)
            .expect("there is one")
            .content
    }

    /// The content of the first box of this type in front of the codestream.
    pub(crate) fn content(&mut self, kind: [u8; 4]) -> &mut Vec<u8> {
        &mut self
            .boxes
            .iter_mut()
            .find(|found| found.kind == kind)
            .expect("there is one")
            .content
    }

    /// Replaces the GML, box lengths included.
    pub(crate) fn set_gml(&mut self, gml: &[u8]) {
        let instance = [
            Jp2Box::new(*b"lbl ", *b"gml.root-instance").bytes(),
            Jp2Box::new(*b"xml ", gml).bytes(),
        ];
        let data = [
            Jp2Box::new(*b"lbl ", *b"gml.data").bytes(),
            Jp2Box::new(*b"asoc", instance.concat()).bytes(),
        ];
        *self.content(*b"asoc") = data.concat();
    }

    /// Writes 32-bit fields of SIZ, counted from Xsiz, and keeps the image header box in step.
    pub(crate) fn set_size(&mut self, fields: &[(usize, u32)]) {
        for &(field, value) in fields {
            let bytes = value.to_be_bytes();
            self.main(SIZ)[2 + 4 * field..][..4].copy_from_slice(&bytes);
            // Width and height of the box come the other way round, behind the header of `ihdr`.
            if let Some(place) = [12, 8].get(field) {
                self.content(*b"jp2h")[*place..][..4].copy_from_slice(&bytes);
            }
        }
    }

    /// Lists the tile-parts as they are in a TLM marker segment (A.7.1), in front of everything but
    /// SIZ.
    pub(crate) fn list_parts(&mut self) {
        let mut content = vec![0, 0x60];
        for part in &self.parts {
            content.extend(part.tile.to_be_bytes());
            content.extend(
                u32::try_from(part.bytes().len())
                    .expect("32 bits")
                    .to_be_bytes(),
            );
        }
        self.main.insert(1, Segment::new(TLM, content));
    }
}
