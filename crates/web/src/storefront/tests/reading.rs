//! Languages and currencies: asked for, remembered, and followed by the cart.

use super::*;

#[tokio::test(start_paused = true)]
async fn the_address_wins_then_the_cookie_then_the_browser() {
    let shop = Shop::open().await;
    let mut browser = shop.browser();
    browser.get("/p/mug").await.shows("Add to cart");
    browser.headers.push(("accept-language", "fr-CH;q=0.1, ko-KR;q=0.9".to_owned()));
    let korean = browser.get("/p/mug").await;
    korean.shows("장바구니에 담기");
    korean.shows("돌 머그");
    korean.shows("₩34,000");
    korean.shows("<html lang=\"ko\">");
    browser.get("/p/mug?locale=en").await.shows("Add to cart");
    // What the address said is remembered.
    browser.get("/p/mug").await.shows("Add to cart");
    browser.get("/p/mug?locale=xx&currency=XXX").await.shows("Add to cart");
}

#[tokio::test(start_paused = true)]
async fn switches_lead_back_and_are_remembered() {
    let shop = Shop::open().await;
    let mut browser = shop.browser();
    let page = browser.get("/p/mug").await;
    assert_eq!(page.field("back"), "/p/mug");
    browser.follow("/preferences", &[("back", "/p/mug"), ("locale", "ko")]).await.shows("장바구니에 담기");
    browser.follow("/preferences", &[("back", "/p/mug"), ("currency", "KRW")]).await.shows("₩34,000");
    browser.get("/").await.shows("₩34,000");
    let away = browser.post("/preferences", &[("back", "//evil.example/"), ("locale", "ko")]).await;
    assert_eq!(away.location(), "/");
}

#[tokio::test(start_paused = true)]
async fn a_cart_follows_its_shopper() {
    let shop = Shop::open().await;
    let mut browser = shop.browser();
    browser.follow("/cart/lines", &[("product", "mug"), ("o1", "Large")]).await.shows("€32.00");
    browser.post("/preferences", &[("back", "/cart"), ("currency", "KRW"), ("locale", "ko")]).await;
    let cart = browser.get("/cart").await;
    cart.shows("₩45,000");
    cart.shows("돌 머그");
    cart.shows("큰 것");
    cart.shows("주문하기");
    let checkout = browser.get("/checkout").await;
    checkout.shows("결제하기");
    checkout.shows("일반 배송");
    checkout.shows("₩48,000");
    checkout.shows("<option value=\"KR\" selected>대한민국</option>");
}

#[tokio::test(start_paused = true)]
async fn a_cart_that_cannot_follow_says_so() {
    let shop = Shop::open().await;
    let tray = json!({"slug": "tray", "title": "Tray", "translations": {"ko": {"title": "쟁반"}},
        "variants": [{"sku": "TRAY", "prices": [{"amount": 1_000, "currency": "EUR"}]}]});
    shop.sell(20, tray).await;
    shop.receive("TRAY", 5).await;
    let mut browser = shop.browser();
    browser.follow("/cart/lines", &[("product", "tray")]).await.hides("so the cart stays in");
    let cart = browser.follow("/preferences", &[("back", "/cart"), ("currency", "KRW")]).await;
    cart.shows("Not everything in your cart is sold in KRW, so the cart stays in EUR.");
    cart.shows("€10.00");
    browser.get("/checkout").await.shows("so the cart stays in EUR.");
    let korean = browser.follow("/preferences", &[("back", "/cart"), ("locale", "ko")]).await;
    korean.shows("쟁반");
    korean.shows("€10.00");
    let cart = browser.follow("/preferences", &[("back", "/cart"), ("currency", "EUR"), ("locale", "en")]).await;
    cart.hides("so the cart stays in");
    cart.shows("€10.00");
}

#[tokio::test(start_paused = true)]
async fn every_page_says_that_payments_are_tests_and_who_sells() {
    let shop = Shop::open().await;
    let mut browser = shop.browser();
    for path in ["/", "/search", "/p/mug", "/cart", "/find-order", "/nothing"] {
        let page = browser.get(path).await;
        page.shows("payments are simulated");
        page.shows("Box GmbH<br>Kistenweg 1<br>10115 Berlin<br>Germany");
        page.shows("VAT no.: DE123");
    }
}

#[tokio::test(start_paused = true)]
async fn written_pages_are_shown_and_linked() {
    use contracts::pages::{PageText, Pages as _};

    let shop = Shop::open().await;
    let mut browser = shop.browser();
    assert_eq!(browser.get("/pages/terms").await.status, 404);
    let text = PageText { title: "Our terms".to_owned(), body: "# No\n\nBe **kind**.<script>x</script>".to_owned() };
    let texts = std::collections::BTreeMap::from([(domain::locale::Locale::parse("en").unwrap(), text)]);
    shop.boxed.pages().write("terms", texts, 0).await.unwrap();
    tokio::time::advance(std::time::Duration::from_secs(2)).await;
    let page = browser.get("/pages/terms").await;
    page.shows("Be <strong>kind</strong>.");
    page.hides("<script>x");
    browser.get("/").await.shows("<a href=\"/pages/terms\">Our terms</a>");
    assert_eq!(browser.get("/pages/secret").await.status, 404);
}
