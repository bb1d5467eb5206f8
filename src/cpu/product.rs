//! Matrix products of slices with the crate `gemm`, which burn-flex uses too.
//!
//! Not Burn's `matmul`: burn-flex 0.21 zero-fills its output and then copies it to align it, which took 0.4 s of a 1.4
//! s epoch of 784-512-256-10 (measured).
#![allow(unsafe_code)] // the only place, since gemm takes pointers

/// Products with fewer multiplications run on one core; burn-flex's threshold.
const PARALLEL_FROM: usize = 192 * 192 * 192;

/// A row-major matrix, or the transpose of one.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// The matrix `[rows, columns]` with the elements `values`, row-major.
    ///
    /// # Panics
    /// If `values` does not have `rows * columns` elements.
    pub fn new(values: &'a [f32], rows: usize, columns: usize) -> Self {
        assert_eq!(Some(values.len()), rows.checked_mul(columns), "a matrix of {rows} rows and {columns} columns");
        Self { values, rows, columns, row_stride: columns, column_stride: 1 }
    }

    /// `count` columns from `start` on of a matrix that is not transposed, without copying.
    ///
    /// # Panics
    /// If there are not so many columns, or the matrix is transposed.
    pub fn band(self, start: usize, count: usize) -> Self {
        assert!(start + count <= self.columns, "columns {start} to {} of {}", start + count, self.columns);
        assert_eq!(self.column_stride, 1, "a band of a matrix that is not transposed");
        let start = start.min(self.values.len()); // without rows there are no values
        Self { values: &self.values[start..], columns: count, ..self }
    }

    /// The transpose, without copying.
    pub fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }
}

/// A row-major matrix to write to, or a band of columns of one.
#[derive(Debug)]
pub struct MatrixMut<'a> {
    values: &'a mut [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
}

impl<'a> MatrixMut<'a> {
    /// The matrix `[rows, columns]` with the elements `values`, row-major.
    ///
    /// # Panics
    /// If `values` does not have `rows * columns` elements.
    pub fn new(values: &'a mut [f32], rows: usize, columns: usize) -> Self {
        assert_eq!(Some(values.len()), rows.checked_mul(columns), "a matrix of {rows} rows and {columns} columns");
        Self { values, rows, columns, row_stride: columns }
    }

    /// `count` columns from `start` on, without copying.
    ///
    /// # Panics
    /// If there are not so many columns.
    pub fn band(self, start: usize, count: usize) -> Self {
        assert!(start + count <= self.columns, "columns {start} to {} of {}", start + count, self.columns);
        let start = start.min(self.values.len()); // without rows there are no values
        Self { values: &mut self.values[start..], columns: count, ..self }
    }
}

/// `left` x `right`, row-major `[left.rows, right.columns]`, on all cores where that pays off.
///
/// # Panics
/// If `left` does not have as many columns as `right` has rows.
pub fn product(left: Matrix, right: Matrix) -> Vec<f32> {
    let size = left.rows.saturating_mul(right.columns).saturating_mul(left.columns);
    product_on(
        left,
        right,
        match size < PARALLEL_FROM {
            true => gemm::Parallelism::None,
            false => gemm::Parallelism::Rayon(0), // all threads of the pool
        },
    )
}

/// [`product`] on the present core alone: for parts of work that is shared out already.
pub(super) fn product_alone(left: Matrix, right: Matrix) -> Vec<f32> {
    product_on(left, right, gemm::Parallelism::None)
}

fn product_on(left: Matrix, right: Matrix, parallelism: gemm::Parallelism) -> Vec<f32> {
    let size = left.rows.checked_mul(right.columns).expect("a matrix that fits into memory");
    let mut product = Vec::with_capacity(size);
    // SAFETY: there is room for rows x columns elements, all of which are written before the length is set.
    unsafe {
        multiply(left, right, 1.0, product.as_mut_ptr(), right.columns, parallelism);
        product.set_len(size);
    }
    product
}

/// Writes `factor` x `left` x `right` to `target`, on the present core alone.
///
/// # Panics
/// If the sizes do not fit.
pub(super) fn product_into(left: Matrix, right: Matrix, factor: f32, target: MatrixMut) {
    assert_eq!((left.rows, right.columns), (target.rows, target.columns), "sizes of a matrix product");
    // SAFETY: by `MatrixMut::new` and `band`, element (row, column) of the target is at row * row_stride + column <
    // values.len().
    unsafe { multiply(left, right, factor, target.values.as_mut_ptr(), target.row_stride, gemm::Parallelism::None) }
}

