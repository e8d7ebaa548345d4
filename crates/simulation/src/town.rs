//! The town around the shop: nodes that live, die and start again, and the front doors that clients go through.
//! It does not know what clients want.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;
use platform::clock::Clock;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::time::Instant;

use crate::bank::Bank;
use crate::disk::Disk;
use crate::judge::{Invariant, Judge};
use crate::life::{FOR_EVER, Life};
use crate::node::Node;
use crate::trace::digest;
use crate::world::World;

/// A node has so long to start; then it counts as dead.
const START_LIMIT: Duration = Duration::from_secs(120);

/// All nodes of the shop, and what they stand on.
pub struct Town {
    pub world: Arc<World>,
    pub bank: Arc<Bank>,
    pub disk: Arc<Disk>,
    pub judge: Arc<Judge>,
    doors: Mutex<Vec<Option<Door>>>,
}

/// Where clients reach a living node.
#[derive(Clone)]
pub struct Door {
    handle: Handle,
    node: Arc<Node>,
}

impl Town {
    pub fn new(world: &Arc<World>) -> Arc<Self> {
        let bank = Bank::new(world);
        let judge = Judge::new(world, &bank);
        let disk = Disk::new(world, &judge);
        let doors = Mutex::new(vec![None; world.faults.nodes]);
        Arc::new(Self { world: world.clone(), bank, disk, judge, doors })
    }

    /// A living node, by chance; `None`: nobody answers.
    pub fn door(&self) -> Option<Door> {
        let doors = self.doors.lock();
        let open: Vec<&Door> = doors.iter().flatten().filter(|door| !door.node.life.is_dead()).collect();
        if open.is_empty() { None } else { Some((*self.world.chance.one_of(&open)).clone()) }
    }
}

impl Door {
    /// Calls the node from outside. `None`: the connection was lost, or the client's patience.
    ///
    /// A client that went away leaves its request running, or takes it along: chance decides.
    pub async fn call<T, F>(&self, patience: Duration, call: impl FnOnce(Arc<Node>) -> F) -> Option<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let life = self.node.life.clone();
        let work = call(self.node.clone());
        let mut request = self.handle.spawn(async move {
            life.point("a request arrives").await;
            let answer = work.await;
            life.point("a request is answered").await;
            answer
        });
        // A death is heard of in the order of asking. The handles of a runtime that ends would tell of it in the order
        // of numbers that tasks of the whole process share.
        let answered = async {
            tokio::select! {
                biased;
                answered = &mut request => Some(answered),
                () = self.node.life.ended() => None,
            }
        };
        match tokio::time::timeout(patience, answered).await {
            Ok(None) => None,
            Ok(Some(Ok(answer))) => Some(answer),
            Ok(Some(Err(error))) => {
                if error.is_panic() {
                    let detail = "a request panicked".to_owned();
                    self.node.life.world.violated(Invariant::NothingBreaks, detail);
                }
                None
            }
            Err(_) => {
                if self.node.life.world.chance.per_mille(500) {
                    request.abort();
                }
                None
            }
        }
    }
}

/// One node over all its lives.
pub struct Host {
    town: Arc<Town>,
    number: usize,
    lives: u64,
    living: Option<Living>,
    /// Until then it is down.
    down_until: Timestamp,
}

struct Living {
    runtime: Runtime,
    life: Arc<Life>,
    began: Instant,
    /// How far it was let run, of its own time.
    ran: Duration,
}

impl Host {
    pub fn new(town: &Arc<Town>, number: usize) -> Self {
        Self { town: town.clone(), number, lives: 0, living: None, down_until: Timestamp::MIN }
    }

    pub fn is_alive(&self) -> bool {
        self.living.is_some()
    }

    pub fn down_until(&self) -> Option<Timestamp> {
        if self.is_alive() { None } else { Some(self.down_until) }
    }

