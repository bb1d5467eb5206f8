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

/// `left` x `right`, row-major `[left.rows, right.columns]`, on all cores where that pays off.
///
/// # Panics
/// If `left` does not have as many columns as `right` has rows.
pub fn product(left: Matrix, right: Matrix) -> Vec<f32> {
    assert_eq!(left.columns, right.rows, "inner sizes of a matrix product");
    let (rows, inner, columns) = (left.rows, left.columns, right.columns);
    let size = rows.checked_mul(columns).expect("a matrix that fits into memory");
    let multiplications = size.saturating_mul(inner);
    let parallelism = match multiplications < PARALLEL_FROM {
        true => gemm::Parallelism::None,
        false => gemm::Parallelism::Rayon(0), // all threads of the pool
    };
    let mut product = Vec::with_capacity(size);
    // SAFETY: by `Matrix::new` and `transposed`, element (row, column) of a matrix is at row * row_stride + column *
    // column_stride < values.len(). The product has room for rows x columns elements, and gemm, which does not read it,
    // writes all of them before the length is set.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            inner,
            product.as_mut_ptr(),
            1,
            columns as isize,
            false,
            left.values.as_ptr(),
            left.column_stride as isize,
            left.row_stride as isize,
            right.values.as_ptr(),
            right.column_stride as isize,
            right.row_stride as isize,
            0.0,
            1.0,
            false,
            false,
            false,
            parallelism,
        );
        product.set_len(size);
    }
    product
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
