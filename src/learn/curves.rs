//! `GET /api/learn/curves`: the activation functions that a config can name, with values and slopes.

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::LearnState;
use crate::experiment::explain;
use crate::experiment::look::activation_curve;
use crate::model::Activation;
use crate::web::ApiError;

/// Where they are computed: from -5 to 5, by steps of a tenth.
const STEPS: i32 = 50;

#[derive(Serialize)]
pub struct Curves {
    x: Vec<f32>,
    activations: Vec<Curve>,
}

#[derive(Serialize)]
struct Curve {
    name: Activation,
    values: Vec<f32>,
    slopes: Vec<f32>,
}

/// `GET /api/learn/curves`
pub async fn curves(State(state): State<LearnState>) -> Result<Json<Curves>, ApiError> {
    let x: Vec<f32> = (-STEPS..=STEPS).map(|step| step as f32 / 10.0).collect();
    let curve = |name: Activation| {
        let (values, slopes) = activation_curve(name, &x, state.backend())?;
        anyhow::Ok(Curve { name, values, slopes })
    };
    let activations = Activation::ALL.into_iter().map(curve).collect::<anyhow::Result<_>>();
    let activations = activations.map_err(|error| ApiError::internal(explain(&error)))?;
    Ok(Json(Curves { x, activations }))
}
