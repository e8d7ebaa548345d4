//! The bank's letters to the shop: notices that come late, twice and out of order, until they are taken.
//! It does not know what they say.

use std::time::Duration;

use jiff::Timestamp;
use services::payments::provider::{Key, Outcome};

/// How often a letter is sent that is not taken.
const ATTEMPTS: u32 = 6;
const PAUSE: Duration = Duration::from_secs(3);

/// A notice on its way.
#[derive(Debug, Clone)]
pub struct Letter {
    pub key: Key,
    pub outcome: Outcome,
    attempts: u32,
}

#[derive(Default)]
pub struct Mailbag(Vec<(Timestamp, Letter)>);

impl Letter {
    /// As it goes over the wire.
    pub fn body(&self) -> Vec<u8> {
        serde_json::to_vec(&(self.key.to_string(), &self.outcome)).unwrap_or_default()
    }
}

impl Mailbag {
    pub fn put(&mut self, due: Timestamp, key: Key, outcome: Outcome) {
        self.0.push((due, Letter { key, outcome, attempts: 0 }));
    }

    pub fn due(&mut self, now: Timestamp) -> Vec<Letter> {
        let (due, later): (Vec<_>, Vec<_>) = std::mem::take(&mut self.0).into_iter().partition(|(at, _)| *at <= now);
        self.0 = later;
        due.into_iter().map(|(_, letter)| letter).collect()
    }

    pub fn again(&mut self, mut letter: Letter, now: Timestamp, for_ever: bool) {
        letter.attempts += 1;
        if for_ever || letter.attempts < ATTEMPTS {
            self.0.push((now.saturating_add(PAUSE).unwrap_or(Timestamp::MAX), letter));
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
