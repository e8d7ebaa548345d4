//! Orders as data: given facts, when asked, then these facts or that refusal; and no sequence leaves the diagram.
//! It knows no service; steps are answered here as services might answer them.

use jiff::Timestamp;
use proptest::prelude::*;

use super::change::RefundWish;
use super::checkout::{GRACE, Verdict, condensed};
use super::*;
use crate::pricing::{Total, TotalKind};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_000_000 + second).unwrap()
}

fn line(n: u8, quantity: u32, unit_price: i64) -> Line {
    let total = unit_price * i64::from(quantity);
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
        total,
    }
}

fn placement() -> Placement {
    let lines = vec![line(1, 3, 1000), line(2, 1, 500)];
    let total = lines.iter().map(|line| line.total).sum();
    let entry = |kind| Total { kind, amount: total, display_text: None };
    Placement {
        number: OrderNumber::from_bytes([1; 5]),
        channel: Channel::Api,
        market: "main".to_owned(),
        currency: Currency::parse("EUR").unwrap(),
        locale: None,
        lines,
        totals: vec![entry(TotalKind::Subtotal), entry(TotalKind::Total)],
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
        placed_at: at(0),
        body_hash: String::new(),
    }
}

fn placed() -> Fact {
    Fact::Placed { placement: placement().into() }
}

fn given(facts: &[Fact]) -> Order {
    let mut order = Order::default();
    for (second, fact) in (0..).zip(facts) {
        order.apply(fact, at(second));
    }
    order
}

fn sold() -> Vec<Fact> {
    vec![placed(), Fact::Confirmed {}]
}

fn some_of(n: u8, quantity: u32) -> LineQuantity {
    LineQuantity { line: LineId::from_bytes([n; 16]), quantity: Quantity::new(quantity).unwrap() }
}

fn parcel(n: u8, lines: Vec<LineQuantity>) -> Shipment {
    let id = ShipmentId::from_bytes([n; 16]);
    Shipment { id, lines, carrier: None, tracking_number: None, tracking_url: None }
}

fn declined() -> Cancellation {
    Cancellation::PaymentDeclined { code: "card_declined".to_owned(), message: "no".to_owned() }
}

#[test]
fn an_order_goes_straight_through() {
    let mut facts = vec![placed()];
    let steps = [
        (Step::Reserve, Fact::Reserved {}),
        (Step::Authorize, Fact::Authorized {}),
        (Step::ConfirmReservation, Fact::ReservationConfirmed {}),
    ];
    for (step, fact) in steps {
        assert_eq!(given(&facts).next(at(9)), Next::Do(step));
        facts.push(fact);
    }
    assert_eq!(given(&facts).next(at(9)), Next::Conclude(Fact::Confirmed {}));
    facts.push(Fact::Confirmed {});
    assert_eq!(given(&facts).next(at(9)), Next::Idle);
    assert_eq!(given(&condensed(facts)), {
        let mut straight = given(&sold());
        straight.updated_at = Some(at(1));
        straight
    });
}

#[test]
fn a_declined_order_gives_everything_back() {
    let mut facts = vec![placed(), Fact::Reserved {}, Fact::CancellationRequested { why: declined() }];
    for (step, fact) in [(Step::UndoPayment, Fact::PaymentUndone {}), (Step::Release, Fact::Released {})] {
        assert_eq!(given(&facts).next(at(9)), Next::Do(step));
        facts.push(fact);
    }
    assert_eq!(given(&facts).next(at(9)), Next::Conclude(Fact::Cancelled {}));
    facts.push(Fact::Cancelled {});
    let order = given(&facts);
    assert_eq!((order.status, order.next(at(9))), (Status::Cancelled, Next::Idle));
}

