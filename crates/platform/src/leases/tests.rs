//! Leases of several nodes on one store, on paused time.
//! They do not know any duty.

use super::*;
use crate::clock::ManualClock;
use crate::documents::memory::MemoryDocuments;
use crate::entropy::SeededEntropy;

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

struct Town {
    documents: Arc<dyn Documents>,
}

struct Node {
    leases: Leases,
    duties: Vec<Duty>,
    clock: Arc<ManualClock>,
}

impl Town {
    fn new() -> Self {
        Self { documents: Arc::new(MemoryDocuments::default()) }
    }

    fn node(&self, seed: u64, version: u32) -> Node {
        let clock = Arc::new(ManualClock::starting_at(Timestamp::UNIX_EPOCH));
        let entropy = SeededEntropy::new(seed);
        let leases = Leases::among_others(self.documents.clone(), clock.clone(), &entropy, Arc::default());
        let duties = NAMES.iter().map(|name| leases.duty(name, version)).collect();
        Node { leases, duties, clock }
    }
}

impl Node {
    fn has(&self) -> usize {
        self.duties.iter().filter(|duty| duty.is_mine()).count()
    }

    async fn has_come_to(&self, count: usize) {
        while self.has() != count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn alone_everything_is_ones_own_at_once() {
    let leases = Leases::alone();
    let duty = leases.duty("a", 1);
    assert!(duty.is_mine());
    duty.begins().await;
    leases.leave().await;
    assert_eq!((duty.term(), leases.nodes()), (Some(0), 1));
}

#[tokio::test(start_paused = true)]
async fn a_duty_has_one_node_and_nodes_share_them() {
    let town = Town::new();
    let one = town.node(1, 1);
    one.has_come_to(5).await;
    let began = Instant::now();
    let two = town.node(2, 1);
    two.has_come_to(2).await;
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    for _ in 0..40 {
        tokio::time::sleep(Duration::from_millis(250)).await;
        assert_eq!((one.has(), two.has()), (3, 2), "nothing goes back and forth");
        assert!(one.duties.iter().zip(&two.duties).all(|(one, two)| !one.is_mine() || !two.is_mine()));
    }
    assert_eq!((one.leases.nodes(), two.leases.nodes()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn when_a_node_dies_the_other_takes_over_within_five_seconds() {
    for (seed, moment) in [0, 130, 270, 410, 640, 890].into_iter().enumerate() {
        let town = Town::new();
        let one = town.node(1, 1);
        let two = town.node(seed as u64 + 2, 1);
        two.has_come_to(2).await;
        pass(5).await;
        tokio::time::sleep(Duration::from_millis(moment)).await;
        // As a kill does it: nothing is given up, its task just ends.
        drop(one);
        let died = Instant::now();
        two.has_come_to(5).await;
        assert!(died.elapsed() <= Duration::from_secs(5), "{:?}", died.elapsed());
        assert!(died.elapsed() >= Duration::from_secs(2), "not before it is sure: {:?}", died.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_takes_over_knows_who_is_dead() {
    let town = Town::new();
    let (one, two) = (town.node(1, 1), town.node(2, 1));
    pass(5).await;
    let dead = one.leases.me().to_owned();
    assert!(two.leases.lives(&dead) && two.leases.lives(two.leases.me()) && two.leases.is_sure());
    drop(one);
    two.has_come_to(5).await;
    assert!(!two.leases.lives(&dead), "when its duties are there, it is known to be gone");
    two.clock.advance(Duration::from_secs(10));
    assert!(!two.leases.is_sure(), "it stood still itself");
}

#[tokio::test(start_paused = true)]
async fn who_leaves_is_followed_at_once() {
    let town = Town::new();
    let (one, two) = (town.node(1, 1), town.node(2, 1));
    pass(5).await;
    assert_eq!(one.has() + two.has(), 5);
    one.leases.leave().await;
    let left = Instant::now();
    assert_eq!(one.has(), 0);
    two.has_come_to(5).await;
    assert!(left.elapsed() <= Duration::from_secs(1), "{:?}", left.elapsed());
    pass(10).await;
    assert_eq!((one.has(), two.has()), (0, 5), "who has left does not come back");
}

#[tokio::test(start_paused = true)]
async fn a_duty_that_is_dropped_goes_to_somebody_else() {
    let town = Town::new();
    let mut one = town.node(1, 1);
    one.has_come_to(5).await;
    let two = town.node(2, 1);
    pass(4).await;
    one.duties.clear();
    two.has_come_to(5).await;
}

#[tokio::test(start_paused = true)]
async fn who_stood_still_does_not_believe_in_its_duties() {
    let town = Town::new();
    let one = town.node(1, 1);
    one.has_come_to(5).await;
    // The machine slept: timers have not noticed.
    one.clock.advance(Duration::from_secs(10));
    assert_eq!(one.has(), 0);
    let term = one.duties[0].term();
    one.has_come_to(5).await;
    assert_eq!(term, None);
}

#[tokio::test(start_paused = true)]
async fn a_term_tells_that_a_duty_was_away() {
    let town = Town::new();
    let one = town.node(1, 1);
    one.has_come_to(5).await;
    let terms: Vec<_> = one.duties.iter().map(Duty::term).collect();
    pass(10).await;
    assert_eq!(terms, one.duties.iter().map(Duty::term).collect::<Vec<_>>(), "beats do not change it");
    let two = town.node(2, 1);
    two.has_come_to(2).await;
    two.leases.leave().await;
    one.has_come_to(5).await;
    let again: Vec<_> = one.duties.iter().map(Duty::term).collect();
    let changed = terms.iter().zip(&again).filter(|(before, after)| before != after).count();
    assert_eq!(changed, 2, "{terms:?} {again:?}");
}

#[tokio::test(start_paused = true)]
async fn an_older_version_does_not_take_a_duty_back() {
    let town = Town::new();
    let old = town.node(1, 1);
    old.has_come_to(5).await;
    let new = town.node(2, 2);
    new.has_come_to(5).await;
    assert_eq!(old.has(), 0);
    drop(new);
    pass(20).await;
    assert_eq!(old.has(), 0, "what the newer one wrote is not the older one's to go on with");
}

#[tokio::test(start_paused = true)]
async fn many_nodes_come_and_go_and_every_duty_has_one() {
    let town = Town::new();
    let mut nodes: Vec<Node> = (0..4).map(|seed| town.node(seed, 1)).collect();
    for round in 0..12_u64 {
        pass(6).await;
        let all: usize = nodes.iter().map(Node::has).sum();
        assert_eq!(all, 5, "round {round}: {:?}", nodes.iter().map(Node::has).collect::<Vec<_>>());
        nodes.remove(usize::try_from(round % 3).unwrap());
        nodes.push(town.node(100 + round, 1));
    }
}
