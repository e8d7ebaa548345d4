//! The test bank's window, with every service on engines in memory.
//! It does not know pages.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::http::Method;
use contracts::orders::Orders;
use contracts::payments::TestBank as _;
use contracts::{Error, Result};
use domain::ids::OrderId;
use serde_json::Value;
use services::payments::{BankWindow, Notices};
use testkit::shop::BoxedShop;

/// Orders that have no time at first, as while a database fails over.
struct Busy {
    orders: Arc<dyn Orders>,
    refusals: AtomicU32,
}

#[async_trait]
impl Orders for Busy {
    async fn advance(&self, order: &OrderId) -> Result<()> {
        let is_over =
            self.refusals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_err();
        if is_over { self.orders.advance(order).await } else { Err(Error::unavailable("not now", 1)) }
    }
}

/// The payment is settled by then, and nobody else would tell the order before the payment's time is over.
#[tokio::test(start_paused = true)]
async fn who_has_decided_at_the_bank_need_not_come_again() {
    let shop = BoxedShop::open(7).await;
    let (status, order) = shop.buy("waiting", &[("B", 1)], "tok_action").await;
    assert_eq!(status, 202, "{order}");
    let busy = Arc::new(Busy { orders: shop.orders.clone(), refusals: AtomicU32::new(3) });
    let window = BankWindow::new(shop.bank(), Arc::new(Notices::new(shop.payments.clone(), busy)));
    let url = order["next_action"]["url"].as_str().expect("where the buyer decides");
    let (_, reference) = url.rsplit_once('/').expect("a reference");
    assert!(window.play(reference, true).await.is_err(), "the shop has no time");
    assert!(shop.comes_to_rest(Duration::from_secs(20)).await, "the bank tells it again, within seconds");
    let path = format!("/api/admin/orders/{}", order["id"].as_str().expect("an id"));
    let (_, order) = shop.send(Method::GET, &path, None, Value::Null, true).await;
    assert_eq!(order["status"], "confirmed", "{order}");
}
