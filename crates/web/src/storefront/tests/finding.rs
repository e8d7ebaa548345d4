//! Lists: categories and searching, putting in order, going on, and what crawlers are told.

use super::*;

async fn fill(shop: &Shop) {
    let category = |slug: &str, title: &str, parent: Option<&str>| {
        serde_json::from_value(json!({"slug": slug, "title": title, "parent": parent, "description": "All of it."}))
            .unwrap()
    };
    let tree = vec![category("ware", "Ware", None), category("bowls", "Bowls & more", Some("ware"))];
    let catalog: &dyn contracts::catalog::Catalog = shop.boxed.catalog.as_ref();
    catalog.replace_categories(tree, &Caller::system()).await.unwrap();
    for n in 20..50_u8 {
        let price = i64::from(n) * 100;
        let product = json!({"title": format!("Bowl {n}"), "slug": format!("bowl-{n}"), "categories": ["bowls"],
            "variants": [{"sku": format!("BOWL-{n}"), "prices": [{"amount": price, "currency": "EUR"}]}]});
        shop.sell(n, product).await;
    }
    assert!(shop.boxed.machinery.projector.wait_for_heads(std::time::Duration::from_secs(30)).await.unwrap());
    tokio::time::advance(std::time::Duration::from_secs(2)).await;
}

#[tokio::test(start_paused = true)]
async fn a_category_is_shown_a_page_at_a_time() {
    let shop = Shop::open().await;
    fill(&shop).await;
    let mut browser = shop.browser();
    browser.get("/").await.shows("href=\"/c/ware\"");
    browser.get("/c/ware").await.shows("href=\"/c/bowls\">Bowls &#38; more");
    let first = browser.get("/c/bowls?sort=price_asc").await;
    first.shows("€20.00");
    first.hides("€44.00");
    let more =
        first.text.split("rel=\"next\" href=\"").nth(1).unwrap().split('"').next().unwrap().replace("&#38;", "&");
    let second = browser.get(&more).await;
    second.shows("€44.00");
    second.shows("Back to the beginning");
    assert_eq!(browser.get("/c/nothing").await.status, 404);
    assert_eq!(browser.get("/c/bowls?cursor=nonsense").await.status, 200);
    browser.get("/search?q=bowl+21").await.shows("/p/bowl-21");
    browser.get("/search?q=zzz").await.shows("Nothing found.");
}

#[tokio::test(start_paused = true)]
async fn crawlers_find_everything() {
    let shop = Shop::open().await;
    fill(&shop).await;
    let mut browser = shop.browser();
    let robots = browser.get("/robots.txt").await;
    robots.shows("Disallow: /checkout");
    robots.shows("Sitemap: http://shop.test/sitemap.xml");
    let index = browser.get("/sitemap.xml").await;
    index.shows("<loc>http://shop.test/sitemaps/products-1.xml</loc>");
    let map = browser.get("/sitemaps/products-1.xml").await;
    assert_eq!(map.text.matches("<loc>").count(), 33);
    assert!(map.text.ends_with("</urlset>\n"));
    browser.get("/sitemaps/pages.xml").await.shows("<loc>http://shop.test/c/bowls</loc>");
    assert_eq!(browser.get("/sitemaps/products-2.xml").await.status, 404);
    assert_eq!(browser.get("/favicon.ico").await.header("content-type"), "image/x-icon");
}
