//! Images shown a little differently each time: shifted, turned, mirrored, with a part covered. Only in training, on the host
//! and from the run's seed, so that every backend sees the same.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{AugmentConfig, ImageShape, PreparedKind, Preprocessor};

/// Changes prepared images.
#[derive(Clone, Debug, PartialEq)]
pub struct Augment {
    config: AugmentConfig,
    shape: ImageShape,
    /// Of each input: what became 0, what became 1, and the usual one. Pixels are moved in their own units, since each place
    /// is scaled by itself.
    scales: Vec<[f64; 3]>,
}

/// What is done with one image.
struct Change {
    /// Rows and columns that it is moved down and to the right.
    shift: [f64; 2],
    sine: f64,
    cosine: f64,
    is_flipped: bool,
    /// The first row and column of the square.
    cut: [usize; 2],
}

impl Augment {
    /// What `config` says for the inputs of `preprocessor`; `None` where these are no image.
    pub fn new(config: AugmentConfig, preprocessor: &Preprocessor) -> Option<Self> {
        let shape = preprocessor.image_shape()?;
        let scale = |kind: &PreparedKind| match *kind {
            PreparedKind::Numeric { center, spread, median, .. } => [center, spread, median],
            PreparedKind::Categorical { .. } | PreparedKind::Text { .. } => [0.0, 1.0, 0.0],
        };
        let scales = preprocessor.columns().iter().map(|column| scale(&column.kind)).collect();
        Some(Self { config, shape, scales })
    }

    /// Changes each of the images in `inputs`, one after the other, with random numbers of `seed`.
    pub fn apply(&self, inputs: &mut [f32], seed: u64) {
        let mut raw = vec![0.0; self.scales.len()];
        for (i, image) in inputs.chunks_exact_mut(self.scales.len()).enumerate() {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            random.set_stream(i as u64);
            let change = self.draw(&mut random);
            for ((raw, &input), [center, spread, _]) in raw.iter_mut().zip(&*image).zip(&self.scales) {
                *raw = f64::from(input) * spread + center;
            }
            for (place, (input, [center, spread, median])) in image.iter_mut().zip(&self.scales).enumerate() {
                let pixel = place / self.shape.channels;
                let [row, column] = [pixel / self.shape.width, pixel % self.shape.width];
                let is_cut = |at: usize, first: usize| (first..first + self.config.cut_out).contains(&at);
                let value = match is_cut(row, change.cut[0]) && is_cut(column, change.cut[1]) {
                    true => *median,
                    false => self.value(&raw, &change, [row, column], place % self.shape.channels),
                };
                *input = ((value - center) / spread) as f32;
            }
        }
    }

    fn draw(&self, random: &mut ChaCha8Rng) -> Change {
        let Self { config, shape, .. } = self;
        // All of them whatever the section says, so that one key does not change what the others do.
        let mut within = |most: usize| random.random_range(-(most as i64)..=most as i64) as f64;
        let shift = [within(config.shift), within(config.shift)];
        let angle = (random.random_range(-1.0..=1.0) * config.rotation).to_radians();
        let is_flipped = random.random_bool(0.5) && config.flip;
        let mut place = |side: usize| random.random_range(0..=side.saturating_sub(config.cut_out));
        let cut = [place(shape.height), place(shape.width)];
        Change { shift, sine: angle.sin(), cosine: angle.cos(), is_flipped, cut }
    }

