//! The shop as staff and shoppers see it over HTTP, and as another process changes it.
//! It does not know how documents are kept.

use contracts::shop::Shop as _;
use serde_json::{Value, json};

use super::*;
use crate::in_memory::{Client, OneKey, machinery, repeats};

const STAFF: (&str, &str) = ("authorization", "Bearer staff");

fn settings() -> Value {
    json!({
        "name": "CloudMart", "time_zone": "Asia/Seoul", "locales": ["en", "ko"], "currencies": ["USD", "KRW"],
        "countries": [{"country": "US"}, {"country": "KR", "tax_rate_ppm": 100_000, "prices_include_tax": true}],
        "shipping_methods": [{"id": "standard", "name": "Standard", "translations": {"ko": {"name": "일반"}},
            "countries": ["US"], "rates": [{"currency": "USD", "amount": 690, "free_above": 7500}],
            "estimate_days": [3, 7]}],
        "payment_methods": [{"id": "card", "provider": "test", "name": "Test payment"}]
    })
}

async fn client() -> (Client, Arc<Shop>, Machinery) {
    let machinery = machinery().await;
    let shop = Arc::new(Shop::new(&machinery));
    let client = Client::new(http::router(shop.clone(), repeats(&machinery)), Arc::new(OneKey));
    (client, shop, machinery)
}

async fn put(client: &Client, if_match: &str, body: Value) -> crate::in_memory::Reply {
    client.send("PUT /api/admin/settings", &[STAFF, ("if-match", if_match)], body).await
}

#[tokio::test(start_paused = true)]
async fn a_new_shop_is_told_what_it_is() {
    let (client, _, _) = client().await;
    let empty = client.send("GET /api/admin/settings", &[STAFF], Value::Null).await;
    assert_eq!((empty.status.as_u16(), empty.header("etag")), (200, "\"0\""));
    assert_eq!(empty.body["currencies"], json!([]));

    assert_eq!(client.send("PUT /api/admin/settings", &[STAFF], settings()).await.problem().0, 428);
    let told = put(&client, "\"0\"", settings()).await;
    assert_eq!((told.status.as_u16(), told.header("etag")), (200, "\"1\""));
    assert_eq!(told.body["shipping_methods"][0]["estimate_days"], json!([3, 7]));

    let stale = put(&client, "\"0\"", settings()).await;
    assert_eq!((stale.problem(), stale.header("etag")), ((412, "precondition_failed"), "\"1\""));
    // What was read can be sent back as it is.
    assert_eq!(put(&client, "\"1\"", told.body.clone()).await.body, told.body);
    let same = client.send("GET /api/admin/settings", &[STAFF, ("if-none-match", "\"2\"")], Value::Null).await;
    assert_eq!(same.status.as_u16(), 304);
}

#[tokio::test(start_paused = true)]
async fn only_staff_see_settings() {
    let (client, _, _) = client().await;
    for request in ["GET", "PUT", "PATCH"] {
        let request = format!("{request} /api/admin/settings");
        assert_eq!(client.send(&request, &[], json!({})).await.problem(), (401, "unauthenticated"));
        let wrong = client.send(&request, &[("authorization", "Bearer nobody")], json!({})).await;
        assert_eq!(wrong.problem(), (401, "unauthenticated"));
    }
}

