//! The ONNX writer's bytes against the specification, and whole models in ONNX Runtime.

use std::path::{Path, PathBuf};
use std::process::Command;

use burnlab::network::{Array, Column, Head, Inputs, Layer, Network};
use burnlab::onnx::protobuf::Message;
use burnlab::onnx::{Model, Weights, encode};

use crate::place::{Place, text};

// ---- models in ONNX Runtime

/// A Python with onnx and onnxruntime.
pub fn python() -> Option<PathBuf> {
    let python = PathBuf::from(std::env::var_os("BURNLAB_PYTHON").unwrap_or_else(|| "python3".into()));
    let has_packages = Command::new(&python).args(["-c", "import onnx, onnxruntime"]).output();
    let is_ready = has_packages.is_ok_and(|output| output.status.success());
    if !is_ready {
        crate::without_tools::skip("onnxruntime");
    }
    is_ready.then_some(python)
}

#[test]
fn onnx_runtime_predicts_what_burnlab_predicts_on_every_builtin_set() {
    let Some(python) = python() else { return };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let titanic = format!("path = \"{}\"\ntarget = \"Survived\"", root.join("configs/data/titanic.csv").display());
    for (name, data, model) in [
        ("digits", "source = \"digits\"", "hidden = [16, 12]\nactivation = \"gelu\""),
        ("iris", "source = \"iris\"\nscale = \"robust\"", "hidden = []"),
        ("wine", "source = \"wine\"\nscale = \"min_max\"", "activation = \"tanh\""),
        ("breast_cancer", "source = \"breast_cancer\"", "activation = \"silu\""),
        ("diabetes", "source = \"diabetes\"", "activation = \"sigmoid\""),
        ("moons", "source = \"moons\"", "activation = \"leaky_relu\""),
        ("titanic", &titanic, "activation = \"relu\""),
        ("titanic", &format!("{titanic}\nbins = 8"), "hidden = [6, 5]\nmembers = 3"),
        ("diabetes", "source = \"diabetes\"\nbins = 5", "hidden = [8]\nactivation = \"silu\""),
        ("wine", "source = \"wine\"", "hidden = [8]\nmembers = 4"),
    ] {
        let config = format!("[data]\n{data}\n[model]\n{model}\n[training]\nmax_epochs = 5\n");
        predicts_the_same(&python, name, &config);
    }
}

/// A threshold other than one half, and the exponential of a count.
#[test]
fn onnx_runtime_decides_and_counts_as_burnlab_does() {
    let Some(python) = python() else { return };
    let moons = "[data]\nsource = \"moons\"\nnoise = 0.5\n[model]\nhidden = [4]\n[training]\nmax_epochs = 5\n";
    predicts_the_same(&python, "moons", &format!("{moons}threshold = \"f1\"\ncalibrate = true\n"));
    let diabetes = "[data]\nsource = \"diabetes\"\n[model]\nhidden = [4]\n[training]\nmax_epochs = 5\n";
    predicts_the_same(&python, "diabetes", &format!("{diabetes}loss = \"poisson\"\n"));
}

#[test]
fn onnx_runtime_predicts_several_targets_quantiles_and_ranks_as_burnlab_does() {
    let Some(python) = python() else { return };
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/data");
    let titanic = format!("path = \"{}\"\ntarget = [\"Age\", \"Fare\"]", data.join("titanic.csv").display());
    let traits = format!("path = \"{}\"\ntarget = [\"even\", \"loop\"]", data.join("digit-traits.csv").display());
    for (data, model, more) in [
        (&titanic, "hidden = [6]", ""),
        (&titanic, "hidden = [6]\nmembers = 3", ""),
        (&traits, "hidden = [6]", "threshold = \"f1\"\n"),
        (&traits, "hidden = [6]\nmembers = 3", ""),
    ] {
        let config = format!("[data]\n{data}\n[model]\n{model}\n[training]\nmax_epochs = 5\n{more}");
        predicts_the_same(&python, "several", &config);
    }
    let ranks = format!("path = \"{}\"\ntarget = \"Pclass\"", data.join("titanic.csv").display());
    let ranks =
        format!("{ranks}\nordered = [\"3\", \"2\", \"1\"]\ndrop = [\"PassengerId\", \"Name\", \"Ticket\", \"Cabin\"]");
    for model in ["hidden = [6]", "hidden = [6]\nmembers = 3"] {
        predicts_the_same(
            &python,
            "ranks",
            &format!("[data]\n{ranks}\n[model]\n{model}\n[training]\nmax_epochs = 5\n"),
        );
        let config = format!(
            "[data]\nsource = \"diabetes\"\n[model]\n{model}\n[training]\nmax_epochs = 5\nloss = \"pinball\"\n\
             quantiles = [0.05, 0.3, 0.6, 0.95]\n"
        );
        predicts_the_same(&python, "quantiles", &config);
    }
}

