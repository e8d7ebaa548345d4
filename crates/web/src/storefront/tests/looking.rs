//! Product pages: choices, what machines read of them, and pages that are kept.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_choice_is_shown_without_scripts() {
    let shop = Shop::open().await;
    let mut browser = shop.browser();
    let page = browser.get("/p/mug").await;
    page.shows("<span data-price>€24.00</span>");
    page.shows("<legend>Size</legend>");
    browser.get("/p/mug?variant=MUG-L").await.shows("<span data-price>€32.00</span>");
    browser.get("/p/mug?o1=Huge").await.shows("This combination is not available.");
    let by_id = browser.get(&format!("/p/{}", ProductId::from_bytes([10; 16]))).await;
    assert_eq!((by_id.status, by_id.location()), (308, "/p/mug"));
    shop.receive("MUG-S", -5).await;
    tokio::time::advance(std::time::Duration::from_secs(10)).await;
    browser.get("/p/mug?variant=MUG-S").await.shows("data-buy disabled");
}

#[tokio::test(start_paused = true)]
async fn an_address_that_ends_like_a_folder_leads_to_its_page() {
    let shop = Shop::open().await;
    let mut browser = shop.browser();
    for (asked, page) in [("/p/mug/", "/p/mug"), ("/search/?q=mug", "/search?q=mug"), ("/nothing/", "/nothing")] {
        let led = browser.get(asked).await;
        assert_eq!((led.status, led.location()), (308, page));
    }
    assert_eq!(browser.get("/nothing").await.status, 404);
    for asked in ["//evil.example/", "/\\evil.example/", "/api/products/"] {
        assert_eq!(browser.get(asked).await.status, 404, "{asked}");
    }
    assert_eq!(browser.post("/cart/", &[]).await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn machines_read_what_it_is_and_costs() {
    let shop = Shop::open().await;
    let page = shop.browser().get("/p/mug").await;
    let about = page.text.split("application/ld+json\">").nth(1).unwrap().split("</script>").next().unwrap();
    let about: Value = serde_json::from_str(about).unwrap();
    assert_eq!(about["name"], "Stone mug");
    assert_eq!(about["offers"][1]["price"], "32.00");
    assert_eq!(about["offers"][1]["availability"], "https://schema.org/LimitedAvailability");
    page.shows("<link rel=\"canonical\" href=\"http://shop.test/p/mug\">");
    page.shows("hreflang=\"ko\" href=\"http://shop.test/p/mug?locale=ko\"");
    page.shows("property=\"og:image\" content=\"http://shop.test/assets/card.");
    let told = Options { public_url: "https://stones.example/".to_owned(), ..Options::default() };
    let page = Shop::open_with(told).await.browser().get("/p/mug?locale=ko&utm_source=x").await;
    page.shows("<link rel=\"canonical\" href=\"https://stones.example/p/mug?locale=ko\">");
}

#[tokio::test(start_paused = true)]
async fn a_kept_page_is_the_same_until_something_changes() {
    let shop = Shop::open().await;
    let mut browser = shop.browser();
    let first = browser.get("/p/mug").await;
    let tag = first.header("etag").to_owned();
    let again = browser.get("/p/mug?utm_source=mail&q=left-by-somebody").await;
    assert_eq!((again.header("etag"), &again.text), (tag.as_str(), &first.text));
    assert_eq!(first.header("cache-control"), "no-cache");
    assert_eq!(first.header("vary"), "cookie, accept-language");
    browser.headers.push(("if-none-match", tag.clone()));
    assert_eq!(browser.get("/p/mug").await.status, 304);
    browser.headers.clear();
    browser.headers.push(("accept-encoding", "gzip".to_owned()));
    let small = browser.get("/p/mug").await;
    assert_eq!(small.header("content-encoding"), "gzip");
    assert_eq!(small.header("etag"), format!("\"{}-gzip\"", tag.trim_matches('"')));
    browser.headers.clear();

    let mut dearer = mug();
    dearer["variants"][0]["prices"][0]["amount"] = json!(2_500);
    shop.change(10, dearer).await;
    let changed = browser.get("/p/mug").await;
    changed.shows("€25.00");
    assert_ne!(changed.header("etag"), tag);

    let mut renamed = settings();
    renamed["name"] = json!("Crate");
    shop.boxed.shop.replace_settings(serde_json::from_value(renamed).unwrap(), None).await.unwrap();
    browser.get("/p/mug").await.shows("Crate");
    let none = shop.browser().get("/p/none").await;
    assert_eq!((none.status, none.header("cache-control")), (404, "private, no-store"));
}

#[tokio::test(start_paused = true)]
async fn a_kept_page_says_nothing_of_whoever_saw_it_first() {
    let shop = Shop::open().await;
    let mut first = shop.browser();
    first.follow("/cart/lines", &[("product", "mug"), ("o1", "Small"), ("quantity", "3")]).await;
    let seen = first.get("/p/mug").await;
    let (mut other, cart) = (shop.browser(), &first.cookies[&("cart".to_owned(), "/".to_owned())]);
    assert_eq!(other.get("/p/mug").await.text, seen.text);
    seen.hides(cart.split('.').next().unwrap());
    assert!(other.cookies.is_empty());
}
