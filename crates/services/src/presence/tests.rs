//! Who is where and who came by, as the service tells it.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Method, Response, StatusCode, header};
use contracts::presence::Presence as _;
use domain::ids::{OrderId, ProductId};
use jiff::Timestamp;
use platform::clock::ManualClock;
use platform::http::Given;
use platform::presence::{MemoryPresence, SharedPresence};

use super::*;

fn presence(shared: Option<Arc<dyn SharedPresence>>) -> Presence {
    let is_alone = shared.is_none();
    let clock = Arc::new(ManualClock::starting_at(Timestamp::from_second(1_800_000_000).unwrap()));
    Presence::new(platform::presence::Presence::start(shared, move || is_alone), MasterKey::new([7; 32]), clock)
}

fn staff(number: u8) -> StaffId {
    StaffId::from_bytes([number; 16])
}

#[tokio::test(start_paused = true)]
async fn colleagues_are_the_others_since_they_came() {
    let presence = presence(None);
    let thing = Thing::Order(OrderId::from_bytes([1; 16]));
    assert_eq!(presence.open(&thing, &staff(1), "a").await, Colleagues { others: Vec::new(), is_whole: true });
    let began = presence.clock.now();
    tokio::time::advance(Duration::from_secs(60)).await;
    // Reloaded: another window, and they have been there all the time.
    presence.open(&thing, &staff(1), "b").await;
    presence.close(&thing, &staff(1), "a").await;
    let seen = presence.open(&thing, &staff(2), "a").await;
    assert_eq!(seen.others, [Colleague { staff: staff(1), since: began }]);
    let product = Thing::Product(ProductId::from_bytes([1; 16]));
    assert!(presence.open(&product, &staff(2), "a").await.others.is_empty());
    for window in ["", "a b", "a\nb", &"x".repeat(65)] {
        assert!(!presence.open(&thing, &staff(3), window).await.is_whole, "{window:?}");
    }
    assert_eq!(presence.open(&thing, &staff(2), "a").await.others.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn nobody_who_keeps_it_learns_what_is_open() {
    let shared = Arc::new(MemoryPresence::default());
    let presence = presence(Some(shared.clone()));
    let id = OrderId::from_bytes([1; 16]);
    presence.open(&Thing::Order(id.clone()), &staff(1), "a").await;
    assert!(!presence.place(&Thing::Order(id.clone())).contains(id.as_str()));
    shared.be_gone(true);
    assert!(!presence.open(&Thing::Order(id), &staff(1), "a").await.is_whole);
    assert!(!presence.visitors().await.is_whole);
}

#[tokio::test(start_paused = true)]
async fn whoever_is_shown_a_page_is_in_the_shop() {
    let presence = presence(None);
    let see = |method: Method, path: &str, status: StatusCode, kind: Option<&'static str>, agent: &'static str| {
        let mut answer = Response::new(Body::empty());
        *answer.status_mut() = status;
        if let Some(kind) = kind {
            answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        let (uri, agent) = (path.parse().unwrap(), HeaderValue::from_static(agent));
        presence.saw(&Given { method: &method, uri: &uri, client: None, agent: &agent, answer: &answer });
    };
    let html = Some("text/html; charset=utf-8");
    see(Method::POST, "/", StatusCode::OK, html, "1");
    see(Method::GET, "/nowhere", StatusCode::NOT_FOUND, html, "2");
    see(Method::GET, "/", StatusCode::OK, Some("application/json"), "3");
    see(Method::GET, "/api/products", StatusCode::NOT_MODIFIED, None, "4");
    see(Method::GET, "/docs", StatusCode::OK, html, "5");
    see(Method::GET, "/admin/orders", StatusCode::OK, html, "6");
    see(Method::GET, "/", StatusCode::OK, html, "Some-Crawler/1.0");
    assert_eq!(presence.visitors().await, Visitors { count: 0, is_whole: true });
    see(Method::GET, "/", StatusCode::OK, html, "a");
    see(Method::GET, "/p/mug", StatusCode::NOT_MODIFIED, None, "a");
    see(Method::GET, "/docsis-modem", StatusCode::OK, html, "b");
    assert_eq!(presence.visitors().await, Visitors { count: 2, is_whole: true });
}
