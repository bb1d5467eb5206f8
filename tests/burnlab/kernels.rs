//! Each fused operation against Burn's own and against finite differences, on the CPU backends that are compiled in.

#[cfg(feature = "ndarray")]
use burn::backend::NdArray;
use burn::backend::{Autodiff, Flex};
use burn::tensor::{Tensor, TensorData};
use burnlab::backend::TrainingBackend;
use burnlab::data::Task;
use burnlab_cpu::{
    Activation, BlockOptions, Cell, CpuBackend, FusedBackend, Heads, Kernels, Labels, LossFunction, NormalizedBlock,
    Recurrence, Waves,
};

/// Numbers that follow no pattern, from -1 to 1.
fn numbers(count: usize, seed: u64) -> Vec<f32> {
    (0..count)
        .map(|i| 2.0 * (burnlab::data::derive_seed(seed, i as u64) >> 40) as f32 / (1 << 24) as f32 - 1.0)
        .collect()
}

/// A value `[1]` with a share of each number, so that each gets a gradient of its own.
fn mixed<B: TrainingBackend, const D: usize>(tensor: Tensor<B, D>) -> Tensor<B, 1> {
    let count = tensor.shape().num_elements();
    let shares = Tensor::from_data(TensorData::new(numbers(count, 99), [count]), &tensor.device());
    (tensor.reshape([count]) * shares).sum()
}

/// `operation` of one-dimensional `inputs`, and its gradients with respect to each.
fn gradients<B: TrainingBackend>(
    inputs: &[Vec<f32>],
    operation: impl Fn(Vec<Tensor<B, 1>>) -> Tensor<B, 1>,
) -> (f64, Vec<Vec<f32>>) {
    let tensor = |values: &Vec<f32>| {
        let data = TensorData::new(values.clone(), [values.len()]);
        Tensor::<B, 1>::from_data(data, &Default::default()).require_grad()
    };
    let inputs: Vec<_> = inputs.iter().map(tensor).collect();
    let value = operation(inputs.clone());
    let found = value.clone().backward();
    let gradient = |input: &Tensor<B, 1>| input.grad(&found).expect("a gradient").into_data().to_vec().unwrap();
    let value = value.into_data().iter::<f64>().next().unwrap();
    (value, inputs.iter().map(gradient).collect())
}

/// Holds the fused form of `operation` to the plain one, whose gradients may be `tolerance` apart, and to finite
/// differences where it is `smooth` there.
fn check_on<B: TrainingBackend>(
    case: &str,
    inputs: &[Vec<f32>],
    smooth: bool,
    tolerance: f32,
    operation: impl Fn(Kernels, Vec<Tensor<B, 1>>) -> Tensor<B, 1>,
) {
    let value_of = |inputs: &[Vec<f32>]| gradients::<B>(inputs, |inputs| operation(Kernels::Fused, inputs)).0;
    let (value, fused) = gradients::<B>(inputs, |inputs| operation(Kernels::Fused, inputs));
    let (expected, plain) = gradients::<B>(inputs, |inputs| operation(Kernels::Plain, inputs));
    assert!((value - expected).abs() < 1e-4 * expected.abs().max(1.0), "{case}: {value}, plain {expected}");
    for (input, (fused, plain)) in fused.iter().zip(&plain).enumerate() {
        assert_eq!(fused.len(), plain.len(), "{case}");
        let size = plain.iter().fold(1.0f32, |size, value| size.max(value.abs()));
        for (at, (fused, plain)) in fused.iter().zip(plain).enumerate() {
            assert!((fused - plain).abs() < tolerance * size, "{case}, input {input}[{at}]: {fused}, plain {plain}");
        }
        let count = if smooth { fused.len() } else { 0 };
        for at in (0..count).step_by(count.div_ceil(12).max(1)) {
            let moved = |shift: f32| {
                let mut moved = inputs.to_vec();
                moved[input][at] += shift;
                value_of(&moved)
            };
            let by_step = |step: f32| (moved(step) - moved(-step)) / (2.0 * f64::from(step));
            let slope = (4.0 * by_step(2e-3) - by_step(4e-3)) / 3.0;
            let exact = f64::from(fused[at]);
            assert!(
                (slope - exact).abs() < 1e-2 * exact.abs().max(1.0),
                "{case}, input {input}[{at}]: {exact}, by differences {slope}"
            );
        }
    }
}

