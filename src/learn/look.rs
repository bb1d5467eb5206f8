//! `POST /api/learn/look`: what happens inside of one of the deeper networks for an input.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::LearnState;
use super::digits::encoded;
use super::request::refused;
use crate::data::Examples;
use crate::experiment::look::{FeatureMaps, Inside, Shares, inside};
use crate::experiment::{TrainedModel, explain};
use crate::training::OutputDecoder;
use crate::web::{ApiError, JsonBody};

const LONGEST_TEXT: usize = 10_000;
const HOTTEST: f64 = 100.0;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookRequest {
    kind: String,
    /// In their own units.
    inputs: Option<Vec<f64>>,
    /// For the language model, which sees its end.
    text: Option<String>,
    /// Above 0; 1 leaves the probabilities as they are.
    temperature: Option<f64>,
}

/// `POST /api/learn/look`
pub async fn look(
    State(state): State<LearnState>,
    JsonBody(request): JsonBody<LookRequest>,
) -> Result<Json<Value>, ApiError> {
    let found = state.deeper().find(&request.kind);
    let missing = || refused("kind", format!("`{}` is not trained yet: ask for `deeper` first", request.kind));
    let kept = found.ok_or_else(missing)?;
    let temperature = request.temperature.unwrap_or(1.0);
    if !(temperature > 0.0 && temperature <= HOTTEST) {
        return Err(refused("temperature", format!("above 0, at most {HOTTEST}, found {temperature}")));
    }
    let text = Text::of(&kept.model, request.text.as_deref())?;
    let examples = match (&text, &request.inputs) {
        (Some(text), None) => text.examples(),
        (None, Some(inputs)) => encoded(&kept.model, std::slice::from_ref(inputs))?,
        (Some(_), Some(_)) => return Err(refused("inputs", "this network reads a text")),
        (None, None) => return Err(refused("inputs", "the network needs its inputs")),
    };
    let backend = state.backend();
    let work = move || {
        let inside = inside(&kept.model, &examples, backend);
        let inside = inside.map_err(|error| ApiError::internal(explain(&error)))?;
        Ok(Json(Value::Object(answer(&kept.model, inside, text, temperature))))
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(ApiError::internal(error)))
}

/// The end of a text, as a language model sees it.
struct Text {
    /// All that the model knows.
    characters: Vec<char>,
    seen: Vec<usize>,
}

impl Text {
    /// `None` for a model that reads no text.
    fn of(model: &TrainedModel, text: Option<&str>) -> Result<Option<Self>, ApiError> {
        let Some(known) = model.preprocessor.characters() else {
            return match text {
                None => Ok(None),
                Some(_) => Err(refused("text", "this network reads numbers: give it `inputs`")),
            };
        };
        let text = text.filter(|text| !text.is_empty()).ok_or_else(|| refused("text", "the network needs a text"))?;
        if text.len() > LONGEST_TEXT {
            return Err(refused("text", format!("{LONGEST_TEXT} bytes at most, found {}", text.len())));
        }
        let characters: Vec<char> = known.chars().collect();
        let number = |character: char| {
            let found = characters.binary_search(&character).ok();
            found.ok_or_else(|| refused("text", format!("{character:?} is not in the text that the network has read")))
        };
        let mut seen = text.chars().map(number).collect::<Result<Vec<usize>, ApiError>>()?;
        seen.drain(..seen.len().saturating_sub(model.preprocessor.num_inputs()));
        Ok(Some(Self { characters, seen }))
    }

    fn examples(&self) -> Examples {
        let inputs = self.seen.iter().map(|&number| number as f32).collect();
        Examples {
            inputs,
            targets: vec![f32::NAN; self.seen.len()],
            rows: [0].into(),
            ..Examples::none(self.seen.len())
        }
    }
}

fn answer(model: &TrainedModel, inside: Inside, text: Option<Text>, temperature: f64) -> Map<String, Value> {
    let mut answer = Map::new();
    let decoder = OutputDecoder::new(&model.preprocessor);
    let Inside { logits, maps, states, attention } = inside;
    match text {
        Some(Text { characters, seen }) => {
            let tokens: Vec<char> = seen.iter().map(|&number| characters[number]).collect();
            answer.insert("tokens".into(), json!(tokens));
            answer.insert("next".into(), json!(next(&characters, &logits, temperature)));
        }
        None if states.is_empty() => _ = answer.insert("probabilities".into(), json!(decoder.probabilities(&logits))),
        None => {
            let by_step: Vec<Vec<f64>> = states.iter().map(|(_, logits)| decoder.probabilities(logits)).collect();
            answer.insert("probabilities".into(), json!(by_step));
            answer.insert("states".into(), states.into_iter().map(|(state, _)| json!(state)).collect());
        }
    }
    if !maps.is_empty() {
        let layer = |FeatureMaps { height, width, maps }| json!({ "height": height, "width": width, "maps": maps });
        answer.insert("layers".into(), maps.into_iter().map(layer).collect());
    }
    if !attention.is_empty() {
        let head =
            |shares: &[f32], tokens: usize| -> Value { shares.chunks_exact(tokens).map(|row| json!(row)).collect() };
        let block = |block: &Shares| -> Value { block.heads().map(|shares| head(shares, block.num_tokens)).collect() };
        answer.insert("attention".into(), attention.iter().map(block).collect());
    }
    answer
}

/// All characters with their probabilities, the most probable one first; what stands for unknown ones is never next.
fn next(characters: &[char], logits: &[f32], temperature: f64) -> Vec<Value> {
    let logits: Vec<f64> = logits[..characters.len()].iter().map(|&logit| f64::from(logit) / temperature).collect();
    let most = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = logits.iter().map(|logit| (logit - most).exp()).collect();
    let sum: f64 = powers.iter().sum();
    let mut all: Vec<(char, f64)> = characters.iter().copied().zip(powers.iter().map(|power| power / sum)).collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1));
    let told = |&(character, probability): &(char, f64)| json!({ "character": character, "probability": probability });
    all.iter().map(told).collect()
}
