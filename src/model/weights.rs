//! A network's weights by name, on the host, for saving, loading, comparing and plotting.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Tensor, TensorData};

use super::Net;

/// Weights by their path in the module, such as `layers.0.weight`.
pub type NamedWeights = BTreeMap<String, Weight>;

/// One parameter: its shape and its values, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Weight {
    pub shape: Vec<usize>,
    pub values: Vec<f32>,
}

impl Weight {
    /// The numbers of `tensor`, copied to the host.
    pub(crate) fn of<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Self {
        let shape = tensor.shape().to_vec();
        let values = tensor.into_data().convert::<f32>().into_vec().expect("converted to f32 before");
        Self { shape, values }
    }
}

/// Why weights do not fit a network.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum WeightsError {
    #[error("the file has no weight `{0}`, which this network needs; was it saved by another model?")]
    Missing(String),
    #[error("weight `{name}` has shape {found:?} in the file, this network needs {expected:?}")]
    Shape { name: String, found: Vec<usize>, expected: Vec<usize> },
    #[error("the file has a weight `{0}`, which this network does not have; was it saved by another model?")]
    Unknown(String),
    #[error(
        "`{0}` is of the output layer, which is new, since the classes differ: freezing it would keep random weights"
    )]
    NewFrozen(String),
    #[error("no weight's name begins with `{prefix}`; the network has {names}")]
    NoSuchWeight { prefix: String, names: String },
    #[error("every weight is frozen, so that nothing can be learned: leave the output layer free")]
    AllFrozen,
}

/// All weights of `net`, copied to the host.
pub fn named_weights<B: Backend>(net: &Net<B>) -> NamedWeights {
    let mut reader = Reader { path: ParameterPath::default(), weights: BTreeMap::new() };
    net.visit(&mut reader);
    reader.weights
}

/// The gradients of `net`'s weights by name, copied to the host; those of frozen weights are absent.
pub fn named_gradients<B: AutodiffBackend>(net: &Net<B>, gradients: &GradientsParams) -> NamedWeights {
    let mut reader = GradientReader { path: ParameterPath::default(), gradients, found: BTreeMap::new() };
    net.visit(&mut reader);
    reader.found
}

/// `net` with its weights replaced by `weights`. Names in `weights` that the net lacks are ignored.
///
/// # Errors
/// A weight of the net that is missing, or has another shape.
pub fn load_weights<B: Backend>(net: Net<B>, weights: &NamedWeights) -> Result<Net<B>, WeightsError> {
    let mut writer = Writer { path: ParameterPath::default(), weights, error: None };
    let net = net.map(&mut writer);
    match writer.error {
        None => Ok(net),
        Some(error) => Err(error),
    }
}

/// Checks that `weights` are exactly those of a network with these shapes; names with the prefix `except` are skipped.
///
/// # Errors
/// A weight that is missing, has another shape, or that the network does not have.
pub fn check_shapes(
    weights: &NamedWeights,
    shapes: &BTreeMap<String, Vec<usize>>,
    except: Option<&str>,
) -> Result<(), WeightsError> {
    let is_compared = |name: &String| except.is_none_or(|except| !name.starts_with(except));
    for (name, expected) in shapes.iter().filter(|(name, _)| is_compared(name)) {
        match weights.get(name) {
            None => return Err(WeightsError::Missing(name.clone())),
            Some(weight) if weight.shape != *expected => {
                let (name, found, expected) = (name.clone(), weight.shape.clone(), expected.clone());
                return Err(WeightsError::Shape { name, found, expected });
            }
            Some(_) => {}
        }
    }
    match weights.keys().find(|name| !shapes.contains_key(*name)) {
        Some(name) => Err(WeightsError::Unknown(name.clone())),
        None => Ok(()),
    }
}

/// The initial weights of a network with the weights `fresh` that is fine-tuned from `pretrained`: the pre-trained ones
/// by name, but the fresh ones under `new_head`, the name prefix of a new output layer.
///
/// # Errors
/// As [`check_shapes`].
pub fn transfer(
    mut fresh: NamedWeights,
    pretrained: &NamedWeights,
    new_head: Option<&str>,
) -> Result<NamedWeights, WeightsError> {
    let shapes = fresh.iter().map(|(name, weight)| (name.clone(), weight.shape.clone())).collect();
    check_shapes(pretrained, &shapes, new_head)?;
    for (name, weight) in &mut fresh {
        if new_head.is_none_or(|head| !name.starts_with(head)) {
            weight.clone_from(&pretrained[name]);
        }
    }
    Ok(fresh)
}

