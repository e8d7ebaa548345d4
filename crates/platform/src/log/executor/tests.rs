//! Nodes that compete for one stream: all get their turn, nobody is told no while there is enough, and what they do
//! together is not much less than what one does alone.

use std::sync::atomic::AtomicUsize;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::*;
use crate::clock::ManualClock;
use crate::entropy::SeededEntropy;
use crate::log::memory::MemoryLog;
use crate::log::{AppendId, Batch, GroupOutcome, ShardInfo, ShardState, Snapshot};

struct Shelf;

#[derive(Default, Clone, Serialize, Deserialize)]
struct Left {
    left: i64,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Moved {
    Came { number: i64 },
    Went { number: i64 },
}

impl Kind for Shelf {
    const NAME: &'static str = "shelf";
    const STATE_VERSION: u32 = 1;
    type State = Left;
    type Fact = Moved;

    fn apply(state: &mut Left, fact: &Moved, _at: Timestamp) {
        match fact {
            Moved::Came { number } => state.left += number,
            Moved::Went { number } => state.left -= number,
        }
    }
}

/// A store at some distance, which makes one append at a time durable.
struct Distant {
    store: Arc<MemoryLog>,
    /// One commit at a time, first come, first served.
    turn: Arc<tokio::sync::Mutex<()>>,
    away: Duration,
}

const COMMIT: Duration = Duration::from_millis(1);

impl Distant {
    async fn way(&self) {
        tokio::time::sleep(self.away / 2).await;
    }
}

#[async_trait]
impl Log for Distant {
    async fn append(&self, batch: Batch) -> StoreResult<Vec<GroupOutcome>> {
        self.way().await;
        let turn = self.turn.lock().await;
        let outcomes = self.store.append(batch).await;
        tokio::time::sleep(COMMIT).await;
        drop(turn);
        self.way().await;
        outcomes
    }

    async fn find_append(&self, id: AppendId) -> StoreResult<Option<Vec<GroupOutcome>>> {
        self.store.find_append(id).await
    }

    async fn read_stream(&self, stream: &StreamId, after: Version, limit: usize) -> StoreResult<Vec<RecordedFact>> {
        self.way().await;
        let read = self.store.read_stream(stream, after, limit).await;
        self.way().await;
        read
    }

    async fn read_shard(&self, shard: Shard, after: Position, limit: usize) -> StoreResult<Vec<RecordedFact>> {
        self.way().await;
        let read = self.store.read_shard(shard, after, limit).await;
        self.way().await;
        read
    }

    async fn shards(&self) -> StoreResult<Vec<ShardInfo>> {
        self.way().await;
        let infos = self.store.shards().await;
        self.way().await;
        infos
    }

    async fn fence(&self, shard: Shard, state: ShardState) -> StoreResult<Epoch> {
        self.store.fence(shard, state).await
    }

    async fn save_snapshot(&self, snapshot: Snapshot) -> StoreResult<()> {
        self.store.save_snapshot(snapshot).await
    }

    async fn load_snapshot(&self, stream: &StreamId) -> StoreResult<Option<Snapshot>> {
        self.store.load_snapshot(stream).await
    }