/// [`check_on`] each CPU backend. On ndarray Burn differentiates GELU's approximation by tanh, not what it computes.
macro_rules! check {
    ($case:expr, $inputs:expr, $smooth:expr, $activation:expr, $operation:expr) => {
        check_on::<Autodiff<Flex>>($case, $inputs, $smooth, 2e-5, $operation);
        #[cfg(feature = "ndarray")]
        {
            let on_ndarray = if $activation == Some(Activation::Gelu) { 3e-3 } else { 2e-5 };
            check_on::<Autodiff<NdArray>>($case, $inputs, $smooth, on_ndarray, $operation);
        }
    };
}

#[test]
fn dense() {
    // The last one has several blocks of rows, whose sums are joined.
    for [rows, inputs, outputs] in [[1, 1, 1], [5, 3, 4], [1500, 8, 24]] {
        for activation in std::iter::once(None).chain(Activation::ALL.map(Some)) {
            let values = [numbers(rows * inputs, 1), numbers(inputs * outputs, 2), numbers(outputs, 3)];
            let kinked = matches!(activation, Some(Activation::Relu | Activation::LeakyRelu));
            let case = format!("{rows} rows, {inputs} to {outputs}, {activation:?}");
            check!(&case, &values, !kinked && rows < 100, activation, |kernels, values| {
                let [x, weight, bias] = values.try_into().unwrap();
                let (x, weight) = (x.reshape([rows, inputs]), weight.reshape([inputs, outputs]));
                mixed(kernels.dense(x, weight, bias, activation))
            });
        }
    }
}

#[test]
fn members_of_an_ensemble() {
    // The last one has several blocks of rows.
    for [members, rows, inputs, outputs] in [[2, 1, 1, 1], [3, 5, 4, 2], [4, 300, 24, 3]] {
        let case = format!("{members} members, {rows} rows, {inputs} to {outputs}");
        let values = [numbers(rows * inputs, 1), numbers(members * inputs, 2)];
        check!(&case, &values, rows < 100, None, |kernels, values| {
            let [x, scale] = values.try_into().unwrap();
            mixed(kernels.member_inputs(x.reshape([rows, inputs]), scale.reshape([members, inputs])))
        });
        let counts = [members * rows * inputs, members * inputs * outputs, members * outputs];
        let values: Vec<Vec<f32>> = counts.into_iter().zip(3..).map(|(count, seed)| numbers(count, seed)).collect();
        check!(&case, &values, rows < 100, None, |kernels, values| {
            let [x, weight, bias] = values.try_into().unwrap();
            let (x, weight) = (x.reshape([members * rows, inputs]), weight.reshape([members, inputs, outputs]));
            mixed(kernels.member_layers(x, weight, bias.reshape([members, outputs])))
        });
    }
}

#[test]
fn attention() {
    // The last one is large enough for several cores.
    for [batch, tokens, heads, of_head] in [[1, 1, 1, 1], [2, 5, 2, 3], [2, 17, 1, 4], [12, 33, 4, 8]] {
        for is_causal in [false, true] {
            let width = heads * of_head;
            let heads = Heads { count: heads, is_causal };
            let case = format!("{batch} x {tokens} tokens of {width}, {heads:?}");
            let inputs = [numbers(batch * tokens * 3 * width, 1).iter().map(|value| 2.0 * value).collect()];
            check!(&case, &inputs, batch < 10, None, |kernels, values| {
                let [inputs] = values.try_into().unwrap();
                mixed(kernels.multi_head_attention(inputs.reshape([batch, tokens, 3 * width]), heads))
            });
        }
    }
}

/// Two tokens of one number: the second sees both with weights of 1 to e^(query x difference of keys).
#[test]
fn attention_by_hand() {
    let inputs = [[[1.0f32, 0.5, 10.0], [2.0, 1.5, 20.0]]]; // query, key, value
    for kernels in [Kernels::Fused, Kernels::Plain] {
        let inputs = Tensor::<Flex, 3>::from_floats(inputs, &Default::default());
        let seen = kernels.multi_head_attention(inputs, Heads { count: 1, is_causal: true });
        let share = 1.0 / (1.0 + (-2.0f32).exp());
        let [first, second] = seen.into_data().to_vec::<f32>().unwrap()[..] else { panic!("two tokens") };
        assert!(first == 10.0 && (second - (10.0 + 10.0 * share)).abs() < 1e-5, "{first} {second}");
    }
}

