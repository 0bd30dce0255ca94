//! Dilation of a plane of zeros and ones by a square.

/// Ones of a plane with a border of `radius` zeros on each side are grown by a square of
/// 2 `radius` + 1 pixels. The result is without the border in so far as it begins at the first
/// sample of the plane: the pixel (x, y) without the border is at (x, y) of the plane.
///
/// Windows of growing length are combined, so that the time grows with the logarithm of the radius.
/// Equal to `scipy.ndimage.binary_dilation` with a square of ones.
pub(super) fn dilate(plane: &mut [u8], width: usize, radius: usize, row: &mut Vec<u8>) {
    let window = 2 * radius + 1;
    if width == 0 || window == 1 {
        return;
    }
    // Across: each pixel with those right of it.
    for line in plane.chunks_exact_mut(width) {
        for step in steps(window) {
            row.clear();
            row.extend_from_slice(line);
            let right = row.get(step..).unwrap_or_default();
            for (pixel, other) in line.iter_mut().zip(right) {
                *pixel |= *other;
            }
        }
    }
    // Down: each row with those below it. A row below has not been changed yet.
    for step in steps(window) {
        let distance = step * width;
        let mut start = 0;
        while start + distance + width <= plane.len() {
            let (above, below) = plane.split_at_mut(start + distance);
            for (pixel, other) in above[start..start + width].iter_mut().zip(below) {
                *pixel |= *other;
            }
            start += width;
        }
    }
}

/// Distances at which a row is combined with itself, so that at last a pixel has those of the
/// window that begins at it.
fn steps(window: usize) -> impl Iterator<Item = usize> {
    let mut length = 1;
    std::iter::from_fn(move || {
        let step = length.min(window - length);
        length += step;
        (step > 0).then_some(step)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_definition(plane: &[u8], width: usize, radius: usize) -> Vec<u8> {
        let height = plane.len() / width;
        let near = |at: usize, size: usize| at.saturating_sub(radius)..(at + radius + 1).min(size);
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let grown = pixels.map(|(x, y)| {
            let mut rows = near(y, height);
            let is_near = rows.any(|y| near(x, width).any(|x| plane[y * width + x] == 1));
            u8::from(is_near)
        });
        grown.collect()
    }

    #[test]
    fn each_pixel_of_the_square_around_a_one_becomes_one() {
        let (width, height) = (23, 17);
        let pixels = u32::try_from(width * height).unwrap();
        let is_one = |n: u32| n.wrapping_mul(2_654_435_761) >> 27 == 3;
        let plane: Vec<u8> = (0..pixels).map(|n| u8::from(is_one(n))).collect();
        for radius in [0, 1, 2, 3, 5, 8, 20] {
            let padded_width = width + 2 * radius;
            let mut padded = vec![0; padded_width * (height + 2 * radius)];
            for (y, row) in plane.chunks_exact(width).enumerate() {
                let start = (y + radius) * padded_width + radius;
                padded[start..start + width].copy_from_slice(row);
            }
            dilate(&mut padded, padded_width, radius, &mut Vec::new());
            let rows = padded.chunks_exact(padded_width).take(height);
            let grown: Vec<u8> = rows.flat_map(|row| row[..width].to_vec()).collect();
            assert_eq!(grown, by_definition(&plane, width, radius), "{radius}");
        }
    }
}
