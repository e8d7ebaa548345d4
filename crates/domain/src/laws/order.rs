//! Orders: two drivers, a hasty staff and steps that fail, in any order. No fact makes an arrow that the diagram does not have,
//! what is written twice counts once, and whoever drives to the end gets there.

use std::sync::Arc;
use std::time::Duration;

use crate::ids::{LineId, OrderNumber, RefundId, ShipmentId};
use crate::money::Currency;
use crate::order::change::RefundWish;
use crate::order::checkout::{Verdict, condensed};
use crate::order::{
    Cancellation, Channel, Fact, Fulfillment, Line, LineQuantity, Next, Order, PaymentChoice, Placement, Shipment,
    Status, Step, StepKind,
};
use crate::pricing::{Total, TotalKind};
use crate::quantity::Quantity;
use crate::seal::Sealed;
use crate::sku::Sku;
use jiff::Timestamp;
use proptest::prelude::*;

use Status::{Cancelled, Completed, Confirmed, Pending, Rejected};

/// The diagram. Each kind of fact with all arrows that it may make; what is not here must not happen.
const DIAGRAM: &[(&str, &[(Status, Status)])] = &[
    ("placed", &[(Pending, Pending)]),
    // On the way to a sale.
    ("reserved", &[(Pending, Pending)]),
    ("rejected", &[(Pending, Rejected)]),
    ("authorized", &[(Pending, Pending)]),
    ("action_required", &[(Pending, Pending)]),
    ("reservation_confirmed", &[(Pending, Pending)]),
    ("confirmed", &[(Pending, Confirmed)]),
    // Undone: asked for first, then step by step, and only then over.
    ("cancellation_requested", &[(Pending, Pending), (Confirmed, Confirmed)]),
    ("payment_undone", &[(Pending, Pending), (Confirmed, Confirmed)]),
    ("released", &[(Pending, Pending), (Confirmed, Confirmed)]),
    ("cancelled", &[(Pending, Cancelled), (Confirmed, Cancelled)]),
    // After the sale. An answer that comes late is written down even when the order is over.
    ("capture_requested", &[(Confirmed, Confirmed), (Completed, Completed)]),
    ("captured", &[(Confirmed, Confirmed), (Completed, Completed), (Cancelled, Cancelled)]),
    ("capture_failed", &[(Confirmed, Confirmed), (Completed, Completed), (Cancelled, Cancelled)]),
    ("shipped", &[(Confirmed, Confirmed)]),
    ("stock_shipped", &[(Confirmed, Confirmed), (Completed, Completed)]),
    ("delivered", &[(Confirmed, Confirmed), (Confirmed, Completed)]),
    // Giving back what had not left leaves nothing to send, and what was to be given back and is not must leave after all.
    ("refund_requested", &[(Confirmed, Confirmed), (Confirmed, Completed), (Completed, Completed)]),
    ("refunded", &[(Confirmed, Confirmed), (Completed, Completed), (Cancelled, Cancelled)]),
    (
        "refund_failed",
        &[(Confirmed, Confirmed), (Completed, Completed), (Completed, Confirmed), (Cancelled, Cancelled)],
    ),
    ("restocked", &[(Confirmed, Confirmed), (Completed, Completed), (Cancelled, Cancelled)]),
    // Beside it all.
    (
        "noted",
        &[
            (Pending, Pending),
            (Confirmed, Confirmed),
            (Completed, Completed),
            (Cancelled, Cancelled),
            (Rejected, Rejected),
        ],
    ),
    (
        "step_failed",
        &[
            (Pending, Pending),
            (Confirmed, Confirmed),
            (Completed, Completed),
            (Cancelled, Cancelled),
            (Rejected, Rejected),
        ],
    ),
    (
        "parked",
        &[
            (Pending, Pending),
            (Confirmed, Confirmed),
            (Completed, Completed),
            (Cancelled, Cancelled),
            (Rejected, Rejected),
        ],
    ),
    (
        "resumed",
        &[
            (Pending, Pending),
            (Confirmed, Confirmed),
            (Completed, Completed),
            (Cancelled, Cancelled),
            (Rejected, Rejected),
        ],
    ),
    ("step_skipped", &[(Pending, Pending), (Confirmed, Confirmed), (Completed, Completed), (Completed, Confirmed)]),
    ("erased", &[(Rejected, Rejected), (Cancelled, Cancelled), (Confirmed, Confirmed), (Completed, Completed)]),
];

