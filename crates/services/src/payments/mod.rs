//! payments
use std::sync::Arc;

use platform::log::kind::Kinds;
use platform::projection::ErasedProjection;

pub fn register(_kinds: &mut Kinds) {}

pub fn projections() -> Vec<Arc<dyn ErasedProjection>> {
    Vec::new()
}
