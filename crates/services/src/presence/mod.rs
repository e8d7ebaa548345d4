//! Presence: who of the staff has which order or product open, and how many people are in the shop.
//! It does not know pages, nor whether other nodes are asked; nobody's name or address goes further than this.

mod visitors;

use std::sync::Arc;

use async_trait::async_trait;
use contracts::presence::{Colleague, Colleagues, Thing, Visitors};
use domain::ids::StaffId;
use jiff::SignedDuration;
use platform::clock::Clock;
use platform::presence::{Known, Marker};
use platform::sealing::MasterKey;

/// A longer name of a window is none.
const WINDOW_CHARS_MAX: usize = 64;

#[derive(Clone)]
pub struct Presence {
    known: Arc<platform::presence::Presence>,
    marker: Marker,
    master: MasterKey,
    clock: Arc<dyn Clock>,
}

impl Presence {
    pub fn new(known: Arc<platform::presence::Presence>, master: MasterKey, clock: Arc<dyn Clock>) -> Self {
        let marker = Marker::new(master.hash("people in the shop", &[]));
        Self { known, marker, master, clock }
    }

    /// A name that says nothing to whoever keeps it.
    fn place(&self, thing: &Thing) -> String {
        let id = match thing {
            Thing::Order(id) => id.as_str(),
            Thing::Product(id) => id.as_str(),
        };
        self.master.hash_text("something that staff have open", &[id.as_bytes()])
    }
}

#[async_trait]
impl contracts::presence::Presence for Presence {
    async fn open(&self, thing: &Thing, staff: &StaffId, window: &str) -> Colleagues {
        if !is_window(window) {
            return Colleagues { others: Vec::new(), is_whole: false };
        }
        let Known { value, is_whole } = self.known.enter(&self.place(thing), staff.as_str(), window).await;
        let now = self.clock.now();
        let others = value.into_iter().filter_map(|present| {
            let staff = StaffId::parse(&present.who).ok().filter(|other| other != staff)?;
            let since = SignedDuration::try_from(present.stayed).ok().and_then(|stayed| now.checked_sub(stayed).ok());
            Some(Colleague { staff, since: since.unwrap_or(now) })
        });
        Colleagues { others: others.collect(), is_whole }
    }

    async fn close(&self, thing: &Thing, staff: &StaffId, window: &str) {
        if is_window(window) {
            self.known.leave(&self.place(thing), staff.as_str(), window).await;
        }
    }

    async fn visitors(&self) -> Visitors {
        let Known { value: count, is_whole } = self.known.count().await;
        Visitors { count, is_whole }
    }
}

fn is_window(window: &str) -> bool {
    !window.is_empty() && window.len() <= WINDOW_CHARS_MAX && window.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests;
