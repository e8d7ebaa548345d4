//! What buyers ask for: which kinds of request a scenario is made of, and how each one reads.
//! It does not send anything. The same turn is always the same request, so that what got no answer can be asked again.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use jiff::Timestamp;
use platform::naming;
use serde::Serialize;
use serde_json::json;

use super::wire::{Answer, Request};

/// Lines that a cart takes before its buyer begins another.
const LINES_PER_CART: u32 = 10;
/// Where search prices begin and end, so that no two searches are alike and hardly one leaves anything out.
const PRICE_STEPS: u64 = 500;
const PRICE_TOP: u64 = 100_000_000;

/// A load that can be put on a shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scenario {
    /// People look around: 50 % product pages, 25 % products as JSON, 25 % lists of products
    Browse,
    /// Searches with facets, no two alike, so that no cache answers them
    Search,
    /// Lines put into carts, ten to a cart
    Carts,
    /// Guests' orders of one line each, paid by test payments, over the SKUs of a product of its own (--skus)
    Checkout,
    /// Everybody orders the one SKU of which there are few (--stock)
    FlashSale,
    /// A day: 40 % product pages, 15 % products as JSON, 15 % lists, 15 % searches, 12 % cart lines, 3 % orders
    Mixed,
}

/// One kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Page,
    Product,
    List,
    Search,
    Cart,
    CartLine,
    Order,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Page => "product page",
            Self::Product => "product (JSON)",
            Self::List => "list",
            Self::Search => "search",
            Self::Cart => "new cart",
            Self::CartLine => "cart line",
            Self::Order => "order",
        }
    }

    /// Whether this is how a shop answers when all is well.
    pub fn expects(self, status: u16) -> bool {
        match self {
            Self::Page | Self::Product | Self::List | Self::Search => status == 200,
            Self::Cart => status == 201,
            Self::CartLine => matches!(status, 200 | 201),
            // 409 is "sold out"; the books tell whether that was true.
            Self::Order => matches!(status, 201 | 202 | 409),
        }
    }

    /// Whether it was done as asked: an order that is refused, or not confirmed yet, is not.
    pub fn is_done(self, status: u16) -> bool {
        self.expects(status) && !matches!(status, 202 | 409)
    }
}

impl Scenario {
    /// The kinds of request and their shares, which add up to 100.
    fn shares(self) -> &'static [(u64, Kind)] {
        match self {
            Self::Browse => &[(50, Kind::Page), (25, Kind::Product), (25, Kind::List)],
            Self::Search => &[(100, Kind::Search)],
            Self::Carts => &[(100, Kind::CartLine)],
            Self::Checkout | Self::FlashSale => &[(100, Kind::Order)],
            Self::Mixed => &[
                (40, Kind::Page),
                (15, Kind::Product),
                (15, Kind::List),
                (15, Kind::Search),
                (12, Kind::CartLine),
                (3, Kind::Order),
            ],
        }
    }

    pub fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    pub fn places_orders(self) -> bool {
        self.shares().iter().any(|(_, kind)| *kind == Kind::Order)
    }

    pub fn fills_carts(self) -> bool {
        self.shares().iter().any(|(_, kind)| *kind == Kind::CartLine)
    }
}

/// What the shop has, as far as a load needs it.
#[derive(Debug, Clone, Default)]
pub struct Ground {
    pub currency: String,
    pub slugs: Vec<String>,
    /// Words of titles.
    pub words: Vec<String>,
    pub cart_skus: Vec<String>,
    pub checkout: Option<Checkout>,
}

/// How orders are placed.
#[derive(Debug, Clone)]
pub struct Checkout {
    pub skus: Vec<String>,
    /// Part of every idempotency key of this run.
    pub run: String,
    /// The moment of the first of them.
    pub began: Timestamp,
    pub country: String,
    pub shipping_method: String,
    pub payment_method: String,
}

impl Checkout {
    /// The key of a turn's order: a UUID of version 7, as is best for orders, each a millisecond after the one before.
    fn key(&self, turn: u64) -> String {
        let mut rest = [0; 10];
        rest.iter_mut().rev().zip(self.run.bytes()).for_each(|(place, byte)| *place = byte);
        let after = Duration::from_millis(turn);
        naming::key(self.began.saturating_add(after).unwrap_or(self.began), rest)
    }

    /// Which SKU the order of a turn is for.
    pub fn sku(&self, turn: u64) -> &str {
        &self.skus[usize::try_from(turn).unwrap_or(0) % self.skus.len()]
    }
}

/// A cart that has room for another line.
#[derive(Debug)]
pub struct Cart {
    path: String,
    token: Arc<str>,
    version: String,
    lines: u32,
}

/// What is asked in which turn.
#[derive(Debug)]
pub struct Script {
    scenario: Scenario,
    ground: Ground,
}

impl Script {
    pub fn new(scenario: Scenario, ground: Ground) -> Self {
        Self { scenario, ground }
    }