/// Trains the config with 5 epochs, exports it, and compares its predictions with those of the runtime.
#[track_caller]
fn predicts_the_same(python: &Path, name: &str, config: &str) {
    let place = Place::new();
    exported(&place, name, config);
    let run = place.only_run();
    check(python, &[[place.path("m.onnx"), run.join("test.csv"), run.join("predictions.csv")]]);
    let card = std::fs::read_to_string(place.path("m.onnx.md")).unwrap();
    let fingerprint = crate::place::json(run.join("environment.json"))["dataset"]["fingerprint"].clone();
    assert!(card.contains(fingerprint.as_str().unwrap()) && card.contains("max_epochs = 5"), "{card}");
}

#[track_caller]
fn exported(place: &Place, name: &str, config: &str) {
    place.write("c.toml", config);
    for args in [&["--config", "c.toml", "--quiet"][..], &["export", "c", "-o", "m.onnx"]] {
        let output = place.run(args);
        assert!(output.status.success(), "{name}: {}", text(&output.stderr));
    }
}

/// Has the runtime predict what burnlab predicted: of each model its file, the rows, and the predictions.
#[track_caller]
pub fn check(python: &Path, models: &[[PathBuf; 3]]) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/onnx/check.py");
    let check = Command::new(python).arg(script).args(models.concat()).output().unwrap();
    assert!(check.status.success(), "{}", text(&check.stderr));
    let told = text(&check.stdout);
    println!("{told}");
    assert_eq!(told.lines().filter(|line| line.starts_with("ok: ")).count(), models.len(), "{told}");
}

#[test]
fn onnx_runtime_predicts_what_networks_of_every_kind_predict() {
    let Some(python) = python() else { return };
    let places: Vec<Place> = KINDS
        .iter()
        .map(|(data, model)| {
            let place = Place::new();
            let config = format!("[data]\n{data}\n[model]\n{model}\n[training]\nmax_epochs = 2\n");
            exported(&place, model, &config);
            place
        })
        .collect();
    let kinds: std::collections::BTreeSet<&str> =
        KINDS.iter().map(|(_, model)| model.split('"').nth(1).unwrap()).collect();
    let all = burnlab::model::Architecture::all();
    assert_eq!(kinds, all.iter().map(|(name, _)| *name).collect(), "a kind without a model");
    let models: Vec<[PathBuf; 3]> =
        places.iter().map(|place| of_run(place.path("m.onnx"), &place.only_run())).collect();
    check(&python, &models);
}

