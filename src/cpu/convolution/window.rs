//! A convolution and its gradients, as products of matrices with the windows around each pixel.

use crate::cpu::images::{ImageSizes, sum_windows};
use crate::cpu::parallel::total;
use crate::cpu::product::{Matrix, product};

/// The sizes of a convolution's weights.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) kernel: usize,
    pub(super) in_channels: usize,
    pub(super) out_channels: usize,
}

impl Window {
    pub(super) fn shape(self) -> [usize; 4] {
        [self.out_channels, self.in_channels, self.kernel, self.kernel]
    }

    /// Numbers in a window: rows of the matrix.
    fn rows(self) -> usize {
        self.kernel * self.kernel * self.in_channels
    }

    /// The weights as a matrix `[kernel x kernel x in_channels, out_channels]`.
    pub(super) fn matrix(self, weight: &[f32]) -> Vec<f32> {
        let mut matrix = vec![0.0; weight.len()];
        self.for_places(|in_weight, in_matrix| matrix[in_matrix] = weight[in_weight]);
        matrix
    }

    /// The reverse of [`Window::matrix`].
    fn weight(self, matrix: &[f32]) -> Vec<f32> {
        let mut weight = vec![0.0; matrix.len()];
        self.for_places(|in_weight, in_matrix| weight[in_weight] = matrix[in_matrix]);
        weight
    }

    /// Where each weight stands in the tensor `[out_channels, in_channels, kernel, kernel]`, and where in the matrix; counted
    /// up, since divisions of the index took a tenth of digits-cnn's step (measured).
    #[inline(always)]
    fn for_places(self, mut visit: impl FnMut(usize, usize)) {
        let Self { kernel, in_channels, out_channels } = self;
        let window = kernel * kernel;
        for out in 0..out_channels {
            for channel in 0..in_channels {
                let start = (out * in_channels + channel) * window;
                for place in 0..window {
                    visit(start + place, (place * in_channels + channel) * out_channels + out);
                }
            }
        }
    }

    /// Sums `[images x height x width, out_channels]`.
    pub(super) fn convolve(self, from: ImageSizes, images: &[f32], matrix: &[f32]) -> Vec<f32> {
        let rows = self.rows();
        let parts = from.in_parts(self.kernel, |part| {
            let windows = from.windows(images, part, self.kernel);
            product(Matrix::new(&windows, windows.len() / rows, rows), Matrix::new(matrix, rows, self.out_channels))
        });
        parts.concat()
    }

    /// Gradients with respect to the images (empty without `matrix`) and the weight.
    pub(super) fn gradients(
        self,
        from: ImageSizes,
        images: &[f32],
        gradient: &[f32],
        matrix: Option<&[f32]>,
    ) -> (Vec<f32>, Vec<f32>) {
        let (rows, width) = (self.rows(), self.out_channels);
        let pixels = from.height * from.width;
        let parts = from.in_parts(self.kernel, |part| {
            let gradient = &gradient[part.start * pixels * width..part.end * pixels * width];
            let gradient = Matrix::new(gradient, gradient.len() / width, width);
            let num_images = part.len();
            let windows = from.windows(images, part, self.kernel);
            let windows = Matrix::new(&windows, windows.len() / rows, rows);
            let below = matrix.map(|matrix| {
                let windows = product(gradient, Matrix::new(matrix, rows, width).transposed());
                sum_windows(from, &windows, num_images, self.kernel)
            });
            (product(windows.transposed(), gradient), below.unwrap_or_default())
        });
        let (sums, below): (Vec<Vec<f32>>, Vec<Vec<f32>>) = parts.into_iter().unzip();
        (below.concat(), self.weight(&total(&sums, rows * width)))
    }
}
