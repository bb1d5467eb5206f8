//! The shape of what each layer makes of its input, without the dimension of the rows; and whether it can.

use super::{Array, Cell, Layer};

/// The shape after `layers`, of inputs of this shape.
///
/// # Panics
/// If the sizes of a layer do not fit those of its inputs, with the layer's number.
pub fn output_shape(layers: &[Layer], shape: Vec<usize>) -> Vec<usize> {
    layers.iter().enumerate().fold(shape, |shape, (number, layer)| after(layer, number, shape))
}

fn after(layer: &Layer, number: usize, shape: Vec<usize>) -> Vec<usize> {
    let width = *shape.last().expect("a row has at least one dimension");
    let with_width = |width: usize| [&shape[..shape.len() - 1], &[width]].concat();
    let assert_width = |expected: usize| assert_eq!(width, expected, "inputs of layer {number}");
    let assert_shape =
        |array: &Array, expected: &[usize]| assert_eq!(array.shape, expected, "weights or biases of layer {number}");
    match layer {
        Layer::Dense { weight, bias } => {
            assert_width(weight.size(0));
            assert_shape(bias, &weight.shape[1..]);
            with_width(weight.size(1))
        }
        Layer::Activation { .. } | Layer::SmoothClip { .. } => shape,
        Layer::Residual { layers } => {
            let inner = output_shape(layers, shape.clone());
            assert_eq!(inner, shape, "outputs of the residual layer {number}");
            shape
        }
        Layer::Branches { branches } => {
            let widths = branches.iter().map(|layers| output_shape(layers, shape.clone()));
            with_width(widths.map(|shape| shape.last().copied().unwrap_or(0)).sum())
        }
        Layer::Select { places } => {
            assert!(places.iter().all(|&place| place < width), "places of layer {number}");
            with_width(places.len())
        }
        Layer::Reshape { shape: new } => {
            assert_eq!(new.iter().product::<usize>(), shape.iter().product::<usize>(), "values of layer {number}");
            new.clone()
        }
        Layer::Transpose { order } => order.iter().map(|&dimension| shape[dimension]).collect(),
        Layer::Convolution { weight, bias } => {
            assert_eq!(shape[0], weight.size(1), "inputs of layer {number}");
            assert_shape(bias, &weight.shape[..1]);
            vec![weight.size(0), shape[1], shape[2]]
        }
        Layer::MaxPool { size } => vec![shape[0], shape[1] / size, shape[2] / size],
        Layer::LayerNorm { scale, shift, .. } => {
            assert_shape(scale, &[width]);
            assert_shape(shift, &[width]);
            shape
        }
        Layer::Waves { frequency, phase, weight, bias } => {
            let &[columns, waves, features] = &weight.shape[..] else { panic!("weights of layer {number}") };
            assert_width(columns);
            assert_shape(frequency, &[columns, 1, waves]);
            assert_shape(phase, &[columns, 1, waves]);
            assert_shape(bias, &[columns, 1, features]);
            vec![columns, features]
        }
        Layer::Lookup { table } => [&shape[..], &[table.size(1)]].concat(),
        Layer::Prepend { step } => {
            assert_shape(step, &[1, width]);
            vec![shape[0] + 1, width]
        }
        Layer::AddPositions { positions } => {
            assert_width(positions.size(1));
            assert!(shape[0] <= positions.size(0), "steps of layer {number}");
            shape
        }
        Layer::Attention { heads, .. } => {
            assert!(width.is_multiple_of(3 * heads), "inputs of layer {number}");
            with_width(width / 3)
        }
        Layer::Recurrent { cell, input_weight, input_bias, state_weight, state_bias, .. } => {
            let gates = match cell {
                Cell::Lstm => 4,
                Cell::Gru => 3,
            };
            let units = state_weight.size(0);
            assert_width(input_weight.size(0));
            for (array, rows) in [(input_weight, input_weight.size(0)), (state_weight, units)] {
                assert_shape(array, &[rows, gates * units]);
            }
            for bias in [input_bias, state_bias] {
                assert_shape(bias, &[gates * units]);
            }
            with_width(units)
        }
        Layer::Step { .. } | Layer::MeanStep => vec![width],
        Layer::ScaleMembers { scale } => {
            assert_width(scale.size(1));
            shape
        }
        Layer::MemberDense { weight, bias } => {
            assert_width(weight.size(1));
            assert_shape(bias, &[weight.size(0), weight.size(2)]);
            with_width(weight.size(2))
        }
        Layer::AverageMembers { .. } => shape,
    }
}