fn kind_of(fact: &Fact) -> String {
    let tagged = serde_json::to_value(fact).unwrap();
    tagged.as_object().and_then(|tagged| tagged.keys().next().cloned()).unwrap()
}

fn is_arrow(fact: &Fact, from: Status, to: Status) -> bool {
    let kind = kind_of(fact);
    let arrows = DIAGRAM.iter().find(|(known, _)| *known == kind).map(|(_, arrows)| *arrows);
    arrows.unwrap_or_else(|| panic!("the diagram does not know {kind}")).contains(&(from, to))
}

/// How a step goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Luck {
    Works,
    /// It may be tried again.
    Fails,
    /// For good: not enough stock, a card that is declined, a capture that is refused.
    Refused,
    /// The buyer must do something first.
    Asks,
}

#[derive(Debug, Clone)]
enum Move {
    Drive(Luck),
    /// The other driver reads the order as it is now …
    OtherLooks,
    /// … goes on from what it read, whatever has happened since …
    OtherDrives(Luck),
    /// … and writes down what it did.
    OtherWrites,
    Wait(u32),
    Ship {
        parcel: u8,
        lines: Vec<(u8, u32)>,
    },
    Deliver {
        parcel: Option<u8>,
    },
    Capture {
        request: u8,
        amount: i64,
    },
    Refund {
        refund: u8,
        lines: Vec<(u8, u32)>,
        restock: bool,
        amount: Option<i64>,
    },
    Cancel,
    Compensate,
    Resume,
    Skip,
    Note,
    Erase,
}

fn luck() -> impl Strategy<Value = Luck> {
    prop_oneof![6 => Just(Luck::Works), 3 => Just(Luck::Fails), 1 => Just(Luck::Refused), 1 => Just(Luck::Asks)]
}

fn lines() -> impl Strategy<Value = Vec<(u8, u32)>> {
    prop::collection::vec((1..4u8, 1..4u32), 0..3)
}

fn a_move() -> impl Strategy<Value = Move> {
    prop_oneof![
        14 => luck().prop_map(Move::Drive),
        2 => Just(Move::OtherLooks),
        4 => luck().prop_map(Move::OtherDrives),
        3 => Just(Move::OtherWrites),
        4 => (1..100_000u32).prop_map(Move::Wait),
        4 => (0..4u8, lines()).prop_map(|(parcel, lines)| Move::Ship { parcel, lines }),
        3 => prop::option::of(0..4u8).prop_map(|parcel| Move::Deliver { parcel }),
        2 => (0..3u8, -1..4_000i64).prop_map(|(request, amount)| Move::Capture { request, amount }),
        3 => (0..4u8, lines(), any::<bool>(), prop::option::of(-1..4_000i64))
            .prop_map(|(refund, lines, restock, amount)| Move::Refund { refund, lines, restock, amount }),
        1 => Just(Move::Cancel),
        1 => Just(Move::Compensate),
        1 => Just(Move::Resume),
        1 => Just(Move::Skip),
        1 => Just(Move::Note),
        1 => Just(Move::Erase),
    ]
}

/// What staff do with an order that is sold, and how it goes.
fn after_the_sale() -> impl Strategy<Value = Move> {
    let lines = || prop::collection::vec((1..3u8, 1..4u32), 0..2);
    prop_oneof![
        8 => luck().prop_map(Move::Drive),
        1 => Just(Move::Wait(100_000)),
        3 => (0..4u8, lines()).prop_map(|(parcel, lines)| Move::Ship { parcel, lines }),
        3 => Just(Move::Deliver { parcel: None }),
        2 => (0..3u8, 1..4_000i64).prop_map(|(request, amount)| Move::Capture { request, amount }),
        3 => (0..4u8, lines()).prop_map(|(refund, lines)| Move::Refund { refund, lines, restock: true, amount: None }),
        1 => Just(Move::Cancel),
        2 => Just(Move::Skip),
    ]
}

/// What may be given back, whatever was captured: the payment sees to that.
const REFUNDABLE: i64 = 3_500;

