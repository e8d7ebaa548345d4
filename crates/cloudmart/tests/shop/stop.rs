//! Ending well.

use futures::StreamExt as _;
use testkit::mart::{Ask, Mart, Signal, guest_order};

use crate::CLOUDMART;

const BUYERS: usize = 60;

#[tokio::test]
async fn sigterm_cuts_nobody_off() {
    drains(Signal::Terminate).await;
}

#[tokio::test]
async fn ctrl_c_cuts_nobody_off() {
    drains(Signal::Interrupt).await;
}

async fn drains(signal: Signal) {
    let mut mart = Mart::open(CLOUDMART).await;
    mart.product("LAMP", 4_900, 1_000).await;
    let order = guest_order("LAMP", 1);
    let keys: Vec<String> = (0..BUYERS).map(|buyer| format!("buyer-{buyer}")).collect();
    let asks: Vec<Ask> = keys.iter().map(|key| mart.post("/api/orders").key(key).json(&order)).collect();
    let mut running = futures::stream::iter(asks).map(Ask::try_send).buffer_unordered(24);
    let (mut confirmed, mut refused) = (Vec::new(), 0);
    while let Some(answer) = running.next().await {
        match answer {
            Ok(answer) => confirmed.push(answer.expect(201).text("id")),
            // Whoever came after the word to stop is not let in; whoever was in is answered.
            Err(error) => {
                assert!(error.is_connect(), "cut off: {error:?}");
                refused += 1;
            }
        }
        if confirmed.len() == 12 {
            mart.signal(signal);
        }
    }
    drop(running);
    let status = mart.ended().await;
    assert!(status.success(), "{status}{}", mart.log());
    assert!(confirmed.len() >= 12 && confirmed.len() + refused == BUYERS);
    assert!(!mart.output().to_lowercase().contains("panic"), "{}", mart.log());
    mart.restart().await;
    for id in &confirmed {
        assert_eq!(mart.order(id).await.body["status"], "confirmed");
    }
    assert_eq!(mart.staff_list("/api/admin/orders").await.len(), confirmed.len());
    mart.doctor().await;
}