    fn owned_alone(&self) -> bool {
        false
    }
}

/// What came of it.
#[derive(Debug, Default)]
struct Sale {
    /// Per node.
    sold: Vec<usize>,
    refused: usize,
    failed: Vec<String>,
    took: Duration,
    slowest: Duration,
    conflicts: u64,
}

fn hot() -> StreamId {
    StreamId::new("shelf", "hot")
}

fn take() -> Command<(), i64> {
    Command::new("take", Cause::system(), [hot()], |view| {
        let left = view.state::<Shelf>(&hot()).left;
        if left < 1 { Err(left) } else { Ok(Decision::answer(()).with::<Shelf>(&hot(), Moved::Went { number: 1 })) }
    })
}

async fn node(store: &Arc<MemoryLog>, turn: &Arc<tokio::sync::Mutex<()>>, away: Duration, seed: u64) -> Executor {
    let log = Arc::new(Distant { store: store.clone(), turn: turn.clone(), away });
    let mut kinds = Kinds::default();
    kinds.register::<Shelf>();
    let clock = Arc::new(ManualClock::starting_at(Timestamp::UNIX_EPOCH));
    Executor::start(log, kinds, clock, Arc::new(SeededEntropy::new(seed)), Limits::default()).await.unwrap()
}

/// So many buyers come to each node through so many doors, as many at a time; `there` is what can be sold.
async fn sell(distances_ms: &[u64], doors: usize, buyers: &[usize], there: i64) -> Sale {
    let (store, turn) = (Arc::new(MemoryLog::with_ownership(4, false)), Arc::default());
    let mut nodes = Vec::new();
    for (seed, away) in distances_ms.iter().enumerate() {
        nodes.push(node(&store, &turn, Duration::from_millis(*away), seed as u64 + 1).await);
    }
    let fill = Command::<(), ()>::new("fill", Cause::system(), [hot()], move |_| {
        Ok(Decision::answer(()).with::<Shelf>(&hot(), Moved::Came { number: there }))
    });
    nodes[0].run(fill).await.unwrap();
    let began = Instant::now();
    let mut doormen = Vec::new();
    for (place, node) in nodes.iter().enumerate() {
        let outside = Arc::new(AtomicUsize::new(buyers[place]));
        for _ in 0..doors {
            let (node, outside) = (node.clone(), outside.clone());
            doormen.push(tokio::spawn(async move {
                let mut sale = Sale { sold: vec![0; place + 1], ..Sale::default() };
                while outside.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
                    let asked = Instant::now();
                    match node.run(take()).await {
                        Ok(_) => sale.sold[place] += 1,
                        Err(RunError::Rejected(_)) => sale.refused += 1,
                        Err(RunError::Failed(error)) => sale.failed.push(error.to_string()),
                    }
                    sale.slowest = sale.slowest.max(asked.elapsed());
                }
                sale
            }));
        }
    }
    let mut all = Sale { sold: vec![0; nodes.len()], ..Sale::default() };
    for doorman in doormen {
        let sale = doorman.await.unwrap();
        sale.sold.iter().enumerate().for_each(|(place, sold)| all.sold[place] += sold);
        all.refused += sale.refused;
        all.failed.extend(sale.failed);
        all.slowest = all.slowest.max(sale.slowest);
    }
    all.took = began.elapsed();
    all.conflicts = nodes.iter().map(|node| node.stats().conflicts.load(Ordering::Relaxed)).sum();
    let facts = store.dump();
    assert_eq!(facts.len(), all.sold.iter().sum::<usize>() + 1, "what was answered is what is there");
    println!("{distances_ms:?} ms away, {doors} doors: {all:?}");
    all
}

#[tokio::test(start_paused = true)]
async fn of_twelve_hundred_buyers_at_two_nodes_a_thousand_buy() {
    for distances in [[2, 2], [2, 8], [8, 2], [0, 0]] {
        for doors in [600, 32, 1] {
            let sale = sell(&distances, doors, &[600; 2], 1_000).await;
            assert!(sale.failed.is_empty(), "{distances:?}, {doors} doors: {:?}", sale.failed);
            assert_eq!((sale.sold.iter().sum::<usize>(), sale.refused), (1_000, 200), "{distances:?}, {doors} doors");
        }
    }
}

/// The near one has so much to do that it does not end before the far one.
#[tokio::test(start_paused = true)]
async fn nobody_is_starved_by_a_node_that_is_nearer() {
    for distances in [[2, 2], [2, 6], [2, 12], [2, 20]] {
        let sale = sell(&distances, 16, &[20_000, 400], 100_000).await;
        assert!(sale.failed.is_empty(), "{:?}", sale.failed);
        assert!(sale.slowest < Duration::from_secs(1), "{:?}", sale.slowest);
    }
}

#[tokio::test(start_paused = true)]
async fn three_nodes_share_a_stream_too() {
    let sale = sell(&[2, 3, 4], 32, &[1_000; 3], 2_500).await;
    assert_eq!((sale.failed.len(), sale.refused, sale.sold.iter().sum::<usize>()), (0, 500, 2_500));
}

#[tokio::test(start_paused = true)]
async fn two_nodes_sell_at_least_half_as_fast_as_one() {
    for away in [1, 2, 6, 10] {
        let alone = sell(&[away], 64, &[16_000], 100_000).await;
        let together = sell(&[away, away], 64, &[8_000; 2], 100_000).await;
        let halved = sell(&[away, away], 32, &[8_000; 2], 100_000).await;
        assert_eq!((alone.failed.len(), together.failed.len(), halved.failed.len()), (0, 0, 0));
        assert!(
            together.took <= alone.took * 2,
            "{away} ms away: {:?} alone, {:?} together",
            alone.took,
            together.took
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_others_commit_is_heard_within_fifty_milliseconds() {
    let (store, turn) = (Arc::new(MemoryLog::with_ownership(4, false)), Arc::default());
    let near = Duration::from_millis(4);
    let (one, two) = (node(&store, &turn, near, 1).await, node(&store, &turn, near, 2).await);
    let mut news = two.subscribe(100);
    for pause in 0..40 {
        let put = Command::<(), ()>::new("put", Cause::system(), [hot()], |_| {
            Ok(Decision::answer(()).with::<Shelf>(&hot(), Moved::Came { number: 1 }))
        });
        one.run(put).await.unwrap();
        let committed = Instant::now();
        assert_eq!(news.recv().await.unwrap().len(), 1);
        assert!(committed.elapsed() <= Duration::from_millis(50), "{:?}", committed.elapsed());
        assert!(two.news_age() <= Duration::from_millis(50));
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
}
