//! What one node hears of what others commit on the same log.
//! It does not know who listens in a shop.

use std::collections::BTreeMap;
use std::time::Duration;

use platform::log::executor::CommittedFact;
use platform::log::{Position, Shard};
use tokio::sync::mpsc;

use super::*;

/// What others committed is heard within 50 ms; a busy machine may take longer, but not for ever.
const PATIENCE: Duration = Duration::from_secs(10);

async fn two([one, two]: [Arc<dyn Log>; 2]) -> (Bench, Bench) {
    (Bench::on(one, Limits::default(), 1).await, Bench::on(two, Limits::default(), 2).await)
}

/// Where each shard's facts went, as they were told.
#[derive(Default)]
struct Told(BTreeMap<Shard, Vec<Position>>);

impl Told {
    fn take(&mut self, batch: &[CommittedFact]) {
        for fact in batch {
            assert!(fact.of::<Counter>().is_some());
            self.0.entry(fact.shard).or_default().push(fact.position);
        }
    }

    fn count(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// Listens until so many facts came, counted from the beginning.
    async fn hear(&mut self, news: &mut mpsc::Receiver<Arc<[CommittedFact]>>, count: usize) {
        while self.count() < count {
            let heard = tokio::time::timeout(PATIENCE, news.recv()).await;
            self.take(&heard.expect("news come").expect("the executor lives"));
        }
        assert_eq!(self.count(), count);
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
    for news in &mut news {
        let mut told = Told::default();
        told.hear(news, 30 * 7).await;
        for (shard, positions) in &told.0 {
            let all: Vec<Position> = (1..=positions.len() as Position).collect();
            assert_eq!(*positions, all, "shard {shard}");
        }
    }
    assert!(news.iter_mut().all(|news| news.try_recv().is_err()), "nothing comes twice");
}

pub(super) async fn own_facts_are_told_at_once(logs: [Arc<dyn Log>; 2]) {
    let (one, two) = two(logs).await;
    let (hall, attic) = (counter("hall"), counter("attic"));
    let mut news = one.executor.subscribe(100);
    let mut told = Told::default();
    one.add(&hall, 1).await;
    one.add(&attic, 1).await;
    while let Ok(batch) = news.try_recv() {
        told.take(&batch);
    }
    assert_eq!(told.count(), 2, "nothing of others lies before them");
    // Behind a fact that is not known here, an own one waits for it.
    two.add(&hall, 1).await;
    one.add(&hall, 1).await;
    told.hear(&mut news, 4).await;
    assert_eq!(told.0[&hall.shard(64)], [1, 2, 3]);
}

pub(super) async fn states_at_hand_follow_others(logs: [Arc<dyn Log>; 2]) {
    let (one, two) = two(logs).await;
    let hall = counter("hall");
    let mut news = [one.executor.subscribe(100), two.executor.subscribe(100)];
    let mut told = [Told::default(), Told::default()];
    one.add(&hall, 1).await;
    two.add(&hall, 1).await;
    let conflicts = || [&one, &two].map(|bench| bench.executor.stats().conflicts.load(Ordering::Relaxed));
    let before = conflicts();
    for count in 2..20 {
        for (told, news) in told.iter_mut().zip(&mut news) {
            told.hear(news, count).await;
        }
        let next = if count % 2 == 0 { &one } else { &two };
        assert_eq!(answered(next.run(add(&hall, 1)).await), count as i64 + 1);
    }
    assert_eq!(conflicts(), before, "each knew what the other had written");
}
