//! Who comes in: signing in and out, lock-out, sessions on every page, requests of other sites, languages.

use axum::http::{Request, StatusCode, header};

use super::{EMAIL, Office};
use crate::Options;

/// Every page and deed of the parts that this test knows, with an id where one belongs.
const ROUTES: [&str; 33] = [
    "/admin",
    "/admin/orders",
    "/admin/orders?format=csv",
    "/admin/orders/export?order=ID",
    "/admin/orders/capture?order=ID",
    "/admin/orders/slips?order=ID",
    "/admin/orders/ID",
    "/admin/orders/ID?at=2026-11-27T00:00:00Z",
    "/admin/orders/ID/ship",
    "/admin/orders/ID/capture",
    "/admin/orders/ID/mark-paid",
    "/admin/orders/ID/deliver",
    "/admin/orders/ID/refund",
    "/admin/orders/ID/cancel",
    "/admin/orders/ID/note",
    "/admin/orders/ID/erase",
    "/admin/orders/ID/packing-slip",
    "/admin/orders/ID/receipt",
    "/admin/drafts",
    "/admin/drafts/new",
    "/admin/drafts/ID",
    "/admin/drafts/ID/complete",
    "/admin/drafts/ID/delete",
    "/admin/processes",
    "/admin/processes/ID/retry",
    "/admin/processes/ID/skip",
    "/admin/processes/ID/compensate",
    "/admin/presence?thing=ID&window=x",
    "/admin/presence/leave",
    "/admin/products",
    "/admin/sign-out",
    "/admin/nothing",
    "/admin/nothing/at/all",
];

#[tokio::test]
async fn every_page_but_the_door_wants_a_session() {
    let office = Office::open().await;
    let id = office.buy("one", 1).await;
    for route in ROUTES {
        let path = route.replace("ID", &id);
        for page in [office.get(&path).await, office.post(&path, &[("once", "x")]).await] {
            assert_eq!(page.status, StatusCode::SEE_OTHER, "{path}");
            assert!(page.location().starts_with("/admin/sign-in?to=%2Fadmin"), "{path}: {}", page.location());
            assert!(page.body.is_empty(), "{path}");
        }
    }
    office.cookies.lock().insert("admin_session".to_owned(), "forged".to_owned());
    assert_eq!(office.get("/admin").await.status, StatusCode::SEE_OTHER);
    assert_eq!(office.order(&id).await["status"], "confirmed");
}

#[tokio::test]
async fn who_signs_in_comes_where_they_wanted_and_nowhere_else() {
    let office = Office::open().await;
    let door = office.get("/admin/orders?status=pending").await;
    let page = office.get(door.location()).await;
    assert_eq!(page.hidden("to"), "/admin/orders?status=pending");
    let password = office.password.clone();
    for (to, leads) in
        [("/admin/orders", "/admin/orders"), ("https://evil.example/admin", "/admin"), ("//evil.example", "/admin")]
    {
        let page = office.post("/admin/sign-in", &[("email", EMAIL), ("password", &password), ("to", to)]).await;
        assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, leads));
        let cookies: Vec<&str> =
            page.headers.get_all(header::SET_COOKIE).iter().map(|cookie| cookie.to_str().unwrap()).collect();
        let [cookie, device] = cookies.as_slice() else { panic!("{cookies:?}") };
        for wanted in ["admin_device=", "HttpOnly", "SameSite=Lax", "Path=/admin", "Max-Age=34560000"] {
            assert!(device.contains(wanted), "{device}");
        }
        for wanted in ["admin_session=", "HttpOnly", "SameSite=Lax", "Path=/admin", "Expires="] {
            assert!(cookie.contains(wanted), "{cookie}");
        }
        assert!(!cookie.contains("Secure"), "{cookie}");
    }
    let home = office.get("/admin").await;
    assert_eq!((home.status, home.header(header::CACHE_CONTROL)), (StatusCode::OK, "no-store"));
    assert!(home.has(EMAIL));
    let policy = home.header(header::CONTENT_SECURITY_POLICY);
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(office.get("/admin/sign-in?to=/admin/drafts").await.location(), "/admin/drafts");
    for (asked, page) in [("/admin/orders/?status=pending", "/admin/orders?status=pending"), ("/admin/", "/admin")] {
        let led = office.get(asked).await;
        assert_eq!((led.status, led.location()), (StatusCode::PERMANENT_REDIRECT, page));
    }
}