    /// The pixel that comes to `[row, column]`, between its four neighbours; beyond the border the nearest one.
    fn value(&self, raw: &[f64], change: &Change, [row, column]: [usize; 2], channel: usize) -> f64 {
        let ImageShape { height, width, channels } = self.shape;
        let middle = [(height - 1) as f64 / 2.0, (width - 1) as f64 / 2.0];
        // Back from the new image: the shift, the turn around the middle, the mirror.
        let (down, right) = (row as f64 - change.shift[0] - middle[0], column as f64 - change.shift[1] - middle[1]);
        let from_row = change.cosine * down - change.sine * right + middle[0];
        let from_column = change.sine * down + change.cosine * right + middle[1];
        let from_column = if change.is_flipped { (width - 1) as f64 - from_column } else { from_column };
        let (from_row, from_column) =
            (from_row.clamp(0.0, (height - 1) as f64), from_column.clamp(0.0, (width - 1) as f64));
        let (top, left) = (from_row as usize, from_column as usize);
        let (below, beside) = (from_row - top as f64, from_column - left as f64);
        let at =
            |row: usize, column: usize| raw[(row.min(height - 1) * width + column.min(width - 1)) * channels + channel];
        let of_row = |row: usize| at(row, left) * (1.0 - beside) + at(row, left + 1) * beside;
        of_row(top) * (1.0 - below) + of_row(top + 1) * below
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Images of `[height, width]`, whose pixels are scaled to (cell - place) / 2; the usual one is 100.
    fn augment(config: AugmentConfig, [height, width]: [usize; 2]) -> Augment {
        let scales = (0..height * width).map(|place| [place as f64, 2.0, 100.0]).collect();
        Augment { config, shape: [height, width].into(), scales }
    }

    /// The image after a change, in its own units.
    fn changed(augment: &Augment, image: &[f64], change: &Change) -> Vec<f64> {
        let width = augment.shape.width;
        (0..image.len()).map(|place| augment.value(image, change, [place / width, place % width], 0)).collect()
    }

    const NONE: Change = Change { shift: [0.0; 2], sine: 0.0, cosine: 1.0, is_flipped: false, cut: [0; 2] };

    #[test]
    fn pixels_move_as_by_hand() {
        let of = augment(AugmentConfig::default(), [2, 3]);
        let image = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        assert_eq!(changed(&of, &image, &NONE), image);
        // One down and one to the left; the border goes on.
        let shifted = Change { shift: [1.0, -1.0], ..NONE };
        assert_eq!(changed(&of, &image, &shifted), [2.0, 3.0, 3.0, 2.0, 3.0, 3.0]);
        let mirrored = Change { is_flipped: true, ..NONE };
        assert_eq!(changed(&of, &image, &mirrored), [3.0, 2.0, 1.0, 6.0, 5.0, 4.0]);
        // A quarter turn clockwise, and half a turn, of a square.
        let of = augment(AugmentConfig::default(), [2, 2]);
        let quarter = Change { sine: 1.0, cosine: 0.0, ..NONE };
        assert_eq!(changed(&of, &[1.0, 2.0, 3.0, 4.0], &quarter), [3.0, 1.0, 4.0, 2.0]);
        let half = Change { sine: 0.0, cosine: -1.0, ..NONE };
        assert_eq!(changed(&of, &[1.0, 2.0, 3.0, 4.0], &half), [4.0, 3.0, 2.0, 1.0]);
        // Halfway between two columns.
        let between = Change { shift: [0.0, 0.5], ..NONE };
        assert_eq!(changed(&of, &[1.0, 2.0, 3.0, 4.0], &between), [1.0, 1.5, 3.0, 3.5]);
    }

    #[test]
    fn a_seed_gives_the_same_images_and_each_image_its_own() {
        let config = AugmentConfig { shift: 2, rotation: 20.0, flip: true, cut_out: 3 };
        let of = augment(config, [8, 8]);
        let image: Vec<f32> = (0..64).map(|i| (i * i % 17) as f32 - i as f32 / 2.0).collect();
        let apply = |seed: u64| {
            let mut images = image.repeat(3);
            of.apply(&mut images, seed);
            images
        };
        let images = apply(7);
        assert_eq!(images, apply(7));
        assert_ne!(images, apply(8));
        let (first, second) = (&images[..64], &images[64..128]);
        assert!(first != second && first != image);
        // The square: nine pixels with the usual value, each scaled at its place.
        let is_usual = |(place, input): (usize, &f32)| (f64::from(*input) * 2.0 + place as f64 - 100.0).abs() < 1e-3;
        assert_eq!(first.iter().enumerate().filter(|&of| is_usual(of)).count(), 9);
    }

    #[test]
    fn without_any_change_images_stay_as_they_are() {
        let image: Vec<f32> = (0..6).map(|i| i as f32).collect();
        let mut images = image.clone();
        augment(AugmentConfig::default(), [2, 3]).apply(&mut images, 1);
        assert_eq!(images, image);
    }
}