/// What int8 weights change, on the test rows of networks of every kind that were trained for a while; see the guide's
/// `measured.md`. The limits are twice what was measured.
#[test]
fn int8_weights_change_few_labels_and_take_less_space() {
    let Some(python) = python() else { return };
    let digits = "source = \"digits\"";
    let places: Vec<Place> = [
        (digits, "kind = \"mlp\"\nhidden = [64]", 20),
        ("source = \"wine\"", "kind = \"mlp\"\nhidden = [64]\nmembers = 4", 20),
        ("source = \"diabetes\"", "kind = \"mlp\"\nhidden = [64]", 20),
        (digits, "kind = \"cnn\"\nchannels = [16, 16]\nhidden = [32]", 5),
        (digits, "kind = \"rnn\"\ncell = \"gru\"\nunits = 32", 10),
        (digits, "kind = \"transformer\"\nwidth = 32\nheads = 2\ndepth = 1", 10),
        ("source = \"breast_cancer\"", "kind = \"tabular\"\nwidth = 32", 10),
        ("source = \"alice\"\ncontext = 16", "kind = \"rnn\"\nunits = 64", 1),
    ]
    .into_iter()
    .map(|(data, model, epochs)| {
        let place = Place::new();
        let config = format!("[data]\n{data}\n[model]\n{model}\n[training]\nmax_epochs = {epochs}\n");
        exported(&place, model, &config);
        let output = place.run(&["export", "c", "--weights", "int8", "-o", "small.onnx"]);
        assert!(output.status.success(), "{model}: {}", text(&output.stderr));
        let card = std::fs::read_to_string(place.path("small.onnx.md")).unwrap();
        assert!(card.contains("int8"), "{card}");
        place
    })
    .collect();
    let files = places.iter().flat_map(|place| {
        let [plain, rows, _] = of_run(place.path("m.onnx"), &place.only_run());
        [plain, place.path("small.onnx"), rows]
    });
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/onnx/int8.py");
    let compared = Command::new(python).arg(script).args(files).output().unwrap();
    assert!(compared.status.success(), "{}", text(&compared.stderr));
    let told = text(&compared.stdout);
    println!("{told}");
    assert_eq!(told.lines().count(), places.len());
    for line in told.lines() {
        let found: serde_json::Value = serde_json::from_str(line).unwrap();
        let number = |key: &str| found[key].as_f64().unwrap();
        let [plain, small] = [0, 1].map(|place| found["bytes"][place].as_f64().unwrap());
        assert!(number("changed") <= 0.01 * number("rows"), "{line}");
        assert!(number("largest") > 0.0 && number("largest") < 0.05, "{line}");
        assert!(small < 0.8 * plain, "{line}");
    }
}

#[test]
fn int8_weights_are_for_onnx_alone() {
    let place = Place::new();
    assert!(place.run(&["--config", "xor-mlp", "--set", "training.max_epochs=1", "--quiet"]).status.success());
    for format in ["html", "safetensors"] {
        let output = place.run(&["export", "latest", "--format", format, "--weights", "int8"]);
        let told = text(&output.stderr);
        assert!(output.status.code() == Some(1) && told.contains("leave out --format"), "{told}");
    }
    assert_eq!(place.run(&["export", "latest", "--weights", "int4"]).status.code(), Some(2));
}

/// A model, and the test rows and predictions of its run; of a language model, its test text and evaluation.
pub fn of_run(model: PathBuf, run: &Path) -> [PathBuf; 3] {
    match run.join("test.txt") {
        text if text.exists() => [model, text, run.join("evaluation.json")],
        _ => [model, run.join("test.csv"), run.join("predictions.csv")],
    }
}

/// The data and the network of models that are exported.
pub const KINDS: [(&str, &str); 15] = [
    ("source = \"moons\"\nbins = 3", "kind = \"mlp\"\nhidden = [4, 3]\nmembers = 2\nactivation = \"silu\""),
    ("source = \"diabetes\"", "kind = \"mlp\"\nhidden = [4]\nmembers = 2"),
    ("source = \"digits\"", "kind = \"cnn\"\nchannels = [3, 4]\nconvolutions = 2\nhidden = [5]\nactivation = \"silu\""),
    (
        "source = \"digits\"",
        "kind = \"cnn\"\nchannels = [3]\nkernel = 5\npool = 3\nbatch_norm = false\nhidden = []\nactivation = \"gelu\"",
    ),
    ("source = \"digits\"", "kind = \"rnn\"\nunits = 5\nlayers = 2\nbidirectional = true"),
    ("source = \"diabetes\"", "kind = \"rnn\"\ncell = \"lstm\"\nunits = 4\nstep = 2"),
    ("source = \"digits\"", "kind = \"rnn\"\ncell = \"gru\"\nunits = 5\nbidirectional = true"),
    ("source = \"wine\"", "kind = \"rnn\"\ncell = \"gru\"\nunits = 4\nlayers = 2"),
    ("source = \"digits\"", "kind = \"transformer\"\nwidth = 8\nheads = 2\npatch = [2, 4]\npooling = \"class_token\""),
    ("source = \"breast_cancer\"", "kind = \"transformer\"\nwidth = 6\nheads = 3\ndepth = 1\nactivation = \"tanh\""),
    ("source = \"breast_cancer\"", "kind = \"tabular\"\nwidth = 8\nfrequencies = 4\nfrequency_scale = 20"),
    ("source = \"diabetes\"\nbins = 4", "kind = \"tabular\"\nwidth = 8\nblocks = 1\nactivation = \"leaky_relu\""),
    ("source = \"wine\"", "kind = \"tabular\"\nwidth = 8\nblocks = 0\nfrequencies = 0"),
    ("source = \"alice\"\ncontext = 12", "kind = \"transformer\"\nwidth = 8\nheads = 2\ndepth = 2"),
    ("source = \"alice\"\ncontext = 12", "kind = \"rnn\"\nunits = 6\nlayers = 2\ncell = \"gru\""),
];

