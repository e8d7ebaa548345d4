//! Payments as tables: given facts, when something happens, then what follows.
//! No provider is asked here.

use super::*;

fn opening(provider: &str) -> Opening {
    Opening {
        order: OrderId::from_bytes([1; 16]),
        provider: provider.to_owned(),
        amount: 1000,
        currency: Currency::parse("USD").unwrap(),
        test: true,
        token: Some(Sealed::new("tok")),
    }
}

fn given(provider: &str, facts: &[Fact]) -> Payment {
    let mut payment = Payment::default();
    payment.apply(&Fact::Opened { opening: opening(provider) }, Timestamp::UNIX_EPOCH);
    facts.iter().for_each(|fact| payment.apply(fact, Timestamp::UNIX_EPOCH));
    payment
}

fn worked() -> Outcome {
    Outcome::Done { reference: "r".to_owned() }
}

fn failed() -> Outcome {
    Outcome::Failed { reason: "no".to_owned() }
}

fn declined() -> Outcome {
    Outcome::Declined { code: "card_declined".to_owned(), message: "no".to_owned() }
}

fn action(reference: &str) -> Outcome {
    Outcome::ActionRequired {
        reference: reference.to_owned(),
        url: format!("/bank/{reference}"),
        expires_at: Timestamp::UNIX_EPOCH,
    }
}

fn call(payment: &Payment, request: &str) -> Call {
    payment.requests[request].call(request)
}

fn authorize(n: u32) -> Call {
    Call { operation: Operation::Authorize, request: "order".to_owned(), n }
}

/// Applies what an outcome comes to. Answers whether it was news.
fn settled(payment: &mut Payment, call: &Call, outcome: &Outcome) -> bool {
    let news = payment.settle(call, outcome);
    news.iter().for_each(|(fact, _)| payment.apply(fact, Timestamp::UNIX_EPOCH));
    news.is_some()
}

/// Undoes with a provider that does everything and has never seen what it is asked about.
fn undone(payment: &mut Payment) -> Vec<String> {
    let mut steps = Vec::new();
    loop {
        assert!(steps.len() < 20, "it does not end: {steps:?}");
        match payment.undo() {
            Undo::Done => return steps,
            Undo::Record(fact) => payment.apply(&fact, Timestamp::UNIX_EPOCH),
            Undo::Find(call) => {
                steps.push(format!("find {}", call.operation.as_str()));
                let fact = payment.absent(&call).expect("an answer changes something");
                payment.apply(&fact, Timestamp::UNIX_EPOCH);
            }
            Undo::Drive(call) => {
                steps.push(format!("{} {}", call.operation.as_str(), payment.requests[&call.request].amount));
                assert!(settled(payment, &call, &worked()));
            }
        }
    }
}

fn authorized() -> Fact {
    Fact::Authorized { reference: "r".to_owned(), amount: 1000 }
}

/// Begins and finishes, as a provider that works would make it.
fn settle(payment: &mut Payment, begun: Option<Fact>, request: &str) {
    payment.apply(&begun.unwrap(), Timestamp::UNIX_EPOCH);
    let (done, posting) = payment.settle(&call(payment, request), &worked()).unwrap();
    let posting = posting.unwrap();
    assert_eq!(posting.entries.iter().map(|entry| entry.amount).sum::<i64>(), 0);
    payment.apply(&done, Timestamp::UNIX_EPOCH);
}

#[test]
fn statuses_follow_the_money() {
    let mut payment = given("test", &[]);
    assert_eq!(payment.status(), Status::Pending);
    payment.apply(&authorized(), Timestamp::UNIX_EPOCH);
    assert_eq!(payment.status(), Status::Authorized);
    let begun = payment.begin_capture("c1", 400).unwrap();
    settle(&mut payment, begun, "c1");
    assert_eq!(payment.status(), Status::PartiallyCaptured);
    let begun = payment.begin_capture("c2", 600).unwrap();
    settle(&mut payment, begun, "c2");
    assert_eq!(payment.status(), Status::Captured);
    let begun = payment.begin_refund("r1", 100).unwrap();
    settle(&mut payment, begun, "r1");
    assert_eq!(payment.status(), Status::PartiallyRefunded);
    let begun = payment.begin_refund("r2", 900).unwrap();
    settle(&mut payment, begun, "r2");
    assert_eq!(payment.status(), Status::Refunded);
}

