//! A cart, from its first line to the order that it becomes.

use reqwest::Method;
use serde_json::{Value, json};
use testkit::mart::{Answer, Ask, Mart, guest_order, with};

use crate::{CLOUDMART, at_once};

/// A shopper with a cart.
struct Shopper<'a> {
    mart: &'a Mart,
    id: String,
    token: String,
    tag: String,
}

impl<'a> Shopper<'a> {
    async fn with_lines(mart: &'a Mart, lines: Value) -> Self {
        let body = json!({"currency": "USD", "country": "US", "lines": lines});
        let made = mart.post("/api/carts").json(&body).send().await.expect(201);
        let (id, token) = (made.text("id"), made.text("token"));
        Self { mart, id, token, tag: made.header("etag").expect("a tag").to_owned() }
    }

    fn ask(&self, method: Method, path: &str) -> Ask {
        self.mart.ask(method, &format!("/api/carts/{}{path}", self.id)).bearer(&self.token)
    }

    async fn look(&self) -> Answer {
        self.ask(Method::GET, "").send().await.expect(200)
    }

    async fn change(&mut self, method: Method, path: &str, body: &Value) -> Answer {
        let answer = self.ask(method, path).if_match(&self.tag).json(body).send().await.expect(200);
        answer.header("etag").expect("a tag").clone_into(&mut self.tag);
        answer
    }

    /// An order of this cart.
    fn order(&self) -> Value {
        let mut order = guest_order("unused", 1);
        let members = order.as_object_mut().expect("an object");
        members.remove("lines");
        members.insert("cart_id".to_owned(), json!(self.id));
        members.insert("cart_token".to_owned(), json!(self.token));
        order
    }
}

#[tokio::test]
async fn a_cart_becomes_at_most_one_order() {
    let mart = Mart::open(CLOUDMART).await;
    mart.product("LAMP", 1_299, 50).await;
    let shopper = Shopper::with_lines(&mart, json!([{"sku": "LAMP", "quantity": 2}])).await;
    let order = shopper.order();
    let quote = json!({"cart_id": shopper.id, "cart_token": shopper.token, "shipping_method": "standard"});
    let quote = mart.post("/api/quotes").json(&quote).send().await.expect(200);
    let order = with(order, "/expected_total", quote.total_of("total"));

    // Ten tabs, ten keys, one cart.
    let keys: Vec<String> = (0..10).map(|tab| format!("tab-{tab}")).collect();
    let answers = at_once(10, keys.iter().map(|key| mart.place(key, &order))).await;
    let placed: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(placed.len(), 1, "{answers:?}");
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        answer.clone().problem(409, "cart_already_ordered");
    }
    assert_eq!(placed[0].body["totals"], quote.body["totals"]);
    assert_eq!(mart.stock("LAMP").await, (50, 2, 48));
    let cart = shopper.look().await;
    assert_eq!(cart.body["order_id"], placed[0].body["id"]);
    let more = json!({"sku": "LAMP", "quantity": 1});
    let tag = cart.header("etag").expect("a tag");
    shopper.ask(Method::POST, "/lines").if_match(tag).json(&more).send().await.any_problem().expect(409);
    mart.doctor().await;
}

#[tokio::test]
async fn a_cart_opens_again_when_its_order_is_undone() {
    let mart = Mart::open(CLOUDMART).await;
    mart.product("LAMP", 1_299, 3).await;
    let shopper = Shopper::with_lines(&mart, json!([{"sku": "LAMP", "quantity": 2}])).await;
    let declined = with(shopper.order(), "/payment/token", "tok_declined");
    mart.place("declined", &declined).await.problem(402, "payment_declined");
    assert_eq!(shopper.look().await.body["order_id"], Value::Null);

    // Somebody else buys what it wants; then there is not enough, and later there is.
    let other = mart.buy("LAMP", 2).await;
    mart.place("sold-out", &shopper.order()).await.problem(409, "insufficient_stock");
    let cart = shopper.look().await;
    assert_eq!(cart.body["problems"][0]["code"], "insufficient_stock", "{cart}");
    assert_eq!(cart.body["problems"][0]["detail"], json!({"requested": 2, "available": 1}), "{cart}");
    mart.act(&other.text("id"), "cancel", &json!({})).await.expect(200);
    let placed = mart.place("at-last", &shopper.order()).await.expect(201);
    assert_eq!(shopper.look().await.body["order_id"], placed.body["id"]);
    mart.place("again", &shopper.order()).await.problem(409, "cart_already_ordered");
    assert!(mart.place("at-last", &shopper.order()).await.expect(201).is_replayed());
    assert_eq!(mart.stock("LAMP").await, (3, 2, 1));
}

