//! What holds on a log that other nodes write, too.
//! It does not know how they hear of each other.

use super::*;

pub(super) async fn others_facts_are_taken_in([one, two]: [Arc<dyn Log>; 2]) {
    let (one, two) = (Bench::on(one, Limits::default(), 1).await, Bench::on(two, Limits::default(), 2).await);
    let hall = counter("hall");
    for round in 0..20 {
        assert_eq!(answered(one.run(add(&hall, 1)).await), round * 2 + 1);
        assert_eq!(answered(two.run(add(&hall, 1)).await), round * 2 + 2);
        assert_eq!(one.number(&hall).await, round * 2 + 2, "a read sees what others wrote");
    }
    assert!(two.executor.stats().conflicts.load(Ordering::Relaxed) > 0);
}

pub(super) async fn a_no_is_confirmed([one, two]: [Arc<dyn Log>; 2]) {
    let (one, two) = (Bench::on(one, Limits::default(), 1).await, Bench::on(two, Limits::default(), 2).await);
    let hall = counter("hall");
    assert_eq!(rejected(one.run(take(&hall, 1)).await), TooFew(0));
    two.add(&hall, 1).await;
    assert_eq!(answered(one.run(take(&hall, 1)).await), 0, "its own memory still said no");
    assert_eq!(rejected(two.run(take(&hall, 1)).await), TooFew(0));
}

pub(super) async fn what_is_always_overtaken_is_contended(log: Arc<dyn Log>) {
    let bench = Bench::on(log, Limits { contended_ms: 0, ..Limits::default() }, 1).await;
    let hall = counter("hall");
    for version in 0..3 {
        bench.log.next(Fault::Overtake(vec![foreign(&hall, version, "counter.added", "{\"number\":1}")]));
    }
    assert_eq!(answered(bench.run(add(&hall, 10)).await), 13, "the fourth time it succeeds");
    for version in 4..8 {
        bench.log.next(Fault::Overtake(vec![foreign(&hall, version, "counter.added", "{\"number\":1}")]));
    }
    assert!(matches!(failed(bench.run(add(&hall, 10)).await), ExecuteError::Contended));
    assert_eq!(bench.log.appends().len(), 8);
    assert_eq!(bench.number(&hall).await, 17);
}

/// Two commands of one batch, the second decided on the first; a stranger's fact takes the first one's version.
pub(super) async fn a_strangers_fact_is_not_taken_for_our_own(log: Arc<dyn Log>) {
    let bench = Bench::on(log, Limits::default(), 1).await;
    let hall = counter("hall");
    bench.add(&hall, 1).await;
    bench.log.hold();
    let unrelated = bench.begin(add(&counter("attic"), 1)).await;
    bench.log.arrived(2).await;
    let adding = bench.begin(add(&hall, 5)).await;
    let taking = bench.begin(take(&hall, 6)).await;
    bench.log.next(Fault::Overtake(vec![foreign(&hall, 1, "counter.taken", "{\"number\":1}")]));
    bench.log.release();
    answered(joined(unrelated).await);
    assert_eq!(answered(joined(adding).await), 5);
    assert_eq!(rejected(joined(taking).await), TooFew(5), "it took what a stranger had taken before");
    assert_eq!(bench.number(&hall).await, 5);
}

pub(super) async fn a_strangers_unknown_fact_fails_the_command(log: Arc<dyn Log>) {
    let bench = Bench::on(log, Limits::default(), 1).await;
    let hall = counter("hall");
    bench.add(&hall, 1).await;
    bench.log.next(Fault::Overtake(vec![foreign(&hall, 1, "counter.exploded", "{}")]));
    match failed(bench.run(add(&hall, 1)).await) {
        ExecuteError::Store(StoreError::Corrupt(text)) => assert!(text.contains("counter.exploded"), "{text}"),
        other => panic!("expected the unknown fact to be told, found {other:?}"),
    }
}

pub(super) async fn two_executors_never_exceed_a_limit([one, two]: [Arc<dyn Log>; 2]) {
    let (one, two) = (Bench::on(one, Limits::default(), 1).await, Bench::on(two, Limits::default(), 2).await);
    let (hall, attic) = (counter("hall"), counter("attic"));
    one.add(&hall, 60).await;
    let taking = (0..200).map(|n| {
        let (bench, stream) = (if n % 2 == 0 { &one } else { &two }, if n % 7 == 0 { &attic } else { &hall });
        bench.run(take(stream, 1))
    });
    let adding = (0..10).map(|n| if n % 2 == 0 { two.run(add(&attic, 1)) } else { one.run(add(&attic, 1)) });
    let (taken, added) = futures::join!(futures::future::join_all(taking), futures::future::join_all(adding));
    assert!(added.into_iter().all(|answer| answered(answer) > 0));
    let won = taken.into_iter().filter(|answer| answer.is_ok()).count() as i64;
    let left = one.number(&hall).await + one.number(&attic).await;
    assert_eq!(won + left, 70);
    assert_eq!(one.number(&hall).await, 0);
    assert!(one.number(&attic).await >= 0);
}

/// Every buyer of both nodes is told the truth: just as many win as there are goods, and the log has each of them once.
pub(super) async fn a_hot_stream_is_shared([one, two]: [Arc<dyn Log>; 2]) {
    let (one, two) = (Bench::on(one, Limits::default(), 1).await, Bench::on(two, Limits::default(), 2).await);
    let hall = counter("hall");
    one.add(&hall, 300).await;
    let taking = (0..400).map(|n| if n % 2 == 0 { one.run(take(&hall, 1)) } else { two.run(take(&hall, 1)) });
    let (won, lost): (Vec<_>, Vec<_>) = futures::future::join_all(taking).await.into_iter().partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (300, 100));
    assert!(lost.into_iter().all(|answer| rejected(answer) == TooFew(0)));
    let left: std::collections::BTreeSet<i64> = won.into_iter().map(answered).collect();
    assert_eq!(left, (0..300).collect(), "two buyers were sold the same piece");
    assert_eq!((two.number(&hall).await, two.stored(&hall).await), (0, 301));
}
