//! Finding products, as buyers do: by words, facets and pages; and after the power went.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use testkit::mart::{Mart, Plan, eventually, files_under};

use crate::{CLOUDMART, PATIENCE, at_once};

const CONNECTIONS: usize = 8;

async fn create(mart: &Mart, n: usize) -> String {
    let colour = ["Red", "Green", "Blue"][n % 3];
    let product = json!({
        "title": format!("Lantern number {n}"), "brand": format!("Maker {}", n % 4),
        "attributes": {"colour": colour},
        "translations": {"ko": {"title": format!("등불 {n}호"), "attributes": {"colour": format!("{colour} 색")}}},
        "variants": [{"sku": format!("LANTERN-{n}"), "prices": [{"amount": 1_000 + n, "currency": "USD"}]}],
    });
    mart.staff_post("/api/admin/products").json(&product).send().await.expect(201).text("slug")
}

/// The slugs on all pages.
async fn all_pages(mart: &Mart, query: &str) -> Vec<String> {
    let (mut slugs, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = mart.get(&format!("/api/products?limit=7&{query}{cursor}")).send().await.expect(200);
        slugs.extend(page.items().iter().map(|card| card["slug"].as_str().unwrap_or_default().to_owned()));
        match page.body["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return slugs,
        }
    }
}

async fn finds_all(mart: &Mart, wanted: &BTreeSet<String>) {
    for query in ["", "q=lantern", "q=%EB%93%B1%EB%B6%88&sort=title", "sort=price_asc"] {
        eventually(&format!("everything is found by {query}"), PATIENCE, async || {
            let slugs = all_pages(mart, query).await;
            let found: BTreeSet<String> = slugs.iter().cloned().collect();
            assert_eq!(found.len(), slugs.len(), "each but once: {slugs:?}");
            wanted.is_subset(&found).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn everything_that_was_acknowledged_is_found_after_the_power_went() {
    let mut mart = Mart::open(CLOUDMART).await;
    let mut slugs = BTreeSet::new();
    for round in 0..3 {
        let some = (round * 15..(round + 1) * 15).map(|n| create(&mart, n));
        slugs.extend(at_once(CONNECTIONS, some).await);
        mart.kill9();
        mart.restart().await;
        finds_all(&mart, &slugs).await;
    }
    // What is damaged, and what is gone, is built anew from the log.
    let index = mart.data().join("search");
    assert!(mart.terminate().await.success());
    for file in files_under(&index).iter().filter(|file| file.extension().is_some_and(|kind| kind == "fast")) {
        std::fs::write(file, "not what was written").expect("a damaged file");
    }
    mart.restart().await;
    finds_all(&mart, &slugs).await;
    assert!(mart.terminate().await.success());
    std::fs::remove_dir_all(&index).expect("no index");
    mart.restart().await;
    finds_all(&mart, &slugs).await;
    mart.doctor().await;
    assert!(mart.terminate().await.success());
    let rebuilt = mart.command(&["rebuild"]).await;
    assert!(rebuilt.status.success(), "{rebuilt:?}");
    assert!(!index.exists(), "a rebuild forgets the search index, too");
    mart.restart().await;
    finds_all(&mart, &slugs).await;
}

#[tokio::test]
async fn what_staff_change_is_found_a_moment_later_and_shown_at_once() {
    let mart = Mart::open(CLOUDMART).await;
    for n in 0..3 {
        create(&mart, n).await;
    }
    let listed = eventually("all are found", PATIENCE, async || {
        let listed = mart.get("/api/products?q=lantern&sort=price_asc&facets=true").send().await.expect(200);
        (listed.body["total"] == 3).then_some(listed)
    })
    .await;
    assert_eq!(listed.body["facets"]["in_stock"], 0, "{listed}");
    let id = listed.items()[0]["id"].as_str().expect("an id").to_owned();
    let path = format!("/api/admin/products/{id}");
    let change = async |change: Value| {
        let tag = mart.staff_get(&path).send().await.header("etag").expect("a tag").to_owned();
        mart.staff(reqwest::Method::PATCH, &path).if_match(&tag).json(&change).send().await.expect(200)
    };
    change(json!({"variants": [{"sku": "LANTERN-0", "prices": [{"amount": 9_900, "currency": "USD"}]}]})).await;
    let shown = mart.get("/api/products?q=lantern").send().await.expect(200);
    let own = shown.items().iter().find(|card| card["id"] == id.as_str()).expect("it is listed");
    assert_eq!(own["price_from"], 9_900);
    change(json!({"status": "archived"})).await;
    let shown = mart.get("/api/products?q=lantern").send().await.expect(200);
    assert!(shown.items().iter().all(|card| card["id"] != id.as_str()), "{shown}");
    // Its stock makes a difference once.
    mart.receive("LANTERN-1", 5).await;
    let found = eventually("one is in stock", PATIENCE, async || {
        let found = mart.get("/api/products?q=lantern&in_stock=true&facets=true&locale=ko").send().await.expect(200);
        (found.items().len() == 1 && found.body["total"] == 1).then_some(found)
    })
    .await;
    assert_eq!(found.items()[0]["availability"], "few_left");
    let facets = &found.body["facets"];
    let expected = json!([{"key": "colour", "label": "Colour",
        "values": [{"value": "Green", "label": "Green 색", "count": 1, "is_chosen": false}]}]);
    assert_eq!((&facets["attributes"], &facets["in_stock"]), (&expected, &json!(1)));
}

#[tokio::test]
async fn the_sample_shop_is_searched_in_two_languages() {
    let mart = Mart::start(Plan::sample(CLOUDMART)).await;
    let total = async |query: &str| {
        let found = mart.get(&format!("/api/products?limit=100&{query}")).send().await.expect(200);
        assert_eq!(found.body["total"], found.items().len(), "{query}");
        found.items().len()
    };
    // mug, a typo, teapot half written, 찻잔, 차
    for query in ["q=mug", "q=tepot", "q=teap", "q=%EC%B0%BB%EC%9E%94", "q=%EC%B0%A8", "q=CANDLE&locale=ko"] {
        assert!(total(query).await > 0, "{query}");
    }
    let everything = total("").await;
    let found = mart.get("/api/products?facets=true&limit=1").send().await.expect(200);
    let facets = &found.body["facets"];
    assert_eq!(found.body["total"], everything);
    for (name, parameter) in [("categories", "category"), ("brands", "brand")] {
        for value in facets[name].as_array().into_iter().flatten() {
            let asked = value["value"].as_str().unwrap_or_default().replace(' ', "+").replace('&', "%26");
            assert_eq!(json!(total(&format!("{parameter}={asked}")).await), value["count"], "{value}");
        }
    }
    let bands = facets["prices"].as_array().cloned().unwrap_or_default();
    assert!((2..=6).contains(&bands.len()), "{bands:?}");
    let mut covered = 0;
    for band in bands {
        let found = total(&format!("price_min={}&price_max={}", band["from"], band["to"])).await;
        assert_eq!(json!(found), band["count"], "{band}");
        covered += found;
    }
    assert_eq!(covered, everything);
    assert_eq!(json!(total("in_stock=true").await), facets["in_stock"]);
}