/// Checks that the weights whose names begin with one of `prefixes` can be frozen.
///
/// # Errors
/// A prefix that no name begins with, or that includes the new output layer; all weights frozen.
pub fn check_frozen<'a>(
    names: impl Iterator<Item = &'a String> + Clone,
    prefixes: &[String],
    new_head: Option<&str>,
) -> Result<(), WeightsError> {
    let matches = |prefix: &String| names.clone().any(|name| name.starts_with(prefix));
    if let Some(prefix) = prefixes.iter().find(|prefix| !matches(prefix)) {
        let names: Vec<&str> = names.map(String::as_str).collect();
        return Err(WeightsError::NoSuchWeight { prefix: prefix.clone(), names: names.join(", ") });
    }
    if !prefixes.is_empty() && names.clone().all(|name| is_frozen(name, prefixes)) {
        return Err(WeightsError::AllFrozen);
    }
    let mut in_head = names.filter(|name| new_head.is_some_and(|head| name.starts_with(head)));
    match in_head.find(|name| is_frozen(name, prefixes)) {
        Some(name) => Err(WeightsError::NewFrozen(name.clone())),
        None => Ok(()),
    }
}

/// `net` with the weights whose names begin with one of `prefixes` frozen: no gradient, no decay.
pub fn freeze<B: Backend>(net: Net<B>, prefixes: &[String]) -> Net<B> {
    if prefixes.is_empty() { net } else { net.map(&mut Freezer { path: ParameterPath::default(), prefixes }) }
}

fn is_frozen(name: &str, prefixes: &[String]) -> bool {
    prefixes.iter().any(|prefix| name.starts_with(prefix))
}

struct Freezer<'a> {
    path: ParameterPath,
    prefixes: &'a [String],
}

impl<B: Backend> ModuleMapper<B> for Freezer<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.exit(container);
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        let is_frozen = is_frozen(&self.path.name(), self.prefixes);
        param.set_require_grad(!is_frozen)
    }
}

/// The dotted path of the parameter being visited.
#[derive(Default)]
pub(crate) struct ParameterPath(Vec<String>);

impl ParameterPath {
    pub(crate) fn enter(&mut self, name: &str, container: &str) {
        // The enum of kinds is an implementation detail that does not belong in the file.
        if !container.starts_with("Enum:") {
            self.0.push(name.to_owned());
        }
    }

    pub(crate) fn exit(&mut self, container: &str) {
        if !container.starts_with("Enum:") {
            self.0.pop();
        }
    }

    pub(crate) fn name(&self) -> String {
        self.0.join(".")
    }
}

struct Reader {
    path: ParameterPath,
    weights: NamedWeights,
}

impl<B: Backend> ModuleVisitor<B> for Reader {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.exit(container);
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        self.weights.insert(self.path.name(), Weight::of(param.val()));
    }
}

struct GradientReader<'a> {
    path: ParameterPath,
    gradients: &'a GradientsParams,
    found: NamedWeights,
}

impl<B: AutodiffBackend> ModuleVisitor<B> for GradientReader<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.exit(container);
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        if let Some(gradient) = self.gradients.get::<B::InnerBackend, D>(param.id) {
            self.found.insert(self.path.name(), Weight::of(gradient));
        }
    }
}

struct Writer<'a> {
    path: ParameterPath,
    weights: &'a NamedWeights,
    error: Option<WeightsError>,
}

impl<B: Backend> ModuleMapper<B> for Writer<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.exit(container);
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        let name = self.path.name();
        let expected = param.shape().to_vec();
        match self.weights.get(&name) {
            Some(weight) if weight.shape == expected => param.map(|tensor| {
                let data = TensorData::new(weight.values.clone(), weight.shape.clone());
                let loaded = Tensor::from_data(data, &tensor.device());
                if tensor.is_require_grad() { loaded.require_grad() } else { loaded }
            }),
            Some(weight) => {
                self.error.get_or_insert(WeightsError::Shape { name, found: weight.shape.clone(), expected });
                param
            }
            None => {
                self.error.get_or_insert(WeightsError::Missing(name));
                param
            }
        }
    }
}
