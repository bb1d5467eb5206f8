//! Scales images: bilinear, and where an image is made smaller, over all pixels that a new one covers.
//!
//! The filter is that of Pillow's `Image.resize(size, Image.BILINEAR)` and of torchvision with antialiasing: a triangle
//! around the centre of each new pixel, as wide as the pixels of the smaller of both images, cut off at the border.
//! Nothing is rounded in between, nor at the end.

use super::ImageShape;

/// Appends the image of `height` x `width` pixels, scaled to `shape`, from 0 to 1. `bytes` has its channels.
pub(super) fn scaled(bytes: &[u8], [height, width]: [usize; 2], shape: ImageShape, cells: &mut Vec<f32>) {
    if [height, width] == [shape.height, shape.width] {
        cells.extend(bytes.iter().map(|&byte| f32::from(byte) / 255.0));
        return;
    }
    let channels = shape.channels;
    let (columns, rows) = (weights(width, shape.width), weights(height, shape.height));
    let row_len = shape.width * channels;
    // Row by row, each added to the new ones that it is a part of: an image of a hundred million rows of one pixel would take
    // gigabytes if all were kept at the new width.
    let mut narrow = vec![0.0; row_len];
    let mut sums = vec![0.0; shape.height * row_len];
    let mut first_open = 0;
    for (row, levels) in bytes.chunks_exact(width * channels).enumerate() {
        // New rows begin and end in their order.
        while rows.get(first_open).is_some_and(|of_row| of_row.first + of_row.of.len() <= row) {
            first_open += 1;
        }
        let mut open = (first_open..rows.len()).take_while(|&new| rows[new].first <= row).peekable();
        if open.peek().is_none() {
            continue;
        }
        for (pixel, Weights { first, of }) in columns.iter().enumerate() {
            for channel in 0..channels {
                let levels = of
                    .iter()
                    .zip(*first..)
                    .map(|(weight, column)| weight * f32::from(levels[column * channels + channel]));
                narrow[pixel * channels + channel] = levels.sum::<f32>();
            }
        }
        for new in open {
            let weight = rows[new].of[row - rows[new].first];
            let sums = &mut sums[new * row_len..][..row_len];
            sums.iter_mut().zip(&narrow).for_each(|(sum, level)| *sum += weight * level);
        }
    }
    cells.extend(sums.into_iter().map(|level: f32| (level / 255.0).clamp(0.0, 1.0)));
}

/// The old pixels of which a new one is made, one after the other from `first`, and the share of each.
struct Weights {
    first: usize,
    of: Vec<f32>,
}

/// Those of each of `new` pixels along a side of `old` ones.
fn weights(old: usize, new: usize) -> Vec<Weights> {
    let scale = old as f64 / new as f64;
    let reach = scale.max(1.0);
    let of_pixel = |pixel: usize| {
        let centre = (pixel as f64 + 0.5) * scale;
        let first = (centre - reach + 0.5).max(0.0) as usize;
        let end = ((centre + reach + 0.5) as usize).clamp(first + 1, old);
        let heights = (first..end).map(|place| (1.0 - ((place as f64 + 0.5 - centre) / reach).abs()).max(0.0));
        let heights: Vec<f64> = heights.collect();
        let sum: f64 = heights.iter().sum();
        Weights { first, of: heights.into_iter().map(|height| (height / sum) as f32).collect() }
    };
    (0..new).map(of_pixel).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(bytes: &[u8], size: [usize; 2], shape: [usize; 2]) -> Vec<i32> {
        let mut cells = Vec::new();
        scaled(bytes, size, shape.into(), &mut cells);
        cells.iter().map(|cell| (cell * 255.0).round() as i32).collect()
    }

    #[test]
    fn sizes_change_as_in_pillow() {
        // Image.frombytes("L", (7, 5), bytes(i * i * 7 % 256 for i in range(35))).resize((columns, rows), Image.BILINEAR);
        // it rounds once more in between.
        let image: Vec<u8> = (0..35).map(|i| (i * i * 7 % 256) as u8).collect();
        for (shape, expected) in [
            ([3, 4], &[58, 71, 124, 203, 74, 95, 176, 211, 117, 142, 73, 172][..]),
            ([1, 1], &[127]),
            ([2, 7], &[57, 92, 37, 158, 119, 210, 211, 67, 123, 101, 162, 63, 176, 209]),
            ([10, 14], &[0, 2, 5, 12, 23, 37, 54, 75, 100, 128, 159, 194, 233, 252, 22, 30, 45, 49, 40, 50, 79, 97]),
            (
                [9, 3],
                &[
                    9, 70, 189, 48, 91, 185, 112, 127, 178, 92, 146, 200, 50, 162, 228, 54, 140, 181, 71, 120, 143,
                    141, 103, 142, 183, 93, 141,
                ],
            ),
        ] {
            let found = levels(&image, [5, 7], shape);
            assert_eq!(found.len(), shape[0] * shape[1]);
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() <= 1, "{shape:?}: {found} instead of {expected}");
            }
        }
    }

    #[test]
    fn an_image_of_the_size_stays_as_it_is() {
        let mut cells = Vec::new();
        scaled(&[0, 51, 255, 102, 1, 2], [1, 2], ImageShape { height: 1, width: 2, channels: 3 }, &mut cells);
        assert_eq!(cells, [0.0, 0.2, 1.0, 0.4, 1.0 / 255.0, 2.0 / 255.0]);
    }
}