#[tokio::test]
async fn cookies_are_for_tls_only_where_the_shop_is() {
    let office =
        Office::open_with(Options { public_url: "https://shop.example".to_owned(), ..Options::default() }).await;
    let password = office.password.clone();
    let page = office.post("/admin/sign-in", &[("email", EMAIL), ("password", &password)]).await;
    assert!(page.header(header::SET_COOKIE).contains("Secure"));
}

#[tokio::test]
async fn signing_out_ends_the_session_and_not_only_the_cookie() {
    let office = Office::signed_in().await;
    let token = office.cookies.lock().get("admin_session").cloned().unwrap();
    let page = office.post("/admin/sign-out", &[]).await;
    assert_eq!(page.location(), "/admin/sign-in");
    assert!(!office.cookies.lock().contains_key("admin_session"));
    assert!(office.get("/admin/sign-in").await.has("You are signed out."));
    assert!(!office.get("/admin/sign-in").await.has("You are signed out."));
    office.cookies.lock().insert("admin_session".to_owned(), token);
    assert_eq!(office.get("/admin").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn who_fails_too_often_waits() {
    let office = Office::open().await;
    let fail = async |office: &Office| office.post("/admin/sign-in", &[("email", EMAIL), ("password", "wrong")]).await;
    for _ in 0..10 {
        let page = fail(&office).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.has("E-mail and password do not go together.") && page.has("value=\"owner@shop.example\""));
        assert!(!page.has("wrong\""));
    }
    let password = office.password.clone();
    let page = office.post("/admin/sign-in", &[("email", EMAIL), ("password", &password)]).await;
    assert_eq!(page.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(page.has("Try again in 2 minutes"), "{}", page.body);
    assert!(!page.headers.contains_key(header::SET_COOKIE));
}

/// Somebody guesses from everywhere; the owner comes back with the browser that they always use.
#[tokio::test]
async fn who_signed_in_here_before_gets_in_while_strangers_guess() {
    let office = Office::signed_in().await;
    office.post("/admin/sign-out", &[]).await;
    let mine = office.cookies.lock().remove("admin_device").unwrap();
    for _ in 0..11 {
        office.post("/admin/sign-in", &[("email", EMAIL), ("password", "wrong")]).await;
    }
    let password = office.password.clone();
    let right = [("email", EMAIL), ("password", password.as_str())];
    assert_eq!(office.post("/admin/sign-in", &right).await.status, StatusCode::TOO_MANY_REQUESTS);
    office.cookies.lock().insert("admin_device".to_owned(), mine.clone());
    assert_eq!(office.post("/admin/sign-in", &right).await.status, StatusCode::SEE_OTHER);
    assert_eq!(office.cookies.lock()["admin_device"], mine);
}

#[tokio::test]
async fn another_site_may_not_post() {
    let office = Office::signed_in().await;
    let id = office.buy("one", 1).await;
    for path in [format!("/admin/orders/{id}/cancel"), "/admin/sign-out".to_owned(), "/admin/drafts/new".to_owned()] {
        for (name, value) in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("origin", "https://evil.example"),
            ("origin", "null"),
        ] {
            let request = Request::post(&path).header("host", "shop.example").header(name, value);
            let request = request.header("content-type", "application/x-www-form-urlencoded");
            let page = office.send(request, "once=x".to_owned()).await;
            assert_eq!(page.status, StatusCode::FORBIDDEN, "{path} {name}: {value}");
        }
    }
    assert_eq!(office.order(&id).await["status"], "confirmed");
    assert_eq!(office.get("/admin").await.status, StatusCode::OK);
}

#[tokio::test]
async fn staff_read_korean_when_they_choose_it() {
    let office = Office::signed_in().await;
    let page = office.post("/admin/language", &[("locale", "ko"), ("to", "/admin/orders")]).await;
    assert_eq!(page.location(), "/admin/orders");
    let page = office.get("/admin/orders").await;
    assert!(page.has("<html lang=\"ko\">") && page.has("아직 주문이 없습니다"));
    let missing = office.get("/admin/orders/ord_nope").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert!(missing.has("페이지를 찾을 수 없습니다") && missing.has("로그아웃"));
}
