//! Gradients, losses, update rules and metrics against finite differences, numpy and scikit-learn.
//!
//! `golden/sklearn.json` is written by `golden/make_golden.py`.

use std::ops::ControlFlow;
use std::sync::Arc;

use burn::backend::{Autodiff, Flex};
use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::Optimizer;
use burn::tensor::{Tensor, TensorData};
use burn::train::TrainStep;
use burnlab::data::{Batch, Examples, Layout, Task, Unit};
use burnlab::model::{
    Activation, MlpConfig, ModelConfig, NamedWeights, Net, Weight, freeze, load_weights, named_weights,
};
use burnlab::tracking::{NewRun, RunWriter};
use burnlab::training::config::{Loss, OptimizerKind, TrainingConfig};
use burnlab::training::objective::Objective;
use burnlab::training::task::Trainee;
use burnlab::training::{
    ChosenOptimizer, EpochReport, Fit, Interrupter, Knob, OutputDecoder, Phase, Recorder, TrainingObserver, Truths, fit,
};
use burnlab_cpu::Kernels;
use serde_json::Value;

type B = Autodiff<Flex>;

fn golden() -> Value {
    serde_json::from_str(include_str!("../golden/sklearn.json")).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn floats(value: &Value) -> Vec<f32> {
    numbers(value).into_iter().map(|number| number as f32).collect()
}

/// Largest absolute difference.
#[track_caller]
fn distance(found: impl IntoIterator<Item = f64>, expected: &[f64]) -> f64 {
    let found: Vec<f64> = found.into_iter().collect();
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

fn mlp(hidden: &[usize], activation: Activation) -> ModelConfig {
    MlpConfig { hidden: hidden.into(), activation, ..MlpConfig::default() }.into()
}

fn decoder(task: Task) -> OutputDecoder {
    OutputDecoder::plain(task)
}

fn examples(num_inputs: usize, inputs: Vec<f32>, targets: Vec<f32>) -> Arc<Examples> {
    let rows = (0..targets.len() as u32).collect();
    let numbers = targets.iter().copied().map(f64::from).collect();
    Arc::new(Examples { inputs, targets, numbers, rows, ..Examples::none(num_inputs) })
}

struct Losses(std::sync::Mutex<Vec<f64>>);

impl TrainingObserver for Losses {
    fn epoch(&self, report: &EpochReport) -> ControlFlow<()> {
        let loss = report.values.iter().find(|value| value.0.as_str() == "train/loss").unwrap().1;
        self.0.lock().unwrap().push(loss);
        ControlFlow::Continue(())
    }
}

/// Trains `net` on all of `train` without validation; returns the weights and the loss curve.
fn train(config: &TrainingConfig, net: Net<B>, task: Task, train: Arc<Examples>) -> (NamedWeights, Vec<f64>) {
    let folder = crate::place::folder();
    let run = NewRun {
        experiment: "test".into(),
        name: None,
        tags: vec![],
        note: None,
        config_toml: String::new(),
        params: Default::default(),
        environment: Value::Null,
        seed: 0,
        parent: None,
        sweep: None,
        data: None,
        is_private: false,
    };
    let recorder = Recorder::new(RunWriter::start(folder.path(), run).unwrap());
    let watch = Arc::new(Losses(Default::default()));
    let validation = examples(train.num_inputs, vec![], vec![]);
    let job = Fit {
        augment: None,
        net,
        decoder: decoder(task),
        train,
        validation,
        class_counts: vec![],
        seed: 0,
        device: Default::default(),
        checkpoint: None,
        phase: Phase::Selection,
        keep_history: false,
    };
    let fitted = fit(config, job, recorder, watch.clone(), &Interrupter::new(), false).unwrap();
    let losses = watch.0.lock().unwrap().clone();
    (named_weights(&fitted.net), losses)
}

/// scikit-learn's list of (coefficients, intercepts) as burnlab's weights.
fn weights_of(layers: &Value, widths: &[usize]) -> NamedWeights {
    let mut weights = NamedWeights::new();
    for (i, layer) in layers.as_array().unwrap().iter().enumerate() {
        let shape = vec![widths[i], widths[i + 1]];
        weights.insert(format!("layers.{i}.weight"), Weight { shape, values: floats(&layer[0]) });
        weights.insert(format!("layers.{i}.bias"), Weight { shape: vec![widths[i + 1]], values: floats(&layer[1]) });
    }
    weights
}

/// The first 1200 digits, pixels divided by 16, as `make_golden.py` has them.
fn digits() -> Arc<Examples> {
    use burnlab::data::{DataConfig, Source, Target, load};
    let data = load(&DataConfig { source: Some(Source::Digits), ..DataConfig::default() }).unwrap();
    let Target::Classes { labels, .. } = &data.target else { panic!("digits are classes") };
    let inputs = data.cells.to_floats()[..1200 * 64].iter().map(|pixel| pixel / 16.0).collect();
    examples(64, inputs, labels[..1200].iter().map(|&label| label as f32).collect())
}

#[test]
fn same_start_and_batches_give_scikit_learns_loss_curve_and_weights() {
    for (name, curve_tolerance) in [("mlp", Some(1e-4)), ("mlp_l2", None)] {
        let golden = &golden()[name];
        let task = Task::MultiClass { num_classes: 10 };
        let net = mlp(&[16], Activation::Relu).init::<B>(
            &Layout::of_numbers(64),
            Task::MultiClass { num_classes: 10 },
            0,
            &Default::default(),
        );
        let net = load_weights(net, &weights_of(&golden["initial"], &[64, 16, 10])).unwrap();
        let config = TrainingConfig {
            max_epochs: 5,
            batch_size: Some(200),
            shuffle: false,
            epsilon_hat: true,
            // scikit-learn divides its alpha by the rows of the batch
            l2: golden["alpha"].as_f64().unwrap() / 200.0,
            ..TrainingConfig::default()
        };
        let (weights, losses) = train(&config, net, task, digits());
        if let Some(tolerance) = curve_tolerance {
            let apart = distance(losses, &numbers(&golden["loss_curve"]));
            assert!(apart < tolerance, "loss curve off by {apart}");
        }
        for (weight, expected) in weights.values().zip(weights_of(&golden["final"], &[64, 16, 10]).values()) {
            let expected: Vec<f64> = expected.values.iter().map(|&v| v.into()).collect();
            let apart = distance(weight.values.iter().map(|&v| v.into()), &expected);
            assert!(apart < 1e-4, "{name}: weights off by {apart}");
        }
    }
}

#[test]
fn a_converged_perceptron_is_logistic_regression() {
    use burnlab::data::{DataConfig, Preprocessor, Source, load};
    let golden = &golden()["logistic"];
    let config = DataConfig { source: Some(Source::BreastCancer), ..DataConfig::default() };
    let data = load(&config).unwrap();
    let rows: Vec<u32> = (0..data.num_rows() as u32).collect();
    let all = Preprocessor::fit(&data, &rows, &config).unwrap().transform(&data, &rows);
    let config = TrainingConfig {
        max_epochs: 3000,
        batch_size: Some(rows.len()),
        learning_rate: 0.05,
        l2: golden["l2"].as_f64().unwrap(),
        schedule: serde_json::from_str(r#"{"kind": "cosine"}"#).unwrap(),
        ..TrainingConfig::default()
    };
    let net = mlp(&[], Activation::Relu).init::<B>(&Layout::of_numbers(30), Task::Binary, 3, &Default::default());
    let inputs = all.inputs.clone();
    let (weights, _) = train(&config, net, Task::Binary, Arc::new(all));
    let coefficients = &weights["layers.0.weight"].values;
    let apart = distance(coefficients.iter().map(|&v| v.into()), &numbers(&golden["coefficients"]));
    assert!(apart < 1e-3, "coefficients off by {apart}");
    let bias = f64::from(weights["layers.0.bias"].values[0]);
    assert!((bias - golden["intercept"].as_f64().unwrap()).abs() < 1e-3);
    let probabilities = inputs.chunks(30).map(|row| {
        let z: f64 = row.iter().zip(coefficients).map(|(x, w)| f64::from(x * w)).sum();
        1.0 / (1.0 + (-z - bias).exp())
    });
    let apart = distance(probabilities, &numbers(&golden["probabilities"]));
    assert!(apart < 1e-3, "probabilities off by {apart}");
}

/// A batch of `rows` rows with targets that fit `task`.
fn batch(task: Task, rows: usize) -> Batch<B> {
    let device = Default::default();
    let inputs: Vec<f32> = (0..rows * 3).map(|i| ((i * 37 % 23) as f32 - 11.0) / 7.0).collect();
    let count = rows * task.num_targets();
    let labels: Vec<f32> = match task {
        Task::Regression | Task::Quantiles { .. } | Task::Numbers { .. } => {
            (0..count).map(|i| (i as f32 * 1.7).sin() * 2.0).collect()
        }
        Task::Binary => (0..rows).map(|i| (i % 2) as f32).collect(),
        Task::Labels { .. } => (0..count).map(|i| (i % 5 % 2) as f32).collect(),
        Task::Ordered { num_classes } => (0..rows).map(|i| (i % num_classes) as f32).collect(),
        Task::MultiClass { .. } | Task::LanguageModel { .. } => {
            (0..rows).map(|i| (i % task.num_classes()) as f32).collect()
        }
    };
    Batch {
        inputs: Tensor::from_data(TensorData::new(inputs, [rows, 3]), &device),
        labels,
        numbers: Vec::new(),
        weights: Vec::new(),
        noise_seed: 0,
    }
}

/// A step's loss and gradients, as Burn's Learner gets them.
fn loss_and_gradients(
    net: &Net<B>,
    config: &TrainingConfig,
    task: Task,
    batch: &Batch<B>,
    kernels: Kernels,
) -> (f64, NamedWeights) {
    let objective = Arc::new(Objective::new(&TrainingConfig { kernels, ..config.clone() }, task, &[]));
    let trainee = Trainee { net: net.clone().with_kernels(kernels), objective, decoder: Arc::new(decoder(task)) };
    let mut output = trainee.step(batch.clone());
    let mut gradients = Gradients { gradients: &output.grads, layer: 0, found: NamedWeights::new() };
    trainee.visit(&mut gradients);
    let found = gradients.found;
    (output.item.scores()[0].1, found)
}

/// Collects the gradients by the names of their weights; those of frozen weights are missing.
struct Gradients<'a> {
    gradients: &'a burn::optim::GradientsParams,
    layer: usize,
    found: NamedWeights,
}

impl ModuleVisitor<B> for Gradients<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        // The order is the module's: per layer weight, then bias.
        let name = format!("layers.{}.{}", self.layer, if D == 2 { "weight" } else { "bias" });
        self.layer += usize::from(D == 1);
        if let Some(gradient) = self.gradients.get::<Flex, D>(param.id) {
            let shape = gradient.shape().to_vec();
            self.found.insert(name, Weight { shape, values: gradient.into_data().to_vec().unwrap() });
        }
    }
}

