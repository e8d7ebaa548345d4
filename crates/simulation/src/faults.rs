//! What goes wrong in a run, and how often: drawn anew for each seed, so that some runs have one kind of trouble in
//! plenty and others a little of everything.
//! It does not make anything fail; the simulated parts ask it.

use std::time::Duration;

use crate::chance::Chance;

/// How a run is made up. Rates are times in a thousand.
#[derive(Debug, Clone)]
pub struct Faults {
    /// One node that owns its store, or two on one store.
    pub nodes: usize,
    /// How often a node looks for what the other one committed.
    pub news_every_ms: u64,
    pub shards: u16,
    pub buyers: u64,
    /// How long clients come and things fail.
    pub storm: Duration,
    pub crashes: u64,
    /// Points at which a port is called before a node dies, at most.
    pub life_points: u64,
    /// A node stands still while the other goes on, or the machine sleeps.
    pub freezes: u64,
    pub append_refused: u64,
    pub append_lost: u64,
    pub append_unanswered: u64,
    pub append_late: u64,
    pub question_refused: u64,
    pub read_refused: u64,
    pub write_refused: u64,
    pub write_unanswered: u64,
    pub slow: u64,
    pub fence: u64,
    pub bank_fails: u64,
    pub bank_lost: u64,
    pub bank_unanswered: u64,
    pub bank_late: u64,
    pub bank_slow: u64,
    pub find_unknown: u64,
    pub notice_lost: u64,
    pub notice_twice: u64,
    pub reservation_ttl: Duration,
    pub states_bytes: usize,
    pub queue: usize,
    pub batch_groups: usize,
}

impl Faults {
    pub fn drawn(seed: u64) -> Self {
        let chance = Chance::new(seed, "faults");
        // Each kind is absent in half of the runs.
        let rate = |most: u64| if chance.per_mille(500) { 0 } else { chance.within(1..=most) };
        let crashes = if chance.per_mille(250) { 0 } else { chance.within(1..=4) };
        let nodes = if chance.per_mille(350) { 2 } else { 1 };
        Self {
            nodes,
            news_every_ms: *chance.one_of(&[20, 60, 400]),
            shards: *chance.one_of(&[1, 2, 4, 8]),
            buyers: chance.within(3..=9),
            storm: Duration::from_secs(chance.within(10..=60)),
            crashes,
            life_points: *chance.one_of(&[150, 600, 2_500]),
            freezes: rate(6),
            append_refused: rate(60),
            append_lost: rate(40),
            append_unanswered: rate(60),
            append_late: rate(20),
            question_refused: rate(300),
            read_refused: rate(15),
            write_refused: rate(50),
            write_unanswered: rate(50),
            slow: rate(12),
            fence: rate(5),
            bank_fails: rate(150),
            bank_lost: rate(120),
            bank_unanswered: rate(200),
            bank_late: rate(120),
            bank_slow: rate(150),
            find_unknown: rate(200),
            notice_lost: rate(300),
            notice_twice: rate(500),
            reservation_ttl: Duration::from_secs(*chance.one_of(&[20, 90, 600, 2_700])),
            states_bytes: *chance.one_of(&[8 << 10, 256 << 10, 64 << 20]),
            queue: usize::try_from(*chance.one_of(&[4, 64, 8_192])).unwrap_or(64),
            batch_groups: usize::try_from(*chance.one_of(&[1, 3, 512])).unwrap_or(512),
        }
    }
}
