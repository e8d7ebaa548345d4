//! Who is at work under which key in this process, so that duplicates wait instead of doing the same.
//! It does not know of other processes, nor of what has been answered before.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::signal::Signal;

type Id = [u8; 32];

#[derive(Default)]
pub(super) struct Running(Arc<Mutex<BTreeMap<Id, AtWork>>>);

struct AtWork {
    body_hash: [u8; 32],
    is_done: Arc<Signal<bool>>,
}

pub(super) enum Entry {
    /// Nobody is at it; it is the caller's until this is dropped.
    First(Turn),
    /// The same request is running.
    Wait(Arc<Signal<bool>>),
    /// Another body is running under the key.
    OtherBody,
}

/// Ends with its drop, whatever happened meanwhile.
pub(super) struct Turn {
    running: Arc<Mutex<BTreeMap<Id, AtWork>>>,
    id: Id,
}

impl Running {
    pub fn enter(&self, id: Id, body_hash: [u8; 32]) -> Entry {
        let mut running = self.0.lock();
        match running.get(&id) {
            Some(other) if other.body_hash != body_hash => Entry::OtherBody,
            Some(same) => Entry::Wait(Arc::clone(&same.is_done)),
            None => {
                running.insert(id, AtWork { body_hash, is_done: Arc::default() });
                Entry::First(Turn { running: Arc::clone(&self.0), id })
            }
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let ended = self.running.lock().remove(&self.id);
        if let Some(ended) = ended {
            ended.is_done.change(|is_done| *is_done = true);
        }
    }
}