/// Each loss, with what changes it.
fn losses() -> Vec<(Task, TrainingConfig)> {
    let three = Task::MultiClass { num_classes: 3 };
    let weights = |text| Some(serde_json::from_str(text).unwrap());
    let of = |loss, label_smoothing| TrainingConfig { loss: Some(loss), label_smoothing, ..TrainingConfig::default() };
    vec![
        (Task::Binary, of(Loss::CrossEntropy, 0.0)),
        (Task::Binary, of(Loss::CrossEntropy, 0.1)),
        (Task::Binary, TrainingConfig { class_weights: weights("[1.0, 3.0]"), ..of(Loss::CrossEntropy, 0.0) }),
        (three, of(Loss::CrossEntropy, 0.0)),
        (three, TrainingConfig { class_weights: weights("[1.0, 3.0, 0.5]"), ..of(Loss::CrossEntropy, 0.0) }),
        (three, TrainingConfig { class_weights: weights("[1.0, 3.0, 0.5]"), ..of(Loss::CrossEntropy, 0.1) }),
        (Task::Ordered { num_classes: 4 }, of(Loss::CrossEntropy, 0.0)),
        (
            Task::Ordered { num_classes: 3 },
            TrainingConfig { class_weights: weights("[1.0, 3.0, 0.5]"), ..of(Loss::CrossEntropy, 0.0) },
        ),
        (Task::Regression, of(Loss::Mse, 0.0)),
        (Task::Regression, of(Loss::Mae, 0.0)),
        (Task::Regression, of(Loss::Huber, 0.0)),
        (Task::Regression, of(Loss::Poisson, 0.0)),
        (Task::Quantiles { num_levels: 3 }, of(Loss::Pinball, 0.0)),
        (Task::Numbers { num_targets: 3 }, of(Loss::Mse, 0.0)),
        (Task::Numbers { num_targets: 3 }, of(Loss::Huber, 0.0)),
        (Task::Labels { num_labels: 3 }, of(Loss::CrossEntropy, 0.0)),
        (Task::Labels { num_labels: 3 }, of(Loss::CrossEntropy, 0.1)),
    ]
}

