//! Buyers: they fill a cart, order it, lose patience, ask again under the same name, and pay or do not.
//! They know nothing of stock but what they are told.

use std::sync::Arc;
use std::time::Duration;

use contracts::Kind;
use contracts::caller::Caller;
use contracts::carts::{CartView, CreateCart, LineBody, Shopping};
use contracts::orders::{AddressBody, BuyCart, BuyerView, Checkout as _};
use domain::ids::{CartId, OrderId};
use tokio::time::sleep;

use super::is_passing;
use super::notebook::{Answer, Notebook, Wish};
use crate::chance::Chance;
use crate::goods::{SHIPPING, SKUS};
use crate::judge::Invariant;
use crate::town::Town;

/// How often a buyer asks under one name before going away. In calm times they stay until they are answered.
const PATIENT_ASKS: u32 = 5;
/// In calm times nobody has to ask so often.
const CALM_ASKS: u32 = 60;

struct Buyer {
    town: Arc<Town>,
    notebook: Arc<Notebook>,
    chance: Chance,
    name: String,
}

/// A cart, with the token that opens it, and what was acknowledged to be in it.
#[derive(Clone)]
struct Filled {
    id: CartId,
    token: String,
    lines: Vec<(String, u32)>,
    total: i64,
}

/// One buyer's day.
pub async fn shops(town: Arc<Town>, notebook: Arc<Notebook>, number: u64) {
    let name = format!("buyer{number}");
    let buyer = Buyer { chance: Chance::new(town.world.seed, &name), town, notebook, name };
    for visit in 0..buyer.chance.within(1..=3) {
        sleep(Duration::from_millis(buyer.chance.below(8_000))).await;
        if buyer.town.world.is_over() {
            return;
        }
        buyer.visit(visit).await;
    }
}

/// After the storm, every wish is asked once more, and must be answered.
pub async fn asks_again(town: Arc<Town>, notebook: Arc<Notebook>) {
    let name = "all buyers".to_owned();
    let buyer = Buyer { chance: Chance::new(town.world.seed, &name), town, notebook, name };
    for Wish { body, .. } in buyer.notebook.all_wishes() {
        if buyer.buy(body).await.is_none() && !buyer.town.world.is_over() {
            let detail = "a wish is not answered though nothing fails".to_owned();
            return buyer.town.world.violated(Invariant::ProcessesEnd, detail);
        }
    }
}

impl Buyer {
    async fn visit(&self, visit: u64) {
        let Some(cart) = self.fill_cart().await else { return };
        sleep(Duration::from_millis(self.chance.below(3_000))).await;
        self.look_into(&cart).await;
        let mut token = self.token();
        for attempt in 0..3 {
            let once = format!("{}-{visit}-{attempt}", self.name);
            let body = self.wish(&cart, &once, token);
            let answer = if self.chance.per_mille(150) {
                // Two windows, one cart.
                let other = self.wish(&cart, &format!("{once}-too"), self.token());
                futures::future::join(self.buy(body.clone()), self.buy(other)).await.0
            } else {
                self.buy(body.clone()).await
            };
            match answer {
                Some(Answer::No { code, .. }) if code == "payment_declined" || code == "order_cancelled" => {
                    token = "tok_success";
                }
                Some(Answer::Yes { id, status, .. }) => {
                    if status == "pending" {
                        self.wait_for_end(&id, &body).await;
                    }
                    return;
                }
                _ => return,
            }
        }
    }

