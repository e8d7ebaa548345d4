//! One hot stream under many buyers of two nodes: everybody is served, by both.

use std::time::Duration;

use adapters::postgres::Postgres;
use platform::log::StreamId;
use testkit::contract::executor::{Counted, Counter};
use testkit::engines::OnPostgres;
use tokio::time::Instant;

use super::node::{count, executor};

const BUYERS: usize = 64;
/// What a shop of several nodes allows. With the three that suffice where one process owns the store, every sixth
/// buyer of a hot product was turned away.
const CONFLICTS: u32 = 40;
const SELLING: Duration = Duration::from_millis(1_500);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_serve_everybody_who_wants_the_same() {
    let options = OnPostgres::default().fresh_options();
    let mut nodes = Vec::new();
    for seed in 0..2 {
        let store = Postgres::connect(&options).await.expect("a node");
        nodes.push(executor(store.log(), seed, CONFLICTS).await);
    }
    let hall = StreamId::new("counter", "hall");
    let end = Instant::now() + SELLING;
    let buyers = (0..BUYERS).map(|buyer| {
        let (node, hall) = (nodes[buyer % 2].clone(), hall.clone());
        tokio::spawn(async move {
            let mut served = 0;
            while Instant::now() < end {
                let add = count(&hall, |_| Some(Counted::Added { number: 1 }));
                node.run(add).await.expect("nobody is turned away");
                served += 1;
            }
            served
        })
    });
    let served: Vec<i64> =
        futures::future::join_all(buyers).await.into_iter().map(|buyer| buyer.expect("no panic")).collect();
    let of_node = |node: usize| served.iter().skip(node).step_by(2).sum::<i64>();
    println!("served by each node: {} and {}", of_node(0), of_node(1));
    assert!(of_node(0) > 0 && of_node(1) > 0);
    let (there, _) = nodes[0].read::<Counter>(&hall).await.expect("the counter");
    assert_eq!(there.number, of_node(0) + of_node(1));
}