#[test]
fn nothing_is_captured_or_refunded_twice() {
    let mut payment = given("test", &[authorized()]);
    let begun = payment.begin_capture("c1", 1000).unwrap();
    settle(&mut payment, begun, "c1");
    assert_eq!(payment.begin_capture("c1", 1000), Ok(None));
    assert_eq!(payment.settle(&call(&payment, "c1"), &worked()), None);
    assert_eq!(payment.begin_capture("c2", 1), Err(Error::MoreThanAuthorized { left: 0 }));
    assert_eq!(payment.begin_refund("r1", 1001), Err(Error::MoreThanCaptured { left: 1000 }));
}

#[test]
fn a_refund_under_way_counts_as_spent() {
    let mut payment = given("test", &[authorized()]);
    let begun = payment.begin_capture("c1", 1000).unwrap();
    settle(&mut payment, begun, "c1");
    let begun = payment.begin_refund("r1", 800).unwrap().unwrap();
    payment.apply(&begun, Timestamp::UNIX_EPOCH);
    assert_eq!(payment.begin_refund("r2", 300), Err(Error::MoreThanCaptured { left: 200 }));
    payment.apply(&Fact::Failed { request: "r1".to_owned(), reason: "no".to_owned() }, Timestamp::UNIX_EPOCH);
    assert_eq!(payment.refundable(), 1000);
}

#[test]
fn the_token_is_forgotten_once_it_is_used() {
    let payment = given("test", &[authorized()]);
    assert_eq!(payment.opening.unwrap().token, None);
}

#[test]
fn manual_payments_are_marked_by_staff() {
    let payment = given(MANUAL, &[]);
    assert_eq!(payment.begin_capture("c", 1), Err(Error::MarkInstead));
    let (fact, _) = payment.mark_paid("m", None).unwrap().unwrap();
    let paid = given(MANUAL, &[fact]);
    assert_eq!(paid.status(), Status::Captured);
    assert_eq!(paid.mark_paid("m", None), Ok(None));
    assert_eq!(paid.mark_paid("m2", None), Err(Error::AlreadyPaid));
    assert_eq!(given("test", &[]).mark_paid("m", None), Err(Error::NotManual));
}

#[test]
fn a_decline_after_an_authorisation_changes_nothing() {
    assert_eq!(given("test", &[authorized()]).settle(&authorize(1), &declined()), None);
}

#[test]
fn only_a_certain_failure_gives_the_next_attempt_another_key() {
    let mut payment = given("test", &[]);
    let unknown = Outcome::Unknown { reason: "lost".to_owned() };
    assert!(!settled(&mut payment, &authorize(1), &unknown));
    assert!(matches!(payment.authorizing(), Authorizing::Ask { call, .. } if call == authorize(1)));
    assert!(settled(&mut payment, &authorize(1), &failed()));
    assert!(!settled(&mut payment, &authorize(1), &failed()), "two callers of one attempt are one failure");
    assert!(!settled(&mut payment, &authorize(1), &declined()), "a late answer to an older attempt says nothing");
    assert!(matches!(payment.authorizing(), Authorizing::Ask { call, .. } if call == authorize(2)));
    assert!(settled(&mut payment, &authorize(2), &worked()));
    assert_eq!(payment.authorizing(), Authorizing::Granted);
}

#[test]
fn a_failed_capture_goes_on_under_another_key() {
    let mut payment = given("test", &[authorized()]);
    let begun = payment.begin_capture("c1", 300).unwrap().unwrap();
    payment.apply(&begun, Timestamp::UNIX_EPOCH);
    let first = call(&payment, "c1");
    assert!(settled(&mut payment, &first, &failed()));
    assert!(!settled(&mut payment, &first, &failed()));
    assert_eq!(call(&payment, "c1").n, 2);
    let second = call(&payment, "c1");
    assert!(settled(&mut payment, &second, &declined()));
    assert_eq!(payment.requests["c1"].progress, Progress::Failed { reason: "card_declined: no".to_owned() });
    assert!(settled(&mut payment, &second, &worked()), "money that moved after all is booked");
    assert_eq!(payment.captured, 300);
}

