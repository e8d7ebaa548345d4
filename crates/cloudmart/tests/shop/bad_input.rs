//! Everything that people, programs and attackers send. The mart says what is wrong, and lives.

use reqwest::Method;
use serde_json::{Value, json};
use testkit::mart::{Answer, Mart, guest_order, with};

use crate::CLOUDMART;

const JSON: &str = "application/json";

async fn mart() -> Mart {
    let mart = Mart::open(CLOUDMART).await;
    mart.product("LAMP", 1_000, 100).await;
    mart.product_in("EURO-ONLY", &[("EUR", 900)]).await;
    mart
}

/// It lives, sells, and nothing is held by what was refused.
async fn lives(mut mart: Mart) {
    assert!(mart.is_alive(), "{}", mart.log());
    assert_eq!(mart.stock("LAMP").await, (100, 0, 100));
    mart.buy("LAMP", 1).await;
    mart.doctor().await;
}

#[tokio::test]
async fn a_wrong_order_is_told_where_it_is_wrong() {
    let mart = mart().await;
    let order = || guest_order("LAMP", 1);
    let many = |count: usize| -> Value { (0..count).map(|_| json!({"sku": "LAMP", "quantity": 1})).collect() };
    let cases: Vec<(&str, Value)> = vec![
        ("/lines/0/sku", with(order(), "/lines/0/sku", "NO-SUCH-THING")),
        ("/lines/0/sku", with(order(), "/lines/0/sku", "lamp")),
        ("/lines/0/sku", with(order(), "/lines/0/sku", "")),
        ("/lines/0/sku", with(order(), "/lines/0/sku", "S".repeat(65))),
        ("/lines/0/quantity", with(order(), "/lines/0/quantity", 0)),
        ("/lines/0/quantity", with(order(), "/lines/0/quantity", -1)),
        ("/lines/0/quantity", with(order(), "/lines/0/quantity", 10_000_000)),
        ("/lines/0/quantity", with(order(), "/lines/0/quantity", i64::MAX)),
        ("/lines", with(order(), "/lines", json!([]))),
        ("/lines", with(order(), "/lines", many(1_001))),
        ("/lines", with(order(), "/lines", Value::Null)),
        ("/currency", with(order(), "/currency", "XXX")),
        ("/currency", with(order(), "/currency", "usd ")),
        ("/currency", with(order(), "/currency", "EUR")),
        ("/currency", with(order(), "/currency", "GBP")),
        ("/currency", with(order(), "/lines/0/sku", "EURO-ONLY")),
        ("/shipping_address/country", with(order(), "/shipping_address/country", "FR")),
        ("/shipping_address/country", with(order(), "/shipping_address/country", "IE")),
        ("/shipping_address/country", with(order(), "/shipping_address/country", "XX")),
        ("/shipping_address/country", with(order(), "/shipping_address/country", Value::Null)),
        ("/shipping_address/line1", with(order(), "/shipping_address/line1", "")),
        ("/shipping_address/city", with(order(), "/shipping_address/city", Value::Null)),
        ("/shipping_address/postal_code", with(order(), "/shipping_address/postal_code", Value::Null)),
        ("/shipping_address/line1", with(order(), "/shipping_address/line1", "a\u{0}b")),
        ("/shipping_address/line1", with(order(), "/shipping_address/line1", "x".repeat(10_000))),
        ("/shipping_address", with(order(), "/shipping_address", Value::Null)),
        ("/shipping_method", with(order(), "/shipping_method", "by-balloon")),
        ("/shipping_method", with(order(), "/shipping_method", Value::Null)),
        ("/buyer/email", with(order(), "/buyer/email", "nobody")),
        ("/buyer/email", with(order(), "/buyer/email", "a@b\u{0}.example")),
        ("/buyer", with(order(), "/buyer", Value::Null)),
        ("/buyer/name", with(order(), "/buyer/name", "a\u{0}b")),
        ("/buyer/name", with(order(), "/buyer/name", "x".repeat(10_000))),
        ("/buyer/phone", with(order(), "/buyer/phone", "call me")),
        ("/note", with(order(), "/note", "a\u{0}b")),
        ("/note", with(order(), "/note", "x".repeat(10_000))),
        ("/locale", with(order(), "/locale", "not a language")),
        ("/payment/token", with(order(), "/payment/token", "a\u{0}b")),
        ("/payment/token", with(order(), "/payment/token", "x".repeat(10_000))),
        ("/payment/token", with(order(), "/payment/token", "")),
        ("/payment/provider", with(order(), "/payment/provider", "a\u{0}b")),
    ];
    for (pointer, order) in cases {
        // A NUL is no text at all, so it is not even read.
        let (status, code) =
            if order.to_string().contains("\\u0000") { (400, "malformed_body") } else { (422, "invalid") };
        mart.place(&mart.fresh_key(), &order).await.problem(status, code).at(pointer);
    }
    lives(mart).await;
}