/// Writes `factor` x `left` x `right` to the matrix at `target`, which is not read and may be uninitialised.
///
/// # Safety
/// All elements of the target, `row_stride` from row to row, must lie in memory that may be written.
unsafe fn multiply(
    left: Matrix,
    right: Matrix,
    factor: f32,
    target: *mut f32,
    row_stride: usize,
    parallelism: gemm::Parallelism,
) {
    assert_eq!(left.columns, right.rows, "inner sizes of a matrix product");
    // SAFETY: by `Matrix::new`, `band` and `transposed`, element (row, column) of a matrix is at row * row_stride +
    // column * column_stride < values.len(); the target is the caller's promise.
    unsafe {
        gemm::gemm(
            left.rows,
            right.columns,
            left.columns,
            target,
            1,
            row_stride as isize,
            false,
            left.values.as_ptr(),
            left.column_stride as isize,
            left.row_stride as isize,
            right.values.as_ptr(),
            right.column_stride as isize,
            right.row_stride as isize,
            0.0,
            factor,
            false,
            false,
            false,
            parallelism,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_those_of_the_definition() {
        for (rows, inner, columns) in [(1, 1, 1), (3, 5, 2), (17, 33, 9), (1, 64, 10), (200, 256, 210), (4, 0, 3)] {
            let numbers = |count: usize, factor: usize| -> Vec<f32> {
                (0..count).map(|i| ((i * factor % 19) as f32 - 9.0) / 8.0).collect()
            };
            let (left, right) = (numbers(rows * inner, 7), numbers(inner * columns, 5));
            let transpose = |values: &[f32], rows: usize, columns: usize| -> Vec<f32> {
                (0..columns).flat_map(|column| (0..rows).map(move |row| values[row * columns + column])).collect()
            };
            let (left_turned, right_turned) = (transpose(&left, rows, inner), transpose(&right, inner, columns));
            let plain = (Matrix::new(&left, rows, inner), Matrix::new(&right, inner, columns));
            let turned = (
                Matrix::new(&left_turned, inner, rows).transposed(),
                Matrix::new(&right_turned, columns, inner).transposed(),
            );
            for (a, b) in [plain, turned, (plain.0, turned.1), (turned.0, plain.1)] {
                let found = product(a, b);
                assert_eq!(found.len(), rows * columns);
                for (at, found) in found.into_iter().enumerate() {
                    let (row, column) = (at / columns, at % columns);
                    let exact: f32 = (0..inner).map(|k| left[row * inner + k] * right[k * columns + column]).sum();
                    assert!((found - exact).abs() < 1e-4, "{rows} {inner} {columns} at {at}: {found}, not {exact}");
                }
            }
        }
    }

    #[test]
    fn bands_of_columns_are_read_and_written_in_place() {
        // [[1, 2], [3, 4]] of a wider matrix, times its transpose, doubled, into the middle of another one.
        let wide = [9.0, 1.0, 2.0, 9.0, 3.0, 4.0];
        let band = Matrix::new(&wide, 2, 3).band(1, 2);
        let mut target = [7.0; 8];
        product_into(band, band.transposed(), 2.0, MatrixMut::new(&mut target, 2, 4).band(1, 2));
        assert_eq!(target, [7.0, 10.0, 22.0, 7.0, 7.0, 22.0, 50.0, 7.0]);
    }

    #[test]
    #[should_panic(expected = "columns 2 to 4 of 3")]
    fn a_band_beyond_the_matrix_is_refused() {
        Matrix::new(&[0.0; 6], 2, 3).band(2, 2);
    }

    #[test]
    #[should_panic(expected = "inner sizes")]
    fn sizes_that_do_not_fit_are_refused() {
        product(Matrix::new(&[0.0; 6], 2, 3), Matrix::new(&[0.0; 6], 2, 3));
    }

    #[test]
    #[should_panic(expected = "a matrix of 2 rows")]
    fn a_slice_of_another_size_is_refused() {
        Matrix::new(&[0.0; 5], 2, 3);
    }
}
