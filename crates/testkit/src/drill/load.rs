//! Buyers and staff, all at once: orders of several goods and cards, carts, captures, shipments, refunds, cancellations.
//! It writes down what they were told; it does not judge it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use reqwest::Method;
use serde_json::{Value, json};

use super::book::{Book, Cart, Deed, Standing, What, Wish};
use crate::dice::Dice;
use crate::mart::{Answer, Ask, Mart, guest_order, settings, with};

/// More than can be sold.
pub const PLENTY: [&str; 6] = ["LAMP", "CUP", "CHAIR", "TABLE", "SHELF", "RUG"];
/// A few of each, put on the shelf now and then.
pub const SCARCE: [&str; 3] = ["VASE", "CLOCK", "STOOL"];
const PLENTY_COUNT: i64 = 1_000_000;
const SCARCE_COUNT: i64 = 40;
/// Of a hundred orders. `tok_timeout` takes half a minute and is tried elsewhere.
const CARDS: [(&str, u64); 8] = [
    ("tok_success", 40),
    ("tok_stuck", 16),
    ("tok_unknown", 8),
    ("tok_flaky", 4),
    ("tok_duplicate_notice", 10),
    ("tok_action", 8),
    ("tok_declined", 8),
    ("tok_insufficient_funds", 6),
];

/// How often who got no answer asks again at once.
const REPEATS: usize = 5;

const QUICK_CARDS: [&str; 4] = ["tok_success", "tok_stuck", "tok_duplicate_notice", "tok_declined"];

/// What buyers and staff of one shop do.
pub struct Load<'a> {
    pub mart: &'a Mart,
    pub book: &'a Mutex<Book>,
    /// Tells keys of this load from those of another.
    pub name: String,
    next: AtomicU64,
    answers: AtomicU64,
    put_off: AtomicU64,
    closed: AtomicBool,
    is_quick: bool,
    /// How long somebody waits for an answer, and how often they ask again, by the same key, when none came.
    patience: Option<Duration>,
    repeats: usize,
}

/// There was no answer: the shop is gone.
#[derive(Debug, Clone, Copy)]
pub struct Gone;

/// Fills the shelves of a new shop.
pub async fn stock_up(mart: &Mart, book: &Mutex<Book>) {
    mart.put_settings(&settings()).await;
    let goods = PLENTY.map(|sku| (sku, PLENTY_COUNT)).into_iter().chain(SCARCE.map(|sku| (sku, SCARCE_COUNT)));
    for (sku, count) in goods {
        mart.product(sku, 4_900, count).await;
        book.lock().counted.insert(sku.to_owned(), count);
    }
}

impl<'a> Load<'a> {
    pub fn new(mart: &'a Mart, book: &'a Mutex<Book>, name: impl Into<String>) -> Self {
        let (next, answers, put_off) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        let (closed, name) = (AtomicBool::new(false), name.into());
        Self { mart, book, name, next, answers, put_off, closed, is_quick: false, patience: None, repeats: 0 }
    }

    /// With cards only that the bank decides on at once.
    #[must_use]
    pub fn with_quick_cards(mut self) -> Self {
        self.is_quick = true;
        self
    }

    /// Whoever got no answer, or none in time, asks again with the same key.
    #[must_use]
    pub fn undeterred(mut self, patience: Option<Duration>) -> Self {
        (self.patience, self.repeats) = (patience, REPEATS);
        self
    }

    /// How many requests were answered so far.
    pub fn answers(&self) -> u64 {
        self.answers.load(Ordering::Relaxed)
    }

    /// How many of them were answered 503.
    pub fn put_off(&self) -> u64 {
        self.put_off.load(Ordering::Relaxed)
    }

    /// Nobody begins anything new.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    /// One after the other, until somebody was put off, or so many were done.
    pub async fn until_put_off(&self, count: usize, mut dice: Dice) -> Result<(), Gone> {
        for _ in 0..count {
            if self.put_off() > 0 {
                break;
            }
            self.anything(&mut dice).await?;
        }
        Ok(())
    }

    /// One after the other, until it is closed.
    pub async fn patient(&self, mut dice: Dice) -> Result<(), Gone> {
        while !self.closed.load(Ordering::Relaxed) {
            self.anything(&mut dice).await?;
        }
        Ok(())
    }

    /// One after the other, until it is closed, whoever is not there.
    pub async fn regular(&self, mut dice: Dice) {
        while !self.closed.load(Ordering::Relaxed) {
            // What was not answered is in the book, and asked for again when all is over.
            let _: Result<(), Gone> = self.anything(&mut dice).await;
        }
    }

    /// One after the other, until there is no answer.
    pub async fn customer(&self, mut dice: Dice) -> Gone {
        loop {
            if let Err(gone) = self.anything(&mut dice).await {
                return gone;
            }
        }
    }

