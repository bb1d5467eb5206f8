//! What each kind of network computes: shapes, gradients against finite differences, attention, what is trained and
//! what only follows.

use std::sync::Arc;

use burn::backend::{Autodiff, Flex};
use burn::module::{AutodiffModule, Module, ModuleVisitor, Param};
use burn::optim::Optimizer;
use burn::tensor::{Tensor, TensorData};
use burn::train::{InferenceStep, TrainStep};
use burnlab::data::{Batch, InputColumn, Layout, Task};
use burnlab::model::{
    Activation, Architecture, Cell, CnnConfig, DropoutRng, MlpConfig, ModelConfig, NamedWeights, Net, Pooling,
    RnnConfig, TabularConfig, TextMemory, TransformerConfig, Weight, freeze, load_weights, named_weights,
};
use burnlab::training::config::TrainingConfig;
use burnlab::training::objective::Objective;
use burnlab::training::task::Trainee;
use burnlab::training::{ChosenOptimizer, OutputDecoder};
use burnlab_cpu::Kernels;

type B = Autodiff<Flex>;

const THREE: Task = Task::MultiClass { num_classes: 3 };

fn image(height: usize, width: usize) -> Layout {
    Layout { image_shape: Some([height, width]), ..Layout::of_numbers(height * width) }
}

fn text(context: usize, num_characters: usize) -> Layout {
    Layout { num_characters: Some(num_characters), ..Layout::of_numbers(context) }
}

fn cnn(change: impl FnOnce(&mut CnnConfig)) -> ModelConfig {
    let mut config = CnnConfig { channels: vec![3, 4], hidden: vec![5], dropout: 0.0, ..CnnConfig::default() };
    config.activation = Activation::Gelu; // without kinks, for finite differences
    change(&mut config);
    ModelConfig { architecture: Architecture::Cnn(config), ..ModelConfig::default() }
}

fn rnn(change: impl FnOnce(&mut RnnConfig)) -> ModelConfig {
    let mut config = RnnConfig { units: 4, ..RnnConfig::default() };
    change(&mut config);
    ModelConfig { architecture: Architecture::Rnn(config), ..ModelConfig::default() }
}

fn transformer(change: impl FnOnce(&mut TransformerConfig)) -> ModelConfig {
    let mut config = TransformerConfig { width: 6, heads: 2, dropout: 0.0, ..TransformerConfig::default() };
    change(&mut config);
    ModelConfig { architecture: Architecture::Transformer(config), ..ModelConfig::default() }
}

fn tabular(change: impl FnOnce(&mut TabularConfig)) -> ModelConfig {
    let mut config = TabularConfig { width: 6, frequencies: 4, embedding: 2, dropout: 0.0, ..TabularConfig::default() };
    config.activation = Activation::Gelu; // without kinks, for finite differences
    change(&mut config);
    ModelConfig { architecture: Architecture::Tabular(config), ..ModelConfig::default() }
}

fn ensemble(change: impl FnOnce(&mut MlpConfig)) -> ModelConfig {
    let mut config = MlpConfig { hidden: vec![5, 4], members: 3, activation: Activation::Gelu, ..MlpConfig::default() };
    change(&mut config);
    config.into()
}

fn table(columns: &[InputColumn]) -> Layout {
    Layout { columns: columns.to_vec(), ..Layout::of_numbers(0) }
}

/// Every kind with each of its switches, and inputs for it.
fn cases() -> Vec<(ModelConfig, Layout)> {
    use InputColumn::{Bins, Categories, Number};
    vec![
        (cnn(|_| {}), image(4, 6)),
        (cnn(|cnn| (cnn.batch_norm, cnn.convolutions) = (false, 2)), image(5, 4)),
        (cnn(|cnn| (cnn.kernel, cnn.pool, cnn.hidden) = (5, 1, vec![])), image(3, 3)),
        (rnn(|_| {}), image(3, 4)),
        (rnn(|rnn| (rnn.cell, rnn.bidirectional, rnn.layers) = (Cell::Gru, true, 2)), image(3, 4)),
        (rnn(|rnn| (rnn.step, rnn.bidirectional) = (Some(2), true)), Layout::of_numbers(6)),
        (rnn(|rnn| rnn.layers = 2), text(4, 3)),
        (transformer(|_| {}), image(3, 4)),
        (transformer(|config| (config.patch, config.pooling) = (Some([2, 2]), Pooling::ClassToken)), image(4, 4)),
        (transformer(|config| config.depth = 1), Layout::of_numbers(5)),
        (transformer(|_| {}), text(4, 3)),
        (tabular(|_| {}), table(&[Number, Categories(3), Number, Number, Categories(2)])),
        (tabular(|tabular| (tabular.blocks, tabular.dropout) = (0, 0.3)), Layout::of_numbers(4)),
        (tabular(|tabular| tabular.frequencies = 0), table(&[Categories(2), Number])),
        (tabular(|_| {}), table(&[Categories(4), Bins(3)])),
        (ensemble(|_| {}), table(&[Bins(4), Categories(2), Number])),
        (ensemble(|mlp| mlp.hidden = vec![3]), Layout::of_numbers(2)),
    ]
}

