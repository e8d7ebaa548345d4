//! Orders, with every service on engines in memory.
//! It does not know pages, nor what real engines add.

use std::time::Duration;

use contracts::caller::Caller;
use contracts::inventory::Inventory as _;
use domain::ids::OrderId;
use domain::quantity::Quantity;
use domain::reservation::Status;
use domain::sku::Sku;
use platform::clock::Clock as _;
use testkit::shop::BoxedShop;
use tokio::time::{Instant, sleep_until};

const SEED: u64 = 7;
const KEY: &str = "interrupted";

/// The id that the order of this key has in every box of this seed.
async fn the_order() -> OrderId {
    let (status, order) = BoxedShop::open(SEED).await.buy(KEY, &[("A", 2)], "tok_success").await;
    assert_eq!(status, 201, "{order}");
    OrderId::parse(order["id"].as_str().expect("an id")).expect("an order's id")
}

async fn reserved(shop: &BoxedShop) -> i64 {
    let a = Sku::parse("A").expect("a SKU");
    shop.inventory.stock(std::slice::from_ref(&a)).await.expect("stock")[&a].total().reserved
}

/// A crash, or a full disk, between the hold and the order.
#[tokio::test(start_paused = true)]
async fn stock_that_is_held_for_an_order_which_never_came_about_is_free_after_a_minute() {
    let order = the_order().await;
    let shop = BoxedShop::open(SEED).await;
    let lines = [(Sku::parse("A").expect("a SKU"), Quantity::new(2).expect("a quantity"))];
    let until = shop.clock.now().checked_add(Duration::from_secs(45 * 60)).expect("a time");
    shop.inventory.reserve(&order, &lines, until, &Caller::system()).await.expect("held");
    let held_at = Instant::now();
    sleep_until(held_at + Duration::from_secs(55)).await;
    assert_eq!(reserved(&shop).await, 2, "its order may still come");
    sleep_until(held_at + Duration::from_secs(65)).await;
    assert_eq!(reserved(&shop).await, 0);

    let (status, placed) = shop.buy(KEY, &[("A", 2)], "tok_success").await;
    assert_eq!(
        (status, placed["id"].as_str()),
        (201, Some(order.as_str())),
        "the same request comes after all: {placed}"
    );
    assert_eq!(placed["status"], "confirmed", "{placed}");
    assert_eq!(reserved(&shop).await, 2);
    assert_eq!(shop.inventory.reservation(&order, None).await.expect("it").status, Status::Confirmed);
}

/// An order that waits for its buyer keeps what it holds.
#[tokio::test(start_paused = true)]
async fn stock_of_an_order_that_waits_is_not_given_back() {
    let shop = BoxedShop::open(SEED).await;
    let (status, order) = shop.buy(KEY, &[("A", 2)], "tok_action").await;
    assert_eq!(status, 202, "{order}");
    sleep_until(Instant::now() + Duration::from_secs(10 * 60)).await;
    assert_eq!(reserved(&shop).await, 2);
}