#[test]
fn a_buyer_who_does_not_come_back_is_waited_for_until_then() {
    let facts = [placed(), Fact::Reserved {}, Fact::ActionRequired { url: "/bank".to_owned(), expires_at: at(100) }];
    let order = given(&facts);
    assert_eq!(order.next(at(99)), Next::AwaitBuyer(at(100)));
    let why = Cancellation::PaymentExpired;
    assert_eq!(order.next(at(100)), Next::Conclude(Fact::CancellationRequested { why }));
    assert_eq!(order.due_at(at(2)), Some(at(100)));
}

#[test]
fn what_two_drivers_do_counts_once() {
    let order = given(&[placed()]);
    let facts = [Fact::Reserved {}, Fact::Reserved {}, Fact::Confirmed {}, Fact::Confirmed {}];
    assert_eq!(order.news(&facts, at(5)), [Fact::Reserved {}, Fact::Confirmed {}]);
    let cancelled = given(&[placed(), Fact::CancellationRequested { why: declined() }]);
    assert_eq!(cancelled.news(&[Fact::Confirmed {}], at(5)), [], "a late success does not bring it back");
}

#[test]
fn failures_are_retried_later_and_later_then_undone_or_parked() {
    let fail =
        |attempt| Fact::StepFailed { step: StepKind::Authorize, attempt, reason: "slow".to_owned(), retry_at: at(50) };
    let order = given(&[placed(), Fact::Reserved {}, fail(1)]);
    assert_eq!(order.next(at(49)), Next::AwaitRetry(at(50)));
    assert_eq!(order.next(at(50)), Next::Do(Step::Authorize));
    assert_eq!(order.due_at(at(3)), Some(at(50)));
    let mut facts = vec![placed(), Fact::Reserved {}];
    let mut pauses = Vec::new();
    let verdict = loop {
        match given(&facts).after_failure(StepKind::Authorize) {
            Verdict::Retry(pause) => {
                pauses.push(pause);
                facts.push(fail(u32::try_from(pauses.len()).unwrap()));
            }
            verdict => break verdict,
        }
    };
    assert_eq!(verdict, Verdict::Undo);
    assert!(pauses.len() >= 3 && pauses.is_sorted() && pauses[0] < pauses[pauses.len() - 1]);

    let mut undoing = given(&[placed(), Fact::CancellationRequested { why: declined() }]);
    undoing.process.attempts = 100;
    assert_eq!(undoing.after_failure(StepKind::UndoPayment), Verdict::Park, "there is no undoing of an undoing");
}

#[test]
fn a_parked_process_waits_for_staff() {
    let parked = Fact::Parked { step: StepKind::UndoPayment, reason: "the provider refuses".to_owned() };
    let order = given(&[placed(), Fact::CancellationRequested { why: declined() }, parked.clone()]);
    assert_eq!(order.next(at(9)), Next::Parked);
    assert_eq!(order.due_at(at(9)), None);
    assert_eq!(order.resume(), Ok(Fact::Resumed {}));
    let skipped = order.skip("refunded by hand").unwrap();
    let mut later = order.clone();
    later.apply(&skipped, at(10));
    assert_eq!(later.next(at(10)), Next::Do(Step::Release));
    let reserving = given(&[placed(), Fact::Parked { step: StepKind::Reserve, reason: "?".to_owned() }]);
    assert!(matches!(reserving.skip("x"), Err(Error::NotSkippable(_))));
    assert!(reserving.compensate("x").is_ok());
    assert_eq!(given(&sold()).resume(), Err(Error::NotParked));
}