#[tokio::test]
async fn all_that_is_wrong_is_told_at_once() {
    let mart = mart().await;
    let order = with(guest_order("LAMP", 0), "/currency", "XXX");
    let order = with(with(order, "/buyer/email", "nobody"), "/shipping_address/city", "");
    let told = mart.place("all", &order).await.problem(422, "invalid").pointers();
    for pointer in ["/lines/0/quantity", "/currency", "/buyer/email", "/shipping_address/city"] {
        assert!(told.iter().any(|named| named == pointer), "{pointer} in {told:?}");
    }
}

#[tokio::test]
async fn wrong_types_are_told_where() {
    let mart = mart().await;
    let order = || guest_order("LAMP", 1);
    let wrong = [
        json!(null),
        json!(true),
        json!(7),
        json!(-1.5),
        json!("text"),
        json!([]),
        json!([[]]),
        json!({}),
        json!({"a": 1}),
    ];
    let places = [
        "/currency",
        "/lines",
        "/lines/0",
        "/lines/0/sku",
        "/lines/0/quantity",
        "/buyer",
        "/buyer/email",
        "/buyer/name",
        "/shipping_address",
        "/shipping_address/line1",
        "/shipping_address/country",
        "/shipping_method",
        "/payment",
        "/payment/provider",
        "/payment/token",
        "/expected_total",
        "/note",
        "/locale",
        "/cart_id",
        "/cart_token",
    ];
    for place in places {
        for value in &wrong {
            let body = with(order(), place, value.clone());
            let answer = mart.place(&mart.fresh_key(), &body).await;
            // What is no more than left out, or a text after all, may be sold.
            if answer.status < 300 {
                mart.act(&answer.text("id"), "cancel", &json!({})).await.expect(200);
                continue;
            }
            let problem = answer.any_problem();
            if problem.status == 400 || problem.status == 422 {
                assert!(!problem.pointers().is_empty(), "{place} {value}: {problem}");
            }
        }
    }
    let malformed = mart.place("type", &with(order(), "/lines/0/quantity", "three")).await.any_problem().expect(400);
    malformed.at("/lines/0/quantity");
    let unknown = mart.place("member", &with(order(), "/lines/0/quanttiy", 3)).await.any_problem().expect(400);
    assert!(unknown.pointers().iter().any(|pointer| pointer.starts_with("/lines/0")), "{unknown}");
    assert_eq!(mart.stock("LAMP").await, (100, 0, 100));
    lives(mart).await;
}

async fn send_raw(mart: &Mart, media_type: &str, body: impl Into<Vec<u8>>) -> Answer {
    mart.post("/api/orders").key(&mart.fresh_key()).raw(media_type, body).send().await
}

#[tokio::test]
async fn what_is_no_json_is_refused() {
    let mart = mart().await;
    let whole = guest_order("LAMP", 1).to_string();
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep_member = format!("{{\"currency\": {}1{}}}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
    let broken: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b"{".to_vec(),
        b"null".to_vec(),
        b"[]".to_vec(),
        b"7".to_vec(),
        whole.as_bytes()[..whole.len() - 1].to_vec(),
        format!("{whole}{whole}").into_bytes(),
        whole.replace("LAMP", "LA\u{0}MP").into_bytes(),
        whole.replace("LAMP", "LA\\ud800MP").into_bytes(),
        [b"\xff\xfe".as_slice(), whole.as_bytes()].concat(),
        whole.replace("Ada", "\u{fffe}").replace('\u{fffe}', "").into_bytes().into_iter().chain([0xff]).collect(),
        whole.replace("\"quantity\":1", "\"quantity\":1e999").into_bytes(),
        whole.replace("\"quantity\":1", "\"quantity\":99999999999999999999999").into_bytes(),
        whole.replace("\"quantity\":1", "\"quantity\":1.5").into_bytes(),
        whole.replace("\"quantity\":1", "\"quantity\":NaN").into_bytes(),
        deep.into_bytes(),
        deep_member.into_bytes(),
    ];
    for body in broken {
        let start = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        let answer = send_raw(&mart, JSON, body).await.any_problem();
        assert_eq!(answer.status, 400, "{start}: {answer}");
    }
    for media_type in
        ["text/plain", "application/x-www-form-urlencoded", "application/xml", "application/json; charset=latin1"]
    {
        send_raw(&mart, media_type, whole.clone()).await.problem(415, "unsupported_media_type");
    }
    lives(mart).await;
}

