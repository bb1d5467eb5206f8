//! A convolution and its gradients, as products of matrices with the windows around each pixel.

use crate::images::{ImageSizes, sum_windows};
use crate::product::{Matrix, MatrixMut, product_alone, product_into};

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
    pub(super) fn rows(self) -> usize {
        self.kernel * self.kernel * self.in_channels
    }

    /// The weights as a matrix `[kernel x kernel x in_channels, out_channels]`.
    pub(super) fn matrix(self, weight: &[f32]) -> Vec<f32> {
        let mut matrix = vec![0.0; weight.len()];
        self.for_places(|in_weight, in_matrix| matrix[in_matrix] = weight[in_weight]);
        matrix
    }

    /// The reverse of [`Window::matrix`].
    pub(super) fn weight(self, matrix: &[f32]) -> Vec<f32> {
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

    /// The sums `[images x height x width, out_channels]` of some images, from `first` on, with the weights' `matrix`.
    pub(super) fn convolve(self, from: ImageSizes, images: &[f32], first: usize, matrix: &[f32], sums: &mut [f32]) {
        let (rows, pixels) = (self.rows(), sums.len() / self.out_channels);
        let windows = from.windows(images, first, pixels / (from.height * from.width), self.kernel);
        let (windows, matrix) = (Matrix::new(&windows, pixels, rows), Matrix::new(matrix, rows, self.out_channels));
        product_into(windows, matrix, 1.0, MatrixMut::new(sums, pixels, self.out_channels));
    }

    /// The gradient with respect to the weights' matrix, given that of the sums of some images, from `first` on; that with respect to
    /// those images, with a `matrix`, is added to `below`.
    pub(super) fn gradients(
        self,
        from: ImageSizes,
        images: &[f32],
        first: usize,
        of_sums: &[f32],
        matrix: Option<&[f32]>,
        below: &mut [f32],
    ) -> Vec<f32> {
        let (rows, width) = (self.rows(), self.out_channels);
        let pixels = of_sums.len() / width;
        let of_sums = Matrix::new(of_sums, pixels, width);
        if let Some(matrix) = matrix {
            let windows = product_alone(of_sums, Matrix::new(matrix, rows, width).transposed());
            sum_windows(from, &windows, self.kernel, below);
        }
        let windows = from.windows(images, first, pixels / (from.height * from.width), self.kernel);
        product_alone(Matrix::new(&windows, pixels, rows).transposed(), of_sums)
    }
}