#[test]
fn parcels_take_what_is_left_and_no_more() {
    let mut order = given(&sold());
    let first = order.ship(parcel(1, vec![some_of(1, 2)])).unwrap().unwrap();
    order.apply(&first, at(5));
    assert_eq!(order.fulfillment(), Fulfillment::PartiallyShipped);
    assert_eq!(order.next(at(6)), Next::Do(Step::ShipStock { shipment: parcel(1, vec![some_of(1, 2)]) }));
    assert_eq!(order.ship(parcel(1, vec![some_of(1, 2)])), Ok(None), "the same parcel again");
    let too_much = order.ship(parcel(2, vec![some_of(1, 1), some_of(1, 1)]));
    assert!(matches!(too_much, Err(Error::TooMany { left: 1, .. })), "lines are folded");
    let rest = order.ship(parcel(2, vec![])).unwrap().unwrap();
    order.apply(&rest, at(6));
    assert_eq!(order.fulfillment(), Fulfillment::Shipped);
    assert_eq!(order.ship(parcel(3, vec![])), Err(Error::NothingLeft("shipped")));
    assert_eq!(order.cancel("late"), Err(Error::AlreadyShipped));
    for fact in order.deliver(None).unwrap() {
        order.apply(&fact, at(7));
    }
    assert_eq!((order.status, order.fulfillment()), (Status::Completed, Fulfillment::Delivered));
}

#[test]
fn refunds_split_goods_into_what_left_and_what_did_not() {
    let mut order = given(&sold());
    order.apply(&order.ship(parcel(1, vec![some_of(1, 1)])).unwrap().unwrap(), at(5));
    let wish = RefundWish { lines: vec![some_of(1, 3)], restock: true, ..RefundWish::default() };
    let id = RefundId::from_bytes([1; 16]);
    let Ok(Some(Fact::RefundRequested { refund })) = order.refund(&id, &wish, 3500) else { panic!("refunded") };
    assert_eq!(
        (refund.amount, &refund.unshipped, &refund.returned),
        (3000, &vec![some_of(1, 2)], &vec![some_of(1, 1)])
    );
    order.apply(&Fact::RefundRequested { refund: refund.clone() }, at(6));
    assert_eq!(order.shippable(&order.lines()[0]), 0);
    let again = RefundWish { lines: vec![some_of(1, 1)], ..RefundWish::default() };
    let second = RefundId::from_bytes([2; 16]);
    assert!(matches!(order.refund(&second, &again, 500), Err(Error::TooMany { left: 0, .. })));
    order.apply(&Fact::RefundFailed { refund: id, reason: "closed".to_owned() }, at(7));
    assert_eq!(order.shippable(&order.lines()[0]), 2, "goods do not stay for money that did not go back");
}

#[test]
fn a_line_refunded_in_parts_comes_to_what_it_cost() {
    let mut placement = placement();
    placement.lines = vec![Line { tax: 1, order_discount: 2, ..line(1, 3, 1000) }];
    let mut order = given(&[Fact::Placed { placement: placement.into() }, Fact::Confirmed {}]);
    let mut sum = 0;
    for n in 1..=3 {
        let wish = RefundWish { lines: vec![some_of(1, 1)], ..RefundWish::default() };
        let fact = order.refund(&RefundId::from_bytes([n; 16]), &wish, 10_000).unwrap().unwrap();
        if let Fact::RefundRequested { refund } = &fact {
            sum += refund.amount;
        }
        order.apply(&fact, at(9));
    }
    assert_eq!(sum, 3000 + 1 - 2);
}

#[test]
fn an_order_that_is_not_sold_cannot_be_shipped_or_refunded() {
    let pending = given(&[placed()]);
    assert_eq!(pending.ship(parcel(1, vec![])), Err(Error::WrongStatus(Status::Pending)));
    assert_eq!(Order::default().cancel("x"), Err(Error::NotPlaced));
    let being_undone = given(&[placed(), Fact::Confirmed {}, Fact::CancellationRequested { why: declined() }]);
    assert_eq!(being_undone.capture("c", 1), Err(Error::BeingCancelled));
}

#[test]
fn what_nobody_drives_is_due_after_a_while() {
    assert_eq!(given(&[placed()]).due_at(at(0)), Some(at(0) + GRACE));
    assert_eq!(given(&sold()).due_at(at(0)), None);
}

/// The arrows of the diagram; everything else must not happen.
fn is_arrow(from: Status, to: Status) -> bool {
    use Status::{Cancelled, Completed, Confirmed, Pending, Rejected};
    from == to || matches!((from, to), (Pending, Confirmed | Rejected | Cancelled) | (Confirmed, Completed | Cancelled))
}