#[test]
fn gradients_by_fused_kernels_are_those_of_plain_ones() {
    // 3000 rows: several blocks, so that the sums over them are joined.
    for rows in [8, 3000] {
        for activation in Activation::ALL {
            for (task, config) in losses() {
                for (hidden, dropout, frozen) in [
                    (vec![], 0.0, vec![]),
                    (vec![20, 12, 6], 0.0, vec![]),
                    (vec![20, 12], 0.4, vec![]),
                    (vec![20, 12], 0.0, vec!["layers.0".to_owned()]),
                    (vec![20, 12], 0.0, vec!["layers.1.weight".to_owned(), "layers.2.bias".to_owned()]),
                ] {
                    let model: ModelConfig = MlpConfig { hidden, activation, dropout, ..MlpConfig::default() }.into();
                    let net = model.init::<B>(&Layout::of_numbers(3), task, 1, &Default::default());
                    let net = freeze(net, &frozen);
                    let batch = batch(task, rows);
                    let (loss, fused) = loss_and_gradients(&net, &config, task, &batch, Kernels::Fused);
                    let (expected_loss, plain) = loss_and_gradients(&net, &config, task, &batch, Kernels::Plain);
                    let case = format!("{rows} rows, {activation:?}, {task:?}, {config:?}, {model:?}, {frozen:?}");
                    assert!((loss - expected_loss).abs() < 1e-5, "{loss} and {expected_loss}: {case}");
                    assert!(fused.keys().eq(plain.keys()), "{:?}: {case}", fused.keys());
                    for (name, expected) in &plain {
                        assert_eq!(fused[name].shape, expected.shape);
                        let expected: Vec<f64> = expected.values.iter().map(|&value| value.into()).collect();
                        let apart = distance(fused[name].values.iter().map(|&value| value.into()), &expected);
                        assert!(apart < 1e-5, "{name} is off by {apart}: {case}");
                    }
                }
            }
        }
    }
}

