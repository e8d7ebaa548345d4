//! Everybody arrives at once, at two nodes: what is there is sold, each piece once, and everybody else is told no, clearly.
//! It does not know how nodes take turns.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use serde_json::json;
use tokio::time::Instant;

use super::{Cluster, Engines, PATIENCE, Settings, longest, median};
use crate::drill::{Ground, Outcome};
use crate::mart::{Answer, Mart, eventually, guest_order};

#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub times: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { times: 5 }
    }
}

const BUYERS: usize = 1_200;
const STOCK: usize = 1_000;

/// # Panics
/// When other than exactly all is sold, or anybody is answered anything but yes or no.
pub async fn run(ground: &Ground, engines: &Engines, options: Options) -> Outcome {
    let cluster = Cluster::start(ground, engines, Settings::default()).await;
    let (mut took, mut answered): (Vec<Duration>, Vec<Duration>) = (Vec::new(), Vec::new());
    for time in 1..=options.times {
        let sku = format!("SALE-{time}");
        cluster.mart.product(&sku, 4_900, i64::try_from(STOCK).expect("a count")).await;
        let began = Instant::now();
        let buyers = (0..BUYERS).map(|buyer| buys(&cluster.mart, &sku, buyer));
        let (answers, times): (Vec<Answer>, Vec<Duration>) = join_all(buyers).await.into_iter().unzip();
        took.push(began.elapsed());
        answered.extend(times);
        all_is_sold(&cluster.mart, &sku, answers, time as usize).await;
        ground.tell(format!(
            "time {time:>2} of {}: all sold in {} ms",
            options.times,
            took[took.len() - 1].as_millis()
        ));
    }
    cluster.mart.doctor().await;
    let lost = cluster.gateway.take_lost();
    assert!(lost.is_empty(), "everybody is answered: {lost:?}");
    let sold = cluster.gateway.statuses().get(&201).copied().unwrap_or(0);
    assert!(sold >= (options.times as usize * STOCK) as u64, "{:?}", cluster.gateway.statuses());
    Outcome::default()
        .with("sales of 1,000 pieces to 1,200 buyers at once", options.times)
        .with("sold each time", STOCK)
        .with("told no each time, with what is left", BUYERS - STOCK)
        .with("other answers", 0)
        .with("oversold", 0)
        .with("until all were answered, ms, median", median(&took))
        .with("a buyer waited, ms, median", median(&answered))
        .with("a buyer waited, ms, at most", longest(&answered))
}

async fn buys(mart: &Mart, sku: &str, buyer: usize) -> (Answer, Duration) {
    let began = Instant::now();
    let answer = mart.place(&format!("{sku}-{buyer}"), &guest_order(sku, 1)).await;
    (answer, began.elapsed())
}

async fn all_is_sold(mart: &Mart, sku: &str, answers: Vec<Answer>, time: usize) {
    let (yes, no): (Vec<Answer>, Vec<Answer>) = answers.into_iter().partition(|answer| answer.status == 201);
    for answer in &no {
        let answer = answer.clone().problem(409, "insufficient_stock");
        assert_eq!(answer.body["lines"], json!([{"sku": sku, "requested": 1, "available": 0}]), "{answer}");
    }
    assert_eq!((yes.len(), no.len()), (STOCK, BUYERS - STOCK), "sold, and told no");
    let numbers: BTreeSet<String> = yes.iter().map(|answer| answer.text("number")).collect();
    assert_eq!(numbers.len(), STOCK, "every order has a number of its own");
    let stock = i64::try_from(STOCK).expect("a count");
    assert_eq!(mart.stock(sku).await, (stock, stock, 0), "on hand, reserved, available");
    eventually("lists show every order", PATIENCE, async || {
        let confirmed = mart.staff_list("/api/admin/orders?status=confirmed").await;
        assert!(confirmed.len() <= time * STOCK, "more were confirmed than there are");
        (confirmed.len() == time * STOCK).then_some(())
    })
    .await;
}
