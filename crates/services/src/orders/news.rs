//! Wakes those who watch an order when something is committed about it.
//! It does not know what it was: who wakes up looks for themselves.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::ids::OrderId;
use parking_lot::Mutex;
use platform::log::executor::CommittedFact;
use tokio::sync::{Notify, mpsc};

/// Streams of an order's case that a buyer sees something of.
const WATCHED: [&str; 2] = ["order", "payment"];
/// Committed batches that wait to be heard; who misses one looks by itself after a while.
pub const NEWS_BATCHES: usize = 256;

/// Who waits for which order.
#[derive(Default)]
pub struct News(Mutex<BTreeMap<String, Arc<Notify>>>);

/// A place at which one watcher waits.
pub struct Watcher {
    news: Arc<News>,
    key: String,
    pub notify: Arc<Notify>,
}

impl News {
    /// Hears what is committed until the executor is gone.
    pub fn follow(self: &Arc<Self>, mut batches: mpsc::Receiver<Arc<[CommittedFact]>>) {
        let news = Arc::downgrade(self);
        tokio::spawn(async move {
            while let Some(batch) = batches.recv().await {
                let Some(news) = news.upgrade() else { return };
                news.tell(&batch);
            }
        });
    }

    pub fn watcher(self: &Arc<Self>, order: &OrderId) -> Watcher {
        let key = order.key().to_owned();
        let notify = self.0.lock().entry(key.clone()).or_default().clone();
        Watcher { news: self.clone(), key, notify }
    }

    fn tell(&self, batch: &[CommittedFact]) {
        let waiting = self.0.lock();
        if waiting.is_empty() {
            return;
        }
        for fact in batch.iter().filter(|fact| WATCHED.contains(&fact.stream.kind())) {
            waiting.get(fact.stream.key().as_str()).into_iter().for_each(|notify| notify.notify_waiters());
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let mut waiting = self.news.0.lock();
        // The map's and this one's: nobody else waits for this order.
        if Arc::strong_count(&self.notify) == 2 {
            waiting.remove(&self.key);
        }
    }
}
