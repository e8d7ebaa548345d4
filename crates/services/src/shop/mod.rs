//! The shop itself: keeps its settings, and tells everybody what they may know of them.
//! It does not know products or orders, nor what other services do with the settings.

pub mod http;
mod pages;
mod public;
#[cfg(test)]
mod tests;
mod views;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use contracts::shop::CurrentSettings;
use contracts::{Error, Kind, Result};
use domain::settings::{Settings, SettingsInput};
use parking_lot::RwLock;
use platform::clock::Clock;
use platform::documents::{Collection, Conditional, Document, Documents, Expected, Put};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;

use crate::machinery::{Machinery, stored};
pub use pages::{PAGES, WrittenPages, harmless};

pub const SETTINGS: Collection = Collection::primary("settings");
const ID: &str = "shop";

/// After this, settings are read again: another process may have changed them.
const FRESH_FOR: Duration = Duration::from_millis(500);
/// While the store does not answer, the shop goes on with settings that it has read this long ago.
const STALE_FOR: Duration = Duration::from_secs(60);
/// How often a change without a version is tried again when others change the settings meanwhile.
const ATTEMPTS: usize = 5;

/// The shop's settings, kept at hand.
pub struct Shop {
    documents: Arc<dyn Documents>,
    clock: Arc<dyn Clock>,
    at_hand: RwLock<Option<AtHand>>,
    /// Whoever holds it reads or writes the document; what it leaves at hand is never older than what was there.
    turn: Mutex<()>,
}

#[derive(Clone)]
struct AtHand {
    current: Arc<CurrentSettings>,
    read_at: Instant,
}

impl AtHand {
    fn is_within(&self, age: Duration) -> bool {
        self.read_at.elapsed() < age
    }
}

impl Shop {
    pub fn new(machinery: &Machinery) -> Self {
        Self {
            documents: machinery.documents.clone(),
            clock: machinery.clock.clone(),
            at_hand: RwLock::default(),
            turn: Mutex::default(),
        }
    }

    /// As they are stored this instant.
    pub(crate) async fn stored_settings(&self) -> Result<Arc<CurrentSettings>> {
        let turn = self.turn.lock().await;
        self.read(&turn).await
    }

    async fn read(&self, _turn: &MutexGuard<'_, ()>) -> Result<Arc<CurrentSettings>> {
        let document = self.documents.get(SETTINGS, ID, self.clock.now()).await.map_err(stored)?;
        self.remember(current(document)?)
    }

    fn remember(&self, current: CurrentSettings) -> Result<Arc<CurrentSettings>> {
        let mut at_hand = self.at_hand.write();
        // The same version stays the same allocation, so that others can compare by address.
        let current = match &*at_hand {
            Some(there) if there.current.version == current.version => there.current.clone(),
            _ => Arc::new(current),
        };
        *at_hand = Some(AtHand { current: current.clone(), read_at: Instant::now() });
        Ok(current)
    }

    fn not_older_than(&self, age: Duration) -> Option<Arc<CurrentSettings>> {
        let at_hand = self.at_hand.read();
        at_hand.as_ref().filter(|at_hand| at_hand.is_within(age)).map(|at_hand| at_hand.current.clone())
    }

    /// Writes settings on top of the version that was seen; `None`: somebody was faster.
    async fn write(&self, settings: Settings, seen: u64) -> Result<Option<Arc<CurrentSettings>>> {
        let body = serde_json::to_string(&settings).map_err(|error| Error::internal(error.to_string()))?;
        let put =
            Put { collection: SETTINGS, id: ID.to_owned(), body: body.into(), entries: Vec::new(), expires: None };
        let expected = if seen == 0 { Expected::Absent } else { Expected::Version(seen) };
        let _turn = self.turn.lock().await;
        match self.documents.put_if(put, expected, self.clock.now()).await.map_err(stored)? {
            Conditional::Written(version) => self.remember(CurrentSettings { settings, version }).map(Some),
            Conditional::Differs(there) => self.remember(current(there)?).map(|_| None),
        }
    }

    /// Changes settings: on `expected` alone, or on whatever is there, again when others are faster.
    async fn change(
        &self,
        expected: Option<u64>,
        next: impl Fn(&Settings) -> Result<Settings> + Send + Sync,
    ) -> Result<Arc<CurrentSettings>> {
        for _ in 0..ATTEMPTS {
            let seen = self.stored_settings().await?;
            if expected.is_some_and(|expected| expected != seen.version) {
                return Err(stale());
            }
            match self.write(next(&seen.settings)?, seen.version).await? {
                Some(written) => return Ok(written),
                None if expected.is_some() => return Err(stale()),
                None => {}
            }
        }
        Err(Error::unavailable("others keep changing the settings", 1))
    }
}

#[async_trait]
impl contracts::shop::Shop for Shop {
    async fn settings(&self) -> Result<Arc<CurrentSettings>> {
        if let Some(current) = self.not_older_than(FRESH_FOR) {
            return Ok(current);
        }
        // One caller reads; the others wait for it rather than for the store.
        let turn = self.turn.lock().await;
        if let Some(current) = self.not_older_than(FRESH_FOR) {
            return Ok(current);
        }
        match self.read(&turn).await {
            Ok(current) => Ok(current),
            Err(error) => match self.not_older_than(STALE_FOR) {
                Some(current) if error.kind == Kind::Unavailable => Ok(current),
                _ => Err(error),
            },
        }
    }

    fn is_current(&self, settings: &Arc<CurrentSettings>) -> bool {
        let at_hand = self.at_hand.read();
        at_hand.as_ref().is_some_and(|there| Arc::ptr_eq(&there.current, settings) && there.is_within(FRESH_FOR))
    }

    async fn replace_settings(&self, input: SettingsInput, expected: Option<u64>) -> Result<Arc<CurrentSettings>> {
        let settings = read(&input)?;
        self.change(expected, |_| Ok(settings.clone())).await
    }
}

/// Settings as they were sent, or all that is wrong with them; the time zone database is asked, too.
fn read(input: &SettingsInput) -> Result<Settings> {
    let settings = input.validate().map_err(Error::invalid)?;
    if jiff::tz::TimeZone::get(&settings.time_zone).is_err() {
        return Err(Error::field("/time_zone", "unknown_time_zone", "there is no such time zone"));
    }
    Ok(settings)
}

fn current(document: Option<Document>) -> Result<CurrentSettings> {
    match document {
        Some(document) => Ok(CurrentSettings { settings: document.read().map_err(stored)?, version: document.version }),
        None => Ok(CurrentSettings { settings: Settings::default(), version: 0 }),
    }
}

fn stale() -> Error {
    Error::new(Kind::Stale, "precondition_failed", "the settings have changed since you read them")
}
