//! A convolution and its gradients, as products of matrices with the windows around each pixel.

use crate::cpu::images::ImageSizes;
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
        weight.iter().enumerate().for_each(|(at, &weight)| matrix[self.place_in_matrix(at)] = weight);
        matrix
    }

    /// The reverse of [`Window::matrix`].
    fn weight(self, matrix: &[f32]) -> Vec<f32> {
        (0..matrix.len()).map(|at| matrix[self.place_in_matrix(at)]).collect()
    }

    /// Where the matrix has the weight that stands at a place of the tensor.
    fn place_in_matrix(self, at: usize) -> usize {
        let Self { kernel, in_channels, out_channels } = self;
        let window = kernel * kernel;
        (at % window * in_channels + at / window % in_channels) * out_channels + at / (in_channels * window)
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
                from.sum_windows(&windows, num_images, self.kernel)
            });
            (product(windows.transposed(), gradient), below.unwrap_or_default())
        });
        let (sums, below): (Vec<Vec<f32>>, Vec<Vec<f32>>) = parts.into_iter().unzip();
        (below.concat(), self.weight(&total(&sums, rows * width)))
    }
}
