//! What browsers are told to be careful with: cookies, policies, and requests of other sites.

use super::browser::Page;
use super::*;

fn cookies(page: &Page) -> Vec<&str> {
    page.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn cookies_are_for_this_shop_alone() {
    for (url, is_https) in [("", false), ("https://shop.test", true)] {
        let shop = Shop::open_with(Options { public_url: url.to_owned(), ..Options::default() }).await;
        let page = shop.browser().post("/cart/lines", &[("product", "mug"), ("o1", "Small")]).await;
        let told = cookies(&page);
        assert_eq!(told.len(), 2, "{told:?}");
        for line in &told {
            assert!(
                line.contains("SameSite=Lax") && line.contains("Path=/") && line.contains("Max-Age=2592000"),
                "{line}"
            );
            assert_eq!(line.contains("Secure"), is_https, "{line}");
        }
        assert!(told[0].starts_with("cart=crt_") && told[0].contains("HttpOnly"));
        // The script shows it.
        assert!(told[1].starts_with("cart_count=1;") && !told[1].contains("HttpOnly"));
    }
}

#[tokio::test(start_paused = true)]
async fn every_page_runs_nothing_but_our_script() {
    let shop = Shop::open().await;
    let mut browser = shop.browser();
    browser.follow("/cart/lines", &[("product", "mug"), ("o1", "Small")]).await;
    for path in ["/", "/search?q=x", "/p/mug", "/cart", "/checkout", "/find-order", "/nothing", "/orders/x"] {
        let page = browser.get(path).await;
        let policy = page.header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        for inline in [" style=", " onclick=", " onload=", "javascript:", "<style"] {
            page.hides(inline);
        }
        let scripts = page.text.matches("<script").count();
        let data = page.text.matches("<script type=\"application/ld+json\">").count();
        assert_eq!(scripts - data, page.text.matches("<script src=\"/assets/shop.").count(), "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn another_site_changes_nothing() {
    let shop = Shop::open().await;
    let posts = ["/cart/lines", "/cart/lines/x", "/checkout", "/find-order", "/preferences", "/test-payments/x"];
    for path in posts {
        for headers in [
            vec![("origin", "https://evil.example")],
            vec![("origin", "null")],
            vec![("sec-fetch-site", "cross-site")],
            vec![("sec-fetch-site", "same-site"), ("origin", "https://other.shop.test")],
        ] {
            let mut request = axum::http::Request::post(path).header("host", "shop.test").header("accept", "text/html");
            for (name, value) in &headers {
                request = request.header(*name, *value);
            }
            let request = request.body(axum::body::Body::from("product=mug&o1=Small")).unwrap();
            let response = shop.site.answer(request).await;
            assert_eq!(response.status(), 403, "{path} {headers:?}");
            assert!(response.headers().get("set-cookie").is_none(), "{path} {headers:?}");
        }
    }
    // An old browser that says neither is protected by the cookies' own rule.
    let request = axum::http::Request::post("/cart/lines").header("host", "shop.test");
    let request = request.body(axum::body::Body::from("product=mug&o1=Small")).unwrap();
    let response = shop.site.answer(request).await;
    assert_eq!(response.status(), 303);
}

#[tokio::test(start_paused = true)]
async fn people_are_shown_pages_and_programs_problems() {
    let shop = Shop::open().await;
    let mut browser = shop.browser();
    let missing = browser.get("/nothing/at/all").await;
    assert_eq!((missing.status, missing.header("content-type")), (404, "text/html; charset=utf-8"));
    missing.shows("There is nothing here");
    let not_here = browser.post("/robots.txt", &[]).await;
    assert_eq!(not_here.status, 405);
    not_here.shows("Box &#38; Sons");
    let api = browser.get("/api/nothing").await;
    assert_eq!((api.status, api.header("content-type")), (404, "application/problem+json"));
}

#[tokio::test(start_paused = true)]
async fn a_shop_with_too_much_to_do_asks_to_hold_on() {
    let shop = Shop::open().await;
    let services = services(&shop.boxed);
    let mut config = Config::new(Arc::new(SeededEntropy::new(11)), Arc::new(Registry::default()));
    config.limits.in_flight = 0;
    let options = Options::default();
    let full = for_people(platform::http::conventions(router(&services, &options), config), &services, &options);
    let mut browser = Browser::new(full.into());
    let page = browser.get("/p/mug").await;
    assert_eq!((page.status, page.header("refresh")), (503, "5"));
    assert!(!page.header("retry-after").is_empty());
    page.shows("Many people are buying right now");
    page.shows("href=\"/p/mug\"");
    let sent = browser.post("/checkout", &[]).await;
    assert_eq!((sent.status, sent.header("refresh")), (503, ""));
}
