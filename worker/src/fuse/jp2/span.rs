//! A slice of an object that remembers where in the object it lies.

/// Bytes with the offset of the first of them, so that every complaint can name a position in the whole object.
///
/// All reads are big-endian, as in ISO/IEC 15444-1, and return `None` where the bytes do not reach.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span<'a> {
    bytes: &'a [u8],
    start: u64,
}

impl<'a> Span<'a> {
    pub(super) fn of_object(bytes: &'a [u8]) -> Self {
        Self { bytes, start: 0 }
    }

    pub(super) fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    pub(super) fn len(self) -> u64 {
        self.bytes.len() as u64
    }

    /// Offset in the object of the byte `at` of this span, which may be its end.
    pub(super) fn offset(self, at: u64) -> u64 {
        self.start.saturating_add(at)
    }

    /// Offset in the object of the first byte behind this span.
    pub(super) fn end(self) -> u64 {
        self.offset(self.len())
    }

    /// `length` bytes from `at`, or nothing unless all of them are there.
    pub(super) fn sub(self, at: u64, length: u64) -> Option<Self> {
        let first = usize::try_from(at).ok()?;
        let last = usize::try_from(at.checked_add(length)?).ok()?;
        Some(Self { bytes: self.bytes.get(first..last)?, start: self.offset(at) })
    }

    /// All bytes from `at` on.
    pub(super) fn from(self, at: u64) -> Option<Self> {
        self.sub(at, self.len().checked_sub(at)?)
    }

    fn array<const N: usize>(self, at: u64) -> Option<[u8; N]> {
        self.sub(at, N as u64)?.bytes.try_into().ok()
    }

    pub(super) fn u8(self, at: u64) -> Option<u8> {
        self.array(at).map(u8::from_be_bytes)
    }

    pub(super) fn u16(self, at: u64) -> Option<u16> {
        self.array(at).map(u16::from_be_bytes)
    }

    pub(super) fn u32(self, at: u64) -> Option<u32> {
        self.array(at).map(u32::from_be_bytes)
    }

    pub(super) fn u64(self, at: u64) -> Option<u64> {
        self.array(at).map(u64::from_be_bytes)
    }

    pub(super) fn tag(self, at: u64) -> Option<[u8; 4]> {
        self.array(at)
    }
}