#[test]
fn layer_normalisation() {
    for [rows, width] in [[1, 2], [5, 7], [600, 70]] {
        for activation in std::iter::once(None).chain(Activation::ALL.map(Some)) {
            let values = [numbers(rows * width, 1), numbers(width, 2), numbers(width, 3)];
            let kinked = matches!(activation, Some(Activation::Relu | Activation::LeakyRelu));
            let case = format!("{rows} rows of {width}, {activation:?}");
            check!(&case, &values, !kinked && rows < 100, activation, |kernels, values| {
                let [x, scale, shift] = values.try_into().unwrap();
                mixed(kernels.layer_normalization(x.reshape([rows, width]), scale, shift, activation))
            });
        }
    }
}

#[test]
fn embeddings_and_rows_added_to_examples() {
    for [batch, count, width] in [[1, 1, 1], [7, 3, 5], [900, 4, 40]] {
        let indices: Vec<f32> = (0..batch).map(|row| (row * 5 % 3 % count) as f32).collect();
        let case = format!("{batch} of {count} rows of {width}");
        check!(&case, &[numbers(count * width, 1)], batch < 100, None, |kernels, values| {
            let [rows] = values.try_into().unwrap();
            let indices = Tensor::from_data(TensorData::new(indices.clone(), [batch]), &rows.device());
            let found = kernels.lookup(indices, rows.reshape([count, width]));
            assert_eq!(found.dims(), [batch, width]);
            mixed(found)
        });
        check!(&case, &[numbers(batch * width, 1), numbers(width, 2)], batch < 100, None, |kernels, values| {
            let [examples, row] = values.try_into().unwrap();
            mixed(kernels.add_to_examples(examples.reshape([batch, width]), row))
        });
    }
}

#[test]
fn recurrent_layers() {
    // The last one has several parts, on several cores.
    for [batch, steps, units] in [[1, 1, 1], [3, 4, 3], [37, 6, 18]] {
        for (cell, is_reversed) in [(Cell::Lstm, false), (Cell::Lstm, true), (Cell::Gru, false), (Cell::Gru, true)] {
            let gates = cell.num_gates() * units;
            let values = [numbers(batch * steps * gates, 1), numbers(units * gates, 2), numbers(gates, 3)];
            let recurrence = Recurrence { cell, is_reversed };
            let case = format!("{batch} x {steps} steps of {units} units, {recurrence:?}");
            check!(&case, &values, batch < 30, None, |kernels, values| {
                let [x, weight, bias] = values.try_into().unwrap();
                let (x, weight) = (x.reshape([batch, steps, gates]), weight.reshape([units, gates]));
                let states = kernels.recurrent_layer(x, weight, bias, recurrence);
                assert_eq!(states.dims(), [batch, steps, units]);
                mixed(states)
            });
        }
    }
}

#[test]
fn periodic_embeddings() {
    // The last one has several blocks of rows.
    for [rows, columns, waves, features] in [[1, 1, 1, 1], [5, 3, 4, 2], [200, 7, 16, 8]] {
        for activation in [Activation::Gelu, Activation::Relu] {
            let (frequencies, weights) = (columns * waves, columns * waves * features);
            let values: Vec<Vec<f32>> = [rows * columns, frequencies, frequencies, weights, columns * features]
                .into_iter()
                .zip(1..)
                .map(|(count, seed)| numbers(count, seed))
                .collect();
            let case = format!("{rows} x {columns} numbers, {waves} waves to {features}, {activation}");
            let smooth = activation == Activation::Gelu && rows < 100;
            check!(&case, &values, smooth, Some(activation), |kernels, values| {
                let [x, frequency, phase, weight, bias] = values.try_into().unwrap();
                let [frequency, phase] = [frequency, phase].map(|of| of.reshape([columns, 1, waves]));
                let weight = weight.reshape([columns, waves, features]);
                let waves = Waves { frequency, phase, weight, bias: bias.reshape([columns, 1, features]) };
                mixed(kernels.periodic(x.reshape([rows, columns]), waves, activation))
            });
        }
    }
}

