//! Channels-last images, in which a pixel is a row of a matrix: windows around pixels (im2col), and max pooling.

use crate::vectorized::vectorized;

/// Elements of the windows that one core processes at a time: 1 MiB, the size of a second-level cache.
const WINDOWS: usize = 1 << 18;

/// Parts come in multiples of this, so that two or four cores have equal shares.
const PARTS: usize = 4;

/// Pixels of the largest square that is pooled: `model.pool` is at most 16.
const LARGEST_SQUARE: usize = 256;

/// The sizes of images stored row-major as `[images, height, width, channels]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ImageSizes {
    pub images: usize,
    pub height: usize,
    pub width: usize,
    pub channels: usize,
}

impl ImageSizes {
    /// Number of elements of an image.
    pub(super) fn of_image(self) -> usize {
        self.height * self.width * self.channels
    }

    pub(super) fn shape(self) -> [usize; 4] {
        [self.images, self.height, self.width, self.channels]
    }

    /// How many images are worked on at a time: as many as have windows that fit into a cache. That does not depend on the
    /// number of cores; there are at least [`PARTS`] parts, or as many as images.
    pub(super) fn part(self, kernel: usize) -> usize {
        let windows = self.images * self.of_image() * kernel * kernel;
        let num_parts = windows.div_ceil(WINDOWS).next_multiple_of(PARTS).min(self.images).max(1);
        self.images.div_ceil(num_parts).max(1)
    }

    /// Calls `visit` with each contiguous run of elements that a window shares with an image: its start in the windows
    /// `[images x height x width, kernel, kernel, channels]`, its start in the images, and its length.
    #[inline(always)]
    fn for_runs(self, num_images: usize, kernel: usize, mut visit: impl FnMut(usize, usize, usize)) {
        let Self { height, width, channels, .. } = self;
        let (margin, row) = (kernel / 2, kernel * channels);
        for image in 0..num_images {
            for y in 0..height {
                for x in 0..width {
                    let window = ((image * height + y) * width + x) * kernel * row;
                    let (first, end) = (margin.saturating_sub(x), kernel.min(width + margin - x));
                    for down in margin.saturating_sub(y)..kernel.min(height + margin - y) {
                        let pixel = (image * height + y + down - margin) * width + x + first - margin;
                        visit(window + down * row + first * channels, pixel * channels, (end - first) * channels);
                    }
                }
            }
        }
    }

    /// The windows around the pixels of `count` images from `first` on: `[images x height x width, kernel x kernel x
    /// channels]`, zero-padded.
    pub(super) fn windows(self, values: &[f32], first: usize, count: usize, kernel: usize) -> Vec<f32> {
        let size = self.of_image();
        let values = &values[first * size..(first + count) * size];
        let num_values = values.len() * kernel * kernel;
        // Grows by what stands between the runs, the padding: to clear all of it first took a fifteenth of digits-cnn's step (measured).
        let mut windows = Vec::with_capacity(num_values);
        self.for_runs(count, kernel, |to, from, length| {
            windows.resize(to, 0.0);
            windows.extend_from_slice(&values[from..from + length]);
        });
        windows.resize(num_values, 0.0);
        windows
    }

    /// The sizes after pooling squares with sides of `side` pixels; incomplete squares are dropped.
    pub(super) fn pooled(self, side: usize) -> Self {
        Self { height: self.height / side, width: self.width / side, ..self }
    }

    /// Keeps the largest value of each square with sides of `side` pixels of one image, the first of equal ones, with the slope
    /// there and the position in the square.
    #[inline(always)]
    pub(super) fn pool(self, [values, slopes]: [&[f32]; 2], side: usize, kept: [&mut [f32]; 2], positions: &mut [u8]) {
        let channels = self.channels;
        let [largest, largest_slopes] = kept;
        // A loop and no closure, which would not be compiled for the caller's instructions.
        for (at, start) in self.squares(side) {
            let at = at..at + channels;
            let (largest, kept, positions) =
                (&mut largest[at.clone()], &mut largest_slopes[at.clone()], &mut positions[at]);
            largest.copy_from_slice(&values[start..start + channels]);
            kept.copy_from_slice(&slopes[start..start + channels]);
            positions.fill(0);
            for position in 1..side * side {
                let start = start + self.offset(position, side);
                let (values, slopes) = (&values[start..start + channels], &slopes[start..start + channels]);
                for channel in 0..channels {
                    // NaN must propagate to the loss.
                    let is_larger = values[channel] > largest[channel] || values[channel].is_nan();
                    largest[channel] = if is_larger { values[channel] } else { largest[channel] };
                    kept[channel] = if is_larger { slopes[channel] } else { kept[channel] };
                    positions[channel] = if is_larger { position as u8 } else { positions[channel] };
                }
            }
        }
    }

    /// Calls `visit` with each value that pooling has kept of one image: where it stands among those, and where it stood in the
    /// image.
    #[inline(always)]
    pub(super) fn for_kept(self, positions: &[u8], side: usize, mut visit: impl FnMut(usize, usize)) {
        let mut offsets = [0; LARGEST_SQUARE];
        offsets.iter_mut().enumerate().for_each(|(position, offset)| *offset = self.offset(position, side));
        for (at, start) in self.squares(side) {
            for (channel, &position) in positions[at..at + self.channels].iter().enumerate() {
                visit(at + channel, start + channel + offsets[usize::from(position)]);
            }
        }
    }

    /// Where each square stands in a pooled image, and where its first pixel stands in the image.
    #[inline(always)]
    fn squares(self, side: usize) -> impl Iterator<Item = (usize, usize)> {
        let Self { width, channels, .. } = self;
        let Self { height: rows, width: columns, .. } = self.pooled(side);
        (0..rows * columns).map(move |square| {
            let (y, x) = (square / columns, square % columns);
            (square * channels, (y * side * width + x * side) * channels)
        })
    }

    /// From the first pixel of a square to the one at a position in it.
    #[inline(always)]
    fn offset(self, position: usize, side: usize) -> usize {
        (position / side * self.width + position % side) * self.channels
    }
}

vectorized! {
    /// Sums the windows' elements at each pixel (col2im) of some images into `sums`, which are zeros.
    pub(super) fn sum_windows(sizes: ImageSizes, windows: &[f32], kernel: usize, sums: &mut [f32]) {
        sizes.for_runs(sums.len() / sizes.of_image(), kernel, |from, to, length| {
            let sums = &mut sums[to..to + length];
            sums.iter_mut().zip(&windows[from..from + length]).for_each(|(sum, value)| *sum += value);
        });
    }
}