#[test]
fn gradients_match_finite_differences_for_each_activation_and_loss() {
    for activation in Activation::ALL {
        for ((task, config), kernels) in
            losses().into_iter().flat_map(|case| [(case.clone(), Kernels::Fused), (case, Kernels::Plain)])
        {
            let loss = config.loss.unwrap();
            let batch = batch(task, 8);
            let net = mlp(&[5, 4], activation).init::<B>(&Layout::of_numbers(3), task, 1, &Default::default());
            let weights = named_weights(&net);
            let (_, gradients) = loss_and_gradients(&net, &config, task, &batch, kernels);
            for (name, weight) in &weights {
                for i in 0..weight.values.len() {
                    let at = |shift: f32| {
                        let mut moved = weights.clone();
                        moved.get_mut(name).unwrap().values[i] += shift;
                        let net = load_weights(net.clone(), &moved).unwrap();
                        loss_and_gradients(&net, &config, task, &batch, kernels).0
                    };
                    // f32 losses carry about 1e-7: a step of 1e-2 leaves 1e-5 of noise.
                    let step = 1e-2;
                    let (below, here, above) = (at(-step), at(0.0), at(step));
                    let slopes = [(here - below) / f64::from(step), (above - here) / f64::from(step)];
                    let exact = f64::from(gradients[name].values[i]);
                    let tolerance = 2e-3 * exact.abs().max(1.0);
                    let kinked = matches!(activation, Activation::Relu | Activation::LeakyRelu) || loss == Loss::Mae;
                    let holds = if kinked && (slopes[0] - slopes[1]).abs() > tolerance {
                        // A kink within the step: a slope between its two sides, give or take the curvature.
                        let low = slopes[0].min(slopes[1]) - 0.05;
                        (low..=slopes[0].max(slopes[1]) + 0.05).contains(&exact)
                    } else {
                        ((above - below) / (2.0 * f64::from(step)) - exact).abs() < tolerance
                    };
                    assert!(
                        holds,
                        "{activation:?} {loss:?} {task:?} {name}[{i}]: {exact} ({kernels:?}), {slopes:?} by differences"
                    );
                }
            }
        }
    }
}

