//! Commands that take a stream for a new one without having looked.
//! They do not know whether they are right; the log does.

use super::*;

/// A store in which `hall` holds 41, and an executor that has not seen it yet.
async fn cold(engine: &dyn Engine) -> (Bench, StreamId) {
    let warm = Bench::fresh(engine).await;
    let hall = counter("hall");
    warm.add(&hall, 41).await;
    let Bench { executor, store, .. } = warm;
    drop(executor);
    let store = store.expect("a store");
    let bench = Bench::on(store.log(), Limits::default(), 2).await;
    (Bench { store: Some(store), ..bench }, hall)
}

pub(super) async fn a_stream_that_is_new_is_not_looked_for(engine: &dyn Engine) {
    let bench = Bench::fresh(engine).await;
    let (hall, attic) = (counter("hall"), counter("attic"));
    assert_eq!(answered(bench.run(add(&hall, 5).presuming_new([hall.clone()])).await), 5);
    assert!(bench.log.stream_reads().is_empty());
    assert_eq!(answered(bench.run(add(&hall, 1).presuming_new([hall.clone()])).await), 6, "it is known by now");
    assert!(bench.log.stream_reads().is_empty());
    bench.add(&attic, 1).await;
    assert_eq!(bench.log.stream_reads().len(), 1);
    assert_eq!((bench.number(&hall).await, bench.stored(&hall).await), (6, 2));
}

pub(super) async fn a_wrong_presumption_is_decided_again(engine: &dyn Engine) {
    let (bench, hall) = cold(engine).await;
    assert_eq!(answered(bench.run(add(&hall, 1).presuming_new([hall.clone()])).await), 42);
    assert_eq!((bench.number(&hall).await, bench.stored(&hall).await), (42, 2));
    assert_eq!(bench.executor.stats().conflicts.load(Ordering::Relaxed), 1);
}

pub(super) async fn a_no_on_a_presumption_is_confirmed(engine: &dyn Engine) {
    let (bench, hall) = cold(engine).await;
    let attic = counter("attic");
    assert_eq!(rejected(bench.run(take(&attic, 1).presuming_new([attic.clone()])).await), TooFew(0));
    assert_eq!(answered(bench.run(take(&hall, 41).presuming_new([hall.clone()])).await), 0);
    assert_eq!(rejected(bench.run(take(&hall, 1)).await), TooFew(0));
}

pub(super) async fn nobody_reads_a_presumption(engine: &dyn Engine) {
    let (bench, hall) = cold(engine).await;
    bench.log.hold();
    let adding = bench.begin(add(&hall, 1).presuming_new([hall.clone()])).await;
    let following = bench.begin(add(&hall, 1)).await;
    assert_eq!(bench.number(&hall).await, 41);
    bench.log.release();
    assert_eq!((answered(joined(adding).await), answered(joined(following).await)), (42, 43));
    assert_eq!(bench.number(&hall).await, 43);
}

/// What followed a presumption that was lost with its append is decided on what is there.
pub(super) async fn a_presumption_ends_with_its_append(engine: &dyn Engine) {
    let (bench, hall) = cold(engine).await;
    bench.log.hold();
    bench.log.next(Fault::Fail(StoreError::Unavailable("no power".into())));
    let adding = bench.begin(add(&hall, 1).presuming_new([hall.clone()])).await;
    let following = bench.begin(take(&hall, 40)).await;
    bench.log.release();
    assert!(matches!(failed(joined(adding).await), ExecuteError::Store(StoreError::Unavailable(_))));
    assert_eq!(answered(joined(following).await), 1);
}
