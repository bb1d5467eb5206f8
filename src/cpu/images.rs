//! Channels-last images, in which a pixel is a row of a matrix: windows around pixels (im2col), and max pooling.

use std::ops::Range;

use super::parallel::for_each;
use super::vectorized::vectorized;

/// Elements of the windows that one core processes at a time: 1 MiB, the size of a second-level cache.
const WINDOWS: usize = 1 << 18;

/// Parts come in multiples of this, so that two or four cores have equal shares.
const PARTS: usize = 4;

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

    /// Calls `work` on all cores, on equal parts of the images whose windows fit into a cache. The parts do not depend on the
    /// number of cores; there are at least [`PARTS`], or as many as images.
    pub(super) fn in_parts<T: Send>(self, kernel: usize, work: impl Fn(Range<usize>) -> T + Sync + Send) -> Vec<T> {
        let windows = self.images * self.of_image() * kernel * kernel;
        let num_parts = windows.div_ceil(WINDOWS).next_multiple_of(PARTS).min(self.images).max(1);
        let part = self.images.div_ceil(num_parts);
        for_each(self.images.div_ceil(part.max(1)), |index| work(index * part..self.images.min((index + 1) * part)))
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

    /// The windows around the pixels of some of the images `values`: `[images x height x width, kernel x kernel x
    /// channels]`, zero-padded.
    pub(super) fn windows(self, values: &[f32], images: Range<usize>, kernel: usize) -> Vec<f32> {
        let size = self.of_image();
        let values = &values[images.start * size..images.end * size];
        let num_values = values.len() * kernel * kernel;
        // Grows by what stands between the runs, the padding: to clear all of it first took a fifteenth of digits-cnn's step (measured).
        let mut windows = Vec::with_capacity(num_values);
        self.for_runs(images.len(), kernel, |to, from, length| {
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

    /// The largest value of each square with sides of `side` pixels, and its index: the first of equal ones.
    pub(super) fn pool(self, values: &[f32], side: usize) -> (Vec<f32>, Vec<u32>) {
        let Self { height, width, channels, .. } = self;
        let (rows, columns) = (height / side, width / side);
        let parts = for_each(self.images, |image| {
            let size = rows * columns * channels;
            let (mut largest, mut origins) = (Vec::with_capacity(size), Vec::with_capacity(size));
            for corner in 0..rows * columns {
                let (y, x) = (corner / columns * side, corner % columns * side);
                let start = ((image * height + y) * width + x) * channels;
                let begin = largest.len();
                largest.extend_from_slice(&values[start..start + channels]);
                origins.extend((start..start + channels).map(|at| at as u32));
                for step in 1..side * side {
                    let start = start + (step / side * width + step % side) * channels;
                    let values = values[start..start + channels].iter().enumerate();
                    let best = largest[begin..].iter_mut().zip(&mut origins[begin..]);
                    for ((largest, origin), (channel, &value)) in best.zip(values) {
                        // NaN must propagate to the loss.
                        if value > *largest || value.is_nan() {
                            (*largest, *origin) = (value, (start + channel) as u32);
                        }
                    }
                }
            }
            (largest, origins)
        });
        let (largest, origins): (Vec<Vec<f32>>, Vec<Vec<u32>>) = parts.into_iter().unzip();
        (largest.concat(), origins.concat())
    }
}

vectorized! {
    /// Sums the windows' elements at each pixel (col2im) of `num_images` images.
    pub(super) fn sum_windows(sizes: ImageSizes, windows: &[f32], num_images: usize, kernel: usize) -> Vec<f32> {
        let mut sums = vec![0.0; num_images * sizes.of_image()];
        sizes.for_runs(num_images, kernel, |from, to, length| {
            let sums = &mut sums[to..to + length];
            sums.iter_mut().zip(&windows[from..from + length]).for_each(|(sum, value)| *sum += value);
        });
        sums
    }
}

/// Scatters each gradient to the index that its value came from, in a vector of length `size`.
pub(super) fn unpool(gradient: &[f32], origins: &[u32], size: usize) -> Vec<f32> {
    let mut below = vec![0.0; size];
    gradient.iter().zip(origins).for_each(|(gradient, &origin)| below[origin as usize] += gradient);
    below
}