#[test]
fn losses_by_hand() {
    let loss = |config: TrainingConfig, task: Task, logits: &[f32], labels: &[f32]| -> f64 {
        let shape = [labels.len(), task.num_outputs()];
        let tensor = |v: &[f32]| Tensor::<B, 2>::from_data(TensorData::new(v.to_vec(), shape), &Default::default());
        let count = |class: usize| labels.iter().filter(|&&label| label == class as f32).count() as u64;
        let counts: Vec<u64> = (0..task.num_outputs().max(2)).map(count).collect();
        let [fused, plain] = [Kernels::Fused, Kernels::Plain].map(|kernels| {
            let objective = Objective::new(&TrainingConfig { kernels, ..config.clone() }, task, &counts);
            f64::from(objective.loss(tensor(logits), labels, &[]).into_scalar())
        });
        assert!((fused - plain).abs() < 1e-5, "{fused} by fused kernels, {plain} by plain ones");
        fused
    };
    let plain = TrainingConfig::default;
    let close = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-5, "{found} instead of {expected}");
    // ln(1 + e^-2), and a logit that overflows a naive exponential: ln(1 + e^200) = 200
    close(loss(plain(), Task::Binary, &[2.0], &[1.0]), 0.126928);
    close(loss(plain(), Task::Binary, &[200.0], &[0.0]), 200.0);
    close(loss(plain(), Task::Binary, &[-200.0], &[0.0]), 0.0);
    // e^z - y + y (ln y - z), of 0 only e^z
    let poisson = TrainingConfig { loss: Some(Loss::Poisson), ..plain() };
    close(loss(poisson.clone(), Task::Regression, &[0.5], &[2.0]), 0.0350156);
    close(loss(poisson.clone(), Task::Regression, &[-1.0], &[0.0]), 0.3678794);
    close(
        loss(poisson, Task::Regression, &[0.5, -1.0, 0.3], &[2.0, 0.0, 0.25]),
        (0.0350156 + 0.3678794 + 0.6782852) / 3.0,
    );
    // -ln(e / (e + 1 + 1)); with smoothing .3: .8 and .1 twice
    let three = Task::MultiClass { num_classes: 3 };
    let logits = [1.0, 0.0, 0.0];
    close(loss(plain(), three, &logits, &[0.0]), 0.551445);
    let smooth = TrainingConfig { label_smoothing: 0.3, ..plain() };
    close(loss(smooth, three, &logits, &[0.0]), 0.8 * 0.551445 + 0.2 * 1.551445);
    close(loss(plain(), three, &[1000.0, 0.0, 0.0], &[0.0]), 0.0);
    // (3 * ln 2 + 1 * 0.126928) / 4: class 1 weighs three times as much
    let weights = Some(serde_json::from_str("[1.0, 3.0]").unwrap());
    let weighted = TrainingConfig { class_weights: weights, ..plain() };
    close(loss(weighted, Task::Binary, &[0.0, -2.0], &[1.0, 0.0]), (3.0 * std::f64::consts::LN_2 + 0.126928) / 4.0);
    // balanced: three rows of class 0, one of class 1 -> 4 / (2 * 3), 4 / (2 * 1)
    let balanced = Some(serde_json::from_str("\"balanced\"").unwrap());
    let config = TrainingConfig { class_weights: balanced, ..plain() };
    let expected = (3.0 * 2.0 / 3.0 * 0.126928 + 2.0 * 2.126928) / 4.0;
    close(loss(config, Task::Binary, &[-2.0; 4], &[0.0, 0.0, 0.0, 1.0]), expected);
    // errors of 3 and 0.5; Huber with delta 1: 3 - 1/2 and 0.5^2 / 2
    let of = |kind| TrainingConfig { loss: Some(kind), ..plain() };
    let number = |kind| loss(of(kind), Task::Regression, &[3.0, 0.5], &[0.0, 0.0]);
    close(number(Loss::Mse), (9.0 + 0.25) / 2.0);
    close(number(Loss::Mae), 1.75);
    close(number(Loss::Huber), (2.5 + 0.125) / 2.0);
}