    /// What a turn asks for, before it is known whether there is a cart for it.
    pub fn kind(&self, turn: u64) -> Kind {
        let mut rest = scatter(turn) % 100;
        for (share, kind) in self.scenario.shares() {
            if rest < *share {
                return *kind;
            }
            rest -= share;
        }
        self.scenario.shares()[0].1
    }

    /// `cart`: where a line goes; without one it is a cart that is asked for.
    pub fn request(&self, turn: u64, cart: Option<&Cart>) -> (Kind, Request) {
        let kind = self.kind(turn);
        let slug = || pick(&self.ground.slugs, turn);
        let request = match kind {
            Kind::Page => Request::get(format!("/p/{}", slug())),
            Kind::Product => Request::get(format!("/api/products/{}", slug())),
            Kind::List => Request::get(format!("/api/products?limit=20&currency={}", self.ground.currency)),
            Kind::Search => self.search(turn),
            Kind::Order => self.order(turn),
            Kind::Cart | Kind::CartLine => return self.cart(turn, cart),
        };
        (kind, request)
    }

    fn search(&self, turn: u64) -> Request {
        let words = &self.ground.words;
        let (first, second) = (pick(words, turn), pick(words, turn >> 8));
        let asked = if turn.is_multiple_of(2) { Cow::Borrowed(first) } else { Cow::Owned(format!("{first}+{second}")) };
        Request::get(format!(
            "/api/products?q={asked}&facets=true&currency={}&price_min={}&price_max={}",
            self.ground.currency,
            turn % PRICE_STEPS,
            PRICE_TOP + turn
        ))
    }

    /// A line for the cart, or first a cart.
    fn cart(&self, turn: u64, cart: Option<&Cart>) -> (Kind, Request) {
        let Some(cart) = cart else {
            let body = json!({ "currency": self.ground.currency }).to_string();
            return (Kind::Cart, Request::post("/api/carts", body));
        };
        let body = format!("{{\"sku\":\"{}\",\"quantity\":1}}", pick(&self.ground.cart_skus, turn));
        let mut request = Request::post(cart.path.clone(), body);
        request.bearer = Some(cart.token.clone());
        request.if_match = Some(cart.version.clone());
        (Kind::CartLine, request)
    }

    /// The same order for the same turn, under the same key.
    pub fn order(&self, turn: u64) -> Request {
        let Some(checkout) = &self.ground.checkout else { return Request::get("/") };
        let Checkout { country, shipping_method, payment_method, .. } = checkout;
        let sku = checkout.sku(turn);
        let body = format!(
            "{{\"currency\":\"{}\",\"lines\":[{{\"sku\":\"{sku}\",\"quantity\":1}}],\
             \"buyer\":{{\"email\":\"{}\",\"name\":\"A Buyer\"}},\
             \"shipping_address\":{{\"line1\":\"Main street 1\",\"city\":\"Springfield\",\"region\":\"{}\",\
             \"postal_code\":\"10115\",\"country\":\"{country}\"}},\
             \"shipping_method\":\"{shipping_method}\",\
             \"payment\":{{\"provider\":\"{payment_method}\",\"token\":\"tok_success\"}}}}",
            self.ground.currency,
            email(turn),
            region_of(country),
        );
        let mut request = Request::post("/api/orders", body);
        request.key = Some(checkout.key(turn));
        request
    }
}

/// Who orders in a turn.
fn email(turn: u64) -> String {
    format!("buyer{turn}@example.com")
}

/// Whether this is a buyer of a load.
pub fn is_own(email: &str) -> bool {
    let turn = email.strip_prefix("buyer").and_then(|rest| rest.split_once('@')?.0.parse::<u64>().ok());
    turn.is_some_and(|turn| self::email(turn) == email)
}

/// The cart that a turn leaves for another one: it is new, or has got a line and has room for more. Whatever else
/// became of it, nobody goes on with it.
pub fn left(kind: Kind, cart: Option<Cart>, answer: &Answer<'_>) -> Option<Cart> {
    match kind {
        Kind::Cart if answer.status == 201 => new_cart(answer),
        Kind::CartLine if kind.expects(answer.status) => {
            let Cart { path, token, lines, .. } = cart?;
            let lines = lines + 1;
            let version = answer.etag.as_ref()?.to_string();
            (lines < LINES_PER_CART).then_some(Cart { path, token, version, lines })
        }
        _ => None,
    }
}

fn new_cart(answer: &Answer<'_>) -> Option<Cart> {
    let body: serde_json::Value = serde_json::from_slice(&answer.body).ok()?;
    let (id, token) = (body["id"].as_str()?, body["token"].as_str()?);
    let version = answer.etag.as_ref()?.to_string();
    Some(Cart { path: format!("/api/carts/{id}/lines"), token: token.into(), version, lines: 0 })
}

