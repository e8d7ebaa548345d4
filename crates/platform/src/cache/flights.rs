//! Which keys are being loaded, and which tags were invalidated meanwhile.
//! It does not know what is loaded.

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

use crate::signal::Signal;

/// Tags remembered while something is being loaded. With more, all that is being loaded counts as overtaken.
const TAGS_MAX: usize = 10_000;

/// What a load came to.
pub(super) struct Landing<V> {
    pub result: Result<V, Arc<dyn Any + Send + Sync>>,
    /// Those who asked later than this, in invalidations, must not have it: it may be older than what they know of.
    pub good_until: u64,
}

impl<V: Clone> Clone for Landing<V> {
    fn clone(&self) -> Self {
        Landing { result: self.result.clone(), good_until: self.good_until }
    }
}

/// How a load stands.
pub(super) enum Course<V> {
    UnderWay,
    Landed(Landing<V>),
    /// Whoever loaded went away.
    Lost,
}

impl<V: Clone> Course<V> {
    /// What came of it; `Some(None)`: nothing, and somebody else must load.
    pub fn outcome(&self) -> Option<Option<Landing<V>>> {
        match self {
            Course::UnderWay => None,
            Course::Landed(landing) => Some(Some(landing.clone())),
            Course::Lost => Some(None),
        }
    }
}

pub(super) struct Flight<V> {
    pub key: Arc<str>,
    pub course: Arc<Signal<Course<V>>>,
    began_at: u64,
}

/// All loads of a cache. Time in here is the number of invalidations so far.
pub(super) struct Flights<V> {
    now: u64,
    loading: HashMap<Arc<str>, Arc<Signal<Course<V>>>>,
    /// When each was invalidated last; only while something is being loaded.
    tags: HashMap<String, u64>,
    keys: HashMap<String, u64>,
    all: u64,
}

impl<V> Default for Flights<V> {
    fn default() -> Self {
        Flights { now: 0, loading: HashMap::new(), tags: HashMap::new(), keys: HashMap::new(), all: 0 }
    }
}

impl<V> Flights<V> {
    pub fn now(&self) -> u64 {
        self.now
    }

    pub fn join(&self, key: &str) -> Option<Arc<Signal<Course<V>>>> {
        self.loading.get(key).cloned()
    }

    pub fn begin(&mut self, key: &str) -> Flight<V> {
        let key: Arc<str> = key.into();
        let course = Arc::new(Signal::new(Course::UnderWay));
        self.loading.insert(Arc::clone(&key), Arc::clone(&course));
        Flight { key, course, began_at: self.now }
    }

    pub fn end(&mut self, key: &str) {
        self.loading.remove(key);
        if self.loading.is_empty() {
            self.tags.clear();
            self.keys.clear();
        }
    }

    /// Until when what was loaded may be given away: now, unless it was invalidated while it was being loaded.
    pub fn good_until(&self, flight: &Flight<V>, tags: &[String]) -> u64 {
        let by_tags = tags.iter().filter_map(|tag| self.tags.get(tag));
        let last = by_tags.chain(self.keys.get(&*flight.key)).copied().max().unwrap_or(0).max(self.all);
        // Which invalidation was the first is not remembered; who asked before all of them is safe.
        if last > flight.began_at { flight.began_at } else { self.now }
    }

    pub fn invalidate(&mut self, tag: &str) {
        self.now += 1;
        if !self.loading.is_empty() {
            self.tags.insert(tag.to_owned(), self.now);
            self.bound();
        }
    }

    pub fn invalidate_key(&mut self, key: &str) {
        self.now += 1;
        if self.loading.contains_key(key) {
            self.keys.insert(key.to_owned(), self.now);
        }
    }

    pub fn invalidate_all(&mut self) {
        self.now += 1;
        self.all = self.now;
    }

    fn bound(&mut self) {
        if self.tags.len() > TAGS_MAX {
            self.tags.clear();
            self.all = self.now;
        }
    }
}
