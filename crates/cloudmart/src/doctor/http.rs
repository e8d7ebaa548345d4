//! A running shop's own doctor, for staff who cannot reach its folder.
//! It looks at the stored data as a doctor beside the shop would, at one moment, while the shop goes on selling.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use contracts::Error;
use services::http::{Answer, StaffCaller};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Findings, examine_moment};
use crate::config::Secret;
use crate::wiring::Store;

/// The shop's store, its data folder, and the key that the settings name.
pub struct Patient {
    pub store: Arc<Store>,
    pub data: PathBuf,
    pub master_key: Option<Secret>,
}

pub fn router(patient: Patient) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(examine)).with_state(Arc::new(patient))
}

/// Checks that stock, orders, money and documents agree with each other.
#[utoipa::path(
    get, path = "/api/admin/doctor", tag = "doctor", security(("staff_key" = [])),
    responses((status = 200, description = "What was looked at, and what is wrong", body = Findings))
)]
async fn examine(State(patient): State<Arc<Patient>>, _: StaffCaller) -> Answer<Json<Findings>> {
    let findings = examine_moment(&patient.store, &patient.data, patient.master_key.as_ref()).await;
    Ok(Json(findings.map_err(|error| Error::internal(error.to_string()))?))
}
