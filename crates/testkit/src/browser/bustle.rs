//! A shop in use: orders in every state, so that the pages of staff have something to show.
//! It does not know the pages.

use serde_json::{Value, json};

use crate::mart::{Answer, Mart, guest_order, with};

/// Name, e-mail, street, city, region, postal code, country, currency.
type Guest = [&'static str; 8];

const GUESTS: [Guest; 6] = [
    ["Ada Lovelace", "ada@example.com", "12 St James's Square", "New York", "NY", "10001", "US", "USD"],
    ["이하늘", "haneul@example.com", "자하문로 12", "서울", "서울특별시", "03045", "KR", "KRW"],
    ["Grace Hopper", "grace@example.com", "1 Navy Way", "Arlington", "VA", "22202", "US", "USD"],
    ["Emmy Noether", "emmy@example.com", "Hauptstraße 23", "Erlangen", "", "91054", "DE", "EUR"],
    ["김윤아", "yuna@example.com", "광안해변로 219", "부산", "부산광역시", "48303", "KR", "KRW"],
    ["Émilie du Châtelet", "emilie@example.com", "1 rue de la Loge", "Wien", "", "1010", "AT", "EUR"],
];

/// What staff have done to an order since it was placed; the first of each pair is a kind of action.
const COURSES: [&[(&str, &str)]; 6] = [
    &[],
    &[("capture", "{}")],
    &[("capture", "{}"), ("ship", r#"{"carrier": "DHL", "tracking_number": "00340434161094042557"}"#)],
    &[("capture", "{}"), ("ship", r#"{"carrier": "UPS"}"#), ("deliver", "{}")],
    &[("capture", "{}"), ("refund", r#"{"amount": 500, "reason": "A dent in the lid"}"#)],
    &[("cancel", r#"{"reason": "The buyer changed their mind"}"#)],
];

/// Places `orders` orders in the sample shop; answers with the id of one that was paid for, shipped and noted on.
///
/// # Panics
/// When the mart has too little on its shelves, or refuses what staff may do.
pub async fn fill(mart: &Mart, orders: usize) -> String {
    let skus = on_sale(mart).await;
    assert!(skus.len() >= 6, "too little on the shelves: {skus:?}");
    let mut shipped = String::new();
    for n in 0..orders {
        let placed = place(mart, n, &skus).await;
        let id = placed.text("id");
        for (action, body) in COURSES[n % COURSES.len()] {
            mart.act(&id, action, &serde_json::from_str(body).expect("JSON")).await.expect(200);
            if *action == "ship" {
                shipped.clone_from(&id);
            }
        }
    }
    mart.act(&shipped, "notes", &json!({"note": "Asked for gift wrapping on the phone."})).await.expect(200);
    shipped
}

/// SKUs that anybody may buy, and of which there are enough for everybody.
async fn on_sale(mart: &Mart) -> Vec<String> {
    let levels = mart.staff_list("/api/admin/stock").await;
    let has_plenty =
        |sku: &Value| levels.iter().any(|level| level["sku"] == *sku && level["available"].as_i64() > Some(12));
    let mut skus = Vec::new();
    for card in mart.get("/api/products?limit=100").send().await.expect(200).items() {
        let slug = card["slug"].as_str().unwrap_or_default();
        let product = mart.get(&format!("/api/products/{slug}")).send().await.expect(200);
        let variants = product.body["variants"].as_array().into_iter().flatten();
        let wanted = variants.map(|variant| &variant["sku"]).find(|sku| has_plenty(sku));
        skus.extend(wanted.and_then(Value::as_str).map(ToOwned::to_owned));
    }
    skus
}

async fn place(mart: &Mart, n: usize, skus: &[String]) -> Answer {
    // Neighbouring orders have little in common: the steps share no divisor with the lengths.
    let [name, email, line1, city, region, postal_code, country, currency] = GUESTS[(n * 5 + n / 6) % GUESTS.len()];
    let sku = |step: usize| skus[(n * 7 + step * 11) % skus.len()].as_str();
    let mut lines: Vec<Value> = vec![json!({"sku": sku(0), "quantity": 1 + n % 2})];
    if !n.is_multiple_of(3) && sku(1) != sku(0) {
        lines.push(json!({"sku": sku(1), "quantity": 1}));
    }
    let mut address =
        json!({"line1": line1, "city": city, "postal_code": postal_code, "country": country, "name": name});
    if !region.is_empty() {
        address["region"] = region.into();
    }
    let order = with(guest_order(sku(0), 1), "/lines", lines);
    let order = with(order, "/buyer", json!({"name": name, "email": email}));
    let order = with(order, "/shipping_address", address);
    let order = with(order, "/currency", currency);
    mart.place(&mart.fresh_key(), &order).await.expect(201)
}