    fn token(&self) -> &'static str {
        match self.chance.below(100) {
            0..60 => "tok_success",
            60..70 => "tok_declined",
            70..75 => "tok_poor",
            _ => "tok_action",
        }
    }

    fn wish(&self, cart: &Filled, once: &str, token: &str) -> BuyCart {
        let is_by_hand = self.chance.per_mille(60);
        let text = |text: &str| Some(text.to_owned());
        BuyCart {
            cart: cart.id.clone(),
            cart_token: cart.token.clone(),
            once: once.to_owned(),
            buyer: BuyerView { email: text("ada@example.com"), name: text("Ada Example"), phone: None },
            shipping_address: AddressBody {
                line1: text("Main street 1"),
                city: text("Berlin"),
                postal_code: text("10115"),
                country: text("DE"),
                ..AddressBody::default()
            },
            shipping_method: text("standard"),
            payment_method: text(if is_by_hand { "bank" } else { "sim" }),
            payment_token: (!is_by_hand).then(|| token.to_owned()),
            note: None,
            locale: "en".to_owned(),
            expected_total: cart.total + SHIPPING,
        }
    }

    async fn fill_cart(&self) -> Option<Filled> {
        let mut wanted: Vec<(&str, u64)> = Vec::new();
        for _ in 0..self.chance.within(1..=3) {
            let sku = SKUS[usize::try_from(self.chance.below(SKUS.len() as u64)).unwrap_or(0)].0;
            if wanted.iter().all(|(other, _)| *other != sku) {
                wanted.push((sku, self.chance.within(1..=2)));
            }
        }
        for _ in 0..20 {
            let lines = wanted.iter().map(|(sku, quantity)| LineBody {
                sku: (*sku).to_owned(),
                quantity: i64::try_from(*quantity).unwrap_or(1),
            });
            let country = Some("DE".to_owned());
            let wish = CreateCart { currency: "EUR".to_owned(), locale: None, country, lines: Some(lines.collect()) };
            match self.ask(|node| async move { Shopping::create(node.carts.as_ref(), &wish).await }).await {
                Some(Ok((view, token))) => return filled(&view, token),
                Some(Err(error)) if !is_passing(&self.town.world, &error) => return None,
                _ => self.pause().await,
            }
            if self.town.world.is_over() {
                return None;
            }
        }
        None
    }

    /// What was acknowledged is still in the cart.
    async fn look_into(&self, cart: &Filled) {
        let (id, token) = (cart.id.clone(), cart.token.clone());
        let seen = self.ask(|node| async move { Shopping::view(node.carts.as_ref(), &id, &token).await }).await;
        let lost = match seen {
            Some(Ok(view)) if lines_of(&view) != cart.lines => Some(format!("it holds {:?}", lines_of(&view))),
            Some(Err(error)) if error.kind == Kind::NotFound => Some("it is gone".to_owned()),
            _ => None,
        };
        if let Some(lost) = lost {
            let detail = format!("cart {} was told to hold {:?}; {lost}", cart.id, cart.lines);
            self.town.world.violated(Invariant::AcknowledgedIsThere, detail);
        }
    }

    /// Asks until there is an answer, or patience is over.
    async fn buy(&self, mut body: BuyCart) -> Option<Answer> {
        let mut asked = 0;
        loop {
            if self.town.world.is_over() {
                return None;
            }
            self.notebook.wishes(&body);
            let sent = body.clone();
            let answered = self.ask(|node| async move { node.counter.buy(sent, &Caller::default()).await }).await;
            match answered {
                Some(answered) if !answered.as_ref().is_err_and(|error| is_passing(&self.town.world, error)) => {
                    let answer = Answer::of(&answered);
                    self.notebook.answered(&body.once, answer.clone());
                    return Some(answer);
                }
                _ => {}
            }
            asked += 1;
            let is_calm = self.town.world.is_calm();
            let walks_away = !is_calm && (asked >= PATIENT_ASKS || self.chance.per_mille(300));
            if walks_away || asked > CALM_ASKS {
                return None;
            }
            if self.chance.per_mille(60) && !is_calm {
                body.note = Some(format!("please hurry, {asked}"));
            }
            self.pause().await;
        }
    }

    /// The order waits: for this buyer at the bank, or for the bank. Answers are looked for until there is one.
    async fn wait_for_end(&self, id: &str, body: &BuyCart) {
        let Ok(order) = OrderId::parse(id) else { return };
        for _ in 0..4 {
            sleep(Duration::from_millis(self.chance.within(200..=30_000))).await;
            match self.chance.below(10) {
                0..6 => self.town.bank.decide(&order, true),
                6 => self.town.bank.decide(&order, false),
                _ => {}
            }
            match self.buy(body.clone()).await {
                Some(Answer::Yes { status, .. }) if status == "pending" => {}
                _ => return,
            }
        }
    }

    async fn ask<T, F>(&self, call: impl FnOnce(Arc<crate::node::Node>) -> F) -> Option<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let patience = Duration::from_millis(self.chance.within(1_000..=20_000));
        self.town.door()?.call(patience, call).await
    }

    async fn pause(&self) {
        sleep(Duration::from_millis(self.chance.within(20..=2_000))).await;
    }
}

fn lines_of(view: &CartView) -> Vec<(String, u32)> {
    view.lines.iter().map(|line| (line.sku.clone(), line.quantity)).collect()
}

fn filled(view: &CartView, token: String) -> Option<Filled> {
    let id = CartId::parse(&view.id).ok()?;
    let total = view.lines.iter().filter_map(|line| line.total).sum();
    Some(Filled { id, token, lines: lines_of(view), total })
}
