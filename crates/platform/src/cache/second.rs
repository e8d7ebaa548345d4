//! The second level of a cache: what one process found, another need not look for.
//! It does not know what a value means, nor where it is kept. It is a help: whoever cannot reach it does without.
//!
//! Nothing is given that this process knows to be outdated: from the moment a tag is forgotten here, until all processes share
//! that knowledge, values with that tag are passed over.

mod memory;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{BufMut, Bytes, BytesMut};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::http::metrics::Registry;
pub use memory::MemoryShelf;

/// Tags that wait to be told of. With more, everything is forgotten.
const WAITING_MAX: usize = 10_000;
/// Tags told of at once.
const TOLD_AT_ONCE: usize = 500;
/// Tags that come within this time are told of together.
const GATHERED_FOR: Duration = Duration::from_millis(5);
/// Between attempts to be heard.
const RETRY_AFTER: Duration = Duration::from_millis(250);
/// A larger value is not worth its way.
const VALUE_BYTES_MAX: usize = 512 * 1024;

/// When somebody began to make a value, by the clock of whoever keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(pub u64);

/// What is there of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    Value(Bytes),
    /// Nothing. Who makes the value now says so when it is put.
    Missing(Moment),
}

/// Where processes keep what they share. Everything there may be lost at any time.
///
/// No call takes long: how long is the implementation's to bound.
#[async_trait]
pub trait SharedShelf: Send + Sync {
    /// `None` when it cannot be asked now.
    async fn get(&self, key: &str) -> Option<Found>;

    /// Keeps a value unless one of its tags was forgotten since `began`. Whether it did.
    async fn put(&self, key: &str, began: Moment, value: &[u8], ttl: Duration, tags: &[String]) -> bool;

    /// Values with one of these tags are given no more, nor taken from those who began to make them before. Whether that is
    /// known now.
    async fn forget(&self, tags: &[String]) -> bool;

    /// The same for everything.
    async fn forget_all(&self) -> bool;
}

/// A cache's part of a shared shelf.
pub struct SecondLevel {
    shelf: Arc<dyn SharedShelf>,
    /// What its keys begin with.
    name: &'static str,
    news: Mutex<News>,
    wake: Notify,
    counts: Counts,
}

#[derive(Default)]
struct Counts {
    hits: AtomicU64,
    misses: AtomicU64,
    passed_over: AtomicU64,
    puts: AtomicU64,
}

/// What was forgotten here, and others may not know yet.
#[derive(Default)]
struct News {
    /// Each with the number of the last time.
    tags: BTreeMap<String, u64>,
    nth: u64,
    /// Too much, or it could not be told: all that others keep may be outdated.
    everything: bool,
}

impl SecondLevel {
    /// Also begins to tell others what is forgotten, on the current runtime.
    pub fn start(shelf: Arc<dyn SharedShelf>, name: &'static str) -> Arc<SecondLevel> {
        let (news, counts) = (Mutex::default(), Counts::default());
        let level = Arc::new(SecondLevel { shelf, name, news, wake: Notify::new(), counts });
        tokio::spawn(tell(Arc::downgrade(&level)));
        level
    }