fn line(n: u8, quantity: u32, unit_price: i64) -> Line {
    Line {
        id: LineId::from_bytes([n; 16]),
        sku: Sku::parse(&format!("SKU-{n}")).unwrap(),
        title: format!("Thing {n}"),
        variant: String::new(),
        quantity: Quantity::new(quantity).unwrap(),
        unit_price,
        discount: 0,
        order_discount: 0,
        tax: 0,
        total: unit_price * i64::from(quantity),
    }
}

fn placed() -> Fact {
    let lines = vec![line(1, 3, 1_000), line(2, 1, 500)];
    let total = Total { kind: TotalKind::Total, amount: 3_500, display_text: None };
    Fact::Placed {
        placement: Arc::new(Placement {
            number: OrderNumber::from_bytes([1; 5]),
            channel: Channel::Api,
            market: "main".to_owned(),
            currency: Currency::parse("EUR").unwrap(),
            locale: None,
            lines,
            totals: vec![Total { kind: TotalKind::Subtotal, ..total.clone() }, total],
            tax_included: 0,
            prices_include_tax: false,
            buyer: None,
            shipping_address: None,
            country: None,
            shipping: None,
            payment: PaymentChoice { provider: "test".to_owned(), test: true },
            note: None,
            cart: None,
            draft: None,
            placed_at: Timestamp::UNIX_EPOCH,
            body_hash: String::new(),
        }),
    }
}

fn parts(lines: &[(u8, u32)]) -> Vec<LineQuantity> {
    let part = |(n, quantity): &(u8, u32)| LineQuantity {
        line: LineId::from_bytes([*n; 16]),
        quantity: Quantity::new(*quantity).unwrap(),
    };
    lines.iter().map(part).collect()
}

fn parcel(n: u8, lines: &[(u8, u32)]) -> Shipment {
    let id = ShipmentId::from_bytes([n; 16]);
    Shipment { id, lines: parts(lines), carrier: None, tracking_number: None, tracking_url: None }
}

/// What a driver writes down after the next step went like that.
fn driven(order: &Order, luck: Luck, now: Timestamp) -> Option<Fact> {
    let step = match order.next(now) {
        Next::Conclude(fact) => return Some(fact),
        Next::Do(step) => step,
        Next::AwaitBuyer(_) | Next::AwaitRetry(_) | Next::Parked | Next::Idle => return None,
    };
    let kind = step.kind();
    let reason = "so it is".to_owned();
    match luck {
        Luck::Works => Some(worked(step)),
        Luck::Refused => Some(match step {
            Step::Reserve => Fact::Rejected { shortages: Vec::new() },
            Step::Authorize => {
                let why = Cancellation::PaymentDeclined { code: "declined".to_owned(), message: reason };
                Fact::CancellationRequested { why }
            }
            Step::Capture { request, .. } => Fact::CaptureFailed { request, reason },
            Step::Refund { refund } => Fact::RefundFailed { refund: refund.id, reason },
            other => worked(other),
        }),
        Luck::Asks if kind == StepKind::Authorize => {
            let expires_at = now.saturating_add(Duration::from_secs(1_800)).unwrap();
            Some(Fact::ActionRequired { url: "/bank".to_owned(), expires_at })
        }
        Luck::Asks | Luck::Fails => Some(match order.after_failure(kind) {
            Verdict::Retry(pause) => {
                let retry_at = now.saturating_add(pause).unwrap();
                Fact::StepFailed { step: kind, attempt: order.process.attempts + 1, reason, retry_at }
            }
            Verdict::Undo => Fact::CancellationRequested { why: Cancellation::StepFailed { step: kind, reason } },
            Verdict::Park => Fact::Parked { step: kind, reason },
        }),
    }
}

fn worked(step: Step) -> Fact {
    match step {
        Step::Reserve => Fact::Reserved {},
        Step::Authorize => Fact::Authorized {},
        Step::ConfirmReservation => Fact::ReservationConfirmed {},
        Step::UndoPayment => Fact::PaymentUndone {},
        Step::Release => Fact::Released {},
        Step::Capture { request, .. } => Fact::Captured { request },
        Step::ShipStock { shipment } => Fact::StockShipped { shipment: shipment.id },
        Step::Refund { refund } => Fact::Refunded { refund: refund.id },
        Step::Restock { refund } => Fact::Restocked { refund: refund.id },
    }
}

