//! What is listed: in which order, in which category, and that no page loses anything.

use std::collections::BTreeSet;
use std::time::Duration;

use contracts::Kind;
use contracts::catalog::{Catalog as _, ListProducts, Sort};
use domain::catalog::{CategoryInput, Status};
use platform::http::extract::IfMatch;

use super::*;
use crate::catalog::lists::ListForStaff;

fn query() -> ListProducts {
    ListProducts { limit: 100, ..ListProducts::default() }
}

async fn titles(mart: &Mart, query: &ListProducts) -> Vec<String> {
    mart.machinery.settle_lists().await.unwrap();
    let mut query = query.clone();
    let mut titles = Vec::new();
    loop {
        let page = mart.catalog.products(&query).await.unwrap();
        titles.extend(page.items.into_iter().map(|card| card.title));
        let Some(cursor) = page.next_cursor else { return titles };
        query.cursor = Some(cursor);
    }
}

async fn create(mart: &Mart, title: &str, price: i64, categories: &[&str]) {
    mart.clock.advance(Duration::from_secs(1));
    let input = with(simple(title, &format!("{title}-sku"), price), "categories", json!(categories));
    mart.create(input).await.unwrap();
}

async fn plant(mart: &Mart, pairs: &[(&str, Option<&str>)]) {
    let category = |(slug, parent): &(&str, Option<&str>)| CategoryInput {
        title: (*slug).to_owned(),
        parent: parent.map(str::to_owned),
        ..CategoryInput::default()
    };
    mart.catalog.replace_categories(pairs.iter().map(category).collect(), &staff()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn every_order_is_kept() {
    let mart = mart().await;
    for (title, price) in [("banana", 300), ("Apple", 100), ("cherry", 200)] {
        create(&mart, title, price, &[]).await;
    }
    for (sort, expected) in [
        (Sort::Newest, ["cherry", "Apple", "banana"]),
        (Sort::Title, ["Apple", "banana", "cherry"]),
        (Sort::PriceAsc, ["Apple", "cherry", "banana"]),
        (Sort::PriceDesc, ["banana", "cherry", "Apple"]),
    ] {
        for limit in [1, 2, 100] {
            assert_eq!(titles(&mart, &ListProducts { sort, limit, ..query() }).await, expected, "{sort:?} {limit}");
        }
    }
    let won = ListProducts { sort: Sort::PriceAsc, reading: read_in(Some("KRW"), None), ..query() };
    assert!(titles(&mart, &won).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_category_holds_what_is_under_it_once() {
    let mart = mart().await;
    plant(&mart, &[("tea", None), ("leaf", Some("tea")), ("green", Some("leaf")), ("cups", None)]).await;
    create(&mart, "in all", 5, &["tea", "leaf", "green"]).await;
    create(&mart, "in green", 4, &["green"]).await;
    create(&mart, "in cups", 3, &["cups"]).await;
    create(&mart, "in tea", 2, &["tea"]).await;
    create(&mart, "in none", 1, &[]).await;
    let under =
        |category: &str, sort, limit| ListProducts { category: Some(category.to_owned()), sort, limit, ..query() };
    for limit in [1, 2, 3, 100] {
        assert_eq!(titles(&mart, &under("tea", Sort::Newest, limit)).await, ["in tea", "in green", "in all"]);
        assert_eq!(titles(&mart, &under("leaf", Sort::PriceAsc, limit)).await, ["in green", "in all"]);
        assert_eq!(titles(&mart, &under("tea", Sort::Title, limit)).await, ["in all", "in green", "in tea"]);
    }
    assert!(titles(&mart, &under("nothing", Sort::Newest, 5)).await.is_empty());
    assert!(titles(&mart, &under("NO SLUG", Sort::Newest, 5)).await.is_empty());
    // The tree changes, no document does.
    plant(&mart, &[("tea", None), ("leaf", None), ("green", Some("leaf"))]).await;
    assert_eq!(titles(&mart, &under("tea", Sort::Newest, 5)).await, ["in tea", "in all"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_while_products_are_added() {
    let mart = mart().await;
    plant(&mart, &[("a", None), ("b", Some("a")), ("c", Some("a"))]).await;
    for number in 0..30 {
        create(&mart, &format!("old {number}"), number, &[["a", "b", "c"][number as usize % 3]]).await;
    }
    for sort in [Sort::Newest, Sort::Title, Sort::PriceAsc, Sort::PriceDesc] {
        let mut query = ListProducts { sort, limit: 4, category: Some("a".to_owned()), ..query() };
        let mut seen: Vec<String> = Vec::new();
        for round in 0.. {
            let page = mart.catalog.products(&query).await.unwrap();
            seen.extend(page.items.into_iter().map(|card| card.title));
            let Some(cursor) = page.next_cursor else { break };
            query.cursor = Some(cursor);
            create(&mart, &format!("{sort:?} {round}"), round * 3, &["b"]).await;
        }
        let all: BTreeSet<&String> = seen.iter().collect();
        assert_eq!(all.len(), seen.len(), "{sort:?}: none twice");
        assert_eq!(all.iter().filter(|title| title.starts_with("old")).count(), 30, "{sort:?}: none lost");
    }
}

#[tokio::test(start_paused = true)]
async fn shoppers_see_what_is_active_and_staff_see_all() {
    let mart = mart().await;
    create(&mart, "active", 1, &[]).await;
    create(&mart, "gone", 1, &[]).await;
    mart.clock.advance(Duration::from_secs(1));
    mart.create(with(simple("draft", "D", 1), "status", json!("draft"))).await.unwrap();
    let gone = mart.catalog.holder(&sku("gone-sku")).await.unwrap().unwrap();
    mart.catalog.archive(&gone, &IfMatch::default(), &staff()).await.unwrap();
    assert_eq!(titles(&mart, &query()).await, ["active"]);
    let staff_see = async |query: ListForStaff| {
        let page = mart.catalog.list_for_staff(&ListForStaff { limit: 10, ..query }).await.unwrap();
        page.items.iter().map(|product| product.content.title.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(staff_see(ListForStaff::default()).await, ["draft", "gone", "active"]);
    let archived = ListForStaff { status: Some(Status::Archived), ..ListForStaff::default() };
    assert_eq!(staff_see(archived).await, ["gone"]);
    let by_sku = |text: &str| ListForStaff { sku: Some(text.to_owned()), ..ListForStaff::default() };
    assert_eq!(staff_see(by_sku("gone-sku")).await, ["gone"]);
    assert!(staff_see(ListForStaff { status: Some(Status::Active), ..by_sku("gone-sku") }).await.is_empty());
    assert!(staff_see(by_sku("GONE-SKU")).await.is_empty());
    assert_eq!(staff_see(ListForStaff { q: Some("RAF".to_owned()), ..ListForStaff::default() }).await, ["draft"]);
}

#[tokio::test(start_paused = true)]
async fn words_are_found_in_every_language() {
    let mart = mart().await;
    let input = with(simple("Grüner Tee", "T", 1), "translations", json!({"ko": {"title": "하동 녹차"}}));
    mart.create(input).await.unwrap();
    create(&mart, "Cup", 1, &[]).await;
    let found = async |q: &str| titles(&mart, &ListProducts { q: Some(q.to_owned()), ..query() }).await.len();
    assert_eq!(found("GRÜNER").await, 1);
    assert_eq!(found("녹차").await, 1);
    assert_eq!(found("  ").await, 2);
    assert_eq!(found("커피").await, 0);
    assert_eq!(found("🫖").await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_cursor_belongs_to_its_list() {
    let mart = mart().await;
    create(&mart, "one", 1, &[]).await;
    create(&mart, "two", 2, &[]).await;
    let page = mart.catalog.products(&ListProducts { limit: 1, ..query() }).await.unwrap();
    for other in [
        ListProducts { sort: Sort::Title, ..query() },
        ListProducts { category: Some("tea".to_owned()), ..query() },
        ListProducts { q: Some("o".to_owned()), ..query() },
    ] {
        let error =
            mart.catalog.products(&ListProducts { cursor: page.next_cursor.clone(), ..other }).await.unwrap_err();
        assert_eq!((error.kind, error.code.as_ref()), (Kind::Malformed, "bad_cursor"));
    }
}