    /// `None` when there is nothing to be had from others, and nothing to be given to them.
    pub async fn get(&self, key: &str) -> Option<Found> {
        if self.news.lock().everything {
            return None;
        }
        let found = self.shelf.get(&self.key(key)).await?;
        let Found::Value(kept) = found else {
            self.counts.misses.fetch_add(1, Ordering::Relaxed);
            return Some(found);
        };
        let (tags, value) = open(&kept)?;
        let news = self.news.lock();
        if news.everything || tags.split('\n').any(|tag| news.tags.contains_key(tag)) {
            self.counts.passed_over.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        self.counts.hits.fetch_add(1, Ordering::Relaxed);
        Some(Found::Value(value))
    }

    /// Gives a value to others, unless it was outdated since `began`. Tags hold no line breaks.
    pub async fn put(&self, key: &str, began: Moment, value: &[u8], ttl: Duration, tags: &[String]) {
        if value.len() > VALUE_BYTES_MAX || self.news.lock().everything {
            return;
        }
        let tags: Vec<String> = tags.iter().map(|tag| self.key(tag)).collect();
        if self.shelf.put(&self.key(key), began, &closed(&tags, value), ttl, &tags).await {
            self.counts.puts.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Forgets values by their tags: here at once, for others as soon as they can be told.
    pub fn forget<T: AsRef<str>>(&self, tags: impl IntoIterator<Item = T>) {
        let news = &mut *self.news.lock();
        for tag in tags {
            news.nth += 1;
            news.tags.insert(self.key(tag.as_ref()), news.nth);
        }
        if news.tags.len() > WAITING_MAX {
            news.tags.clear();
            news.everything = true;
        }
        self.wake.notify_one();
    }

    /// The same, and tells the others before it answers, for as long as one question may take. Whether they know; if not, they
    /// are told as soon as they can be.
    pub async fn forget_now<T: AsRef<str>>(&self, tags: impl IntoIterator<Item = T>) -> bool {
        self.forget(tags);
        loop {
            match self.tell_some().await {
                Ok(true) => {}
                Ok(false) => return true,
                Err(Unheard) => return false,
            }
        }
    }

    /// Shows how it does among the metrics.
    pub fn show_in(self: &Arc<Self>, registry: &Registry) {
        type Read = fn(&Counts) -> &AtomicU64;
        let level = Arc::downgrade(self);
        let labels = [("cache", self.name)];
        #[expect(clippy::cast_precision_loss, reason = "a number for graphs")]
        registry.gauge_with(
            "cache_second_level_waiting",
            "Invalidations that other nodes wait for.",
            &labels,
            move || level.upgrade().map_or(0.0, |level| level.waiting() as f64),
        );
        let counts: [(&'static str, Read); 4] = [
            ("hit", |counts| &counts.hits),
            ("miss", |counts| &counts.misses),
            ("passed_over", |counts| &counts.passed_over),
            ("put", |counts| &counts.puts),
        ];
        for (outcome, read) in counts {
            let level = Arc::downgrade(self);
            let labels = [("cache", self.name), ("outcome", outcome)];
            #[expect(clippy::cast_precision_loss, reason = "a number for graphs")]
            registry.gauge_with(
                "cache_second_level_total",
                "Asked of other nodes, and given to them.",
                &labels,
                move || level.upgrade().map_or(0.0, |level| read(&level.counts).load(Ordering::Relaxed) as f64),
            );
        }
    }

    /// Tags that others may not know of yet.
    fn waiting(&self) -> usize {
        self.news.lock().tags.len()
    }

    fn key(&self, key: &str) -> String {
        [self.name, ":", key].concat()
    }

    /// Tells others what was forgotten. Whether there may be more to tell at once.
    async fn tell_some(&self) -> Result<bool, Unheard> {
        let (some, everything) = {
            let news = self.news.lock();
            let some: Vec<(String, u64)> =
                news.tags.iter().take(TOLD_AT_ONCE).map(|(tag, nth)| (tag.clone(), *nth)).collect();
            (some, news.everything)
        };
        if everything {
            let heard = self.shelf.forget_all().await;
            let news = &mut *self.news.lock();
            news.everything = !heard;
            return if heard { Ok(true) } else { Err(Unheard) };
        }
        if some.is_empty() {
            return Ok(false);
        }
        let tags: Vec<String> = some.iter().map(|(tag, _)| tag.clone()).collect();
        let heard = self.shelf.forget(&tags).await;
        let news = &mut *self.news.lock();
        if !heard {
            news.everything = true;
            return Err(Unheard);
        }
        for (tag, nth) in some {
            // Forgotten again meanwhile, it must be told again.
            if news.tags.get(&tag) == Some(&nth) {
                news.tags.remove(&tag);
            }
        }
        Ok(true)
    }
}

struct Unheard;

async fn tell(level: Weak<SecondLevel>) {
    loop {
        let Some(level) = level.upgrade() else { return };
        match level.tell_some().await {
            Ok(true) => {}
            Ok(false) => {
                let woken = tokio::time::timeout(RETRY_AFTER, level.wake.notified()).await.is_ok();
                drop(level);
                if woken {
                    tokio::time::sleep(GATHERED_FOR).await;
                }
            }
            Err(Unheard) => {
                drop(level);
                tokio::time::sleep(RETRY_AFTER).await;
            }
        }
    }
}

/// A value with its tags before it, so that who gets it can tell whether it is outdated.
fn closed(tags: &[String], value: &[u8]) -> Bytes {
    let tags = tags.join("\n");
    let mut bytes = BytesMut::with_capacity(4 + tags.len() + value.len());
    bytes.put_u32(u32::try_from(tags.len()).unwrap_or(u32::MAX));
    bytes.put_slice(tags.as_bytes());
    bytes.put_slice(value);
    bytes.freeze()
}

fn open(kept: &Bytes) -> Option<(&str, Bytes)> {
    let length = u32::from_be_bytes(kept.get(..4)?.try_into().ok()?);
    let end = 4 + usize::try_from(length).ok()?;
    let tags = std::str::from_utf8(kept.get(4..end)?).ok()?;
    Some((tags, kept.slice(end..)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn tags(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    async fn missing(level: &SecondLevel) -> Moment {
        match level.get("k").await {
            Some(Found::Missing(moment)) => moment,
            other => panic!("{other:?}"),
        }
    }

    async fn told() {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn what_one_found_another_has_until_it_is_forgotten() {
        let shelf = Arc::new(MemoryShelf::default());
        let (one, other) = (SecondLevel::start(shelf.clone(), "x"), SecondLevel::start(shelf.clone(), "x"));
        let began = missing(&one).await;
        one.put("k", began, b"v1", MINUTE, &tags(&["a", "b"])).await;
        assert_eq!(other.get("k").await, Some(Found::Value("v1".into())));
        other.forget(["unknown", "b"]);
        // Here at once, before anybody else was told.
        assert_eq!(other.get("k").await, None);
        assert_eq!(one.get("k").await, Some(Found::Value("v1".into())));
        told().await;
        let late = missing(&one).await;
        other.forget(["a"]);
        told().await;
        one.put("k", late, b"v2", MINUTE, &tags(&["a"])).await;
        assert!(matches!(other.get("k").await, Some(Found::Missing(_))), "made before it was outdated");
        let registry = Registry::new();
        other.show_in(&registry);
        let line = "cache_second_level_total{cache=\"x\",outcome=\"passed_over\"} 1";
        assert!(registry.render().contains(line), "{}", registry.render());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_forgotten_now_is_known_to_others_with_the_answer() {
        let shelf = Arc::new(MemoryShelf::default());
        let (one, other) = (SecondLevel::start(shelf.clone(), "x"), SecondLevel::start(shelf.clone(), "x"));
        let began = missing(&one).await;
        one.put("k", began, b"v", MINUTE, &tags(&["a"])).await;
        assert!(other.forget_now(["a"]).await);
        let late = missing(&one).await;
        shelf.be_gone(true);
        assert!(!other.forget_now(["a"]).await);
        shelf.be_gone(false);
        told().await;
        one.put("k", late, b"v", MINUTE, &tags(&["a"])).await;
        missing(&other).await;
    }

    #[tokio::test(start_paused = true)]
    async fn what_could_not_be_told_outdates_everything() {
        let shelf = Arc::new(MemoryShelf::default());
        let (one, other) = (SecondLevel::start(shelf.clone(), "x"), SecondLevel::start(shelf.clone(), "x"));
        let began = missing(&one).await;
        one.put("k", began, b"v", MINUTE, &tags(&["a"])).await;
        shelf.be_gone(true);
        assert_eq!(one.get("k").await, None);
        one.forget(["z"]);
        told().await;
        shelf.be_gone(false);
        assert_eq!(one.get("k").await, None, "until it is told, nothing is believed");
        told().await;
        assert!(matches!(other.get("k").await, Some(Found::Missing(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn too_much_to_tell_outdates_everything() {
        let shelf = Arc::new(MemoryShelf::default());
        let level = SecondLevel::start(shelf.clone(), "x");
        let began = missing(&level).await;
        level.put("k", began, b"v", MINUTE, &tags(&["a"])).await;
        level.forget((0..=WAITING_MAX).map(|n| n.to_string()));
        assert_eq!(level.get("k").await, None);
        told().await;
        assert!(matches!(level.get("k").await, Some(Found::Missing(_))));
    }
}
