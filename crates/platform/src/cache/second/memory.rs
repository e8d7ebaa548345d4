//! A shared shelf in memory, for several caches of one process. It can be gone when a test wants it.
//! It does not bound what it keeps.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::{Found, Moment, SharedShelf};

/// The tag of everything.
const ALL: &str = "*";

#[derive(Default)]
pub struct MemoryShelf(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    /// The number of questions so far: a clock on which no two things happen at once.
    now: u64,
    is_gone: bool,
    kept: BTreeMap<String, Kept>,
    tags: BTreeMap<String, u64>,
}

struct Kept {
    began: u64,
    value: Bytes,
    tags: Vec<String>,
    expires: Instant,
}

impl MemoryShelf {
    /// Whether it answers nobody.
    pub fn be_gone(&self, is_gone: bool) {
        self.0.lock().is_gone = is_gone;
    }
}

impl Inner {
    fn is_outdated(&self, began: u64, tags: &[String]) -> bool {
        let mut tags = tags.iter().map(String::as_str).chain([ALL]);
        tags.any(|tag| self.tags.get(tag).is_some_and(|at| *at >= began))
    }
}

#[async_trait]
impl SharedShelf for MemoryShelf {
    async fn get(&self, key: &str) -> Option<Found> {
        let inner = &mut *self.0.lock();
        inner.now += 1;
        if inner.is_gone {
            return None;
        }
        let holds = |kept: &&Kept| !inner.is_outdated(kept.began, &kept.tags) && kept.expires > Instant::now();
        let kept = inner.kept.get(key).filter(holds);
        Some(kept.map_or(Found::Missing(Moment(inner.now)), |kept| Found::Value(kept.value.clone())))
    }

    async fn put(&self, key: &str, began: Moment, value: &[u8], ttl: Duration, tags: &[String]) -> bool {
        let inner = &mut *self.0.lock();
        let is_taken = !inner.is_gone && !inner.is_outdated(began.0, tags);
        if is_taken {
            let (value, tags, expires) = (Bytes::copy_from_slice(value), tags.to_vec(), Instant::now() + ttl);
            inner.kept.insert(key.to_owned(), Kept { began: began.0, value, tags, expires });
        }
        is_taken
    }

    async fn forget(&self, tags: &[String]) -> bool {
        let inner = &mut *self.0.lock();
        inner.now += 1;
        if !inner.is_gone {
            let now = inner.now;
            inner.tags.extend(tags.iter().map(|tag| (tag.clone(), now)));
        }
        !inner.is_gone
    }

    async fn forget_all(&self) -> bool {
        self.forget(&[ALL.to_owned()]).await
    }
}