#[test]
fn adam_in_one_pass_is_burns_adam() {
    let plain = || TrainingConfig { l2: 0.01, ..TrainingConfig::default() };
    let decoupled = TrainingConfig {
        optimizer: OptimizerKind::Adamw,
        weight_decay: Some(0.1),
        clip_norm: Some(0.5),
        ..TrainingConfig::default()
    };
    for config in [plain(), TrainingConfig { epsilon_hat: true, ..plain() }, decoupled] {
        let task = Task::MultiClass { num_classes: 3 };
        let objective = Arc::new(Objective::new(&config, task, &[]));
        // 3 x 12000: several blocks, on several cores.
        let net = mlp(&[12_000], Activation::Tanh).init::<B>(
            &Layout::of_numbers(3),
            Task::MultiClass { num_classes: 3 },
            1,
            &Default::default(),
        );
        let mut by_burn = Trainee { net, objective, decoder: Arc::new(decoder(task)) };
        let mut in_one_pass = by_burn.clone();
        let plain = TrainingConfig { kernels: Kernels::Plain, ..config.clone() };
        let (mut burns, mut ours) = (ChosenOptimizer::new(&plain), ChosenOptimizer::new(&config));
        for _ in 0..5 {
            // The same gradients for both: Adam divides by their size, so that it magnifies what tells small ones apart.
            let gradients = || by_burn.step(batch(task, 30)).grads;
            in_one_pass = ours.step(0.01, in_one_pass, gradients());
            let gradients = gradients();
            by_burn = burns.step(0.01, by_burn, gradients);
        }
        let (found, expected) = (named_weights(&in_one_pass.net), named_weights(&by_burn.net));
        for (name, expected) in &expected {
            let expected: Vec<f64> = expected.values.iter().map(|&value| value.into()).collect();
            let apart = distance(found[name].values.iter().map(|&value| value.into()), &expected);
            assert!(apart < 1e-5, "{name} is off by {apart}: {config:?}");
        }
    }
}