    /// So many things, whatever they are.
    pub async fn customer_of(&self, count: usize, mut dice: Dice) -> Result<(), Gone> {
        for _ in 0..count {
            self.anything(&mut dice).await?;
        }
        Ok(())
    }

    async fn anything(&self, dice: &mut Dice) -> Result<(), Gone> {
        match dice.below(100) {
            0..45 => self.order(dice).await,
            45..60 => self.order_by_cart(dice).await,
            60..85 => self.serve(dice).await,
            85..92 => self.decide(dice).await,
            92..96 => self.receive(dice).await,
            _ => self.look().await,
        }
    }

    fn fresh(&self, what: &str) -> String {
        format!("{}-{what}-{}", self.name, self.next.fetch_add(1, Ordering::Relaxed))
    }

    async fn send(&self, ask: Ask) -> Result<Answer, Gone> {
        let ask = match self.patience {
            Some(patience) => ask.within(patience),
            None => ask,
        };
        let answer = ask.try_send().await.map_err(|_| Gone)?;
        self.answers.fetch_add(1, Ordering::Relaxed);
        self.put_off.fetch_add(u64::from(answer.status == 503), Ordering::Relaxed);
        Ok(answer)
    }

    async fn look(&self) -> Result<(), Gone> {
        let seen = self.send(self.mart.get("/api/products?limit=20")).await?;
        assert!(matches!(seen.status, 200 | 503), "whoever only looks sees, or is put off: {seen}");
        Ok(())
    }

    async fn order(&self, dice: &mut Dice) -> Result<(), Gone> {
        let key = self.fresh("order");
        let bought = basket(dice);
        let lines: Vec<Value> =
            bought.iter().map(|(sku, quantity)| json!({"sku": sku, "quantity": quantity})).collect();
        let body = with(self.paid_for(&key, dice), "/lines", lines);
        self.wish(&key, body, bought).await
    }

    /// An order without its lines.
    fn paid_for(&self, key: &str, dice: &mut Dice) -> Value {
        let card = if self.is_quick { dice.pick(&QUICK_CARDS) } else { card(dice) };
        let order = with(guest_order("", 1), "/payment/token", card);
        let mut order = with(order, "/buyer/email", format!("{key}@example.com"));
        order.as_object_mut().expect("an object").remove("lines");
        order
    }

    /// Asks for an order, under a key that is known before anything is sent.
    pub async fn wish(&self, key: &str, body: Value, lines: BTreeMap<String, i64>) -> Result<(), Gone> {
        let wish = Wish { body: body.clone(), lines, standing: Standing::Asked };
        self.book.lock().wishes.insert(key.to_owned(), wish);
        self.book.lock().unanswered.insert(key.to_owned());
        let ask = || self.send(self.mart.post("/api/orders").key(key).json(&body));
        let mut answer = ask().await;
        let is_first = answer.is_ok();
        for _ in 0..self.repeats {
            if answer.is_err() {
                answer = ask().await;
            }
        }
        let answer = answer?;
        let mut book = self.book.lock();
        let later = book.tally.clone();
        book.placed(key, &answer);
        if is_first {
            // No crash came between.
            (book.tally.answered_later, book.tally.found_done) = (later.answered_later, later.found_done);
        }
        Ok(())
    }

    async fn order_by_cart(&self, dice: &mut Dice) -> Result<(), Gone> {
        let bought = basket(dice);
        let lines: Vec<Value> =
            bought.iter().map(|(sku, quantity)| json!({"sku": sku, "quantity": quantity})).collect();
        let body = json!({"currency": "USD", "country": "US", "lines": lines});
        let made = self.send(self.mart.post("/api/carts").json(&body)).await?;
        if made.status == 503 {
            return Ok(());
        }
        let made = made.expect(201);
        let id = made.text("id");
        let tag = made.header("etag").expect("a tag").to_owned();
        let cart = Cart { token: made.text("token"), tag, lines: bought, maybe: None, wish: None };
        self.book.lock().carts.insert(id.clone(), cart);
        self.add_to_cart(&id, dice).await?;
        // Some carts are left standing.
        if dice.percent(30) || self.book.lock().carts[&id].maybe.is_some() {
            return Ok(());
        }
        let key = self.fresh("cart-order");
        let mut order = self.paid_for(&key, dice);
        let cart = {
            let mut book = self.book.lock();
            let cart = book.carts.get_mut(&id).expect("a cart that is known");
            cart.wish = Some(key.clone());
            cart.clone()
        };
        for (member, value) in [("cart_id", &id), ("cart_token", &cart.token)] {
            order[member] = json!(value);
        }
        self.wish(&key, order, cart.lines).await
    }

