//! What an error of the store is to a client.

use axum::http::StatusCode;

use super::ApiError;
use crate::tracking::TrackingError;

impl From<TrackingError> for ApiError {
    fn from(error: TrackingError) -> Self {
        let status = match &error {
            TrackingError::NoSuchRun { .. }
            | TrackingError::NoSuchSweep { .. }
            | TrackingError::NoSuchExperiment { .. }
            | TrackingError::InvalidRunId { .. }
            | TrackingError::NoStore { .. } => StatusCode::NOT_FOUND,
            TrackingError::InvalidMetricKey { .. }
            | TrackingError::InvalidExperiment { .. }
            | TrackingError::NotCompared { .. }
            | TrackingError::AmbiguousExperiment { .. }
            | TrackingError::AmbiguousRun { .. }
            | TrackingError::AmbiguousSweep { .. } => StatusCode::BAD_REQUEST,
            TrackingError::Active { .. }
            | TrackingError::Exists { .. }
            | TrackingError::ExperimentExists { .. }
            | TrackingError::NotTraining { .. } => StatusCode::CONFLICT,
            TrackingError::ReadOnly { .. }
            | TrackingError::NotOwn { .. }
            | TrackingError::OthersFolder { .. }
            | TrackingError::Exchanged { .. }
            | TrackingError::Unsound(_) => StatusCode::FORBIDDEN,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, error.to_string())
    }
}