fn decoder() -> OutputDecoder {
    OutputDecoder::plain(THREE)
}

fn net(model: &ModelConfig, layout: &Layout) -> Net<B> {
    model.check(layout, THREE).unwrap();
    model.init(layout, THREE, 1, &Default::default())
}

/// `rows` examples with numbers that follow no pattern, and a label for each output.
fn batch(layout: &Layout, rows: usize) -> Batch<B> {
    let width = layout.num_inputs();
    let value = |i: usize| match layout.num_characters {
        Some(count) => (i * 7 % 5 % count) as f32,
        None => 2.0 * (burnlab::data::derive_seed(5, i as u64) >> 40) as f32 / (1 << 24) as f32 - 1.0,
    };
    let inputs: Vec<f32> = (0..rows * width).map(value).collect();
    let num_labels = if layout.num_characters.is_some() { rows * width } else { rows };
    Batch {
        inputs: Tensor::from_data(TensorData::new(inputs, [rows, width]), &Default::default()),
        labels: (0..num_labels).map(|i| (i * 5 % 3) as f32).collect(),
        numbers: Vec::new(),
        weights: Vec::new(),
        noise_seed: 9,
    }
}

fn trainee(net: &Net<B>, kernels: Kernels) -> Trainee<B> {
    let config = TrainingConfig { kernels, ..TrainingConfig::default() };
    let objective = Arc::new(Objective::new(&config, THREE, &[]));
    Trainee { net: net.clone().with_kernels(kernels), objective, decoder: Arc::new(decoder()) }
}

/// Loss and gradients of a step, by name.
fn step(net: &Net<B>, batch: &Batch<B>, kernels: Kernels) -> (f64, NamedWeights) {
    let trainee = trainee(net, kernels);
    let mut output = TrainStep::step(&trainee, batch.clone());
    output.item.read_losses();
    let mut gradients = Gradients { gradients: &output.grads, path: Vec::new(), found: NamedWeights::new() };
    trainee.net.visit(&mut gradients);
    let found = gradients.found;
    (output.item.scores()[0].1, found)
}

struct Gradients<'a> {
    gradients: &'a burn::optim::GradientsParams,
    path: Vec<String>,
    found: NamedWeights,
}

impl ModuleVisitor<B> for Gradients<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.extend((!container.starts_with("Enum:")).then(|| name.to_owned()));
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        if !container.starts_with("Enum:") {
            self.path.pop();
        }
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        if let Some(gradient) = self.gradients.get::<Flex, D>(param.id) {
            let shape = gradient.shape().to_vec();
            self.found.insert(self.path.join("."), Weight { shape, values: gradient.into_data().to_vec().unwrap() });
        }
    }
}

fn is_statistic(name: &str) -> bool {
    name.ends_with("norm.mean") || name.ends_with("norm.variance")
}

#[test]
fn a_network_has_the_weights_of_its_plan_and_an_output_for_each_label() {
    for (model, layout) in cases() {
        let (net, batch) = (net(&model, &layout), batch(&layout, 5));
        let shapes: std::collections::BTreeMap<_, _> =
            named_weights(&net).into_iter().map(|(name, weight)| (name, weight.shape)).collect();
        assert_eq!(shapes, model.shapes(&layout, 3), "{model:?}");
        assert!(shapes.keys().any(|name| name.starts_with(&model.head())), "{model:?}");
        for rng in [None, Some(DropoutRng::new(1))] {
            let mut rng = rng;
            let logits = net.forward(batch.inputs.clone(), rng.as_mut());
            // In training each member of an ensemble answers by itself.
            let num_answers = if rng.is_some() { model.mlp().map_or(1, |mlp| mlp.members) } else { 1 };
            assert_eq!(logits.dims(), [num_answers * batch.labels.len(), 3], "{model:?}");
        }
        assert!(!model.describe(&layout, 3).is_empty());
    }
}