    /// Begins a new life that dies after so many points.
    pub fn start(&mut self, points: u64) {
        let world = &self.town.world;
        self.lives += 1;
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
        let (number, lives, town) = (self.number, self.lives, self.town.clone());
        let started = runtime.block_on(async {
            let began = Instant::now();
            let life = Life::begin(&town.world, number, lives, points);
            let start = tokio::time::timeout(START_LIMIT, Node::start(&life, &town.disk, &town.bank, lives));
            let node = tokio::select! {
                biased;
                () = life.ended() => None,
                started = start => started.ok().and_then(Result::ok),
            };
            (began, life, node)
        });
        let (began, life, node) = started;
        let Some(node) = node else {
            let _inside = runtime.enter();
            life.die();
            self.town.disk.settle_after_death(self.number);
            self.down_until = world.now().saturating_add(Duration::from_secs(1)).unwrap_or(Timestamp::MAX);
            return;
        };
        self.town.doors.lock()[self.number] = Some(Door { handle: runtime.handle().clone(), node });
        self.living = Some(Living { runtime, life, began, ran: Duration::ZERO });
    }

    /// Lets the node run for so long of its own time. Answers whether it lives on.
    pub fn run(&mut self, time: Duration) -> bool {
        let Some(living) = &mut self.living else { return false };
        living.ran += time;
        let until = living.began + living.ran;
        let life = living.life.clone();
        living.runtime.block_on(async {
            tokio::select! {
                biased;
                () = life.ended() => {}
                () = tokio::time::sleep_until(until) => {}
            }
        });
        if life.is_dead() {
            self.bury();
            return false;
        }
        true
    }

    /// What its clock shows.
    pub fn now(&self) -> Option<Timestamp> {
        let living = self.living.as_ref()?;
        let _inside = living.runtime.enter();
        Some(living.life.now())
    }

    pub fn lives(&self) -> u64 {
        self.lives
    }

    /// From now on the node has so many points to live.
    pub fn doom(&self, points: u64) {
        if let Some(living) = &self.living {
            living.life.doom(points);
        }
    }

    /// The node stood still while the world went on.
    pub fn skip(&self, time: Duration) {
        if let Some(living) = &self.living {
            living.life.skip(time);
        }
    }

    /// The node does not die by itself any more.
    pub fn spare(&self) {
        self.doom(FOR_EVER);
    }

    fn bury(&mut self) {
        let world = &self.town.world;
        self.town.doors.lock()[self.number] = None;
        // What it had sent is settled before its tasks are dropped: their order is nobody's business.
        self.town.disk.settle_after_death(self.number);
        self.living = None;
        let chance = &world.chance;
        let downtime = match chance.below(100) {
            0..70 => Duration::from_millis(chance.within(50..=3_000)),
            70..90 => Duration::from_secs(chance.within(5..=120)),
            90..97 => Duration::from_secs(chance.within(600..=3_600)),
            _ => Duration::from_secs(chance.within(12..=30) * 3_600),
        };
        world
            .trace
            .step(world.now(), "town", digest("down"), || format!("node{} is down for {downtime:?}", self.number));
        self.down_until = world.now().saturating_add(downtime).unwrap_or(Timestamp::MAX);
    }

    /// Ends the node, so that nothing of it is left; what it had sent is settled.
    pub fn stop(&mut self) {
        if let Some(living) = &self.living {
            let _inside = living.runtime.enter();
            living.life.die();
            self.town.doors.lock()[self.number] = None;
            self.town.disk.settle_after_death(self.number);
        }
        self.living = None;
    }

    /// Runs a piece of work on the living node, outside of all races; `None` when it is dead or dies meanwhile.
    pub fn ask<T>(&self, work: impl AsyncFnOnce(&Node) -> T) -> Option<T> {
        let door = self.town.doors.lock()[self.number].clone()?;
        let living = self.living.as_ref().filter(|living| !living.life.is_dead())?;
        living.runtime.block_on(async {
            tokio::select! {
                biased;
                () = living.life.ended() => None,
                done = work(&door.node) => Some(done),
            }
        })
    }

    /// Lives that do not end before they are told to.
    pub fn start_for_ever(&mut self) {
        self.start(FOR_EVER);
    }
}