/// Two rows, two members, by hand.
#[test]
fn each_member_has_factors_and_an_output_layer_of_its_own() {
    type B = Flex;
    let device = Default::default();
    for kernels in [Kernels::Fused, Kernels::Plain] {
        let rows = Tensor::<B, 2>::from_floats([[1.0, 2.0], [3.0, 4.0]], &device);
        let scale = Tensor::<B, 2>::from_floats([[1.0, -1.0], [2.0, 0.5]], &device);
        let scaled = kernels.member_inputs(rows, scale);
        let expected = [1.0, -2.0, 3.0, -4.0, 2.0, 1.0, 6.0, 2.0];
        assert_eq!(scaled.to_data().to_vec::<f32>().unwrap(), expected);
        let weight = Tensor::<B, 3>::from_floats([[[1.0], [10.0]], [[-1.0], [2.0]]], &device);
        let bias = Tensor::<B, 2>::from_floats([[0.5], [100.0]], &device);
        let outputs = kernels.member_layers(scaled, weight, bias);
        assert_eq!(outputs.dims(), [4, 1]);
        assert_eq!(outputs.to_data().to_vec::<f32>().unwrap(), [-18.5, -36.5, 100.0, 98.0]);
        let average = |logits: [[f32; 1]; 4], task| {
            let logits = Tensor::<B, 2>::from_floats(logits, &device);
            burnlab::model::average(logits, 2, task).to_data().to_vec::<f32>().unwrap()
        };
        assert_eq!(average([[-18.5], [-36.5], [100.0], [98.0]], Task::Regression), [40.75, 30.75]);
        // Of two classes the probabilities: 3/4 and 1/4, 9/10 and 7/10 are 1/2 and 4/5 on average.
        let odds = [3.0f32, 9.0, 1.0 / 3.0, 7.0 / 3.0].map(|odds| [odds.ln()]);
        let [even, likely] = average(odds, Task::Binary)[..] else { panic!("two rows") };
        assert!(even.abs() < 1e-6 && (likely - 4.0f32.ln()).abs() < 1e-6, "{even} {likely}");
        let three = Task::MultiClass { num_classes: 3 };
        let logits =
            Tensor::<B, 2>::from_floats([[0.5f32.ln(), 0.25f32.ln(), 0.25f32.ln()], [0.0, -100.0, -100.0]], &device);
        let mean = burnlab::model::average(logits, 1, three).exp().to_data().to_vec::<f32>().unwrap();
        assert!(
            mean.iter().zip([0.75, 0.125, 0.125]).all(|(found, mean): (&f32, f32)| (found - mean).abs() < 1e-6),
            "{mean:?}"
        );
    }
}

#[test]
fn convolution_blocks() {
    for ([batch, height, width, inputs, outputs, kernel, pool], activation) in [
        ([2, 4, 5, 3, 4, 3, 1], Activation::Gelu),
        ([2, 5, 4, 1, 3, 3, 2], Activation::Tanh),
        ([3, 3, 3, 2, 2, 5, 1], Activation::Silu),
        ([40, 12, 12, 3, 8, 3, 2], Activation::Relu),
    ] {
        let pixels = numbers(batch * height * width * inputs, 1);
        let weights = numbers(outputs * inputs * kernel * kernel, 2);
        let options = BlockOptions { activation, pool };
        let case = format!("{batch} images {height}x{width}, {inputs} to {outputs}, kernel {kernel}, {options:?}");
        let smooth = batch < 10;
        check!(
            &case,
            &[pixels.clone(), weights.clone(), numbers(outputs, 3)],
            smooth,
            Some(activation),
            |kernels, values| {
                let [pixels, weight, bias] = values.try_into().unwrap();
                let images = pixels.reshape([batch, height, width, inputs]);
                let weight = weight.reshape([outputs, inputs, kernel, kernel]);
                let made = kernels.convolution_block(images, weight, bias, options);
                assert_eq!(made.dims(), [batch, height / pool, width / pool, outputs]);
                mixed(made)
            }
        );
        let values = [pixels, weights, numbers(outputs, 3), numbers(outputs, 4)];
        check!(&format!("normalized, {case}"), &values, smooth, Some(activation), |kernels, values| {
            let [pixels, weight, scale, shift] = values.try_into().unwrap();
            let images = pixels.reshape([batch, height, width, inputs]);
            let weight = weight.reshape([outputs, inputs, kernel, kernel]);
            mixed(kernels.normalized_convolution_block(images, weight, scale, shift, options).images)
        });
    }
}

