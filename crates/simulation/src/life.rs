//! One life of a node, from its start to its death: its clock, and the points at which others may go first, time may
//! pass, or the node may die.
//! It does not know what runs in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;
use platform::clock::{Clock, whole_micros};
use platform::signal::Signal;
use tokio::time::Instant;

use crate::trace::digest;
use crate::world::World;

/// A node that is told to live for ever.
pub const FOR_EVER: u64 = u64::MAX;

/// A node from its start to its death.
pub struct Life {
    pub world: Arc<World>,
    /// 0-based.
    pub node: usize,
    name: String,
    began_at: Mutex<Timestamp>,
    origin: Instant,
    points_left: AtomicU64,
    dead: Signal<bool>,
}

impl Life {
    /// Begins now, on the current runtime, whose time must be paused. Dies at the given point.
    pub fn begin(world: &Arc<World>, node: usize, number: u64, points: u64) -> Arc<Self> {
        Arc::new(Self {
            world: world.clone(),
            node,
            name: format!("node{node}.{number}"),
            began_at: Mutex::new(world.now()),
            origin: Instant::now(),
            points_left: AtomicU64::new(points),
            dead: Signal::default(),
        })
    }

    pub fn is_dead(&self) -> bool {
        self.dead.look(|dead| *dead) || self.world.is_over()
    }

    /// Nothing that this life does from now on reaches anybody.
    pub fn die(&self) {
        if !self.dead.look(|dead| *dead) {
            self.step("dies", || "dies".to_owned());
        }
        self.dead.change(|dead| *dead = true);
    }

    /// Waits for the end of this life.
    pub async fn ended(&self) {
        self.dead.wait_for(|dead| (*dead || self.world.is_over()).then_some(())).await;
    }

    /// Moves this node's clock alone: it stood still while the world went on. Timers do not notice.
    pub fn skip(&self, time: Duration) {
        let mut began_at = self.began_at.lock();
        *began_at = began_at.saturating_add(time).unwrap_or(Timestamp::MAX);
    }

    /// From now on the node has so many points to live.
    pub fn doom(&self, points: u64) {
        self.points_left.store(points, Ordering::Relaxed);
    }

    pub fn step(&self, what: &str, text: impl FnOnce() -> String) {
        let world = &self.world;
        world.trace.step(self.now(), &self.name, digest(what) ^ world.chance.place(), text);
    }

    /// A place in a port's call where anything may happen in between.
    pub async fn point(&self, what: &str) {
        self.reach();
        if self.is_dead() {
            return std::future::pending().await;
        }
        self.step(what, || what.to_owned());
        self.pause().await;
        if self.is_dead() {
            std::future::pending().await
        }
    }

    fn reach(&self) {
        let left = self.points_left.load(Ordering::Relaxed);
        if left == FOR_EVER || self.world.is_calm() {
            return;
        }
        self.points_left.store(left.saturating_sub(1), Ordering::Relaxed);
        if left == 0 {
            self.die();
        }
    }

    async fn pause(&self) {
        let chance = &self.world.chance;
        if self.world.is_calm() {
            if chance.per_mille(100) {
                tokio::task::yield_now().await;
            }
            return;
        }
        if chance.per_mille(self.world.faults.slow) {
            return tokio::time::sleep(Duration::from_millis(chance.within(200..=4_000))).await;
        }
        match chance.below(100) {
            0..55 => {}
            55..80 => {
                for _ in 0..chance.within(1..=3) {
                    tokio::task::yield_now().await;
                }
            }
            80..97 => tokio::time::sleep(Duration::from_millis(chance.within(1..=8))).await,
            _ => tokio::time::sleep(Duration::from_millis(chance.within(10..=80))).await,
        }
    }
}

impl Clock for Life {
    fn now(&self) -> Timestamp {
        let now = self.began_at.lock().saturating_add(self.origin.elapsed()).unwrap_or(Timestamp::MAX);
        whole_micros(now)
    }
}