/// An order, its facts, and another driver with what it knows of it.
struct Story {
    order: Order,
    facts: Vec<(Fact, Timestamp)>,
    now: Timestamp,
    other: Order,
    other_did: Vec<Fact>,
}

impl Story {
    fn begin() -> Self {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let mut order = Order::default();
        order.apply(&placed(), now);
        Self { other: order.clone(), order, facts: vec![(placed(), now)], now, other_did: Vec::new() }
    }

    fn happens(&mut self, what: &Move) -> Result<(), TestCaseError> {
        let (order, now) = (&self.order, self.now);
        let facts = match what {
            Move::Drive(luck) => driven(order, *luck, now).into_iter().collect(),
            Move::OtherLooks => {
                self.other = order.clone();
                self.other_did.clear();
                Vec::new()
            }
            Move::OtherDrives(luck) => {
                if let Some(fact) = driven(&self.other, *luck, now) {
                    self.other.apply(&fact, now);
                    self.other_did.push(fact);
                }
                Vec::new()
            }
            Move::OtherWrites => condensed(std::mem::take(&mut self.other_did)),
            Move::Wait(seconds) => {
                self.now = now.saturating_add(Duration::from_secs(u64::from(*seconds))).unwrap();
                Vec::new()
            }
            Move::Ship { parcel: n, lines } => order.ship(parcel(*n, lines)).ok().flatten().into_iter().collect(),
            Move::Deliver { parcel } => {
                let id = parcel.map(|n| ShipmentId::from_bytes([n; 16]));
                order.deliver(id.as_ref()).unwrap_or_default()
            }
            Move::Capture { request, amount } => {
                order.capture(&format!("capture-{request}"), *amount).ok().flatten().into_iter().collect()
            }
            Move::Refund { refund, lines, restock, amount } => {
                let wish = RefundWish { amount: *amount, lines: parts(lines), restock: *restock, reason: None };
                order
                    .refund(&RefundId::from_bytes([*refund; 16]), &wish, REFUNDABLE)
                    .ok()
                    .flatten()
                    .into_iter()
                    .collect()
            }
            Move::Cancel => order.cancel("staff").ok().flatten().into_iter().collect(),
            Move::Compensate => order.compensate("staff").into_iter().collect(),
            Move::Resume => order.resume().into_iter().collect(),
            Move::Skip => order.skip("seen to").into_iter().collect(),
            Move::Note => order.note("a wish", Sealed::new("1.x"), "staff").ok().flatten().into_iter().collect(),
            Move::Erase if !matches!(order.status, Pending) => vec![Fact::Erased {}],
            Move::Erase => Vec::new(),
        };
        self.write(&facts)
    }

    /// Only what is news is written, and each fact makes an arrow of the diagram.
    fn write(&mut self, facts: &[Fact]) -> Result<(), TestCaseError> {
        let news = self.order.news(facts, self.now);
        prop_assert_eq!(&self.order.news(&news, self.now), &news, "news of news");
        for fact in &news {
            let before = self.order.status;
            self.order.apply(fact, self.now);
            self.facts.push((fact.clone(), self.now));
            prop_assert!(is_arrow(fact, before, self.order.status), "{before:?} → {:?} by {fact:?}", self.order.status);
        }
        // What a driver writes again, because it does not know that it was written, is no news.
        let is_a_drivers =
            |fact: &&Fact| !matches!(kind_of(fact).as_str(), "noted" | "resumed" | "step_skipped" | "erased");
        let again: Vec<Fact> = news.iter().filter(is_a_drivers).filter(|fact| is_idempotent(fact)).cloned().collect();
        prop_assert_eq!(self.order.news(&again, self.now), Vec::new(), "the same again");
        Ok(())
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let order = &self.order;
        for line in order.lines() {
            let gone = order.shipped_of(&line.id) + order.withdrawn_of(&line.id);
            prop_assert!(gone <= line.quantity.get(), "more of {:?} leaves than was bought", line.id);
            prop_assert!(order.refunded_of(&line.id) <= line.quantity.get(), "more of {:?} is paid back", line.id);
        }
        let is_sold = matches!(order.status, Confirmed | Completed);
        prop_assert!(is_sold || order.shipments.is_empty(), "a {:?} order is shipped", order.status);
        prop_assert!(order.status != Cancelled || order.cancellation.is_some(), "cancelled without a reason");
        prop_assert!(order.status != Cancelled || (order.process.payment_undone && order.process.released));
        let is_there = order.fulfillment() == Fulfillment::Delivered;
        prop_assert!(
            !is_sold || is_there == (order.status == Completed),
            "{:?}, {:?}",
            order.status,
            order.fulfillment()
        );
        if matches!(order.status, Rejected | Cancelled)
            && order.process.parked.is_none()
            && order.process.retry_at.is_none()
        {
            prop_assert_eq!(order.next(self.now), Next::Idle);
        }
        Ok(())
    }

