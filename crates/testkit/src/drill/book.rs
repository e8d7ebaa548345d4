//! What buyers and staff were told, as they would write it down: the truth that a shop is held to.
//! It does not ask the shop anything.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::Value;

use crate::mart::Answer;

/// Everything that was asked for, and what was said to it.
#[derive(Debug, Default)]
pub struct Book {
    /// By idempotency key.
    pub wishes: BTreeMap<String, Wish>,
    /// By id: those that were acknowledged, and those that are named by a refusal.
    pub orders: BTreeMap<String, Order>,
    /// By id: those that a scenario looks after by itself.
    pub others: BTreeSet<String>,
    pub carts: BTreeMap<String, Cart>,
    /// What was put on the shelves, by SKU.
    pub counted: BTreeMap<String, i64>,
    /// Wishes that nobody answered yet.
    pub unanswered: BTreeSet<String>,
    /// What staff asked for and nobody answered yet.
    pub undone: Vec<Deed>,
    /// Confirmed orders that staff have not seen to yet.
    pub to_serve: VecDeque<String>,
    /// Orders whose buyer is to decide at the bank: id and address.
    pub to_decide: VecDeque<(String, String)>,
    /// Orders that the last round touched.
    pub touched: BTreeSet<String>,
    pub tally: Tally,
}

/// Sums over the whole drill.
#[derive(Debug, Default, Clone)]
pub struct Tally {
    /// Orders that were answered 201 or 202.
    pub acknowledged: u64,
    /// Orders that were answered with a reason why not.
    pub refused: u64,
    /// What staff did and were told so: captures, refunds, shipments, cancellations.
    pub deeds: u64,
    /// Orders that a crash left without an answer, and that were answered when they were asked for again.
    pub answered_later: u64,
    /// Of these: orders that the shop had, or finished by itself.
    pub found_done: u64,
}

/// One order that somebody wants to place.
#[derive(Debug, Clone)]
pub struct Wish {
    pub body: Value,
    /// What is bought, by SKU.
    pub lines: BTreeMap<String, i64>,
    pub standing: Standing,
}

#[derive(Debug, Clone)]
pub enum Standing {
    Asked,
    /// The order's id.
    Placed(String),
    Refused {
        status: u16,
        code: String,
        order: Option<String>,
    },
}

/// An order as those who were told of it know it.
#[derive(Debug, Clone)]
pub struct Order {
    pub number: String,
    pub lines: Value,
    pub totals: Value,
    pub total: i64,
    pub bought: BTreeMap<String, i64>,
    pub token: String,
    pub email: String,
    /// Somebody was told that it is confirmed.
    pub confirmed: bool,
    pub captured: i64,
    pub refunded: i64,
    pub shipped: bool,
    pub cancelled: bool,
}

impl Order {
    /// What is held for it on the shelves when it has come to its end.
    pub fn holds(&self) -> bool {
        !self.cancelled && !self.shipped
    }
}

/// A cart as its shopper last saw it.
#[derive(Debug, Clone)]
pub struct Cart {
    pub token: String,
    pub tag: String,
    /// By SKU.
    pub lines: BTreeMap<String, i64>,
    /// A change that nobody answered: it may be there or not.
    pub maybe: Option<(String, i64)>,
    /// The key of the order that it was to become.
    pub wish: Option<String>,
}

/// What staff, or the buyer at the bank, do to an order.
#[derive(Debug, Clone)]
pub struct Deed {
    pub order: String,
    pub key: String,
    pub what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    Capture(i64),
    Refund(i64),
    Ship,
    Cancel,
    /// At this address; yes or no.
    Decide {
        url: String,
        approve: bool,
    },
    /// So many of a SKU.
    Receive {
        sku: String,
        count: i64,
    },
}

/// Whether an answer is the last word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    Yes,
    No,
    /// Ask again.
    Later,
}

impl Word {
    /// # Panics
    /// When the shop says that it is at fault itself, or forbids what is allowed.
    pub fn of(answer: &Answer) -> Self {
        match answer.status {
            200..=202 => Self::Yes,
            503 => Self::Later,
            409 if answer.body["code"] == "idempotency_in_flight" => Self::Later,
            402 | 409 => Self::No,
            _ => panic!("nobody should be answered so: {answer}"),
        }
    }
}