/// Cells that training did not have: unknown categories, missing ones, numbers far off.
#[test]
fn onnx_runtime_reads_unknown_and_missing_cells_as_burnlab_does() {
    let Some(python) = python() else { return };
    let rows = |from: i32, to: i32| -> String {
        let row = |i: i32| {
            let (size, colour) = (f64::from(i * 37 % 101) / 7.0, ["red", "green", "blue"][(i % 3) as usize]);
            let shape = if i % 11 == 0 { "" } else { ["round", "square"][(i / 2 % 2) as usize] };
            let size = if i % 13 == 0 { String::new() } else { size.to_string() };
            format!("{size},{colour},{shape},{}\n", if (i * 37 % 101 > 50) ^ (i % 3 == 0) { "yes" } else { "no" })
        };
        (from..to).map(row).collect()
    };
    let header = "size,colour,shape,bought\n";
    let odd = "1e30,red,round,yes\n-1e30,green,,no\n,violet,oval,yes\n3,,,no\n,,,no\n0.5,RED,round,yes\n";
    for model in ["kind = \"mlp\"\nhidden = [5]\nmembers = 3", "kind = \"tabular\"\nwidth = 8\nfrequencies = 3"] {
        let place = Place::new();
        place.write("train.csv", &format!("{header}{}", rows(0, 300)));
        place.write("new.csv", &format!("{header}{}{odd}", rows(300, 320)));
        let data = "[data]\npath = \"train.csv\"\ntarget = \"bought\"";
        let training = "max_epochs = 8\nthreshold = \"f1\"\ncalibrate = true";
        exported(&place, model, &format!("{data}\n[model]\n{model}\n[training]\n{training}\n"));
        let output = place.run(&["predict", "c", "new.csv", "-o", "expected.csv"]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        check(&python, &[["m.onnx", "new.csv", "expected.csv"].map(|file| place.path(file))]);
    }
}

#[test]
fn a_safetensors_export_holds_weights_config_and_preprocessing() {
    let place = Place::new();
    place.write("c.toml", "[data]\nsource = \"iris\"\n[model]\nhidden = [5]\n[training]\nmax_epochs = 2\n");
    assert!(place.run(&["--config", "c.toml", "--quiet"]).status.success());
    let output = place.run(&["export", "latest", "--format", "safetensors"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let id = place.only_run().file_name().unwrap().to_str().unwrap().to_owned();
    let bytes = std::fs::read(place.path(&format!("{id}.safetensors"))).unwrap();
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let metadata = header.metadata().clone().unwrap();
    assert!(metadata["config"].contains("hidden = [5]"));
    let preprocessor: burnlab::data::Preprocessor = serde_json::from_str(&metadata["preprocessing"]).unwrap();
    assert_eq!(preprocessor.class_names(), ["setosa", "versicolor", "virginica"]);
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(file.tensor("layers.0.weight").unwrap().shape(), [4, 5]);
    assert!(
        std::fs::read_to_string(place.path(&format!("{id}.safetensors.md")))
            .unwrap()
            .contains("## Result on the test rows")
    );
}

// ---- bytes

const WEIGHT: [f32; 2] = [0.25, -0.5];
const BIAS: [f32; 1] = [0.125];

fn numeric(name: &str) -> Column<'_> {
    Column::Numeric { name, median: 2.0, center: 1.0, spread: 4.0, edges: &[] }
}

fn network<'a>(columns: Vec<Column<'a>>, head: Head<'a>, doc: &'a str) -> Model<'a> {
    let layer = Layer::Dense { weight: Array::new(&[2, 1], &WEIGHT[..]), bias: Array::new(&[1], &BIAS[..]) };
    let network = Network { inputs: Inputs::Table { columns }, layers: vec![layer], head };
    let weights = Weights::Float32;
    Model { networks: vec![network], metadata: Vec::new(), producer_version: "1.2.3", doc, weights }
}