#[test]
fn each_optimizer_in_the_list_is_whole() {
    let schema = serde_json::to_value(schemars::schema_for!(TrainingConfig)).unwrap();
    for &kind in OptimizerKind::ALL {
        let name = kind.as_str();
        let parse = |more: &str| toml::from_str::<TrainingConfig>(&format!("optimizer = \"{name}\"\n{more}")).unwrap();
        assert_eq!(parse("").optimizer, kind);
        let resolved = serde_json::to_value(parse("").resolved()).unwrap();
        for knob in Knob::ALL {
            let key = knob.key();
            let given = match knob {
                Knob::Nesterov if kind.default_of(Knob::Momentum).is_some() => "nesterov = true\nmomentum = 0.5".into(),
                Knob::Nesterov | Knob::EpsilonHat => format!("{key} = true"),
                Knob::Momentum | Knob::Beta1 | Knob::Beta2 => format!("{key} = 0.5"),
            };
            let outcome = parse(&given).validate();
            let Some(default) = kind.default_of(knob) else {
                assert_eq!(outcome.unwrap_err().key.unwrap(), format!("training.{key}"), "{name} has no {key}");
                continue;
            };
            outcome.unwrap();
            // The reference names the optimizer, and the default where there is one to speak of.
            let reference = schema["properties"][key]["description"].as_str().unwrap();
            assert!(reference.contains(&format!("`{name}`")), "{key} of {name}: {reference}");
            assert!(default == 0.0 || reference.contains(&default.to_string()), "{key} of {name}: {reference}");
            if !matches!(knob, Knob::Nesterov | Knob::EpsilonHat) {
                assert_eq!(resolved[key].as_f64(), Some(default), "{key} of {name}");
            }
        }
        assert_eq!(resolved["weight_decay"].as_f64(), Some(kind.default_weight_decay()));

        // It moves the weights, and its state is a tensor a slot that goes into another optimizer and back.
        let config = parse("");
        let task = Task::Regression;
        let objective = Arc::new(Objective::new(&config, task, &[]));
        let net = mlp(&[4], Activation::Tanh).init::<B>(&Layout::of_numbers(3), Task::Binary, 1, &Default::default());
        let start = named_weights(&net);
        let mut trainee = Trainee { net, objective, decoder: Arc::new(decoder(task)) };
        let mut optimizer = ChosenOptimizer::new(&config);
        for _ in 0..3 {
            let gradients = trainee.step(batch(task, 8)).grads;
            trainee = optimizer.step(0.01, trainee, gradients);
        }
        assert!(named_weights(&trainee.net).iter().all(|(weight, moved)| *moved != start[weight]), "{name}");
        let state = optimizer.state(&trainee.net);
        assert!(state.keys().eq(start.keys()), "{name}");
        for (weight, state) in &state {
            assert!(state.time == 3 && state.slots.len() <= kind.slots().len(), "{name}");
            assert!(state.slots.iter().all(|slot| slot.shape == start[weight].shape), "{name}");
        }
        let other: ChosenOptimizer<B, Trainee<B>> = ChosenOptimizer::new(&config);
        assert_eq!(other.with_state(&trainee.net, state.clone()).state(&trainee.net), state, "{name}");
    }
}

