//! What was found lately, kept in this process: one load for many who ask, forgotten by tag, bounded in bytes.
//! It does not know what it keeps, nor who else keeps a copy; facts tell each process what to forget.
//!
//! Not moka: it expires by the machine's clock, which a paused runtime does not control.
//!
//! What was loaded before an invalidation is neither kept after it nor given to those who asked after it.

mod flights;
mod response;
mod second;
mod shelf;
mod stats;

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use tokio::time::Instant;

use crate::entropy::{Entropy, draw};
use crate::signal::Signal;
use flights::{Course, Flight, Flights, Landing};
pub use response::{CacheTags, Finished, ResponseCache};
pub use second::{Found, MemoryShelf, Moment, SecondLevel, SharedShelf};
use shelf::Shelf;
pub use stats::{Stats, StatsNow};

/// Nothing is kept longer, whatever was asked for.
const TTL_MAX: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How many bytes a value takes, roughly; what it shares with others may be left out.
pub trait Weigh {
    fn weight(&self) -> usize;
}

impl Weigh for Arc<str> {
    fn weight(&self) -> usize {
        self.len()
    }
}

impl Weigh for bytes::Bytes {
    fn weight(&self) -> usize {
        self.len()
    }
}

impl<T: Weigh> Weigh for Option<T> {
    fn weight(&self) -> usize {
        self.as_ref().map_or(0, Weigh::weight)
    }
}

/// A value with what is known of it only after it was loaded.
#[derive(Debug, Clone)]
pub struct Loaded<V> {
    pub value: V,
    /// Zero: not kept, only given to those who wait for it.
    pub ttl: Duration,
    /// By which it is forgotten.
    pub tags: Vec<String>,
}

/// Values by key. Cheap to clone values (an `Arc` of something) are what it is for.
pub struct Cache<V> {
    entropy: Arc<dyn Entropy>,
    shelf: RwLock<Shelf<V>>,
    /// Locked before the shelf when both are.
    flights: Mutex<Flights<V>>,
    stats: Arc<Stats>,
}

