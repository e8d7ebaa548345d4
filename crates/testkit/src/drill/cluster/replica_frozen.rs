//! A replica that falls behind under load, and another time stands still for some seconds: nobody goes without an answer, staff
//! are shown each order at the moment it is acknowledged, and lists are read there again once it is well.
//! It does not know how a node finds out how far a replica is.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::looks::{Looks, Meanwhile};
use super::{
    Cluster, Engines, Following, PATIENCE, Replica, Settings, answered, keeps_its_word, longest, median, millis,
    while_it_sells,
};
use crate::drill::book::Book;
use crate::drill::load::{Load, stock_up};
use crate::drill::{Ground, Outcome};
use crate::mart::eventually;

#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How often it lags, and how often it is frozen.
    pub times: u32,
    pub frozen_for: Duration,
    /// When it is further behind, it is left out.
    pub max_lag: Duration,
    /// How many ask at the same time.
    pub customers: usize,
    /// Answered while it is left out, and again when it is back.
    pub answers: u64,
    /// Both nodes are well so long after it can go on.
    pub back_within: Duration,
    /// Staff wait no longer for a list, whatever becomes of the replica.
    pub list_within: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            times: 5,
            // The primary gives up a replica that has said nothing for five: it has to find its way back, too.
            frozen_for: Duration::from_secs(8),
            max_lag: Duration::from_secs(1),
            customers: 16,
            answers: 300,
            back_within: Duration::from_secs(10),
            list_within: Duration::from_secs(2),
        }
    }
}

const NODES: [usize; 2] = [0, 1];

/// What became of it once.
struct Absence {
    /// Until both nodes said that they do without it.
    left: Duration,
    /// From when it could go on until both nodes were well.
    back: Duration,
    /// From then until each of them had read a list there.
    read: Duration,
    /// Facts that it did not show before it went on; 0 where nobody could ask.
    lacked: u64,
}

/// # Panics
/// When anybody goes without an answer, is put off, or is not shown what was acknowledged; when the replica is not left out, or does
/// not come back; when anything is lost.
pub async fn run(ground: &Ground, engines: &Engines, options: Options) -> Outcome {
    let replica = engines.replica().await;
    let following = Some(Following { port: replica.port(), max_lag: options.max_lag });
    let cluster = Cluster::start(ground, engines, Settings { following, ..Settings::default() }).await;
    let (book, mut dice) = (Mutex::new(Book::default()), ground.dice());
    stock_up(&cluster.mart, &book).await;
    let looks = Looks::start(&cluster, &book, options.list_within).await;
    let town = Town { engines, replica, cluster: &cluster, looks: &looks, options };
    let (mut lags, mut freezes): (Vec<Absence>, Vec<Absence>) = (Vec::new(), Vec::new());
    for time in 1..=options.times {
        let load = Load::new(&cluster.mart, &book, format!("replica-{time}"));
        let happens = looks.while_staff_look(async {
            town.is_read_again(town.answered().await).await;
            (town.lags(&load).await, town.is_frozen(&load).await)
        });
        let (lag, freeze) = while_it_sells(&load, options.customers, &mut dice.fork(), happens).await;
        let lost = cluster.gateway.take_lost();
        assert!(lost.is_empty(), "everybody is answered: {lost:?}");
        assert_eq!(load.put_off(), 0, "nobody is put off: {:?}", cluster.gateway.statuses());
        keeps_its_word(&cluster.mart, &book, &mut dice).await;
        looks.agree_with_the_shelf().await;
        ground.tell(format!(
            "time {time:>2} of {}: lagging, left out after {} ms, {} facts missing, back after {} ms; frozen, after {} and {} ms",
            options.times,
            lag.left.as_millis(),
            lag.lacked,
            lag.back.as_millis(),
            freeze.left.as_millis(),
            freeze.back.as_millis()
        ));
        lags.push(lag);
        freezes.push(freeze);
    }
    let outcome = Outcome::default()
        .with("times it lagged, and times it was frozen", options.times)
        .with("orders acknowledged", book.lock().tally.acknowledged)
        .with("requests without an answer, or put off", 0);
    let outcome = looks
        .told(outcome)
        .with("lists that the replica answered", town.lists("answered").await)
        .with("lists for which it was passed over: it lagged", town.lists("behind").await);
    times_of(outcome, options, &lags, &freezes).with("orders lost, or placed twice", 0)
}

fn times_of(outcome: Outcome, options: Options, lags: &[Absence], freezes: &[Absence]) -> Outcome {
    let times = |all: &[Absence], of: fn(&Absence) -> Duration| all.iter().map(of).collect::<Vec<_>>();
    let read = [times(lags, |lag| lag.read), times(freezes, |freeze| freeze.read)].concat();
    outcome
        .with("lagging: left out beyond, ms", millis(options.max_lag))
        .with("lagging: left out after, ms, at most", longest(&times(lags, |lag| lag.left)))
        .with("lagging: facts that it lacked, at most", lags.iter().map(|lag| lag.lacked).max().unwrap_or(0))
        .with("lagging: both nodes well after, ms, at most", longest(&times(lags, |lag| lag.back)))
        .with("frozen: seconds each", options.frozen_for.as_secs())
        .with("frozen: left out after, ms, at most", longest(&times(freezes, |freeze| freeze.left)))
        .with("frozen: both nodes well after, ms, median", median(&times(freezes, |freeze| freeze.back)))
        .with("frozen: both nodes well after, ms, at most", longest(&times(freezes, |freeze| freeze.back)))
        .with("well again: lists read there after, ms, at most", longest(&read))
}

