//! Images for the tests.

/// Samples row by row.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Raster {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) samples: Vec<u16>,
}

impl std::fmt::Debug for Raster {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}x{} samples", self.width, self.height)
    }
}

impl Raster {
    /// Where two rasters of one size differ first: column, row, and both samples.
    pub(crate) fn difference(&self, other: &Self) -> Option<(usize, usize, u16, u16)> {
        assert_eq!((self.width, self.height), (other.width, other.height));
        let mut pairs = self.samples.iter().zip(&other.samples);
        let place = pairs.position(|(one, other)| one != other)?;
        Some((
            place % self.width,
            place / self.width,
            self.samples[place],
            other.samples[place],
        ))
    }
}

/// What an image shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// A smooth surface with some noise on it.
    Land,
    /// Land, and nothing but zeros in the lower right.
    Edge,
    /// Random samples over the whole range.
    Noise,
    /// All samples 0.
    Zeros,
    /// All samples at the top of the range.
    Full,
}

/// An image of `bits` bits. The same arguments give the same image.
pub(crate) fn raster(content: Content, width: usize, height: usize, bits: u8, seed: u64) -> Raster {
    let most = (1_u64 << bits) - 1;
    let random = |place: u64| {
        // SplitMix64.
        let mut value = (seed ^ place)
            .wrapping_add(0x9e37_79b9_7f4a_7c15)
            .wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ value >> 31
    };
    let land = |x: u64, y: u64| {
        most / 4 + (x * 3 + y * 5) % (most / 2 + 1) + random(x << 32 | y) % (most / 32 + 2)
    };
    let sample = |x: u64, y: u64| match content {
        Content::Edge if 2 * x + y > (width + height) as u64 / 2 => 0,
        Content::Land | Content::Edge => land(x, y),
        Content::Noise => random(x << 32 | y) & most,
        Content::Zeros => 0,
        Content::Full => most,
    };
    let rows = 0..height as u64;
    let samples = rows.flat_map(|y| (0..width as u64).map(move |x| (x, y)));
    let samples = samples
        .map(|(x, y)| u16::try_from(sample(x, y).min(most)).expect("16 bits"))
        .collect();
    Raster {
        width,
        height,
        samples,
    }
}
