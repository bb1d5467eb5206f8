//! The state of an optimizer as named tensors, for checkpoints.

use std::collections::BTreeMap;

use burn::module::{AutodiffModule, Module, ModuleVisitor, Param};
use burn::optim::Optimizer;
use burn::optim::record::AdaptorRecord;
use burn::tensor::backend::AutodiffBackend;
use burn::tensor::{Tensor, TensorData};
use burnlab_cpu::TrainingBackend;

use super::{ChosenOptimizer, Records, Rule, RuleState};
use crate::model::{Net, ParameterPath, Weight};

/// An optimizer's state for each weight that has been updated, by name.
pub type OptimizerState = BTreeMap<String, ParameterState>;

/// An optimizer's state for a weight.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterState {
    /// Number of updates so far.
    pub time: usize,
    /// In the order of [`OptimizerKind::slots`](super::OptimizerKind::slots); each has the weight's shape.
    pub slots: Vec<Weight>,
}

impl<B: TrainingBackend, M: AutodiffModule<B>> ChosenOptimizer<B, M> {
    /// The state for the weights of `net`.
    pub fn state(&self, net: &Net<B>) -> OptimizerState {
        let mut reader =
            Reader::<B, M> { records: self.to_record(), path: ParameterPath::default(), state: BTreeMap::new() };
        net.visit(&mut reader);
        reader.state
    }

    /// This optimizer with `state`, as [`ChosenOptimizer::state`] returned it, restored for the weights of `net`. A
    /// weight missing from `state` has not been updated yet.
    pub fn with_state(self, net: &Net<B>, state: OptimizerState) -> Self {
        let mut writer = Writer::<B, M> { records: Default::default(), path: ParameterPath::default(), state };
        net.visit(&mut writer);
        self.load_record(writer.records)
    }
}

struct Reader<B: TrainingBackend, M: AutodiffModule<B>> {
    records: Records<B, M>,
    path: ParameterPath,
    state: OptimizerState,
}

impl<B: TrainingBackend, M: AutodiffModule<B>> ModuleVisitor<B> for Reader<B, M> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.exit(container);
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let Some(record) = self.records.remove(&param.id) else { return };
        let RuleState { time, slots } = record.into_state::<D>();
        let slots = slots.into_iter().map(Weight::of).collect();
        self.state.insert(self.path.name(), ParameterState { time, slots });
    }
}

struct Writer<B: TrainingBackend, M: AutodiffModule<B>> {
    records: Records<B, M>,
    path: ParameterPath,
    state: OptimizerState,
}

impl<B: TrainingBackend, M: AutodiffModule<B>> ModuleVisitor<B> for Writer<B, M> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.exit(container);
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let Some(ParameterState { time, slots }) = self.state.remove(&self.path.name()) else { return };
        let device = param.val().device();
        let tensor = |slot: Weight| Tensor::from_data(TensorData::new(slot.values, slot.shape), &device);
        let state: RuleState<<B as AutodiffBackend>::InnerBackend, D> =
            RuleState { time, slots: slots.into_iter().map(tensor).collect() };
        self.records.insert(param.id, AdaptorRecord::<Rule<B::InnerBackend>, B>::from_state(state));
    }
}