fn number() -> Head<'static> {
    Head::Number { name: "price", mean: 10.0, deviation: 3.0 }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn the_same_network_gives_the_same_bytes() {
    let bytes = || encode(&network(vec![numeric("a"), numeric("b")], number(), "doc"));
    assert_eq!(bytes(), bytes());
}

#[test]
fn a_model_starts_with_its_version_and_producer() {
    let bytes = encode(&network(vec![numeric("a"), numeric("b")], number(), "doc"));
    assert!(bytes.starts_with(b"\x08\x08\x12\x07burnlab\x1a\x051.2.3\x32\x03doc\x3a"));
}

#[test]
fn a_longer_text_adds_its_bytes_alone() {
    let size = |doc| encode(&network(vec![numeric("a"), numeric("b")], number(), doc)).len();
    assert_eq!(size("abcdef") - size(""), 6);
}

#[test]
fn weights_and_scales_are_whole() {
    let bytes = encode(&network(vec![numeric("a"), numeric("b")], number(), ""));
    let weight: Vec<u8> = WEIGHT.iter().flat_map(|value| value.to_le_bytes()).collect();
    // TensorProto: dims [2, 1], data type float, 8 bytes of elements.
    assert!(contains(&bytes, &[&[0x0a, 0x02, 0x02, 0x01, 0x10, 0x01, 0x22, 0x08], &weight[..]].concat()));
    let medians = [2.0f64.to_le_bytes(), 2.0f64.to_le_bytes()].concat();
    // TensorProto: dims [2], data type double, 16 bytes of elements.
    assert!(contains(&bytes, &[&[0x0a, 0x01, 0x02, 0x10, 0x0b, 0x52, 0x10], &medians[..]].concat()));
}

#[test]
fn a_weight_more_takes_four_bytes() {
    let size = |width: usize| {
        let (weight, bias) = (vec![0.5; 2 * width], vec![0.0; width]);
        let classes: Vec<String> = (0..width).map(|class| class.to_string()).collect();
        let mut network = network(vec![numeric("a"), numeric("b")], Head::MultiClass { classes: &classes }, "");
        let layer =
            Layer::Dense { weight: Array::new(&[2, width], &weight[..]), bias: Array::new(&[width], &bias[..]) };
        network.networks[0].layers = vec![layer];
        encode(&network).len()
    };
    // A class: two weights and a bias (12 bytes), its number (1) and its name (3, and 4 in the JSON list).
    assert_eq!(size(6) - size(5), 20);
}

#[test]
fn names_of_inputs_clash_with_nothing() {
    let categories = ["x".to_owned()];
    let category = Column::Categorical { name: "prediction", categories: &categories, has_unknown: false, buckets: 0 };
    let bytes = encode(&network(vec![category, numeric("burnlab/1_IsNaN")], number(), ""));
    // ValueInfoProto: the name.
    assert!(contains(&bytes, b"\x0a\x10prediction_input"));
    assert!(contains(&bytes, b"\x0a\x0fburnlab/1_IsNaN"));
    // The graph's own names moved out of the way.
    assert!(contains(&bytes, b"burnlab//1_"));
}

#[test]
fn the_operators_on_text_are_asked_for_only_where_there_are_some() {
    let is_asked = |head| contains(&encode(&network(vec![numeric("a"), numeric("b")], head, "")), b"ai.onnx.ml");
    assert!(!is_asked(number()));
    assert!(is_asked(Head::Binary { classes: ["no", "yes"], threshold: 0.0 }));
}