    /// The facts alone, as a store keeps them, tell the same; so does a snapshot.
    fn check_replay(&self) -> Result<(), TestCaseError> {
        let mut replayed = Order::default();
        for (fact, at) in &self.facts {
            let stored = serde_json::to_string(fact).unwrap();
            replayed.apply(&serde_json::from_str(&stored).unwrap(), *at);
        }
        prop_assert_eq!(&replayed, &self.order);
        let snapshot = serde_json::to_string(&self.order).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Order>(&snapshot).unwrap(), &self.order);
        Ok(())
    }

    /// From here on everything works: the order comes to rest.
    fn comes_to_rest(&mut self) -> Result<(), TestCaseError> {
        for _ in 0..100 {
            match self.order.next(self.now) {
                Next::Idle => return Ok(()),
                Next::Parked => self.write(&[Fact::Resumed {}])?,
                Next::AwaitRetry(until) | Next::AwaitBuyer(until) => self.now = until,
                Next::Do(_) | Next::Conclude(_) => {
                    let fact = driven(&self.order, Luck::Works, self.now);
                    self.write(&fact.into_iter().collect::<Vec<_>>())?;
                }
            }
            self.check()?;
        }
        Err(TestCaseError::fail(format!("it never rests: {:?}", self.order.next(self.now))))
    }
}

/// Facts that state an end, so that stating it again says nothing.
fn is_idempotent(fact: &Fact) -> bool {
    !matches!(
        fact,
        Fact::Placed { .. }
            | Fact::CaptureRequested { .. }
            | Fact::RefundRequested { .. }
            | Fact::Shipped { .. }
            | Fact::Delivered { .. }
    )
}

proptest! {
    #[test]
    fn no_story_leaves_the_diagram(moves in prop::collection::vec(a_move(), 1..80)) {
        let mut story = Story::begin();
        for what in &moves {
            story.happens(what)?;
            story.check()?;
        }
        story.check_replay()?;
        story.comes_to_rest()?;
        story.check_replay()?;
    }

    /// Few stories get that far by chance.
    #[test]
    fn no_story_after_the_sale_leaves_the_diagram(moves in prop::collection::vec(after_the_sale(), 1..40)) {
        let mut story = Story::begin();
        story.write(&[Fact::Confirmed {}])?;
        for what in &moves {
            story.happens(what)?;
            story.check()?;
        }
        story.check_replay()?;
        story.comes_to_rest()?;
    }

    #[test]
    fn what_is_condensed_says_the_same(lucks in prop::collection::vec(luck(), 1..12)) {
        let mut order = Story::begin().order;
        let (start, now) = (order.clone(), Timestamp::from_second(1_000_000).unwrap());
        let mut facts = Vec::new();
        for luck in lucks {
            if let Some(fact) = driven(&order, luck, now) {
                order.apply(&fact, now);
                facts.push(fact);
            }
        }
        let shorter = condensed(facts.clone());
        prop_assert_eq!(&condensed(shorter.clone()), &shorter, "nothing is left to condense");
        let mut replayed = start;
        shorter.iter().for_each(|fact| replayed.apply(fact, now));
        prop_assert_eq!(replayed, order, "{:?} for {:?}", shorter, facts);
    }

    #[test]
    fn staff_who_ask_twice_are_answered_once(moves in prop::collection::vec(a_move(), 1..40)) {
        let mut story = Story::begin();
        for what in &moves {
            story.happens(what)?;
            let repeatable = matches!(what, Move::Ship { .. } | Move::Deliver { parcel: Some(_) } | Move::Capture { .. } | Move::Refund { .. } | Move::Cancel);
            if repeatable {
                let facts = story.facts.len();
                story.happens(what)?;
                prop_assert_eq!(story.facts.len(), facts, "{:?} again", what);
            }
        }
    }
}
