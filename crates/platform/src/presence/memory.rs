//! Presence in the memory of one process; for several, when a test wants it. It can be gone, too.
//! It does not know others.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::crowd::Crowd;
use super::{Present, SharedPresence, WINDOWS_MAX, arranged};

/// Things that are open at a time; of more, nobody is told.
const PLACES_MAX: usize = 10_000;

#[derive(Default)]
pub struct MemoryPresence {
    places: Mutex<BTreeMap<String, Place>>,
    pub(super) crowd: Crowd,
    is_gone: AtomicBool,
}

/// Whose windows are there.
#[derive(Default)]
struct Place(BTreeMap<(String, String), Stay>);

struct Stay {
    since: Instant,
    until: Instant,
}

impl MemoryPresence {
    /// Whether it answers nobody.
    pub fn be_gone(&self, is_gone: bool) {
        self.is_gone.store(is_gone, Ordering::Relaxed);
    }

    /// As [`SharedPresence::enter`], at once.
    pub fn enter(&self, place: &str, who: &str, window: &str, lives: Duration) -> Vec<Present> {
        let now = Instant::now();
        let mut places = self.places.lock();
        let is_full = places.len() >= PLACES_MAX && !places.contains_key(place);
        let mut unheard = Place::default();
        let place = if is_full { &mut unheard } else { places.entry(place.to_owned()).or_default() };
        place.0.retain(|_, stay| stay.until > now);
        let mine = (who.to_owned(), window.to_owned());
        let others_of_mine = place.0.iter().filter(|((name, _), _)| *name == who).map(|(_, stay)| stay.since);
        let since = others_of_mine.min().unwrap_or(now);
        let mut there = BTreeMap::from([(who.to_owned(), now - since)]);
        for ((name, _), stay) in &place.0 {
            let known = there.entry(name.clone()).or_default();
            *known = (now - stay.since).max(*known);
        }
        if place.0.len() < WINDOWS_MAX || place.0.contains_key(&mine) {
            place.0.insert(mine, Stay { since, until: now + lives });
        }
        arranged(there)
    }

    /// As [`SharedPresence::leave`], at once.
    pub fn leave(&self, place: &str, who: &str, window: &str) {
        if let Some(place) = self.places.lock().get_mut(place) {
            place.0.remove(&(who.to_owned(), window.to_owned()));
        }
    }

    /// Forgets what is over.
    pub fn sweep(&self) {
        let now = Instant::now();
        self.places.lock().retain(|_, place| {
            place.0.retain(|_, stay| stay.until > now);
            !place.0.is_empty()
        });
        self.crowd.sweep();
    }

    #[cfg(test)]
    pub(super) fn places_held(&self) -> usize {
        self.places.lock().len()
    }

    fn answers(&self) -> bool {
        !self.is_gone.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl SharedPresence for MemoryPresence {
    async fn enter(&self, place: &str, who: &str, window: &str, lives: Duration) -> Option<Vec<Present>> {
        self.answers().then(|| MemoryPresence::enter(self, place, who, window, lives))
    }

    async fn leave(&self, place: &str, who: &str, window: &str) -> bool {
        if self.answers() {
            MemoryPresence::leave(self, place, who, window);
        }
        self.answers()
    }

    async fn came(&self, marks: &[u64]) -> bool {
        if self.answers() {
            marks.iter().for_each(|mark| self.crowd.came(*mark, false, || true));
        }
        self.answers()
    }

    async fn count(&self) -> Option<u64> {
        self.answers().then(|| self.crowd.count())
    }
}
