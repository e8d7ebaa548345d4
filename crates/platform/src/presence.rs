//! Who has what open right now, and how many have come by lately: as all processes know it together, or each alone.
//! It does not know what is open, nor who anybody is: places, people and those who come by are names that say nothing.
//!
//! It is a help, and nobody waits for it. What is known here is kept in any case, so that a process which cannot ask the others
//! goes on with that, and says so. All of it goes by itself when nobody says it again.

mod crowd;
mod mark;
mod memory;

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;

pub use mark::Marker;
pub use memory::MemoryPresence;

/// Who came by within this time is counted.
pub const WITHIN: Duration = Duration::from_secs(5 * 60);
/// Whoever has something open says so again before this is over. A browser lets a page in the background do something once a
/// minute.
pub const LIVES: Duration = Duration::from_secs(90);
/// Windows in which one thing may be open at a time; those beyond are told who is there, and not told of.
pub const WINDOWS_MAX: usize = 400;
/// How often others are told who came by here.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// Somebody who is at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    pub who: String,
    /// For how long already.
    pub stayed: Duration,
}

/// Where processes keep together what each knows of presence.
///
/// No call takes long: how long is the implementation's to bound.
#[async_trait]
pub trait SharedPresence: Send + Sync {
    /// Somebody is at a place with one of their windows, for so long unless they say so again. Answers who is there, themselves
    /// too, whoever came first first; `None` when it cannot be asked now. Names hold no line breaks.
    async fn enter(&self, place: &str, who: &str, window: &str, lives: Duration) -> Option<Vec<Present>>;

    /// They are not there any more with this window. Whether that is known now.
    async fn leave(&self, place: &str, who: &str, window: &str) -> bool;

    /// Somebody came by for each of these marks. Whether that is known now.
    async fn came(&self, marks: &[u64]) -> bool;

    /// How many different marks came [within](WITHIN) now, or up to half a minute more; may be wrong by some hundredths.
    async fn count(&self) -> Option<u64>;
}

/// What is known, and how much of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known<T> {
    pub value: T,
    /// Whether it is what all processes know; otherwise what this one knows.
    pub is_whole: bool,
}

/// Presence as one process knows it.
pub struct Presence {
    own: MemoryPresence,
    shared: Option<Arc<dyn SharedPresence>>,
    /// Whether there is nobody else whom it could ask.
    is_alone: Box<dyn Fn() -> bool + Send + Sync>,
}

impl Presence {
    /// Also begins to tell others who came, on the current runtime.
    pub fn start(
        shared: Option<Arc<dyn SharedPresence>>,
        is_alone: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Arc<Presence> {
        let presence = Arc::new(Presence { own: MemoryPresence::default(), shared, is_alone: Box::new(is_alone) });
        tokio::spawn(tell(Arc::downgrade(&presence)));
        presence
    }

    /// Somebody has something open in a window, until [`LIVES`] is over. Answers who has, themselves too.
    pub async fn enter(&self, place: &str, who: &str, window: &str) -> Known<Vec<Present>> {
        let own = self.own.enter(place, who, window, LIVES);
        let told = match &self.shared {
            Some(shared) => shared.enter(place, who, window, LIVES).await,
            None => None,
        };
        match told {
            Some(value) => Known { value, is_whole: true },
            None => Known { value: own, is_whole: (self.is_alone)() },
        }
    }

    /// They have closed the window. Where the others cannot be told, they find out by themselves.
    pub async fn leave(&self, place: &str, who: &str, window: &str) {
        self.own.leave(place, who, window);
        if let Some(shared) = &self.shared {
            shared.leave(place, who, window).await;
        }
    }

    /// Somebody came by. At once, and without waiting for anybody; `counts` is asked only of those who have not come within
    /// the last half minute.
    pub fn came(&self, mark: u64, counts: impl FnOnce() -> bool) {
        self.own.crowd.came(mark, self.shared.is_some(), counts);
    }

    /// How many came within the last five minutes.
    pub async fn count(&self) -> Known<u64> {
        let own = self.own.crowd.count();
        if let Some(shared) = &self.shared
            && self.tell(&**shared).await
            && let Some(count) = shared.count().await
        {
            // Others may have begun anew meanwhile, with nobody counted.
            return Known { value: count.max(own), is_whole: true };
        }
        Known { value: own, is_whole: (self.is_alone)() }
    }

    /// Tells others who came here since they were told last. Whether they know.
    async fn tell(&self, shared: &dyn SharedPresence) -> bool {
        let untold = self.own.crowd.take_untold();
        let is_told = untold.is_empty() || shared.came(&untold).await;
        if !is_told {
            self.own.crowd.put_back(untold);
        }
        is_told
    }
}

async fn tell(presence: Weak<Presence>) {
    loop {
        let Some(presence) = presence.upgrade() else { return };
        presence.own.sweep();
        if let Some(shared) = &presence.shared {
            presence.tell(&**shared).await;
        }
        drop(presence);
        tokio::time::sleep(TOLD_EVERY).await;
    }
}

/// Whoever came first, first.
pub fn arranged(there: BTreeMap<String, Duration>) -> Vec<Present> {
    let mut there: Vec<Present> = there.into_iter().map(|(who, stayed)| Present { who, stayed }).collect();
    there.sort_by(|one, other| (other.stayed, &one.who).cmp(&(one.stayed, &other.who)));
    there
}

#[cfg(test)]
mod tests;