#[test]
fn gradients_match_finite_differences() {
    for (model, layout) in cases() {
        let (net, batch) = (net(&model, &layout), batch(&layout, 6));
        for kernels in [Kernels::Fused, Kernels::Plain] {
            let weights = named_weights(&net);
            let (_, gradients) = step(&net, &batch, kernels);
            let trained: Vec<&String> = weights.keys().filter(|name| !is_statistic(name)).collect();
            assert!(gradients.keys().eq(trained.iter().copied()), "{model:?}: {:?}", gradients.keys());
            for name in trained {
                // Some of each weight: the whole of them takes minutes.
                let count = weights[name].values.len();
                for i in (0..count).step_by(count.div_ceil(6)) {
                    let at = |shift: f32| {
                        let mut moved = weights.clone();
                        moved.get_mut(name).unwrap().values[i] += shift;
                        step(&load_weights(net.clone(), &moved).unwrap(), &batch, kernels).0
                    };
                    // f32 losses carry about 1e-7: a step of 1e-3 leaves 1e-4 of noise. A longer one changes which pixel
                    // is the largest of its square. Two steps, so that the error of second order cancels (Richardson).
                    let by_step = |step: f32| (at(step) - at(-step)) / (2.0 * f64::from(step));
                    let slope = (4.0 * by_step(1e-3) - by_step(2e-3)) / 3.0;
                    let exact = f64::from(gradients[name].values[i]);
                    let tolerance = 4e-3 * exact.abs().max(0.5);
                    assert!(
                        (slope - exact).abs() < tolerance,
                        "{model:?} {name}[{i}]: {exact} ({kernels:?}), {slope} by differences"
                    );
                }
            }
        }
    }
}

#[test]
fn a_convolutional_networks_gradients_by_fused_kernels_are_those_of_plain_ones() {
    let frozen = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    for (change, names) in [
        (cnn(|_| {}), frozen(&[])),
        (cnn(|cnn| cnn.activation = Activation::Relu), frozen(&[])),
        (cnn(|cnn| cnn.dropout = 0.4), frozen(&[])),
        (cnn(|cnn| (cnn.batch_norm, cnn.convolutions, cnn.pool) = (false, 2, 3)), frozen(&[])),
        (cnn(|_| {}), frozen(&["convolutions.0"])),
        (cnn(|_| {}), frozen(&["convolutions"])),
        (cnn(|_| {}), frozen(&["convolutions.1.norm", "linear.layers.0.weight"])),
    ] {
        let layout = image(11, 9);
        let net = freeze(net(&change, &layout), &names);
        // several blocks of rows, so that their sums are joined
        assert_kernels_agree(&net, &batch(&layout, 70), &format!("{change:?}, {names:?} frozen"));
    }
}

#[test]
fn gradients_by_fused_kernels_are_those_of_plain_ones() {
    for (model, layout) in cases().into_iter().chain(large_cases()) {
        assert_kernels_agree(&net(&model, &layout), &batch(&layout, 70), &format!("{model:?}"));
    }
}

/// Kinds that compute on several cores with the rows of the tests.
fn large_cases() -> Vec<(ModelConfig, Layout)> {
    vec![
        (cnn(|cnn| cnn.channels = vec![8, 16]), image(12, 12)),
        (rnn(|rnn| (rnn.cell, rnn.units, rnn.bidirectional) = (Cell::Gru, 24, true)), image(8, 8)),
        (rnn(|rnn| rnn.units = 20), text(9, 3)),
        (transformer(|config| config.width = 24), text(20, 3)),
        (transformer(|config| (config.width, config.dropout) = (16, 0.2)), image(12, 4)),
        (tabular(|tabular| (tabular.width, tabular.frequencies) = (40, 16)), Layout::of_numbers(30)),
    ]
}

