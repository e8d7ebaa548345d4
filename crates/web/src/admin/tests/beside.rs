//! Two members of staff at one order or product, and how many people are in the shop.

use axum::http::{StatusCode, header};
use contracts::staff::Whence;
use platform::http::Given;

use super::{EMAIL, Office, Page};

const OTHER: &str = "mina@shop.example";

/// Both are signed in; whoever is at the browser is told by which session it sends.
struct Two {
    office: Office,
    sessions: [String; 2],
}

impl Two {
    async fn open() -> Self {
        let office = Office::signed_in().await;
        let owner = office.cookies.lock()["admin_session"].clone();
        let desk = office.services.staff_desk.clone();
        let secret = desk.add(OTHER).await.unwrap().secret;
        let mina = desk.sign_in(OTHER, &secret, Whence::default()).await.unwrap().token;
        Self { office, sessions: [owner, mina] }
    }

    fn sits(&self, who: usize) -> &Office {
        self.office.cookies.lock().insert("admin_session".to_owned(), self.sessions[who].clone());
        &self.office
    }
}

/// Where a page asks again who else has it open.
fn asks_again(page: &Page) -> String {
    let (_, rest) = page.body.split_once("data-presence=\"").unwrap_or_else(|| panic!("{}", page.body));
    rest.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&")
}

fn said(page: &Page) -> bool {
    page.has("has this open, too, since")
}

#[tokio::test(start_paused = true)]
async fn staff_see_who_else_has_an_order_open() {
    let two = Two::open().await;
    let order = two.office.buy("one", 1).await;
    let path = format!("/admin/orders/{order}");
    let mine = two.sits(0).get(&path).await;
    assert!(!said(&mine) && !mine.has("on the same node"), "{}", mine.body);
    let hers = two.sits(1).get(&path).await;
    assert!(said(&hers) && hers.has(EMAIL), "{}", hers.body);
    // My page asks again, and says the same of her.
    let again = two.sits(0).get(&asks_again(&mine)).await;
    assert_eq!((again.status, again.header(header::CACHE_CONTROL)), (StatusCode::OK, "no-store"));
    assert!(said(&again) && again.has(OTHER) && !again.has("<html"), "{}", again.body);
    // Another order is another matter.
    let other = two.office.buy("two", 1).await;
    assert!(!said(&two.sits(0).get(&format!("/admin/orders/{other}")).await));
    // She closes it.
    let asked = asks_again(&hers);
    let window = asked.split("window=").nth(1).unwrap();
    let left = two.sits(1).post("/admin/presence/leave", &[("thing", &order), ("window", window)]).await;
    assert_eq!(left.status, StatusCode::NO_CONTENT);
    assert!(!said(&two.sits(0).get(&asks_again(&mine)).await));
    // Or she goes away without a word.
    assert!(said(&two.sits(1).get(&path).await));
    assert!(said(&two.sits(0).get(&asks_again(&mine)).await));
    tokio::time::advance(std::time::Duration::from_secs(91)).await;
    assert!(!said(&two.sits(0).get(&asks_again(&mine)).await));
    // Whoever left the staff has nothing open any more.
    two.sits(1).get(&path).await;
    let desk = &two.office.services.staff_desk;
    let mina = desk.members().await.unwrap().into_iter().find(|member| member.email == OTHER).unwrap();
    desk.remove(&mina.id).await.unwrap();
    assert!(!said(&two.sits(0).get(&path).await));
}

#[tokio::test(start_paused = true)]
async fn staff_see_who_else_has_a_product_open() {
    let two = Two::open().await;
    let list = two.sits(0).get("/admin/products").await;
    let (_, rest) = list.body.split_once("/admin/products/prd_").unwrap_or_else(|| panic!("{}", list.body));
    let path = format!("/admin/products/prd_{}", rest.split('"').next().unwrap());
    two.sits(0).get(&path).await;
    two.sits(1).post("/admin/language", &[("locale", "ko"), ("to", &path)]).await;
    let hers = two.sits(1).get(&path).await;
    assert!(hers.has("부터 이 화면을 열어 두고 있습니다.") && hers.has(EMAIL), "{}", hers.body);
    assert!(!two.sits(0).get("/admin/products/new").await.has("data-presence"));
    for (thing, window) in [("nothing", "x"), ("", ""), ("ord_", "x")] {
        let page = two.sits(0).get(&format!("/admin/presence?thing={thing}&window={window}")).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{thing}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_page_says_how_many_are_in_the_shop() {
    let office = Office::signed_in().await;
    assert!(office.get("/admin").await.has("<p class=\"value\">0</p>"));
    let presence = office.presence.clone();
    let see = |client: &str, agent: &str, path: &str, kind: &'static str| {
        let mut answer = axum::response::Response::new(axum::body::Body::empty());
        answer.headers_mut().insert(header::CONTENT_TYPE, kind.parse().unwrap());
        let (uri, agent) = (path.parse().unwrap(), agent.parse().unwrap());
        let client = Some(client.parse().unwrap());
        presence.saw(&Given { method: &axum::http::Method::GET, uri: &uri, client, agent: &agent, answer: &answer });
    };
    const HTML: &str = "text/html; charset=utf-8";
    for path in ["/", "/p/mug", "/cart"] {
        see("192.0.2.1", "Firefox", path, HTML);
    }
    see("192.0.2.1", "Chrome", "/", HTML);
    see("192.0.2.2", "Chrome", "/administration", HTML);
    // Neither programs, nor pages of staff, nor what is no page.
    see("192.0.2.3", "Mozilla/5.0 (compatible; Googlebot/2.1)", "/", HTML);
    see("192.0.2.4", "Firefox", "/admin", HTML);
    see("192.0.2.5", "Firefox", "/api/products", "application/json");
    let page = office.get("/admin").await;
    assert!(page.has("<p class=\"value\">3</p>") && page.has("last five minutes, crawlers left out"), "{}", page.body);
}
