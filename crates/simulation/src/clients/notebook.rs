//! What clients were told, and whether it is true: when they are told, and at the end of all things.
//! It does not ask the shop; it compares with what is durable.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use contracts::Error;
use contracts::orders::{BuyCart, OrderView};
use domain::ids::OrderId;
use domain::order::{Cancellation, Order, Status};
use parking_lot::Mutex;

use crate::judge::{Case, Invariant};
use crate::town::Town;

/// What clients remember.
pub struct Notebook {
    town: Arc<Town>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// By the name under which the wish was sent.
    wishes: BTreeMap<String, Wish>,
    /// Counts that were acknowledged.
    counts: BTreeMap<String, i64>,
    /// Orders that somebody was told of.
    known: BTreeSet<String>,
}

#[derive(Clone)]
pub struct Wish {
    pub body: BuyCart,
    /// It was sent with another body, too.
    pub is_ambiguous: bool,
    answers: Vec<Answer>,
}

/// A definite answer to a wish to buy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Yes { id: String, number: String, total: i64, status: String, lines: Vec<(String, u32)> },
    No { code: String, id: Option<String> },
}

impl Answer {
    pub fn of(answered: &Result<OrderView, Error>) -> Self {
        match answered {
            Ok(view) => Self::Yes {
                id: view.id.clone(),
                number: view.number.clone(),
                total: view.totals.iter().find(|total| total.kind == "total").map_or(0, |total| total.amount),
                status: view.status.clone(),
                lines: view.lines.iter().map(|line| (line.sku.clone(), line.quantity)).collect(),
            },
            Err(error) => {
                let id = error.details.get("order_id").and_then(|id| id.as_str());
                Self::No { code: error.code.to_string(), id: id.map(ToOwned::to_owned) }
            }
        }
    }
}

impl Notebook {
    pub fn new(town: &Arc<Town>) -> Self {
        Self { town: town.clone(), inner: Mutex::default() }
    }

    /// A wish is sent, perhaps again.
    pub fn wishes(&self, body: &BuyCart) {
        let inner = &mut *self.inner.lock();
        let wish = inner.wishes.entry(body.once.clone()).or_insert_with(|| Wish {
            body: body.clone(),
            is_ambiguous: false,
            answers: Vec::new(),
        });
        wish.is_ambiguous |= wish.body.note != body.note;
    }

    pub fn all_wishes(&self) -> Vec<Wish> {
        self.inner.lock().wishes.values().cloned().collect()
    }

    /// Somebody was answered: it must be so, and must not contradict what was answered before.
    pub fn answered(&self, once: &str, answer: Answer) {
        let inner = &mut *self.inner.lock();
        if let Answer::Yes { id, .. } = &answer {
            inner.known.insert(id.clone());
        }
        let others = inner.wishes.values().map(|wish| wish.body.cart.clone()).collect::<Vec<_>>();
        let Some(wish) = inner.wishes.get_mut(once) else { return };
        let is_only_one = others.iter().filter(|cart| **cart == wish.body.cart).count() == 1;
        if let Answer::No { code, .. } = &answer {
            let is_impossible = match code.as_str() {
                "idempotency_key_reused" => !wish.is_ambiguous,
                "cart_already_ordered" => is_only_one,
                "not_found" => true,
                _ => false,
            };
            if is_impossible {
                let detail = format!("{once} was answered {code}");
                self.town.world.violated(Invariant::AnswersAgree, detail);
            }
        }
        for earlier in &wish.answers {
            if let Some(contradiction) = contradiction(earlier, &answer) {
                self.town.world.violated(Invariant::AnswersAgree, format!("{once}: {contradiction}"));
            }
        }
        self.town.judge.look(|seen| self.check(once, &answer, |id| seen.case(id)));
        wish.answers.push(answer);
    }

    /// Staff were shown an order.
    pub fn shown(&self, view: &OrderView) {
        let Ok(id) = OrderId::parse(&view.id) else { return };
        self.inner.lock().known.insert(view.id.clone());
        self.town.judge.look(|seen| {
            let missing = match seen.case(&id).filter(|case| case.order.exists()) {
                None => Some("it is not there".to_owned()),
                Some(Case { order, payment, .. }) => {
                    let is_there = |id: &String| order.refunds.iter().any(|known| known.refund.id.as_str() == id);
                    if order.shipments.len() < view.shipments.len() {
                        Some(format!("{} parcels were shown", view.shipments.len()))
                    } else if let Some(refund) = view.refunds.iter().find(|refund| !is_there(&refund.id)) {
                        Some(format!("refund {} was shown", refund.id))
                    } else if payment.captured < view.payment.captured {
                        Some(format!("{} were shown as captured", view.payment.captured))
                    } else {
                        None
                    }
                }
            };
            if let Some(missing) = missing {
                self.town.world.violated(Invariant::AcknowledgedIsThere, format!("{id}: {missing}"));
            }
        });
    }