/// To the bit, whether the pool has one thread or several.
#[test]
fn a_step_does_not_depend_on_the_number_of_cores() {
    for (model, layout) in large_cases() {
        let (net, batch) = (net(&model, &layout), batch(&layout, 70));
        let [one, other] = [1, 3].map(|num_threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(num_threads).build().unwrap();
            let (loss, gradients) = pool.install(|| step(&net, &batch, Kernels::Fused));
            let bits = |weight: Weight| weight.values.into_iter().map(f32::to_bits).collect::<Vec<_>>();
            let gradients: Vec<_> = gradients.into_iter().map(|(name, weight)| (name, bits(weight))).collect();
            (loss.to_bits(), gradients)
        });
        assert!(one == other, "{model:?}");
    }
}

#[track_caller]
fn assert_kernels_agree(net: &Net<B>, batch: &Batch<B>, case: &str) {
    let (loss, fused) = step(net, batch, Kernels::Fused);
    let (expected_loss, plain) = step(net, batch, Kernels::Plain);
    assert!((loss - expected_loss).abs() < 1e-5, "{loss} and {expected_loss}: {case}");
    assert!(fused.keys().eq(plain.keys()), "{:?}: {case}", fused.keys());
    for (name, expected) in &plain {
        assert_eq!(fused[name].shape, expected.shape);
        let apart = fused[name].values.iter().zip(&expected.values).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(apart < 2e-5, "{name} is off by {apart}: {case}");
    }
}

#[test]
fn running_statistics_follow_the_batches_of_the_training_alone() {
    let layout = image(2, 2);
    // One weight: the middle of the kernel passes the pixel on.
    let model = cnn(|cnn| (cnn.channels, cnn.pool, cnn.hidden) = (vec![1], 1, vec![]));
    let mut weights = named_weights(&net(&model, &layout));
    let kernel = weights.get_mut("convolutions.0.weight").unwrap();
    kernel.values = (0..9).map(|i| f32::from(i == 4)).collect();
    let net = load_weights(net(&model, &layout), &weights).unwrap();
    let inputs = Tensor::from_data(TensorData::new(vec![1.0f32, 2.0, 3.0, 6.0], [1, 4]), &Default::default());
    let batch = Batch::<B> { inputs, labels: vec![1.0], numbers: Vec::new(), weights: Vec::new(), noise_seed: 0 };
    // By hand: mean 3, unbiased variance 14 / 3, of which a tenth replaces a tenth of 0 and 1.
    let expected = [("mean", 0.3), ("variance", 0.9 + 0.1 * 14.0 / 3.0)];
    let statistic = |net: &Net<B>, name: &str| named_weights(net)[&format!("convolutions.0.norm.{name}")].values[0];
    for kernels in [Kernels::Fused, Kernels::Plain] {
        let trainee = trainee(&load_weights(net.clone(), &weights).unwrap(), kernels);
        let best = trainee.clone();
        TrainStep::step(&trainee, batch.clone());
        for (name, expected) in expected {
            assert!((statistic(&trainee.net, name) - expected).abs() < 1e-6, "{name}, {kernels:?}");
        }
        // The weights of the best epoch stay what they were, and scoring changes nothing.
        assert_eq!((statistic(&best.net, "mean"), statistic(&best.net, "variance")), (0.0, 1.0));
        let valid = trainee.valid();
        let before = named_weights(&valid.net);
        let validation = Batch {
            inputs: batch.inputs.clone().inner(),
            labels: vec![1.0],
            numbers: Vec::new(),
            weights: Vec::new(),
            noise_seed: 0,
        };
        InferenceStep::step(&valid, validation);
        assert_eq!(named_weights(&valid.net), before);
    }
}

#[test]
fn shares_of_attention_sum_to_1_and_a_character_sees_none_that_follow() {
    for (model, layout) in cases() {
        let Architecture::Transformer(_) = &model.architecture else { continue };
        let (net, batch) = (net(&model, &layout), batch(&layout, 3));
        for shares in net.attention(batch.inputs).unwrap() {
            let [rows, heads, count, _] = shares.dims();
            let shares: Vec<f32> = shares.into_data().to_vec().unwrap();
            assert_eq!(shares.len(), rows * heads * count * count);
            for (at, row) in shares.chunks_exact(count).enumerate() {
                assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6 && row.iter().all(|&share| share >= 0.0));
                if layout.num_characters.is_some() {
                    assert!(row[at % count + 1..].iter().all(|&share| share == 0.0), "{row:?}");
                }
            }
        }
    }
    assert!(net(&rnn(|_| {}), &image(3, 4)).attention(batch(&image(3, 4), 1).inputs).is_none());
}