#[tokio::test(start_paused = true)]
async fn all_that_is_wrong_is_told() {
    let (client, _, _) = client().await;
    let mut wrong = settings();
    wrong["currencies"] = json!(["USD", "KRW", "XXX"]);
    wrong["countries"][0]["country"] = json!("UK");
    let told = put(&client, "\"0\"", wrong).await;
    assert_eq!(told.problem(), (422, "invalid"));
    let expected = [
        "/currencies/2 unknown_currency",
        "/countries/0/country unknown_country",
        "/shipping_methods/0/countries/0 not_listed",
    ];
    assert_eq!(told.errors(), expected);
    let nowhere = put(&client, "\"0\"", json!({"time_zone": "Mars/Olympus"})).await;
    assert_eq!(nowhere.errors(), ["/time_zone unknown_time_zone"]);
    let typed = put(&client, "\"0\"", json!({"currencies": "USD"})).await;
    assert_eq!((typed.problem().0, typed.errors()), (400, vec!["/currencies wrong_type".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn some_settings_change_and_the_others_stay() {
    let (client, _, _) = client().await;
    put(&client, "\"0\"", settings()).await;
    let patch = json!({"name": "Corner", "payment_methods": null, "email": "shop@example.com"});
    let headers = [STAFF, ("idempotency-key", "k1")];
    let patched = client.send("PATCH /api/admin/settings", &headers, patch.clone()).await;
    assert_eq!((patched.status.as_u16(), patched.header("etag")), (200, "\"2\""));
    assert_eq!((&patched.body["name"], &patched.body["payment_methods"]), (&json!("Corner"), &json!([])));
    assert_eq!(patched.body["currencies"], json!(["USD", "KRW"]));

    let again = client.send("PATCH /api/admin/settings", &headers, patch).await;
    assert_eq!((again.header("etag"), again.header("idempotent-replayed")), ("\"2\"", "true"));

    let stale = client.send("PATCH /api/admin/settings", &[STAFF, ("if-match", "\"1\"")], json!({})).await;
    assert_eq!(stale.problem().0, 412);
    let typed = client.send("PATCH /api/admin/settings", &[STAFF], json!({"countries": [{"country": 1}]})).await;
    assert_eq!((typed.problem().0, typed.errors()), (400, vec!["/countries/0/country wrong_type".to_owned()]));
    let list = client.send("PATCH /api/admin/settings", &[STAFF], json!([])).await;
    assert_eq!(list.problem(), (400, "malformed_body"));
    let invalid = client.send("PATCH /api/admin/settings", &[STAFF], json!({"currencies": ["KRW"]})).await;
    assert_eq!(invalid.errors(), ["/shipping_methods/0/rates/0/currency not_listed"]);
}

#[tokio::test(start_paused = true)]
async fn shoppers_see_the_shop_in_their_language() {
    let (client, _, _) = client().await;
    put(&client, "\"0\"", settings()).await;
    let seen = client.send("GET /api/shop?locale=ko-KR", &[], Value::Null).await;
    assert_eq!(seen.status.as_u16(), 200);
    assert_eq!((&seen.body["locale"], &seen.body["shipping_methods"][0]["name"]), (&json!("ko"), &json!("일반")));
    assert_eq!(seen.body["default_currency"], json!("USD"));
    assert_eq!(
        seen.body["payment_methods"][0],
        json!({"id": "card", "provider": "test", "name": "Test payment", "instructions": null})
    );
    assert!(seen.header("cache-control").contains("stale-while-revalidate"));

    let etag = seen.header("etag").to_owned();
    let known = client.send("GET /api/shop?locale=ko", &[("if-none-match", &etag)], Value::Null).await;
    assert_eq!(known.status.as_u16(), 304);
    let english = client.send("GET /api/shop", &[("if-none-match", &etag)], Value::Null).await;
    assert_eq!(english.body["shipping_methods"][0]["name"], json!("Standard"));
    for unknown in ["fr", "%F0%9F%9B%92", "x"] {
        let refused = client.send(&format!("GET /api/shop?locale={unknown}"), &[], Value::Null).await;
        assert_eq!(refused.problem(), (400, "unknown_locale"), "{unknown}");
    }
}

#[tokio::test(start_paused = true)]
async fn another_processs_change_is_seen_within_a_second() {
    let (_, shop, machinery) = client().await;
    let beside = Shop::new(&machinery);
    assert_eq!(shop.settings().await.unwrap().version, 0);
    let input = SettingsInput { name: Some("Corner".to_owned()), ..SettingsInput::default() };
    beside.replace_settings(input, None).await.unwrap();
    assert_eq!(shop.settings().await.unwrap().version, 0);
    tokio::time::advance(Duration::from_millis(999)).await;
    let seen = shop.settings().await.unwrap();
    assert_eq!((seen.version, seen.settings.name.as_ref().unwrap().as_str()), (1, "Corner"));
    assert!(Arc::ptr_eq(&seen, &shop.settings().await.unwrap()));
}

#[tokio::test(start_paused = true)]
async fn of_many_changes_on_one_version_one_wins() {
    let (_, shop, machinery) = client().await;
    let beside = Shop::new(&machinery);
    let input = |name: &str| SettingsInput { name: Some(name.to_owned()), ..SettingsInput::default() };
    let (here, there) =
        tokio::join!(shop.replace_settings(input("A"), Some(0)), beside.replace_settings(input("B"), Some(0)));
    assert_eq!(here.is_ok() as u8 + there.is_ok() as u8, 1);
    assert_eq!(here.and(there).unwrap_err().kind, Kind::Stale);
    assert_eq!(shop.replace_settings(input("C"), None).await.unwrap().version, 2);
}
