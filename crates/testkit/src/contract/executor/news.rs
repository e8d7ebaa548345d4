//! What one node hears of what others commit on the same log.
//! It does not know who listens in a shop.

use std::collections::BTreeMap;
use std::time::Duration;

use platform::log::executor::CommittedFact;
use platform::log::{Position, Shard};
use tokio::sync::mpsc;

use super::*;

/// What others committed is heard after this long at the latest.
const WITHIN: Duration = Duration::from_millis(50);

async fn two([one, two]: [Arc<dyn Log>; 2]) -> (Bench, Bench) {
    (Bench::on(one, Limits::default(), 1).await, Bench::on(two, Limits::default(), 2).await)
}

/// Where each shard's facts went, as they were told.
#[derive(Default)]
struct Told(BTreeMap<Shard, Vec<Position>>);

impl Told {
    fn take(&mut self, news: &mut mpsc::Receiver<Arc<[CommittedFact]>>) {
        while let Ok(batch) = news.try_recv() {
            for fact in batch.iter() {
                assert!(fact.of::<Counter>().is_some());
                self.0.entry(fact.shard).or_default().push(fact.position);
            }
        }
    }

    fn count(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }
}

pub(super) async fn come_once_and_in_order(logs: [Arc<dyn Log>; 2]) {
    let (one, two) = two(logs).await;
    let mut news = [one.executor.subscribe(10_000), two.executor.subscribe(10_000)];
    let streams: Vec<StreamId> = (0..5).map(|n| counter(&format!("c{n}"))).collect();
    for round in 0..30 {
        let (mine, others) = (&streams[round % 5], &streams[round % 3]);
        let adding = (0..4).map(|_| one.run(add(mine, 1)));
        let more = (0..3).map(|_| two.run(add(others, 1)));
        let answers = futures::join!(futures::future::join_all(adding), futures::future::join_all(more));
        for answer in answers.0.into_iter().chain(answers.1) {
            answered(answer);
        }
        if round % 4 == 0 {
            tokio::time::sleep(Duration::from_millis(7)).await;
        }
    }
    tokio::time::sleep(WITHIN).await;
    for news in &mut news {
        let mut told = Told::default();
        told.take(news);
        assert_eq!(told.count(), 30 * 7);
        for (shard, positions) in &told.0 {
            let all: Vec<Position> = (1..=positions.len() as Position).collect();
            assert_eq!(*positions, all, "shard {shard}");
        }
    }
    assert!(one.executor.news_age() <= WITHIN);
}

pub(super) async fn own_facts_are_told_at_once(logs: [Arc<dyn Log>; 2]) {
    let (one, two) = two(logs).await;
    let (hall, attic) = (counter("hall"), counter("attic"));
    let mut news = one.executor.subscribe(100);
    let mut told = Told::default();
    one.add(&hall, 1).await;
    one.add(&attic, 1).await;
    told.take(&mut news);
    assert_eq!(told.count(), 2, "nothing of others lies before them");
    // Behind a fact that is not known here, an own one waits for it.
    two.add(&hall, 1).await;
    one.add(&hall, 1).await;
    tokio::time::sleep(WITHIN).await;
    told.take(&mut news);
    assert_eq!(told.count(), 4);
    assert_eq!(told.0[&hall.shard(64)], [1, 2, 3]);
}

pub(super) async fn states_at_hand_follow_others(logs: [Arc<dyn Log>; 2]) {
    let (one, two) = two(logs).await;
    let hall = counter("hall");
    one.add(&hall, 1).await;
    two.add(&hall, 1).await;
    for round in 1..10 {
        tokio::time::sleep(WITHIN).await;
        let conflicts = || [&one, &two].map(|bench| bench.executor.stats().conflicts.load(Ordering::Relaxed));
        let before = conflicts();
        assert_eq!(answered(one.run(add(&hall, 1)).await), round * 2 + 1);
        tokio::time::sleep(WITHIN).await;
        assert_eq!(answered(two.run(add(&hall, 1)).await), round * 2 + 2);
        assert_eq!(conflicts(), before, "each knew what the other had written");
    }
}