#[tokio::test]
async fn what_is_too_large_is_refused() {
    let mart = mart().await;
    let huge = with(guest_order("LAMP", 1), "/note", "x".repeat(2 * 1024 * 1024)).to_string();
    send_raw(&mart, JSON, huge).await.problem(413, "too_large");
    let path = format!("/api/products?q={}", "x".repeat(20_000));
    let long = mart.get(&path).send().await;
    assert!((400..500).contains(&long.status), "{long}");
    let header = mart.get("/api/products").header("x-padding", &"x".repeat(60_000)).send().await;
    assert!(header.status == 431 || header.status == 400 || header.status == 200, "{header}");
    // Staff's pictures may be larger, and are bounded, too.
    let picture = mart.staff_post("/api/admin/media").raw("image/png", vec![0; 25 * 1024 * 1024]).send().await;
    assert_eq!(picture.status, 413, "{picture}");
    let not_a_picture = mart.staff_post("/api/admin/media").raw("image/png", "GIF89a? no.").send().await;
    not_a_picture.any_problem();
    lives(mart).await;
}

/// Text is text, whatever the script: emoji, right to left, combining marks.
#[tokio::test]
async fn an_emoji_in_every_field_is_kept_or_refused_and_never_breaks() {
    let mart = mart().await;
    let emoji = "👩‍👩‍👧‍👦 Zoë \u{202e}שלום";
    let order = with(guest_order("LAMP", 1), "/buyer/name", emoji);
    let order = with(order, "/note", emoji);
    let mut order = order;
    for member in ["name", "line1", "line2", "city", "region"] {
        order = with(order, &format!("/shipping_address/{member}"), emoji);
    }
    let placed = mart.place("emoji", &order).await.expect(201);
    assert_eq!(placed.body["buyer"]["name"], emoji);
    assert_eq!(placed.body["note"], emoji);
    assert_eq!(placed.body["shipping_address"]["line1"], emoji);
    mart.act(&placed.text("id"), "cancel", &json!({"reason": emoji})).await.expect(200);
    for pointer in [
        "/currency",
        "/lines/0/sku",
        "/buyer/email",
        "/buyer/phone",
        "/shipping_address/country",
        "/shipping_address/phone",
        "/shipping_method",
        "/payment/provider",
        "/locale",
        "/cart_id",
    ] {
        let order = with(guest_order("LAMP", 1), pointer, emoji);
        let told = mart.place(&mart.fresh_key(), &order).await.any_problem();
        assert!(told.status == 422 || told.status == 400 || told.status == 404, "{pointer}: {told}");
    }
    let product = json!({
        "title": emoji, "slug": "emoji", "description": emoji, "brand": emoji,
        "variants": [{"sku": "👕-1", "prices": [{"amount": 100, "currency": "USD"}]}],
    });
    let made = mart.staff_post("/api/admin/products").json(&product).send().await.expect(201);
    assert_eq!(made.body["title"], emoji);
    let stock = "/api/admin/stock/%F0%9F%91%95-1/adjustments";
    mart.staff_post(stock).json(&json!({"delta": 1, "reason": "received"})).send().await.expect(201);
    let placed = mart.buy("👕-1", 1).await;
    assert_eq!(placed.body["lines"][0]["title"], emoji);
    lives(mart).await;
}

#[tokio::test]
async fn the_same_sku_on_two_lines_and_the_largest_order() {
    let mart = mart().await;
    mart.receive("LAMP", 2_000_000).await;
    let lines: Value = (0..1_000).map(|_| json!({"sku": "LAMP", "quantity": 2})).collect();
    let placed = mart.place("largest", &with(guest_order("LAMP", 1), "/lines", lines)).await.expect(201);
    assert_eq!(placed.body["lines"].as_array().map(Vec::len), Some(1_000));
    assert_eq!(mart.stock("LAMP").await, (2_000_100, 2_000, 1_998_100));
    let million = mart.place("million", &guest_order("LAMP", 1_000_000)).await.expect(201);
    assert_eq!(million.total_of("subtotal"), 1_000_000_000);
    mart.doctor().await;
}