impl<V: Weigh + Clone + Send + Sync + 'static> Cache<V> {
    /// Keeps at most `bytes_max`, keys and bookkeeping included.
    pub fn new(bytes_max: usize, entropy: Arc<dyn Entropy>) -> Cache<V> {
        Cache {
            entropy,
            shelf: RwLock::new(Shelf::new(bytes_max)),
            flights: Mutex::new(Flights::default()),
            stats: Arc::new(Stats::default()),
        }
    }

    /// What is kept under the key.
    pub fn get(&self, key: &str) -> Option<V> {
        self.shelf.read().get(key, Instant::now())
    }

    /// What is kept under the key, or what `load` finds. Of many who ask at once one loads and all get its answer, also
    /// when that is an error; errors are not kept. Should the one go away, the next loads.
    ///
    /// It is kept for `ttl` less up to a fifth, so that what was loaded together is not loaded again together, and until
    /// one of the tags is invalidated.
    pub async fn get_or_load<E, F, Fut>(&self, key: &str, ttl: Duration, tags: &[&str], load: F) -> Result<V, E>
    where
        E: Clone + Send + Sync + 'static,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<V, E>>,
    {
        let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        self.get_or_load_with(key, || async { load().await.map(|value| Loaded { value, ttl, tags }) }).await
    }

    /// The same where the load itself says for how long and under which tags.
    pub async fn get_or_load_with<E, F, Fut>(&self, key: &str, load: F) -> Result<V, E>
    where
        E: Clone + Send + Sync + 'static,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<Loaded<V>, E>>,
    {
        if let Some(value) = self.get(key) {
            self.stats.hit();
            return Ok(value);
        }
        self.stats.miss();
        loop {
            let (course, joined_at) = match self.board(key) {
                Boarded::Landed(value) => return Ok(value),
                Boarded::First(flight) => return self.fly(flight, load).await,
                Boarded::Joined { course, at } => (course, at),
            };
            self.stats.join();
            match course.wait_for(Course::outcome).await {
                Some(Landing { result: Ok(value), good_until }) if joined_at <= good_until => return Ok(value),
                Some(Landing { result: Err(error), .. }) => {
                    if let Some(error) = error.downcast_ref::<E>() {
                        return Err(error.clone());
                    }
                }
                Some(_) | None => {}
            }
        }
    }

    fn board(&self, key: &str) -> Boarded<'_, V> {
        let mut flights = self.flights.lock();
        // It may have landed since it was looked for.
        if let Some(value) = self.get(key) {
            return Boarded::Landed(value);
        }
        let at = flights.now();
        match flights.join(key) {
            Some(course) => Boarded::Joined { course, at },
            None => Boarded::First(Leader { cache: self, flight: flights.begin(key), landed: false }),
        }
    }

    async fn fly<E, F, Fut>(&self, mut leader: Leader<'_, V>, load: F) -> Result<V, E>
    where
        E: Clone + Send + Sync + 'static,
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<Loaded<V>, E>>,
    {
        let loaded = load().await;
        let mut flights = self.flights.lock();
        let flight = &leader.flight;
        let (landing, result) = match loaded {
            Ok(Loaded { value, ttl, tags }) => {
                let good_until = flights.good_until(flight, &tags);
                if good_until < flights.now() {
                    self.stats.overtake();
                } else if !ttl.is_zero() {
                    let expires = Instant::now() + self.jittered(ttl);
                    let dropped = self.shelf.write().put(&flight.key, value.clone(), expires, tags);
                    self.stats.evict(dropped);
                }
                (Landing { result: Ok(value.clone()), good_until }, Ok(value))
            }
            Err(error) => {
                self.stats.fail();
                let shared: Arc<dyn Any + Send + Sync> = Arc::new(error.clone());
                (Landing { result: Err(shared), good_until: flights.now() }, Err(error))
            }
        };
        flight.course.change(|course| *course = Course::Landed(landing));
        flights.end(&flight.key);
        leader.landed = true;
        // Before the leader, whose end would lock it again.
        drop(flights);
        result
    }

    /// Forgets what carries any of these tags, and lets nothing be kept that is being loaded under one of them.
    pub fn invalidate<T: AsRef<str>>(&self, tags: impl IntoIterator<Item = T>) {
        let mut flights = self.flights.lock();
        let mut shelf = self.shelf.write();
        for tag in tags {
            flights.invalidate(tag.as_ref());
            self.stats.invalidate(shelf.forget_tag(tag.as_ref()));
        }
    }

    /// Forgets one key, also one that is being loaded.
    pub fn remove(&self, key: &str) {
        let mut flights = self.flights.lock();
        flights.invalidate_key(key);
        self.stats.invalidate(usize::from(self.shelf.write().remove(key)));
    }

    /// Forgets everything: after a reconnect, say, when invalidations may have been missed.
    pub fn clear(&self) {
        let mut flights = self.flights.lock();
        flights.invalidate_all();
        self.stats.invalidate(self.shelf.write().clear());
    }

    pub fn stats(&self) -> StatsNow {
        let shelf = self.shelf.read();
        self.stats.now(shelf.len(), shelf.bytes())
    }

    /// Shows this cache among the metrics as `name`.
    pub fn show_in(self: &Arc<Self>, registry: &crate::http::metrics::Registry, name: &str) {
        stats::show(registry, name, Arc::downgrade(self));
    }

    fn jittered(&self, ttl: Duration) -> Duration {
        let ttl = ttl.min(TTL_MAX);
        let part = u32::from(u16::from_be_bytes(draw(&*self.entropy)));
        ttl - (ttl / 5) * part / u32::from(u16::MAX)
    }
}

enum Boarded<'a, V> {
    Landed(V),
    First(Leader<'a, V>),
    Joined { course: Arc<Signal<Course<V>>>, at: u64 },
}

/// Whoever loads. Dropped without having landed, it leaves the key to the next.
struct Leader<'a, V> {
    cache: &'a Cache<V>,
    flight: Flight<V>,
    landed: bool,
}

impl<V> Drop for Leader<'_, V> {
    fn drop(&mut self) {
        if !self.landed {
            self.cache.flights.lock().end(&self.flight.key);
            self.flight.course.change(|course| *course = Course::Lost);
        }
    }
}

#[cfg(test)]
mod tests;