proptest! {
    /// Whatever drivers, staff and late answers do in whatever order, the order stays in its diagram, ships no more
    /// than was bought, and a sold order's goods are never given back behind its back.
    #[test]
    fn no_sequence_leaves_the_diagram(moves in prop::collection::vec((0..14u8, 1..4u8), 1..60)) {
        let mut order = given(&[placed()]);
        for (n, (what, k)) in (0..).zip(moves) {
            let now = at(10 + n);
            let fact = match what {
                0 => vec![Fact::Reserved {}],
                1 => vec![Fact::Rejected { shortages: vec![] }],
                2 => vec![Fact::Authorized {}],
                3 => vec![Fact::ReservationConfirmed {}],
                4 => vec![Fact::Confirmed {}],
                5 => vec![Fact::CancellationRequested { why: declined() }],
                6 => vec![Fact::PaymentUndone {}, Fact::Released {}],
                7 => if order.next(now) == Next::Conclude(Fact::Cancelled {}) { vec![Fact::Cancelled {}] } else { vec![] },
                8 => order.cancel("staff").ok().flatten().into_iter().collect(),
                9 => order.ship(parcel(k, vec![some_of(1, 1)])).ok().flatten().into_iter().collect(),
                10 => order.ship(parcel(k + 10, vec![])).ok().flatten().into_iter().collect(),
                11 => order.deliver(None).unwrap_or_default(),
                12 => {
                    let wish = RefundWish { lines: vec![some_of(k.min(2), 1)], restock: true, ..RefundWish::default() };
                    order.refund(&RefundId::from_bytes([k; 16]), &wish, 3500).ok().flatten().into_iter().collect()
                }
                _ => match order.next(now) {
                    Next::Do(Step::ShipStock { shipment }) => vec![Fact::StockShipped { shipment: shipment.id }],
                    Next::Do(Step::Refund { refund }) => vec![Fact::Refunded { refund: refund.id }],
                    Next::Do(Step::Restock { refund }) => vec![Fact::Restocked { refund: refund.id }],
                    _ => vec![],
                },
            };
            for fact in order.news(&fact, now) {
                let before = order.status;
                order.apply(&fact, now);
                prop_assert!(is_arrow(before, order.status), "{before:?} → {:?} by {fact:?}", order.status);
            }
            for line in order.lines() {
                let gone = order.shipped_of(&line.id) + order.withdrawn_of(&line.id);
                prop_assert!(gone <= line.quantity.get());
                prop_assert!(order.refunded_of(&line.id) <= line.quantity.get());
            }
            if order.status == Status::Completed {
                prop_assert_eq!(order.fulfillment(), Fulfillment::Delivered);
            }
        }
    }
}

#[test]
fn a_driver_that_comes_late_holds_nothing_up() {
    let failed = |step| Fact::StepFailed { step, attempt: 1, reason: "slow".to_owned(), retry_at: at(50) };
    let parked = |step| Fact::Parked { step, reason: "?".to_owned() };
    let sold = given(&sold());
    for step in [StepKind::Reserve, StepKind::Authorize, StepKind::ConfirmReservation, StepKind::ShipStock] {
        assert!(!sold.is_news(&failed(step)) && !sold.is_news(&parked(step)), "{step:?}");
    }
    let rejected = given(&[placed(), failed(StepKind::Reserve), Fact::Rejected { shortages: Vec::new() }]);
    assert_eq!(rejected.resume(), Err(Error::NotParked));
    assert!(!rejected.is_news(&parked(StepKind::Reserve)));
    assert!(given(&[placed()]).is_news(&failed(StepKind::Reserve)));
    let undoing = [placed(), Fact::CancellationRequested { why: declined() }, parked(StepKind::Release)];
    let done = [Fact::PaymentUndone {}, Fact::Released {}, Fact::Cancelled {}];
    assert_eq!(given(&[&undoing[..], &done].concat()).next(at(9)), Next::Idle, "another driver did it");
}