impl Book {
    /// Notes the answer to a wish. Answers whether it was the last word.
    pub fn placed(&mut self, key: &str, answer: &Answer) -> bool {
        let word = Word::of(answer);
        if word == Word::Later {
            return false;
        }
        let wish = self.wishes.get_mut(key).expect("a wish that is known");
        let earlier = wish.standing.clone();
        let was_unanswered = self.unanswered.remove(key);
        let is_first = matches!(earlier, Standing::Asked);
        self.tally.answered_later += u64::from(is_first && was_unanswered);
        self.tally.found_done += u64::from(is_first && was_unanswered && answer.is_replayed());
        if word == Word::No {
            let code = answer.text("code");
            let order = answer.body["order_id"].as_str().map(ToOwned::to_owned);
            self.touched.extend(order.clone());
            if let Standing::Placed(id) = &earlier {
                let order = &self.orders[id];
                assert!(!order.confirmed, "acknowledged as {} and refused now: {answer}", order.number);
            } else {
                self.tally.refused += u64::from(is_first);
                wish.standing = Standing::Refused { status: answer.status, code, order };
            }
            return true;
        }
        if let Standing::Refused { status, code, .. } = &earlier {
            panic!("refused as {status} {code} and granted now: {answer}");
        }
        self.acknowledged(key, answer);
        true
    }

    fn acknowledged(&mut self, key: &str, answer: &Answer) {
        let id = answer.text("id");
        self.touched.insert(id.clone());
        let wish = self.wishes.get_mut(key).expect("a wish that is known");
        if let Standing::Placed(known) = &wish.standing {
            assert_eq!(*known, id, "one wish became two orders: {answer}");
        } else {
            self.tally.acknowledged += 1;
        }
        wish.standing = Standing::Placed(id.clone());
        let is_confirmed = answer.status == 201;
        if let Some(known) = self.orders.get_mut(&id) {
            let same = (known.number.as_str(), &known.lines) == (&*answer.text("number"), &answer.body["lines"]);
            assert!(same || known.shipped || known.refunded > 0, "it was another order before: {answer}");
            known.confirmed |= is_confirmed;
            return;
        }
        let token = wish.body["payment"]["token"].as_str().unwrap_or_default().to_owned();
        let order = Order {
            number: answer.text("number"),
            lines: answer.body["lines"].clone(),
            totals: answer.body["totals"].clone(),
            total: answer.total_of("total"),
            bought: wish.lines.clone(),
            email: wish.body["buyer"]["email"].as_str().unwrap_or_default().to_owned(),
            token,
            confirmed: is_confirmed,
            captured: 0,
            refunded: 0,
            shipped: false,
            cancelled: false,
        };
        self.orders.insert(id.clone(), order);
        match answer.body["next_action"]["url"].as_str() {
            Some(url) => self.to_decide.push_back((id, url.to_owned())),
            None if is_confirmed => self.to_serve.push_back(id),
            None => {}
        }
    }

    /// Notes the answer to a deed. Answers whether it was the last word.
    pub fn did(&mut self, deed: &Deed, answer: &Answer) -> bool {
        if Word::of(answer) == Word::Later {
            return false;
        }
        self.touched.insert(deed.order.clone());
        // Whoever is told no has asked for what cannot be; nothing in this drill does.
        assert_eq!(Word::of(answer), Word::Yes, "{deed:?}: {answer}");
        self.tally.deeds += 1;
        if let What::Receive { sku, count } = &deed.what {
            *self.counted.entry(sku.clone()).or_default() += count;
            return true;
        }
        let order = self.orders.get_mut(&deed.order).expect("an order that is known");
        match &deed.what {
            What::Capture(amount) => order.captured += amount,
            What::Refund(amount) => order.refunded += amount,
            What::Ship => order.shipped = true,
            What::Cancel => order.cancelled = true,
            What::Decide { approve: true, .. } => order.confirmed = true,
            What::Decide { .. } => order.cancelled = true,
            What::Receive { .. } => {}
        }
        true
    }

    /// What must be on a shelf: on hand, and reserved.
    pub fn shelf(&self, sku: &str) -> (i64, i64) {
        let of = |is_meant: fn(&Order) -> bool| -> i64 {
            let meant = self.orders.values().filter(|order| is_meant(order));
            meant.filter_map(|order| order.bought.get(sku)).sum()
        };
        let counted = self.counted.get(sku).copied().unwrap_or(0);
        (counted - of(|order| order.shipped), of(Order::holds))
    }
}
