//! Tag trees: each node is the minimum of its children, coded from the root down (B.10.2).

use super::header_bits::{BitsFlaw, HeaderBits};

/// A node in decoding: its value is at least `low`, and exactly `low` once it is `known`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Node {
    low: u16,
    known: bool,
}

/// Most levels of a tree. One over 2^15 leaves along an axis has 16.
const MOST_LEVELS: usize = 33;

/// Number of nodes of a tree over `across` x `down` leaves.
pub(super) fn node_count(mut across: u32, mut down: u32) -> usize {
    let mut count = 0_usize;
    loop {
        let level = u64::from(across) * u64::from(down);
        count = count.saturating_add(usize::try_from(level).unwrap_or(usize::MAX));
        if level <= 1 {
            return count;
        }
        (across, down) = (across.div_ceil(2), down.div_ceil(2));
    }
}

/// Reads bits until it is known whether the value of leaf `column`, `row` is less than `threshold`.
/// Returns whether it is.
///
/// `nodes` is the tree over `across` x `down` leaves: the leaves row by row, then their parents, up
/// to the root.
pub(super) fn is_less(
    nodes: &mut [Node],
    (across, down): (u32, u32),
    (column, row): (u32, u32),
    threshold: u16,
    bits: &mut HeaderBits<'_>,
) -> Result<bool, BitsFlaw> {
    // The path from the leaf to the root.
    let mut path = [0_usize; MOST_LEVELS];
    let mut levels = 0;
    let (mut wide, mut tall, mut first) = (across as usize, down as usize, 0);
    for (level, place) in path.iter_mut().enumerate() {
        *place = first + (row as usize >> level) * wide + (column as usize >> level);
        levels = level + 1;
        if wide * tall <= 1 {
            break;
        }
        first += wide * tall;
        (wide, tall) = (wide.div_ceil(2), tall.div_ceil(2));
    }
    // Read from the root down. No value is below that of its parent.
    let mut low = 0;
    let mut less = false;
    for &place in path[..levels].iter().rev() {
        let Some(node) = nodes.get_mut(place) else {
            return Ok(false);
        };
        node.low = node.low.max(low);
        while node.low < threshold && !node.known {
            if bits.bit()? {
                node.known = true;
            } else {
                node.low += 1;
            }
        }
        low = node.low;
        less = node.known && node.low < threshold;
    }
    Ok(less)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of B.10.2: 6x3 leaves, q3(0,0) = 1, coded as 01111, then q3(1,0) = 3 as 001,
    /// then q3(2,0) = 2 as 101.
    #[test]
    fn the_example_of_the_standard_is_read() {
        let coded = [0b0111_1001, 0b1010_0000];
        let mut bits = HeaderBits::new(&coded, 0);
        let mut nodes = vec![Node::default(); node_count(6, 3)];
        let mut value = |column: u32, bits: &mut HeaderBits<'_>| {
            (0..9).find(|&value| is_less(&mut nodes, (6, 3), (column, 0), value + 1, bits).unwrap())
        };
        assert_eq!(value(0, &mut bits), Some(1));
        assert_eq!(value(1, &mut bits), Some(3));
        assert_eq!(value(2, &mut bits), Some(2));
    }

    #[test]
    fn nodes_are_counted_up_to_the_root() {
        assert_eq!(node_count(6, 3), 18 + 6 + 2 + 1);
        assert_eq!(node_count(1, 1), 1);
        assert_eq!(node_count(0, 5), 0);
    }
}