/// A region where a country's addresses need one; others do not mind.
fn region_of(country: &str) -> &'static str {
    match country {
        "KR" => "Seoul",
        "JP" => "Tokyo",
        _ => "NY",
    }
}

fn pick(list: &[String], turn: u64) -> &str {
    match list.len() {
        0 => "",
        len => &list[usize::try_from(scatter(turn ^ 0x5bd1) % len as u64).unwrap_or(0)],
    }
}

/// Spreads neighbouring numbers far apart: the finaliser of SplitMix64 (Steele, Lea and Flood, 2014).
fn scatter(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    fn script(scenario: Scenario) -> Script {
        let list = |items: &[&str]| items.iter().map(|&item| item.to_owned()).collect::<Vec<_>>();
        let checkout = Checkout {
            skus: list(&["S-0", "S-1"]),
            run: "0000002a".to_owned(),
            began: Timestamp::UNIX_EPOCH,
            country: "DE".to_owned(),
            shipping_method: "standard".to_owned(),
            payment_method: "test".to_owned(),
        };
        let ground = Ground {
            currency: "EUR".to_owned(),
            slugs: list(&["lamp", "tea"]),
            words: list(&["lamp", "tea", "oak"]),
            cart_skus: list(&["S-0"]),
            checkout: Some(checkout),
        };
        Script::new(scenario, ground)
    }

    #[test]
    fn a_day_has_the_shares_that_the_help_tells() {
        let day = script(Scenario::Mixed);
        let mut counts = BTreeMap::new();
        for turn in 0..100_000 {
            *counts.entry(day.kind(turn)).or_insert(0_u64) += 1;
        }
        for (share, kind) in Scenario::Mixed.shares() {
            let told = counts[kind];
            assert!(told.abs_diff(share * 1_000) < 500, "{kind:?}: {told}");
        }
        for scenario in Scenario::value_variants() {
            assert_eq!(scenario.shares().iter().map(|(share, _)| share).sum::<u64>(), 100);
        }
    }

    #[test]
    fn a_turn_is_always_the_same_order_and_no_two_are_alike() {
        let script = script(Scenario::Checkout);
        let bodies: BTreeSet<_> = (0..100).map(|turn| script.order(turn).body).collect();
        let keys: BTreeSet<_> = (0..100).map(|turn| script.order(turn).key).collect();
        assert_eq!((bodies.len(), keys.len()), (100, 100));
        assert_eq!((script.order(7).body, script.order(7).key), (script.order(7).body, script.order(7).key));
        assert!((0..100).map(|turn| script.order(turn).key).is_sorted(), "a key tells its time");
        let read: serde_json::Value = serde_json::from_str(&script.order(7).body.unwrap()).unwrap();
        assert_eq!((&read["lines"][0]["sku"], &read["payment"]["token"]), (&"S-1".into(), &"tok_success".into()));
    }

    #[test]
    fn no_two_searches_are_alike() {
        let script = script(Scenario::Search);
        let asked: BTreeSet<_> = (0..10_000).map(|turn| script.request(turn, None).1.path).collect();
        assert_eq!(asked.len(), 10_000);
    }

    #[test]
    fn another_cart_is_begun_after_ten_lines() {
        let script = script(Scenario::Carts);
        let mut cart = None;
        let mut kinds = Vec::new();
        for turn in 0..12 {
            let (kind, request) = script.request(turn, cart.as_ref());
            kinds.push(kind);
            let body = br#"{"id":"crt_1","token":"secret"}"#;
            let (status, etag) = if kind == Kind::Cart { (201, "\"1\"") } else { (200, "\"2\"") };
            if kind == Kind::CartLine {
                assert_eq!(
                    (request.path.as_str(), request.bearer.as_deref()),
                    ("/api/carts/crt_1/lines", Some("secret"))
                );
            }
            let answer = Answer { status, etag: Some(etag.into()), retry_after: None, body: Cow::Borrowed(body) };
            cart = left(kind, cart, &answer);
        }
        let new: Vec<usize> = (0..12).filter(|at| kinds[*at] == Kind::Cart).collect();
        assert_eq!(new, [0, 11]);
        let refused = Answer { status: 412, etag: None, retry_after: None, body: Cow::Borrowed(b"{}") };
        assert!(cart.is_some() && left(Kind::CartLine, cart, &refused).is_none());
    }

    #[test]
    fn a_loads_own_buyers_are_known_by_their_addresses() {
        let body = |turn| -> serde_json::Value {
            serde_json::from_str(&script(Scenario::Checkout).order(turn).body.unwrap()).unwrap()
        };
        for turn in [0, 7, u64::MAX] {
            assert!(is_own(body(turn)["buyer"]["email"].as_str().unwrap()));
        }
        for other in
            ["ada@example.com", "buyer@example.com", "buyer7@example.org", "buyer07@example.com", "buyer+7@example.com"]
        {
            assert!(!is_own(other), "{other}");
        }
    }
}
