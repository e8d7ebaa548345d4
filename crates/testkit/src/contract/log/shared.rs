//! What a log must keep that several nodes write, each through a handle of its own.
//! It does not know what the nodes do with it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use platform::log::{GroupOutcome, Log, Placed, Shard, ShardState};
use platform::store::StoreError;

use super::{Pen, facts, group, lamp, placed};

pub async fn shared(fresh: impl AsyncFn() -> [Arc<dyn Log>; 2]) {
    println!("{}::appends_of_two_nodes_leave_no_gaps", module_path!());
    appends_of_two_nodes_leave_no_gaps(pens(fresh().await).await).await;
    println!("{}::each_node_finds_the_other_s_appends", module_path!());
    each_node_finds_the_other_s_appends(pens(fresh().await).await).await;
    println!("{}::a_fence_stops_both", module_path!());
    a_fence_stops_both(pens(fresh().await).await).await;
}

/// Each under ids of its own.
async fn pens([one, two]: [Arc<dyn Log>; 2]) -> [Pen; 2] {
    let (one, two) = (Pen::on(one).await, Pen::on(two).await);
    [one, Pen { next: AtomicU64::new(1_000_000), ..two }]
}

/// Both write to all shards at once, and to some of the same streams.
async fn appends_of_two_nodes_leave_no_gaps(pens: [Pen; 2]) {
    let writing = pens.iter().zip(["one", "two"]).flat_map(|(pen, node)| {
        (0..4).map(move |writer| async move {
            let mut told: Vec<Placed> = Vec::new();
            for round in 0..10 {
                let own = (0..12).map(|n| group([facts(&lamp(&format!("{node} {writer} {n}")), round * 2, 2)]));
                let claim = group([facts(&lamp(&format!("claim {round}")), 0, 1)]);
                let outcomes = pen.append(own.chain([claim]).collect()).await;
                outcomes[..12].iter().for_each(|outcome| told.extend(placed(outcome)));
                if let GroupOutcome::Committed(placed) = &outcomes[12] {
                    told.extend(placed);
                }
            }
            told
        })
    });
    let told = futures::future::join_all(writing).await.concat();
    let mut places: BTreeSet<(Shard, u64)> = BTreeSet::new();
    for place in &told {
        for nth in 0..u64::from(place.count) {
            assert!(places.insert((place.shard, place.first + nth)), "one place was given to two facts");
        }
    }
    assert_eq!(places.len(), 2 * 4 * 10 * 12 * 2 + 10, "a claim was given to two, or to nobody");
    for info in pens[1].log.shards().await.expect("the shards") {
        let stored = pens[0].log.read_shard(info.shard, 0, usize::MAX).await.expect("the shard");
        let positions: Vec<u64> = stored.iter().map(|fact| fact.position).collect();
        assert_eq!(positions, (1..=info.head).collect::<Vec<_>>(), "shard {} has gaps", info.shard);
        assert!(stored.iter().all(|fact| places.contains(&(info.shard, fact.position))));
    }
}

async fn each_node_finds_the_other_s_appends([one, two]: [Pen; 2]) {
    let hall = lamp("hall");
    let batch = one.batch(super::second(0), vec![group([facts(&hall, 0, 2)])]);
    let outcomes = one.log.append(batch.clone()).await.expect("the store takes the batch");
    let found = two.log.find_append(batch.id).await.expect("an answer").expect("the append happened");
    assert_eq!(placed(&found[0]), placed(&outcomes[0]));

    let late = one.batch(super::second(0), vec![group([facts(&hall, 2, 1)])]);
    assert!(two.log.find_append(late.id).await.expect("an answer").is_none());
    assert!(matches!(one.log.append(late).await, Err(StoreError::Unavailable(_))), "it was said never to happen");
    assert_eq!(one.read(&hall).await.len(), 2);
}

async fn a_fence_stops_both([one, two]: [Pen; 2]) {
    let hall = lamp("hall");
    one.write(&hall, 0, 1).await;
    one.log.fence(hall.shard(64), ShardState::Fenced).await.expect("fencing");
    for pen in [&one, &two] {
        let outcomes = pen.append(vec![group([facts(&hall, 1, 1)])]).await;
        assert!(matches!(outcomes[0], GroupOutcome::Fenced { epoch: 2, .. }));
    }
}