#[test]
fn metadata_keeps_the_first_of_a_key() {
    let mut network =
        network(vec![numeric("a"), numeric("b")], Head::Binary { classes: ["n\"o", "yes"], threshold: 0.0 }, "");
    let entries = [("class_names", "mine"), ("run", "first"), ("run", "second")];
    network.metadata = entries.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let bytes = encode(&network);
    assert!(contains(&bytes, br#"["n\"o","yes"]"#) && contains(&bytes, br#"["a","b"]"#));
    assert!(contains(&bytes, b"first") && !contains(&bytes, b"second") && !contains(&bytes, b"mine"));
}

#[test]
#[should_panic(expected = "inputs of layer 0")]
fn sizes_that_do_not_fit_are_refused() {
    encode(&network(vec![numeric("a")], number(), ""));
}

// ---- the encoder, by hand from <https://protobuf.dev/programming-guides/encoding/>

#[track_caller]
fn assert_bytes(message: Message, expected: &[u8]) {
    assert_eq!(message.into_bytes(), expected);
}

#[test]
fn numbers_take_seven_bits_to_a_byte() {
    assert_bytes(Message::new().int(1, 0), &[0x08, 0x00]);
    assert_bytes(Message::new().int(1, 127), &[0x08, 0x7f]);
    assert_bytes(Message::new().int(1, 128), &[0x08, 0x80, 0x01]);
    // The specification's own example.
    assert_bytes(Message::new().int(1, 150), &[0x08, 0x96, 0x01]);
    assert_bytes(Message::new().int(1, i64::MAX), &[0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]);
}

#[test]
fn negative_numbers_take_ten_bytes() {
    // The specification's own example: -2.
    let expected = [0x08, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    assert_bytes(Message::new().int(1, -2), &expected);
}

#[test]
fn texts_follow_their_length() {
    // The specification's own example.
    assert_bytes(Message::new().text(2, "testing"), b"\x12\x07testing");
    assert_bytes(Message::new().text(2, ""), &[0x12, 0x00]);
    assert_bytes(Message::new().text(1, "\u{e9}"), &[0x0a, 0x02, 0xc3, 0xa9]);
    let long = Message::new().text(2, &"a".repeat(300)).into_bytes();
    assert_eq!((&long[..3], long.len()), (&[0x12, 0xac, 0x02][..], 303));
}

#[test]
fn fields_from_sixteen_on_have_tags_of_two_bytes() {
    assert_bytes(Message::new().int(15, 1), &[0x78, 0x01]);
    assert_bytes(Message::new().int(16, 1), &[0x80, 0x01, 0x01]);
    assert_bytes(Message::new().int(20, 7), &[0xa0, 0x01, 0x07]);
}

#[test]
fn messages_nest() {
    let inner = Message::new().int(1, 150);
    // The specification's own example.
    assert_bytes(Message::new().message(3, &inner), &[0x1a, 0x03, 0x08, 0x96, 0x01]);
    assert_bytes(Message::new().message(3, &Message::new()), &[0x1a, 0x00]);
}

#[test]
fn repeated_texts_and_messages_have_a_tag_each() {
    assert_bytes(Message::new().texts(5, ["1", "2"]), b"\x2a\x011\x2a\x012");
    let messages = [Message::new().int(1, 1), Message::new().int(1, 2)];
    assert_bytes(Message::new().messages(3, &messages), &[0x1a, 0x02, 0x08, 0x01, 0x1a, 0x02, 0x08, 0x02]);
}

#[test]
fn lists_of_numbers_are_packed() {
    // The specification's own example.
    let expected = [0x32, 0x06, 0x03, 0x8e, 0x02, 0x9e, 0xa7, 0x05];
    assert_bytes(Message::new().ints(6, &[3, 270, 86942]), &expected);
    let expected = [0x22, 0x08, 0x00, 0x00, 0x80, 0x3f, 0x00, 0x00, 0x00, 0xc0];
    assert_bytes(Message::new().floats(4, &[1.0, -2.0]), &expected);
    let expected = [0x52, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xf8, 0x3f];
    assert_bytes(Message::new().doubles(10, &[1.5]), &expected);
}

#[test]
fn empty_lists_are_left_out() {
    assert_bytes(Message::new().ints(1, &[]).floats(2, &[]).doubles(3, &[]).texts(4, []).messages(5, []), &[]);
}

#[test]
fn a_single_float_has_four_bytes_without_a_length() {
    assert_bytes(Message::new().float(2, 1.0), &[0x15, 0x00, 0x00, 0x80, 0x3f]);
}
