//! The shop itself: its settings.
//! It does not know products or orders.

use std::sync::Arc;

use async_trait::async_trait;
use domain::settings::{Settings, SettingsInput};

use crate::Result;

/// Settings, and the version that the next change must name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurrentSettings {
    pub settings: Settings,
    /// 0 for a shop that was never told anything.
    pub version: u64,
}

#[async_trait]
pub trait Shop: Send + Sync {
    /// As they are now; cheap enough to ask for every request.
    async fn settings(&self) -> Result<Arc<CurrentSettings>>;

    /// Whether [`Shop::settings`] would answer with these very ones now, as far as that is known without waiting. When in
    /// doubt, it is not.
    fn is_current(&self, _settings: &Arc<CurrentSettings>) -> bool {
        false
    }

    /// Replaces all settings. `expected`: the version that was seen; `None` overwrites.
    async fn replace_settings(&self, input: SettingsInput, expected: Option<u64>) -> Result<Arc<CurrentSettings>>;
}