#[test]
fn what_is_said_of_a_character_depends_on_it_and_those_before_it() {
    for model in [rnn(|rnn| rnn.layers = 2), rnn(|rnn| rnn.cell = Cell::Gru), transformer(|_| {})] {
        let net = net(&model, &text(5, 3));
        let logits = |numbers: &[f32]| -> Vec<f32> {
            let inputs = TensorData::new(numbers.to_vec(), [1, numbers.len()]);
            net.forward(Tensor::from_data(inputs, &Default::default()), None).into_data().to_vec().unwrap()
        };
        let close = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5);
        let whole = logits(&[0.0, 2.0, 1.0, 1.0, 2.0]);
        let changed = logits(&[0.0, 2.0, 1.0, 0.0, 2.0]);
        assert!(close(&whole[..9], &changed[..9]), "{model:?}");
        assert!(!close(&whole[9..12], &changed[9..12]) && !close(&whole[12..], &changed[12..]), "{model:?}");
        // A text that is being written is shorter than those that were learned from.
        assert!(close(&whole[..6], &logits(&[0.0, 2.0])), "{model:?}");
    }
}

#[test]
fn a_text_goes_on_alike_with_and_without_a_memory_of_it() {
    let context = 6;
    for model in [transformer(|config| config.depth = 3), transformer(|config| config.depth = 1), rnn(|_| {})] {
        let net = net(&model, &text(context, 3)).valid();
        let again = |window: &[usize]| -> Vec<f32> {
            let numbers: Vec<f32> = window.iter().map(|&number| number as f32).collect();
            let inputs = Tensor::from_data(TensorData::new(numbers, [1, window.len()]), &Default::default());
            net.forward(inputs, None).into_data().to_vec().unwrap().split_off(3 * (window.len() - 1))
        };
        let mut memory = TextMemory::default();
        let mut written = vec![0, 2];
        while written.len() < 20 {
            // From 6 characters on the window slides, and every position changes.
            let window = &written[written.len().saturating_sub(context)..];
            let (found, expected) = (net.next_character(window, &mut memory, &Default::default()), again(window));
            assert_eq!(found.len(), 3);
            let apart = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(apart < 1e-5, "{apart} apart after {written:?}: {model:?}");
            let largest = |logits: &[f32]| (0..3).max_by(|&a, &b| logits[a].total_cmp(&logits[b])).unwrap();
            assert_eq!(largest(&found), largest(&expected));
            assert_eq!(memory.len(), if model.transformer().is_some() { window.len() } else { 0 });
            written.push((largest(&found) + written.len() * written.len()) % 3);
        }
        // A text that does not go on from what was read, and one of several new characters.
        for window in [&[1, 1][..], &[1, 1, 0, 2]] {
            let (found, expected) = (net.next_character(window, &mut memory, &Default::default()), again(window));
            assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-5), "{window:?}: {model:?}");
        }
    }
}

/// What each epoch of five leaves as the mean loss of its batches, and the logits at the end.
fn train(net: &Net<B>, batches: &[Batch<B>], config: &TrainingConfig) -> (Vec<f64>, Vec<f32>) {
    let mut trainee = trainee(net, config.kernels);
    let mut optimizer = ChosenOptimizer::new(config);
    let mut losses = Vec::new();
    for _ in 0..5 {
        let mut sum = 0.0;
        for batch in batches {
            let mut output = TrainStep::step(&trainee, batch.clone());
            output.item.read_losses();
            sum += output.item.scores()[0].1;
            trainee = optimizer.step(config.learning_rate, trainee, output.grads);
        }
        losses.push(sum / batches.len() as f64);
    }
    let logits = trainee.valid().net.forward(batches[0].inputs.clone().inner(), None);
    (losses, logits.into_data().to_vec().unwrap())
}