/// The shop, its replica, and staff who look at lists.
struct Town<'a> {
    engines: &'a Engines,
    replica: Replica,
    cluster: &'a Cluster,
    looks: &'a Looks<'a>,
    options: Options,
}

impl Town<'_> {
    /// It takes in everything and shows nothing of it, until it is left out; then it may go on.
    async fn lags(&self, load: &Load<'_>) -> Absence {
        let passed_over = self.lists("behind").await;
        self.looks.are(Meanwhile::Lagging);
        let began = Instant::now();
        self.replica.pause().await;
        let left = self.is_left_out(began, " s behind, ").await;
        self.sells_without(load).await;
        for node in NODES {
            let lag = self.metric(node, "replica_lag_seconds", "").await;
            assert!(lag > self.options.max_lag.as_secs_f64(), "it is said to be {lag} s behind");
        }
        let schema = &self.cluster.mart.database().expect("a shop in a database").schema;
        let lacked = self.engines.lacking(&self.replica, schema).await;
        assert!(lacked > 0, "it lacks nothing, so nobody could have been shown too little");
        assert!(self.lists("behind").await > passed_over, "nobody asked it while it lacked something");
        let (seen, may) = (self.answered().await, Instant::now());
        self.replica.resume().await;
        let (back, read) = self.comes_back(may, seen, load).await;
        Absence { left, back, read, lacked }
    }

    /// It keeps its connections and says nothing for some seconds.
    async fn is_frozen(&self, load: &Load<'_>) -> Absence {
        self.looks.are(Meanwhile::Frozen);
        let began = Instant::now();
        self.replica.freeze().await;
        let left = self.is_left_out(began, "").await;
        self.sells_without(load).await;
        // That it stands still for so long is what is tried here.
        tokio::time::sleep_until(began + self.options.frozen_for).await;
        let (seen, may) = (self.answered().await, Instant::now());
        self.replica.wake().await;
        let (back, read) = self.comes_back(may, seen, load).await;
        Absence { left, back, read, lacked: 0 }
    }

    /// Both nodes say why they do without it, and are ready all the same. Answers how long that took.
    async fn is_left_out(&self, since: Instant, because: &str) -> Duration {
        for node in NODES {
            eventually("a node leaves it out", PATIENCE, async || self.is_out(node, because).await.then_some(())).await;
        }
        let (left, within) = (since.elapsed(), self.options.max_lag + self.options.back_within);
        assert!(left <= within, "it was left out after {left:?}");
        left
    }

    async fn is_out(&self, node: usize, because: &str) -> bool {
        let ready = self.cluster.node(node).get("/health/ready").send().await.expect(200);
        assert_eq!(ready.body["status"], "ready", "{ready}");
        let told = ready.body["degraded"][0].as_str().unwrap_or_default();
        told.starts_with(&format!("replica {}: ", self.name())) && told.contains(because)
    }

    /// Orders and lists go on, and none of them comes from there.
    async fn sells_without(&self, load: &Load<'_>) {
        // Who had asked it before is answered by now.
        answered(load, 20).await;
        let before = self.answered().await;
        answered(load, self.options.answers).await;
        for node in NODES {
            assert!(self.is_out(node, "").await, "nothing has changed, and it is asked again");
            assert_eq!(self.metric(node, "replica_in_rotation", "").await, 0.0);
            assert!(self.cluster.gateway.counts_on(self.cluster.address(node)), "a node that sells is given requests");
        }
        assert_eq!(self.answered().await, before, "it was left out, and answered lists");
    }

    /// Answers how long it took since it could go on until both nodes were well, and from then until both read lists there.
    async fn comes_back(&self, may: Instant, seen: [u64; 2], load: &Load<'_>) -> (Duration, Duration) {
        self.looks.are(Meanwhile::Well);
        for node in NODES {
            eventually("a node is well", PATIENCE, async || self.cluster.is_well(node).await.then_some(())).await;
        }
        let back = may.elapsed();
        assert!(back <= self.options.back_within, "it was back after {back:?}");
        let well = Instant::now();
        self.is_read_again(seen).await;
        let read = well.elapsed();
        answered(load, self.options.answers).await;
        (back, read)
    }

    /// Each node had more lists from it than that.
    async fn is_read_again(&self, seen: [u64; 2]) {
        for node in NODES {
            eventually("a list is read there", PATIENCE, async || {
                (self.answered().await[node] > seen[node]).then_some(())
            })
            .await;
        }
    }

    /// Lists that it answered, for each node.
    async fn answered(&self) -> [u64; 2] {
        [self.lists_of(0, "answered").await, self.lists_of(1, "answered").await]
    }

    /// Lists that it was asked for, by what became of it.
    async fn lists(&self, outcome: &str) -> u64 {
        self.lists_of(0, outcome).await + self.lists_of(1, outcome).await
    }

    async fn lists_of(&self, node: usize, outcome: &str) -> u64 {
        self.metric(node, "replica_reads_total", &format!(",outcome=\"{outcome}\"")).await as u64
    }

    async fn metric(&self, node: usize, name: &str, labels: &str) -> f64 {
        self.cluster.metric(node, &format!("{name}{{replica=\"{}\"{labels}}}", self.name())).await
    }

    fn name(&self) -> String {
        format!("127.0.0.1:{}", self.replica.port())
    }
}