    /// Whether somebody was told of this order.
    pub fn knows(&self, order: &OrderId) -> bool {
        self.inner.lock().known.contains(order.as_str())
    }

    pub fn counted(&self, once: &str, delta: i64) {
        self.inner.lock().counts.insert(once.to_owned(), delta);
        self.check_count(once, delta);
    }

    fn check_count(&self, once: &str, delta: i64) {
        let there = self.town.judge.look(|seen| seen.counted.get(once).copied());
        if there != Some(delta) {
            let detail = format!("a count by {delta} ({once}) was acknowledged; there is {there:?}");
            self.town.world.violated(Invariant::AcknowledgedIsThere, detail);
        }
    }

    /// Once more, at the end: nothing that was acknowledged is lost or contradicted.
    pub fn check_all(&self) {
        let inner = &*self.inner.lock();
        for (once, delta) in &inner.counts {
            self.check_count(once, *delta);
        }
        self.town.judge.look(|seen| {
            for (once, wish) in &inner.wishes {
                wish.answers.iter().for_each(|answer| self.check(once, answer, |id| seen.case(id)));
            }
        });
    }

    fn check<'a>(&self, once: &str, answer: &Answer, case: impl Fn(&OrderId) -> Option<&'a Case>) {
        let id = match answer {
            Answer::Yes { id, .. } => Some(id),
            // Told of the order that the cart is becoming, which may yet come to nothing.
            Answer::No { code, .. } if code == "cart_already_ordered" => None,
            Answer::No { id, .. } => id.as_ref(),
        };
        let Some(id) = id.and_then(|id| OrderId::parse(id).ok()) else { return };
        let order = case(&id).map(|case| &case.order).filter(|order| order.exists());
        let wrong = match (order, answer) {
            (None, _) => Some("there is no such order".to_owned()),
            (Some(order), Answer::Yes { .. }) => differs(order, answer),
            (Some(order), Answer::No { code, .. }) => is_not_refused(order, code),
        };
        if let Some(wrong) = wrong {
            let detail = format!("{once} was answered {answer:?}; {wrong}");
            self.town.world.violated(Invariant::AcknowledgedIsThere, detail);
        }
    }
}

/// How an order is not what was acknowledged.
fn differs(order: &Order, answer: &Answer) -> Option<String> {
    let Answer::Yes { number, total, status, lines, .. } = answer else { return None };
    let placement = order.placement.as_ref()?;
    let there: Vec<(String, u32)> =
        placement.lines.iter().map(|line| (line.sku.as_str().to_owned(), line.quantity.get())).collect();
    if placement.number.as_str() != number || placement.total() != *total || there != *lines {
        return Some(format!("there is {} over {}", placement.number, placement.total()));
    }
    let is_by_staff = matches!(order.cancellation, Some(Cancellation::ByStaff { .. }));
    let stands = matches!(order.status, Status::Confirmed | Status::Completed) || is_by_staff;
    let was_sold = status == "confirmed" || status == "completed";
    (was_sold && !stands).then(|| format!("it is {}", order.status.as_str()))
}

/// How an order came about all the same.
fn is_not_refused(order: &Order, code: &str) -> Option<String> {
    let is_refused = match code {
        "insufficient_stock" => order.status == Status::Rejected,
        "payment_declined" => matches!(order.cancellation, Some(Cancellation::PaymentDeclined { .. })),
        "order_cancelled" => order.cancellation.is_some(),
        _ => true,
    };
    (!is_refused).then(|| format!("the order is {}", order.status.as_str()))
}

fn contradiction(earlier: &Answer, later: &Answer) -> Option<String> {
    match (earlier, later) {
        (
            Answer::Yes { id, number, total, lines, .. },
            Answer::Yes { id: other, number: other_number, total: other_total, lines: other_lines, .. },
        ) => {
            let is_same = (id, number, total, lines) == (other, other_number, other_total, other_lines);
            (!is_same).then(|| format!("first {earlier:?}, then {later:?}"))
        }
        (Answer::No { code, .. }, Answer::Yes { .. })
            if matches!(code.as_str(), "insufficient_stock" | "payment_declined" | "order_cancelled") =>
        {
            Some(format!("first {code}, then {later:?}"))
        }
        _ => None,
    }
}