#[test]
fn every_kind_trains_alike_with_fused_and_plain_kernels() {
    let perceptron = MlpConfig { dropout: 0.2, ..Default::default() };
    let with_dropout = cnn(|cnn| (cnn.activation, cnn.dropout) = (Activation::Relu, 0.25));
    let extra = [(perceptron.into(), Layout::of_numbers(5)), (with_dropout, image(6, 6))];
    let mut seen = std::collections::BTreeSet::new();
    for (model, layout) in cases().into_iter().chain(extra) {
        seen.insert(serde_json::to_value(&model).unwrap()["kind"].as_str().unwrap().to_owned());
        let net = net(&model, &layout);
        let batches: Vec<_> = [6, 9, 12].map(|rows| batch(&layout, rows)).into();
        let trained = |kernels| train(&net, &batches, &TrainingConfig { kernels, ..TrainingConfig::default() });
        let (fused, plain) = (trained(Kernels::Fused), trained(Kernels::Plain));
        assert_eq!(fused, trained(Kernels::Fused), "the same twice: {model:?}");
        let apart = fused.0.iter().zip(&plain.0).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(apart < 1e-4, "{model:?}: losses {:?} and {:?}", fused.0, plain.0);
        let apart = fused.1.iter().zip(&plain.1).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(apart < 1e-4, "{model:?}: logits are {apart} apart");
        assert!(fused.0[4] < fused.0[0], "{model:?} learns nothing: {:?}", fused.0);
    }
    let kinds: Vec<String> = Architecture::all().into_iter().map(|(name, _)| name.to_owned()).collect();
    assert!(kinds.iter().all(|kind| seen.contains(kind)), "{kinds:?} are there, {seen:?} are tested");
}

#[test]
fn each_kind_in_the_list_is_whole() {
    for (name, architecture) in Architecture::all() {
        let text = format!("kind = \"{name}\"");
        let parsed: ModelConfig = toml::from_str(&text).unwrap();
        assert_eq!(parsed.architecture, architecture, "{name}");
        parsed.validate().unwrap();
        let layout = image(8, 8); // what every kind can read
        let net = net(&parsed, &layout);
        let found: std::collections::BTreeMap<_, _> =
            named_weights(&net).into_iter().map(|(name, weight)| (name, weight.shape)).collect();
        assert_eq!(found, parsed.shapes(&layout, 3), "{name}");
        assert!(found.keys().any(|weight| weight.starts_with(&parsed.head())), "{name}");
        assert!(!parsed.describe(&layout, 3).is_empty());
        // What is written out reads back, and the suggestion is a key of this kind.
        let resolved = toml::to_string(&parsed.clone().resolved()).unwrap();
        assert_eq!(toml::from_str::<ModelConfig>(&resolved).unwrap(), parsed.clone().resolved());
        let (_, larger) = parsed.larger();
        let larger = larger.strip_prefix("model.").unwrap();
        toml::from_str::<ModelConfig>(&format!("{text}\n{larger}")).unwrap().validate().unwrap();
    }
}