#[test]
fn update_rules_match_their_papers() {
    let golden = &golden()["rules"];
    let (inputs, targets) = (floats(&golden["inputs"]), floats(&golden["targets"]));
    let base = TrainingConfig {
        max_epochs: 5,
        batch_size: Some(12),
        learning_rate: 0.1,
        shuffle: false,
        ..Default::default()
    };
    let sgd = TrainingConfig { optimizer: OptimizerKind::Sgd, ..base.clone() };
    let momentum = TrainingConfig { momentum: Some(0.9), ..sgd.clone() };
    let rmsprop = TrainingConfig { optimizer: OptimizerKind::Rmsprop, ..base.clone() };
    let adamw = TrainingConfig { optimizer: OptimizerKind::Adamw, weight_decay: Some(0.2), ..base.clone() };
    let cases = [
        ("sgd", sgd.clone()),
        ("sgd_momentum", momentum.clone()),
        ("sgd_nesterov", TrainingConfig { nesterov: true, ..momentum }),
        ("sgd_l2", TrainingConfig { l2: 0.3, ..sgd.clone() }),
        ("sgd_clip", TrainingConfig { clip_norm: Some(0.5), ..sgd }),
        ("adam", base.clone()),
        ("adamw", adamw),
        ("rmsprop", rmsprop.clone()),
        ("rmsprop_momentum", TrainingConfig { momentum: Some(0.5), ..rmsprop }),
        ("adagrad", TrainingConfig { optimizer: OptimizerKind::Adagrad, ..base }),
    ];
    for (name, config) in cases {
        let net = mlp(&[], Activation::Relu).init::<B>(&Layout::of_numbers(3), Task::Binary, 0, &Default::default());
        let mut start = named_weights(&net);
        start.get_mut("layers.0.weight").unwrap().values = floats(&golden["weight"]);
        let net = load_weights(net, &start).unwrap();
        let (weights, _) = train(&config, net, Task::Regression, examples(3, inputs.clone(), targets.clone()));
        for part in ["weight", "bias"] {
            let found = weights[&format!("layers.0.{part}")].values.iter().map(|&v| v.into());
            let apart = distance(found, &numbers(&golden["results"][name][part]));
            assert!(apart < 2e-5, "{name}: {part} off by {apart}");
        }
    }
}

#[test]
fn metrics_match_scikit_learn() {
    let golden = golden();
    let number = |golden: &Value, key: &str| golden[key].as_f64().unwrap_or(0.0);
    for (name, task) in [
        ("binary", Task::Binary),
        ("multi_class", Task::MultiClass { num_classes: 4 }),
        ("regression", Task::Regression),
        ("binary_weighted", Task::Binary),
        ("multi_class_weighted", Task::MultiClass { num_classes: 4 }),
        ("regression_weighted", Task::Regression),
        ("numbers", Task::Numbers { num_targets: 3 }),
        ("numbers_weighted", Task::Numbers { num_targets: 3 }),
        ("quantiles", Task::Quantiles { num_levels: 3 }),
        ("quantiles_weighted", Task::Quantiles { num_levels: 3 }),
        ("ordered", Task::Ordered { num_classes: 4 }),
        ("ordered_weighted", Task::Ordered { num_classes: 4 }),
        ("labels", Task::Labels { num_labels: 3 }),
        ("labels_weighted", Task::Labels { num_labels: 3 }),
    ] {
        let golden = &golden[name];
        let weights = if name.ends_with("_weighted") { floats(&golden["weights"]) } else { Vec::new() };
        let unit = Unit { mean: number(golden, "mean"), scale: number(golden, "scale"), is_count: false };
        let plain = OutputDecoder::plain(task);
        let decoder = OutputDecoder { units: vec![unit; plain.units.len()], ..plain };
        let labels = floats(&golden["labels"]);
        let numbers: Vec<f64> = labels.iter().map(|&label| unit.number(label)).collect();
        let truths = Truths { labels: &labels, numbers: &numbers, weights: &weights };
        let scores = decoder.scores(&floats(&golden["logits"]), truths, true, None);
        let expected = golden["scores"].as_object().unwrap();
        assert_eq!(scores.len(), expected.len());
        for (metric, value) in scores {
            let expected = expected[metric].as_f64().unwrap();
            let close = (value - expected).abs() <= 1e-6 * expected.abs().max(1.0);
            assert!(close, "{name} {metric}: {value}, scikit-learn has {expected}");
        }
    }
}