    async fn add_to_cart(&self, id: &str, dice: &mut Dice) -> Result<(), Gone> {
        let (sku, quantity) = (dice.pick(&PLENTY).to_owned(), 1 + i64::from(dice.percent(50)));
        let cart = {
            let mut book = self.book.lock();
            let cart = book.carts.get_mut(id).expect("a cart that is known");
            cart.maybe = Some((sku.clone(), quantity));
            cart.clone()
        };
        let ask = self.mart.ask(Method::POST, &format!("/api/carts/{id}/lines")).bearer(&cart.token);
        let answer = self.send(ask.if_match(&cart.tag).json(&json!({"sku": sku, "quantity": quantity}))).await?;
        let mut book = self.book.lock();
        let cart = book.carts.get_mut(id).expect("a cart that is known");
        if answer.status == 503 {
            return Ok(());
        }
        let answer = answer.expect(200);
        cart.maybe = None;
        *cart.lines.entry(sku).or_default() += quantity;
        answer.header("etag").expect("a tag").clone_into(&mut cart.tag);
        Ok(())
    }

    /// Staff take up an order and do the next thing to it.
    async fn serve(&self, dice: &mut Dice) -> Result<(), Gone> {
        let Some(id) = self.book.lock().to_serve.pop_front() else { return self.order(dice).await };
        let order = self.book.lock().orders[&id].clone();
        let left = order.total - order.captured;
        let what = match dice.below(100) {
            _ if order.captured == 0 && !order.shipped && dice.percent(25) => What::Cancel,
            0..30 if !order.shipped => What::Ship,
            0..75 if left > 0 => What::Capture(left.min(1_000 + i64::try_from(dice.below(5_000)).unwrap_or(0))),
            _ if order.captured > order.refunded => What::Refund((order.captured - order.refunded).min(700)),
            _ => What::Capture(left.min(1_000)),
        };
        if what == What::Capture(0) {
            return Ok(());
        }
        let (key, is_last) = (self.fresh("deed"), what == What::Cancel || dice.percent(25));
        self.deed(Deed { order: id.clone(), key, what }).await?;
        if !is_last {
            self.book.lock().to_serve.push_back(id);
        }
        Ok(())
    }

    async fn decide(&self, dice: &mut Dice) -> Result<(), Gone> {
        let Some((order, url)) = self.book.lock().to_decide.pop_front() else { return self.order(dice).await };
        let what = What::Decide { url, approve: dice.percent(70) };
        self.deed(Deed { order, key: self.fresh("deed"), what }).await
    }

    async fn receive(&self, dice: &mut Dice) -> Result<(), Gone> {
        let (sku, count) = (dice.pick(&SCARCE).to_owned(), 5);
        self.deed(Deed { order: String::new(), key: self.fresh("deed"), what: What::Receive { sku, count } }).await
    }

    /// Does it, and keeps it in mind until it is answered.
    pub async fn deed(&self, deed: Deed) -> Result<(), Gone> {
        self.book.lock().undone.push(deed.clone());
        let answer = self.send(ask_for(self.mart, &deed)).await?;
        let mut book = self.book.lock();
        if book.did(&deed, &answer) {
            book.undone.retain(|other| other.key != deed.key);
        }
        Ok(())
    }
}

/// The request that a deed is.
pub fn ask_for(mart: &Mart, deed: &Deed) -> Ask {
    let staff = |action: &str, body: Value| {
        let path = format!("/api/admin/orders/{}/{action}", deed.order);
        mart.staff(Method::POST, &path).key(&deed.key).json(&body)
    };
    match &deed.what {
        What::Capture(amount) => staff("capture", json!({"amount": amount})),
        What::Refund(amount) => staff("refund", json!({"amount": amount})),
        What::Ship => staff("ship", json!({})),
        What::Cancel => staff("cancel", json!({})),
        What::Receive { sku, count } => {
            let path = format!("/api/admin/stock/{sku}/adjustments");
            mart.staff(Method::POST, &path).key(&deed.key).json(&json!({"delta": count, "reason": "received"}))
        }
        What::Decide { url, approve } => {
            // The address names the port of an earlier start.
            let at = url.find("/test-payments/").unwrap_or_else(|| panic!("not the bank's: {url}"));
            let choice = if *approve { "approve" } else { "decline" };
            mart.post(&format!("/api{}/{choice}", &url[at..]))
        }
    }
}

/// One to three goods, some of them scarce.
fn basket(dice: &mut Dice) -> BTreeMap<String, i64> {
    let goods = 1 + dice.below(3);
    (0..goods)
        .map(|_| {
            let sku = if dice.percent(20) { dice.pick(&SCARCE) } else { dice.pick(&PLENTY) };
            (sku.to_owned(), 1 + i64::from(dice.percent(30)))
        })
        .collect()
}

fn card(dice: &mut Dice) -> &'static str {
    let mut drawn = dice.below(CARDS.iter().map(|(_, weight)| weight).sum());
    for (card, weight) in CARDS {
        if drawn < weight {
            return card;
        }
        drawn -= weight;
    }
    CARDS[0].0
}