/// One number through the whole of a tabular network whose other parts pass it on.
#[test]
fn a_number_is_clipped_smoothly_and_embedded_in_waves() {
    let model = tabular(|tabular| {
        (tabular.width, tabular.blocks, tabular.frequencies, tabular.embedding) = (2, 0, 2, 1);
        tabular.activation = Activation::Relu;
    });
    let layout = Layout::of_numbers(1);
    let mut weights = named_weights(&net(&model, &layout));
    let mut set = |name: &str, values: &[f32]| weights.get_mut(name).unwrap().values.copy_from_slice(values);
    set("embeddings.frequency", &[0.25, 0.5]);
    set("embeddings.phase", &[0.1, -0.2]);
    set("embeddings.weight", &[1.5, -0.5]);
    set("embeddings.bias", &[0.3]);
    set("stem.weight", &[1.0, 0.0, 0.0, 1.0]); // features to units: embedding, number
    set("output.weight", &[1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
    let net = load_weights(net(&model, &layout), &weights).unwrap();
    for number in [-1e30f32, -5.0, -0.4, 0.0, 0.7, 2.0, 1e30] {
        let inputs = Tensor::from_data(TensorData::new(vec![number], [1, 1]), &Default::default());
        let logits: Vec<f32> = net.forward(inputs, None).into_data().to_vec().unwrap();
        let number = f64::from(number);
        let clipped = number / 1f64.hypot(number / 3.0);
        let wave = |frequency: f64, phase: f64| (std::f64::consts::TAU * (frequency * clipped + phase)).cos();
        let embedded = (1.5 * wave(0.25, 0.1) - 0.5 * wave(0.5, -0.2) + 0.3).max(0.0);
        let (mean, half) = (f64::midpoint(embedded, clipped), (embedded - clipped) / 2.0);
        let normal = |value: f64| ((value - mean) / (half * half + 1e-5).sqrt()).max(0.0);
        let expected = [normal(embedded), normal(clipped), 0.0];
        for (found, expected) in logits.iter().zip(expected) {
            assert!((f64::from(*found) - expected).abs() < 1e-4, "{number}: {logits:?}, expected {expected}");
        }
    }
}

#[test]
fn configs_that_do_not_fit_the_inputs_are_refused_by_their_key() {
    let key = |model: ModelConfig, layout: Layout| model.check(&layout, THREE).unwrap_err().key.unwrap();
    assert_eq!(key(cnn(|_| {}), Layout::of_numbers(12)), "model.kind");
    assert_eq!(key(cnn(|cnn| cnn.channels = vec![2; 3]), image(7, 8)), "model.channels");
    assert_eq!(key(rnn(|rnn| rnn.step = Some(5)), image(3, 4)), "model.step");
    assert_eq!(key(rnn(|rnn| rnn.bidirectional = true), text(4, 3)), "model.bidirectional");
    assert_eq!(key(rnn(|rnn| rnn.step = Some(1)), text(4, 3)), "model.step");
    assert_eq!(key(transformer(|config| config.patch = Some([2, 3])), image(4, 4)), "model.patch");
    assert_eq!(key(transformer(|_| {}), Layout::of_numbers(10_000)), "model.patch");
    assert_eq!(key(transformer(|config| config.width = 16_384), image(8, 8)), "model");
    let mut mixed = Layout::of_numbers(4);
    mixed.columns[1] = InputColumn::Categories(3);
    assert_eq!(key(rnn(|_| {}), mixed.clone()), "model.kind");
    assert_eq!(key(transformer(|_| {}), mixed), "model.kind");
    let range = |model: ModelConfig| model.validate().unwrap_err().key.unwrap();
    assert_eq!(range(cnn(|cnn| cnn.kernel = 4)), "model.kernel");
    assert_eq!(range(cnn(|cnn| cnn.channels = vec![])), "model.channels");
    assert_eq!(range(cnn(|cnn| cnn.pool = 0)), "model.pool");
    assert_eq!(range(rnn(|rnn| rnn.units = 0)), "model.units");
    assert_eq!(range(transformer(|config| config.heads = 4)), "model.width");
    assert_eq!(range(transformer(|config| config.dropout = 1.0)), "model.dropout");
    assert_eq!(key(tabular(|_| {}), text(4, 3)), "model.kind");
    assert_eq!(range(tabular(|tabular| tabular.width = 0)), "model.width");
    assert_eq!(range(tabular(|tabular| tabular.blocks = 65)), "model.blocks");
    assert_eq!(range(tabular(|tabular| tabular.frequencies = 257)), "model.frequencies");
    assert_eq!(range(tabular(|tabular| tabular.embedding = 0)), "model.embedding");
    assert_eq!(range(tabular(|tabular| tabular.frequency_scale = f64::NAN)), "model.frequency_scale");
    assert_eq!(range(tabular(|tabular| tabular.dropout = 1.0)), "model.dropout");
}

/// What bounds the rows of a batch: attention compares all tokens of a row with each other.
#[test]
fn the_largest_tensor_of_a_row_is_foreseen() {
    let attention = net(&transformer(|config| config.patch = Some([1, 1])), &image(28, 28));
    assert_eq!(attention.largest_tensor(784), 2 * 784 * 784);
    let images = net(&cnn(|_| ()), &image(8, 6));
    assert_eq!(images.largest_tensor(48), 3 * 48, "the first convolution; the second has a quarter of its pixels");
    let steps = net(&rnn(|config| config.cell = Cell::Lstm), &image(8, 6));
    assert_eq!(steps.largest_tensor(48), 8 * 4 * 4, "four gates of four units in eight steps");
}