#[test]
fn undoing_gives_everything_back() {
    let mut never_opened = Payment::default();
    assert_eq!(undone(&mut never_opened), [""; 0]);
    assert_eq!(never_opened.open(opening("test")), None, "what was undone is not opened later");

    let mut asked = given("test", &[]);
    assert_eq!(undone(&mut asked), ["find authorize"]);
    assert_eq!((asked.status(), asked.authorizing()), (Status::Voided, Authorizing::Over));

    let mut promised = given("test", &[authorized()]);
    assert_eq!(undone(&mut promised), ["void 1000"]);
    assert_eq!(promised.begin_capture("c", 1), Err(Error::Over));

    let mut partly = given("test", &[authorized()]);
    let begun = partly.begin_capture("c1", 400).unwrap();
    settle(&mut partly, begun, "c1");
    let begun = partly.begin_capture("c2", 100).unwrap().unwrap();
    partly.apply(&begun, Timestamp::UNIX_EPOCH);
    assert_eq!(undone(&mut partly), ["find capture", "refund 400", "void 600"]);
    assert_eq!((partly.status(), partly.refunded), (Status::Refunded, 400));

    let mut by_hand = given(MANUAL, &[]);
    let (paid, _) = by_hand.mark_paid("m", None).unwrap().unwrap();
    by_hand.apply(&paid, Timestamp::UNIX_EPOCH);
    assert_eq!(undone(&mut by_hand), ["refund 1000"]);
}

#[test]
fn a_declined_payment_has_nothing_to_undo() {
    let mut payment = given("test", &[]);
    settled(&mut payment, &authorize(1), &declined());
    assert_eq!(payment.undo(), Undo::Done);
    assert_eq!(payment.status(), Status::Declined);
}

#[test]
fn what_comes_late_is_given_back() {
    let mut voided = given("test", &[]);
    undone(&mut voided);
    assert!(settled(&mut voided, &authorize(1), &worked()));
    assert_eq!(undone(&mut voided), ["void 1000"]);
    assert!(!settled(&mut voided, &authorize(1), &worked()), "the same news twice");
    assert_eq!(voided.undo(), Undo::Done);

    let mut refused = given("test", &[]);
    settled(&mut refused, &authorize(1), &declined());
    assert!(settled(&mut refused, &authorize(1), &worked()));
    assert_eq!(undone(&mut refused), ["void 1000"]);
    assert_eq!(refused.status(), Status::Declined);

    let mut captured = given("test", &[authorized()]);
    let begun = captured.begin_capture("c", 1000).unwrap().unwrap();
    captured.apply(&begun, Timestamp::UNIX_EPOCH);
    undone(&mut captured);
    let late = call(&captured, "c");
    assert!(settled(&mut captured, &late, &worked()));
    assert_eq!(undone(&mut captured), ["refund 1000"]);

    let mut asked = given("test", &[]);
    settled(&mut asked, &authorize(1), &action("a"));
    assert!(!settled(&mut asked, &authorize(1), &action("a")));
    assert_eq!(undone(&mut asked), ["void 0"], "what the buyer was asked to do is called off");
}

#[test]
fn a_refund_that_undoes_and_fails_can_be_tried_again() {
    let mut payment = given("test", &[authorized()]);
    let begun = payment.begin_capture("c", 1000).unwrap();
    settle(&mut payment, begun, "c");
    for attempt in ["undo-1", "undo-2"] {
        while let Undo::Record(fact) = payment.undo() {
            payment.apply(&fact, Timestamp::UNIX_EPOCH);
        }
        let refund = call(&payment, attempt);
        assert_eq!(payment.undo(), Undo::Drive(refund.clone()));
        settled(&mut payment, &refund, &declined());
    }
    assert_eq!(undone(&mut payment), ["refund 1000"]);
}

#[test]
fn nothing_to_pay_needs_no_provider() {
    let mut payment = Payment::default();
    let free = Opening { amount: 0, ..opening("test") };
    payment.apply(&Fact::Opened { opening: free }, Timestamp::UNIX_EPOCH);
    assert_eq!((payment.authorizing(), payment.status()), (Authorizing::Granted, Status::Captured));
    assert_eq!(undone(&mut payment), [""; 0]);
}
