//! Numbers at their limits: learning rates, logits and batches that no one should want.

use burn::tensor::{Tensor, TensorData};
use burnlab::data::Task;
use burnlab::tracking::{Status, Store, read_points};
use burnlab::training::config::{OptimizerKind, TrainingConfig};
use burnlab::training::objective::Objective;
use burnlab_cpu::Kernels;

use crate::lab::{Lab, config_file, series};

type B = burn::backend::Autodiff<burn::backend::Flex>;

/// The loss by plain and by fused kernels, and the gradient by the latter.
fn loss(task: Task, logits: &[f32], label: f32) -> (f64, f64, Vec<f32>) {
    let [(plain, _), (fused, gradient)] = [Kernels::Plain, Kernels::Fused].map(|kernels| {
        let config = TrainingConfig { kernels, ..TrainingConfig::default() };
        let objective = Objective::new(&config, task, &[1, 1, 1][..task.num_outputs().max(2)]);
        let data = TensorData::new(logits.to_vec(), [1, logits.len()]);
        let tensor = Tensor::<B, 2>::from_data(data, &Default::default()).require_grad();
        let loss = objective.loss(tensor.clone(), &[label], &[]);
        let gradient = tensor.grad(&loss.backward()).unwrap();
        (f64::from(loss.into_scalar()), gradient.into_data().to_vec().unwrap())
    });
    (plain, fused, gradient)
}

/// Our exponential ends at the smallest normal number, not at zero.
fn is_close(found: &[f32], expected: &[f32]) -> bool {
    found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-37)
}

#[test]
fn logits_at_the_end_of_f32_give_no_nan() {
    const MAX: f32 = f32::MAX;
    // ln(1 + e^x) is x for large x: by hand.
    let binary = [(MAX, 1.0, 0.0, 0.0), (MAX, 0.0, MAX, 1.0), (-MAX, 0.0, 0.0, 0.0), (-MAX, 1.0, MAX, -1.0)];
    for (logit, label, expected, slope) in binary {
        let (plain, fused, gradient) = loss(Task::Binary, &[logit], label);
        assert_eq!((plain, fused), (expected.into(), expected.into()), "logit {logit}, label {label}");
        assert!(is_close(&gradient, &[slope]), "logit {logit}, label {label}: {gradient:?}");
    }
    let three = Task::MultiClass { num_classes: 3 };
    for (label, slopes) in [(0.0, [0.0, 0.0, 0.0]), (1.0, [1.0, -1.0, 0.0]), (2.0, [1.0, 0.0, -1.0])] {
        let (plain, fused, gradient) = loss(three, &[MAX, -MAX, 0.0], label);
        // MAX - -MAX is more than f32 holds: infinite, but a number that early stopping and the record understand.
        let is_expected = |loss: f64| if label == 0.0 { loss == 0.0 } else { loss >= MAX.into() };
        assert!(is_expected(plain) && is_expected(fused), "label {label}: {plain}, {fused}");
        assert!(is_close(&gradient, &slopes), "label {label}: {gradient:?}");
    }
}

#[test]
fn no_learning_rate_optimizer_activation_or_batch_size_breaks_a_run() {
    let lab = Lab::new();
    let (mut finished, mut failed) = (0, 0);
    for data in ["iris", "diabetes"] {
        for optimizer in OptimizerKind::ALL.iter().map(|kind| kind.as_str()) {
            for rate in ["1e-30", "10", "1e30"] {
                // Of 105 rows, batches of 52 leave one alone.
                for (activation, batch) in [("relu", 1), ("tanh", 32), ("sigmoid", 52), ("gelu", 7)] {
                    let overrides = [
                        &format!("data.source=\"{data}\""),
                        &format!("training.optimizer=\"{optimizer}\""),
                        &format!("training.learning_rate={rate}"),
                        &format!("model.activation=\"{activation}\""),
                        &format!("training.batch_size={batch}"),
                        "model.hidden=[4]",
                        "training.max_epochs=2",
                    ];
                    match lab.try_train(&config_file("iris"), &overrides) {
                        Ok(_) => finished += 1,
                        Err(error) => {
                            assert!(error.to_string().contains("not finite in epoch"), "{overrides:?}: {error}");
                            failed += 1;
                        }
                    }
                }
            }
        }
    }
    let store = Store::open(lab.artifacts()).unwrap();
    let of = |status| store.runs().unwrap().iter().filter(|run| run.record.status == status).count();
    assert_eq!((of(Status::Finished), of(Status::Failed)), (finished, failed));
    assert!(finished >= 60 && failed >= 5, "{finished} finished, {failed} failed");
    // Whatever they were, the file's numbers are the store's.
    for run in store.runs().unwrap() {
        for point in read_points(&store.folder(&run.record.id)).unwrap() {
            let samples = store.series(&run.record.id, &point.key).unwrap();
            let stored =
                samples.iter().find(|sample| (sample.epoch, sample.step) == (point.epoch, point.step)).unwrap();
            assert_eq!(stored.value.to_bits(), point.value.to_bits(), "{} of {}", point.key, run.record.id);
        }
    }
    println!("{finished} runs finished, {failed} failed with the epoch of their first infinite loss");
}

#[test]
fn a_net_of_dead_units_still_ends_with_its_pictures() {
    let lab = Lab::new();
    let run = lab.train(
        "xor-mlp",
        &[
            "training.optimizer=\"sgd\"",
            "training.learning_rate=30",
            "training.max_epochs=20",
            "training.restore_best=false",
        ],
    );
    let bytes = std::fs::read(run.folder.join("model.safetensors")).unwrap();
    let model = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let values = |name: &str| -> Vec<f32> {
        let bytes = model.tensor(name).unwrap().data();
        bytes.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect()
    };
    let (weight, bias) = (values("layers.0.weight"), values("layers.0.bias"));
    // Standardized coordinates of a square lie within 1.8: a unit that is not positive at its corners is nowhere.
    let largest = |unit: usize| bias[unit] + 1.8 * (weight[unit].abs() + weight[bias.len() + unit].abs());
    let dead = (0..bias.len()).filter(|&unit| largest(unit) <= 0.0).count();
    assert!(dead >= bias.len() / 2, "only {dead} of {} units are dead", bias.len());
    let losses = series(&run, "train/loss");
    assert!(losses.iter().all(|(_, loss)| loss.is_finite()), "{losses:?}");
    for picture in ["boundary.svg", "hidden_units.svg", "network.svg"] {
        let text = std::fs::read_to_string(run.folder.join("plots").join(picture)).unwrap();
        roxmltree::Document::parse(&text).unwrap();
        assert!(!text.contains("NaN"), "{picture}");
    }
}