#[tokio::test]
async fn a_cart_is_changed_by_one_at_a_time() {
    let mart = Mart::open(CLOUDMART).await;
    mart.product("LAMP", 1_299, 10).await;
    mart.product("CUP", 500, 10).await;
    let mut shopper = Shopper::with_lines(&mart, json!([{"sku": "LAMP", "quantity": 1}])).await;
    let cup = json!({"sku": "CUP", "quantity": 3});
    shopper.ask(Method::POST, "/lines").json(&cup).send().await.problem(428, "precondition_required");
    let first_tag = shopper.tag.clone();
    let changed = shopper.change(Method::POST, "/lines", &cup).await;
    assert_eq!(changed.total_of("subtotal"), 1_299 + 1_500);
    let stale = shopper.ask(Method::POST, "/lines").if_match(&first_tag).json(&cup);
    stale.send().await.problem(412, "precondition_failed");
    let line = changed.body["lines"][1]["id"].as_str().expect("a line's id").to_owned();
    let changed = shopper.change(Method::PATCH, &format!("/lines/{line}"), &json!({"quantity": 2})).await;
    assert_eq!(changed.total_of("subtotal"), 1_299 + 1_000);
    let removed =
        shopper.ask(Method::DELETE, &format!("/lines/{line}")).if_match(&shopper.tag).send().await.expect(200);
    assert_eq!(removed.total_of("subtotal"), 1_299);
    assert_eq!(removed.body["item_count"], 1);
}

#[tokio::test]
async fn a_cart_is_its_shoppers_own() {
    let mart = Mart::open(CLOUDMART).await;
    mart.product("LAMP", 1_299, 10).await;
    let mine = Shopper::with_lines(&mart, json!([{"sku": "LAMP", "quantity": 1}])).await;
    let other = Shopper::with_lines(&mart, json!([])).await;
    let path = format!("/api/carts/{}", mine.id);
    mart.get(&path).send().await.problem(404, "not_found");
    mart.get(&path).bearer(&other.token).send().await.problem(404, "not_found");
    let stolen = with(mine.order(), "/cart_token", other.token.clone());
    mart.place("stolen", &stolen).await.problem(404, "not_found");
    let empty = mart.place("empty", &other.order()).await.problem(422, "invalid");
    empty.at("/cart_id");
    let both = with(mine.order(), "/lines", json!([{"sku": "LAMP", "quantity": 1}]));
    mart.place("both", &both).await.problem(422, "invalid").at("/cart_id");
}

#[tokio::test]
async fn a_shopper_is_told_when_prices_change() {
    let mart = Mart::open(CLOUDMART).await;
    let made = mart.product("LAMP", 1_299, 10).await;
    let shopper = Shopper::with_lines(&mart, json!([{"sku": "LAMP", "quantity": 1}])).await;
    assert_eq!(shopper.look().await.body["problems"], json!([]));
    let path = format!("/api/admin/products/{}", made.text("id"));
    let tag = made.header("etag").expect("a tag");
    let patch = json!({"variants": [{"sku": "LAMP", "prices": [{"amount": 1_499, "currency": "USD"}]}]});
    mart.staff(Method::PATCH, &path).if_match(tag).json(&patch).send().await.expect(200);
    let cart = shopper.look().await;
    assert_eq!(cart.body["problems"][0]["code"], "price_changed", "{cart}");
    let detail = json!({"previous_unit_price": 1_299, "unit_price": 1_499});
    assert_eq!(cart.body["problems"][0]["detail"], detail, "{cart}");
    assert_eq!(cart.total_of("subtotal"), 1_499);
}