#[test]
fn statistics_of_a_normalized_block() {
    fn statistics<B: FusedBackend>(kernels: Kernels) -> [Vec<f32>; 2] {
        let tensor = |count: usize, seed| {
            Tensor::<B, 1>::from_data(TensorData::new(numbers(count, seed), [count]), &Default::default())
        };
        let images = tensor(3 * 4 * 5 * 2, 1).reshape([3, 4, 5, 2]);
        let weight = tensor(3 * 2 * 9, 2).reshape([3, 2, 3, 3]);
        let options = BlockOptions { activation: Activation::Relu, pool: 2 };
        let NormalizedBlock { mean, variance, .. } =
            kernels.normalized_convolution_block(images, weight, tensor(3, 3), tensor(3, 4), options);
        [mean, variance].map(|statistic| statistic.into_data().to_vec().unwrap())
    }
    let expected = statistics::<Flex>(Kernels::Plain);
    let fused = [
        statistics::<Flex>(Kernels::Fused),
        #[cfg(feature = "ndarray")]
        statistics::<Autodiff<NdArray>>(Kernels::Fused),
    ];
    for found in fused {
        for (found, expected) in found.iter().flatten().zip(expected.iter().flatten()) {
            assert!((found - expected).abs() < 1e-5, "{found}, not {expected}");
        }
    }
}

#[test]
fn losses() {
    let classes: Vec<f32> = (0..7).map(|row| (row % 3) as f32).collect();
    let binary: Vec<f32> = (0..7).map(|row| (row % 2) as f32).collect();
    for (function, outputs, labels) in [
        (LossFunction::SoftmaxCrossEntropy { num_classes: 3, smoothing: 0.0 }, 3, &classes),
        (LossFunction::SoftmaxCrossEntropy { num_classes: 3, smoothing: 0.2 }, 3, &classes),
        (LossFunction::BinaryCrossEntropy { smoothing: 0.0 }, 1, &binary),
        (LossFunction::BinaryCrossEntropy { smoothing: 0.2 }, 1, &binary),
        (LossFunction::Squared, 1, &binary),
        (LossFunction::Absolute, 1, &binary),
        (LossFunction::Huber { delta: 0.7 }, 1, &binary),
    ] {
        for weights in [None, Some(numbers(7, 5).iter().map(|weight| weight + 1.5).collect::<Vec<f32>>())] {
            let labels = Labels { values: labels, weights };
            let case = format!("{function:?}, {labels:?}");
            check!(&case, &[numbers(7 * outputs, 1)], true, None::<Activation>, |kernels, values| {
                let [logits] = values.try_into().unwrap();
                // Times three: the gradient that comes from above is not always 1.
                kernels.loss(function, logits.reshape([7, outputs]), &labels) * 3.0
            });
        }
    }
}

#[test]
fn parameters_without_a_gradient_get_none() {
    type B = Autodiff<Flex>;
    let tensor =
        |count: usize| Tensor::<B, 1>::from_data(TensorData::new(numbers(count, 1), [count]), &Default::default());
    let weight = tensor(12).reshape([3, 4]).detach().require_grad();
    let (x, bias) = (tensor(6).reshape([2, 3]), tensor(4));
    let found = Kernels::Fused.dense(x.clone(), weight.clone(), bias.clone(), Some(Activation::Tanh)).sum().backward();
    assert!(weight.grad(&found).is_some() && x.grad(&found).is_none() && bias.grad(&found).is_none());
}

/// By type: a backend that silently fell back to plain operations would train several times as long.
#[test]
fn cpu_backends_have_fused_kernels_and_show_their_memory() {
    fn check<B: CpuBackend>() {
        const {
            assert!(<B as FusedBackend>::HAS_FUSED_KERNELS && <Autodiff<B> as FusedBackend>::HAS_FUSED_KERNELS);
        }
        assert_eq!(Kernels::default().on::<Autodiff<B>>(), Kernels::Fused);
        let tensor = |values: Vec<f32>| {
            let count = values.len();
            Tensor::<B, 1>::from_data(TensorData::new(values, [count]), &Default::default())
        };
        let (x, weight) = (tensor(numbers(6, 1)).reshape([2, 3]), tensor(numbers(12, 2)).reshape([3, 4]));
        let made = Kernels::Fused.dense(x.clone(), weight, tensor(numbers(4, 3)), None);
        for tensor in [x, made] {
            assert!(B::numbers(&tensor.into_primitive().tensor()).is_some(), "{}", std::any::type_name::<B>());
        }
        // A transposed view does not lie row-major, and is read all the same.
        let turned = tensor(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).reshape([2, 3]).transpose();
        B::read(turned, |numbers| assert_eq!(numbers, [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]));
    }
    check::<Flex>();
    #[cfg(feature = "ndarray")]
    check::<NdArray>();
    assert!(
        Flex::numbers_mut(&mut Tensor::<Flex, 1>::zeros([3], &Default::default()).into_primitive().tensor()).is_some()
    );
}