#[tokio::test]
async fn sums_that_no_number_holds_are_refused() {
    let mart = mart().await;
    mart.product("GOLD", 999_999_999_999_999, 10_000_000).await;
    let order = guest_order("GOLD", 1_000_000);
    mart.place("too-dear", &order).await.problem(422, "invalid").at("/lines");
    let price =
        json!({"title": "Dear", "variants": [{"sku": "DEAR", "prices": [{"amount": i64::MAX, "currency": "USD"}]}]});
    mart.staff_post("/api/admin/products").json(&price).send().await.any_problem();
    let price = json!({"title": "Owed", "variants": [{"sku": "OWED", "prices": [{"amount": -1, "currency": "USD"}]}]});
    mart.staff_post("/api/admin/products").json(&price).send().await.any_problem();
    lives(mart).await;
}

#[tokio::test]
async fn staff_are_told_what_is_wrong_too() {
    let mart = mart().await;
    let variant = || json!({"sku": "NEW", "prices": [{"amount": 100, "currency": "USD"}]});
    let product = || json!({"title": "New", "variants": [variant()]});
    let cases = [
        ("/title", with(product(), "/title", "")),
        ("/title", with(product(), "/title", "x".repeat(10_000))),
        ("/slug", with(product(), "/slug", "Not A Slug")),
        ("/variants", with(product(), "/variants", json!([]))),
        ("/variants/1/sku", with(product(), "/variants", json!([variant(), variant()]))),
        ("/variants/0/sku", with(product(), "/variants/0/sku", "")),
        ("/variants/0/gtin", with(product(), "/variants/0/gtin", "123")),
        ("/variants/0/prices/0/currency", with(product(), "/variants/0/prices/0/currency", "XXX")),
        ("/variants/0/prices/0/amount", with(product(), "/variants/0/prices/0/amount", -1)),
        ("/images/0/media", with(product(), "/images", json!([{"media": "med_nonsense"}]))),
    ];
    for (pointer, body) in cases {
        mart.staff_post("/api/admin/products").json(&body).send().await.problem(422, "invalid").at(pointer);
    }
    let taken = with(product(), "/variants/0/sku", "LAMP");
    mart.staff_post("/api/admin/products").json(&taken).send().await.any_problem().expect(409);
    let nobody = mart.post("/api/admin/products").bearer("not-a-key").json(&product()).send().await;
    nobody.problem(401, "unauthenticated");
    let settings =
        json!({"currencies": ["USD", "XXX"], "countries": [{"country": "UK"}], "time_zone": "Mars/Olympus Mons"});
    let told = mart.staff(Method::PATCH, "/api/admin/settings").json(&settings).send().await.problem(422, "invalid");
    for pointer in ["/currencies/1", "/countries/0/country", "/time_zone"] {
        assert!(told.pointers().iter().any(|named| named == pointer), "{pointer}: {told}");
    }
    lives(mart).await;
}

/// A test token on an address that others can reach is refused; here it is allowed by default.
#[tokio::test]
async fn odd_requests_do_not_harm() {
    let mart = mart().await;
    for path in [
        "/api/orders/%00",
        "/api/products/%ff%fe",
        "/api/products/..%2f..%2fetc%2fpasswd",
        "/api//products",
        "/api/carts/%F0%9F%91%95",
    ] {
        let answer = mart.get(path).send().await;
        assert!((400..500).contains(&answer.status), "{answer}");
    }
    for path in ["/../../etc/passwd", "/media/..%2f..%2fshop.db", "/media/%2e%2e/x"] {
        let answer = mart.get(path).send().await;
        assert!((400..500).contains(&answer.status), "{answer}");
    }
    let method = Method::from_bytes(b"BREW").expect("a method");
    let answer = mart.ask(method, "/api/orders").send().await;
    assert!((400..502).contains(&answer.status) && answer.status != 500, "{answer}");
    half_a_request(&mart, "GET /api/products HTTP/1.1\r\nHost: x\r\n").await;
    half_a_request(&mart, "POST /api/orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nIdempotency-Key: k\r\nContent-Length: 100\r\n\r\n{").await;
    half_a_request(&mart, "\u{0}\u{1}\u{2} nonsense\r\n\r\n").await;
    half_a_request(&mart, "POST /api/orders HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n").await;
    lives(mart).await;
}

/// Sends this much and hangs up.
async fn half_a_request(mart: &Mart, text: &str) {
    use tokio::io::AsyncWriteExt as _;
    let mut stream = tokio::net::TcpStream::connect(mart.address()).await.expect("a connection");
    stream.write_all(text.as_bytes()).await.expect("to write");
    stream.shutdown().await.expect("to hang up");
}
