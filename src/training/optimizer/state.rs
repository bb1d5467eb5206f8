//! An optimizer's state by the names of the weights: what a checkpoint keeps of it.

use std::collections::BTreeMap;

use burn::module::{AutodiffModule, Module, ModuleVisitor, Param};
use burn::optim::Optimizer;
use burn::optim::record::AdaptorRecord;
use burn::tensor::Tensor;
use burn::tensor::backend::AutodiffBackend;

use super::{Adapted, ChosenOptimizer, Rule, State};
use crate::model::{Net, Weight, WeightPath};

/// What a rule remembers of one weight.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterState {
    /// Updates so far.
    pub num_steps: usize,
    /// Tensors of the weight's shape, by the names of [`Knobs::slots`](super::Knobs::slots).
    pub slots: BTreeMap<String, Weight>,
}

/// The record that Burn's adaptor keeps by the ids of weights.
type Records<B, M> = <Adapted<B, M> as Optimizer<M, B>>::Record;

impl<B: AutodiffBackend, M: AutodiffModule<B>> ChosenOptimizer<B, M> {
    /// The state of each weight of `net` that was updated so far, by its name.
    pub fn named_state(&self, net: &Net<B>) -> BTreeMap<String, ParameterState> {
        let records = self.to_record();
        let slots = self.kind.knobs().slots;
        let mut reader =
            Reader::<B, M> { path: WeightPath::default(), records: &records, slots, states: BTreeMap::new() };
        net.visit(&mut reader);
        reader.states
    }

    /// This optimizer with the state that [`ChosenOptimizer::named_state`] gave for a network of the same weights.
    ///
    /// # Errors
    /// The name of a tensor that is missing or has another shape than its weight.
    pub fn with_named_state(
        self,
        net: &Net<B>,
        states: &BTreeMap<String, ParameterState>,
        device: &B::Device,
    ) -> Result<Self, String> {
        let (records, slots) = (Records::<B, M>::default(), self.kind.knobs().slots);
        let mut writer = Writer::<B, M> { path: WeightPath::default(), states, slots, device, records, problem: None };
        net.visit(&mut writer);
        match writer.problem {
            None => Ok(self.load_record(writer.records)),
            Some(problem) => Err(problem),
        }
    }
}

struct Reader<'a, B: AutodiffBackend, M: AutodiffModule<B>> {
    path: WeightPath,
    records: &'a Records<B, M>,
    slots: &'static [&'static str],
    states: BTreeMap<String, ParameterState>,
}

impl<B: AutodiffBackend, M: AutodiffModule<B>> ModuleVisitor<B> for Reader<'_, B, M> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.exit(container);
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let Some(record) = self.records.get(&param.id) else { return };
        let State { num_steps, slots } = record.clone().into_state::<D>();
        let slots = self.slots.iter().map(ToString::to_string).zip(slots.into_iter().map(Weight::of)).collect();
        self.states.insert(self.path.name(), ParameterState { num_steps, slots });
    }
}

struct Writer<'a, B: AutodiffBackend, M: AutodiffModule<B>> {
    path: WeightPath,
    states: &'a BTreeMap<String, ParameterState>,
    slots: &'static [&'static str],
    device: &'a B::Device,
    records: Records<B, M>,
    problem: Option<String>,
}

impl<B: AutodiffBackend, M: AutodiffModule<B>> ModuleVisitor<B> for Writer<'_, B, M> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.exit(container);
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let name = self.path.name();
        // A frozen weight was never updated.
        let Some(state) = self.states.get(&name) else { return };
        let shape = param.shape().to_vec();
        if let Some((slot, found)) = state.slots.iter().find(|(_, slot)| slot.shape != shape) {
            self.problem.get_or_insert(format!("`{name}/{slot}` has shape {:?}, not {shape:?}", found.shape));
            return;
        }
        // A rule may keep less than its row allows (no velocity without momentum), but nothing else.
        let slots: Vec<_> = self.slots.iter().map_while(|&slot| state.slots.get(slot)).collect();
        if slots.len() < state.slots.len() {
            self.problem.get_or_insert(format!("`{name}` has the state of another optimizer"));
            return;
        }
        let slots = slots.into_iter().map(|slot| slot.to_tensor::<B::InnerBackend, D>(self.device)).collect();
        let state = State { num_steps: state.num_steps, slots };
        self.records.insert(param.id, AdaptorRecord::<Rule<B::InnerBackend>, B>::from_state(state));
    }
}
