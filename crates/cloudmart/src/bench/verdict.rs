//! Whether the shop kept its word: what it told its buyers against what its books say afterwards.
//! It asks nobody; it compares.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use serde_json::Value;

use super::goods::Shelf;
use super::load::{Loaded, Sales};
use super::script::{Checkout, Kind};
use super::wire::PUT_OFF;
use crate::doctor::{Check, Findings, count, were};
use crate::numbers::grouped;

/// A shop does not keep up with a rate when more than one request of so many could not even be sent.
const UNSENT_SHARE: u64 = 10;

/// What the shop's books say.
#[derive(Debug, Default)]
pub struct Books {
    pub shelves: Vec<Shelf>,
    /// Status and payment status of the orders that were placed since the load began.
    pub orders: HashMap<String, (String, String)>,
    /// Fewer than all of them were read.
    pub is_cut: bool,
    /// Of these, the orders that are not the load's own. Read only where the shelves do not tell what buyers were told.
    pub others: Others,
}

/// What somebody else ordered of the load's SKUs meanwhile.
#[derive(Debug, Default)]
pub struct Others {
    pub by_sku: BTreeMap<String, Bought>,
    /// Fewer than all of their orders were read.
    pub are_cut: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bought {
    pub orders: u64,
    pub pieces: i64,
}

impl Others {
    /// Takes the lines of an order, as staff read it, that are for one of these SKUs.
    pub fn take(&mut self, order: &Value, skus: &[String]) {
        for sku in skus {
            let lines = order["lines"].as_array().into_iter().flatten();
            let wanted = lines.filter(|line| line["sku"] == **sku).filter_map(|line| line["quantity"].as_i64());
            let pieces: i64 = wanted.sum();
            if pieces > 0 {
                let bought = self.by_sku.entry(sku.clone()).or_default();
                bought.orders += 1;
                bought.pieces += pieces;
            }
        }
    }
}

/// What was found, and what it comes to.
#[derive(Debug, Serialize)]
pub struct Verdict {
    /// Null where it is not known: whoever could have said it was not there any more.
    pub is_good: Option<bool>,
    #[serde(flatten)]
    pub findings: Findings,
}

impl Default for Verdict {
    fn default() -> Self {
        Self { is_good: Some(true), findings: Findings::default() }
    }
}

impl Verdict {
    /// A check whose problems are the shop's.
    pub fn blame(&mut self, check: Check) {
        let is_good = Some(check.is_well());
        self.join(Self { is_good, findings: Findings { checks: vec![check], notes: Vec::new() } });
    }

    /// A check whose problems leave open whether the shop kept its word.
    pub fn doubt(&mut self, check: Check) {
        let is_good = check.is_well().then_some(true);
        self.join(Self { is_good, findings: Findings { checks: vec![check], notes: Vec::new() } });
    }

    /// One word that was not kept is enough; what is not known of another one does not change that.
    pub fn join(&mut self, other: Self) {
        self.is_good = match (self.is_good, other.is_good) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        };
        self.findings.checks.extend(other.findings.checks);
        self.findings.notes.extend(other.findings.notes);
    }
}

/// Answers as a shop gives them; one that is too busy says so with 429 or 503, which is an answer, too.
pub fn answers(loaded: &Loaded) -> Check {
    let mut check = Check::new("answers");
    let (mut well, mut busy) = (0, 0);
    for (kind, counted) in &loaded.tally.kinds {
        for (status, number) in &counted.statuses {
            match status {
                status if kind.expects(*status) => well += number,
                status if PUT_OFF.contains(status) => busy += number,
                status => check.tell(format!("{} answered {status}: {}", were(*number, "request"), kind.name())),
            }
        }
    }
    check.tell_all(loaded.sales.strange.clone());
    check.looked_at = format!("{} as expected", grouped(well));
    let is_limited = loaded.tally.kinds.values().any(|counted| counted.statuses.contains_key(&429));
    if busy > well {
        let (busy, well) = (were(busy, "request"), were(well, "answer"));
        check.tell(format!(
            "{busy} put off (429, 503) and {well} as expected: this measures how quickly they are refused{}",
            if is_limited { "; 429 says that http.rate_limit_per_minute is too low for this load" } else { "" }
        ));
    }
    if busy > 0 {
        check.looked_at += &format!(", {} put off because this was too much (429, 503)", grouped(busy));
    }
    check
}

/// Whether everybody who would have asked was heard. An order without an answer is asked about again.
pub fn heard(loaded: &Loaded) -> Check {
    let mut check = Check::new("an answer for each request");
    let (answered, unsent) = (loaded.tally.whole().answered(), loaded.tally.unsent);
    check.looked_at = count(answered, "answer");
    let asked_again: u64 = loaded.tally.kinds.get(&Kind::Order).map_or(0, |orders| orders.lost.values().sum());
    if asked_again > 0 {
        check.looked_at += &format!("; {} without one, and asked for again", were(asked_again, "order"));
    }
    for (kind, counted) in loaded.tally.kinds.iter().filter(|(kind, _)| **kind != Kind::Order) {
        for (lost, number) in &counted.lost {
            check.tell(format!("{} without answer, {}: {lost}", were(*number, "request"), kind.name()));
        }
    }
    if unsent * UNSENT_SHARE > answered + unsent {
        let unsent = were(unsent, "request");
        check.tell(format!("{unsent} due and never sent: the shop did not keep up with this rate"));
    }
    check
}

/// Whether everybody knows what became of their order, at last.
pub fn known(sales: &Sales) -> Check {
    let mut check = Check::new("an answer for each order");
    check.looked_at = count(sales.accepted.len() as u64 + sales.sold_out, "answered order");
    if let Some((_, why)) = sales.open.first() {
        let open = were(sales.open.len() as u64, "order");
        check.tell(format!("{open} never answered for good, also when asked again; the first: {why}"));
    }
    check
}

/// What was promised to buyers against what the books say.
pub fn orders(sales: &Sales, books: &Books, checkout: &Checkout) -> Vec<Check> {
    vec![sold(sales, books, checkout), not_oversold(books), sold_out(sales, books), paid(&by_id(sales), books)]
}

/// The turns that were told of each accepted order.
fn by_id(sales: &Sales) -> BTreeMap<&str, Vec<u64>> {
    let mut by_id: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for (id, turn) in &sales.accepted {
        by_id.entry(id).or_default().push(*turn);
    }
    by_id
}

/// Whether no two buyers were told of one order; no book needs to say so.
pub fn one_each(sales: &Sales) -> Check {
    let by_id = by_id(sales);
    let mut check = Check::new("an order for each buyer");
    for (id, turns) in by_id.iter().filter(|(_, turns)| turns.len() > 1) {
        check.tell(format!("{} were told of the same order {id}", count(turns.len() as u64, "buyer")));
    }
    check.looked_at = count(by_id.len() as u64, "accepted order");
    check
}

/// Every line is one piece, so of each SKU as many pieces are sold as orders for it were accepted: one too many of one and
/// one too few of another are two lies, not none. What others ordered may be sold or not: their orders are read after
/// the shelves, and may be undone.
pub fn sold(sales: &Sales, books: &Books, checkout: &Checkout) -> Check {
    let mut check = Check::new("accepted = stock sold");
    let accepted = by_sku(sales.accepted.iter().map(|(_, turn)| *turn), checkout);
    let open = by_sku(sales.open.iter().map(|(turn, _)| *turn), checkout);
    for shelf in &books.shelves {
        let of = |counts: &BTreeMap<&str, i64>| counts.get(&*shelf.sku).copied().unwrap_or(0);
        let (accepted, open, sold) = (of(&accepted), of(&open), taken(shelf));
        let others = books.others.by_sku.get(&shelf.sku).copied().unwrap_or_default();
        if !(accepted..=accepted + open + others.pieces).contains(&sold) {
            let accepted_by_load = were(accepted.unsigned_abs(), "order");
            let mut problem = format!("{}: {accepted_by_load} accepted and {} sold", shelf.sku, pieces(sold));
            if sold > accepted && others.orders > 0 {
                problem += &format!(", of which {} ordered by others", told(others.pieces));
            }
            if sold > accepted && books.others.are_cut {
                problem += "; either others bought the rest, whose orders were not all read, or the shop is wrong";
            }
            check.tell(problem);
        }
    }
    let sum = |counts: &BTreeMap<&str, i64>| counts.values().sum::<i64>();
    let sold: i64 = books.shelves.iter().map(taken).sum();
    check.looked_at = format!("{} accepted, {} sold", told(sum(&accepted)), told(sold));
    if !open.is_empty() {
        check.looked_at += &format!(", {} never answered for good", told(sum(&open)));
    }
    let of_others: i64 = books.others.by_sku.values().map(|bought| bought.pieces).sum();
    if of_others > 0 {
        check.looked_at += &format!(", {} ordered by others", told(of_others));
    }
    check
}

/// Who else bought meanwhile what was made for the load alone.
pub fn told_of_others(books: &Books) -> Vec<String> {
    let told = |(sku, bought): (&String, &Bought)| {
        let (orders, pieces) = (were(bought.orders, "order"), pieces(bought.pieces));
        format!("{sku}: {orders} not this load's own; {pieces} ordered by somebody else meanwhile")
    };
    books.others.by_sku.iter().map(told).collect()
}

fn by_sku(turns: impl Iterator<Item = u64>, checkout: &Checkout) -> BTreeMap<&str, i64> {
    let mut counts = BTreeMap::new();
    turns.for_each(|turn| *counts.entry(checkout.sku(turn)).or_default() += 1);
    counts
}

fn not_oversold(books: &Books) -> Check {
    let mut check = Check::of("nothing oversold", count(books.shelves.len() as u64, "SKU"), Vec::new());
    for shelf in books.shelves.iter().filter(|shelf| shelf.available < 0 || taken(shelf) > shelf.given) {
        check.tell(format!("{}: {} there and {} sold", shelf.sku, pieces(shelf.given), told(taken(shelf))));
    }
    check
}

/// Nobody is refused while there is something left of every SKU.
fn sold_out(sales: &Sales, books: &Books) -> Check {
    let mut check = Check::new("refused only when sold out");
    check.looked_at = format!("{} refused", count(sales.sold_out, "buyer"));
    let left = books.shelves.iter().map(|shelf| shelf.available).min().unwrap_or(0);
    if sales.sold_out > 0 && left > 0 {
        check.tell(format!("{} refused, and {} left of every SKU", count(sales.sold_out, "buyer"), told(left)));
    }
    check
}

fn paid(by_id: &BTreeMap<&str, Vec<u64>>, books: &Books) -> Check {
    let mut check = Check::new("no order without payment");
    let mut seen = 0_u64;
    for id in by_id.keys() {
        match books.orders.get(*id) {
            Some((status, payment)) => {
                seen += 1;
                if !matches!(status.as_str(), "confirmed" | "completed") {
                    check.tell(format!("{id} was accepted and is {status}"));
                }
                if !matches!(payment.as_str(), "authorized" | "captured") {
                    check.tell(format!("{id} was accepted and its payment is {payment}"));
                }
            }
            None if books.is_cut => {}
            None => check.tell(format!("{id} was accepted and is not among the shop's orders")),
        }
    }
    check.looked_at = format!("{} found and paid", grouped(seen));
    if books.is_cut {
        check.looked_at += &format!(" of {}; the list was not read further", grouped(by_id.len() as u64));
    }
    check
}

fn taken(shelf: &Shelf) -> i64 {
    shelf.given - shelf.on_hand + shelf.reserved
}

/// `1 piece was`, `2 pieces were`.
fn pieces(number: i64) -> String {
    let sign = if number < 0 { "-" } else { "" };
    format!("{sign}{}", were(number.unsigned_abs(), "piece"))
}

fn told(number: i64) -> String {
    let sign = if number < 0 { "-" } else { "" };
    format!("{sign}{}", grouped(number.unsigned_abs()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::super::script::Kind;
    use super::super::tally::Tally;
    use super::super::wire::Lost;
    use super::*;

    fn sales(accepted: &[&str], sold_out: u64) -> Sales {
        let accepted = accepted.iter().zip(0..).map(|(id, turn)| ((*id).into(), turn)).collect();
        Sales { accepted, sold_out, ..Sales::default() }
    }

    const SKUS: [&str; 2] = ["S-0", "S-1"];

    /// Over so many of the SKUs.
    fn checkout(skus: usize) -> Checkout {
        let skus = SKUS[..skus].iter().map(|sku| (*sku).to_owned()).collect();
        let [run, country, shipping_method, payment_method] = ["run", "DE", "standard", "test"].map(str::to_owned);
        Checkout { skus, run, began: Timestamp::UNIX_EPOCH, country, shipping_method, payment_method }
    }

    fn shelf(sku: &str, given: i64, reserved: i64) -> Shelf {
        Shelf { sku: sku.into(), given, on_hand: given, reserved, available: given - reserved }
    }

    fn books(reserved: i64, orders: &[(&str, &str, &str)]) -> Books {
        let order = |(id, status, payment): &(&str, &str, &str)| {
            ((*id).to_owned(), ((*status).to_owned(), (*payment).to_owned()))
        };
        Books {
            shelves: vec![shelf("S-0", 2, reserved)],
            orders: orders.iter().map(order).collect(),
            ..Books::default()
        }
    }

    fn problems(sales: &Sales, books: &Books) -> Vec<String> {
        let checks = orders(sales, books, &checkout(books.shelves.len()));
        std::iter::once(one_each(sales)).chain(checks).flat_map(|check| check.problems).collect()
    }

    const A: (&str, &str, &str) = ("ord_a", "confirmed", "authorized");
    const B: (&str, &str, &str) = ("ord_b", "completed", "captured");

    #[test]
    fn a_shop_that_kept_its_word_has_no_problem() {
        assert_eq!(problems(&sales(&["ord_a", "ord_b"], 5), &books(2, &[A, B])), Vec::<String>::new());
        assert_eq!(problems(&sales(&["ord_a"], 0), &books(1, &[A, B])), Vec::<String>::new());
    }

    #[test]
    fn each_way_to_break_it_is_told() {
        let both = sales(&["ord_a", "ord_b"], 0);
        assert_eq!(problems(&both, &books(1, &[A, B])), ["S-0: 2 orders were accepted and 1 piece was sold"]);
        assert_eq!(
            problems(&both, &books(3, &[A, B])),
            ["S-0: 2 orders were accepted and 3 pieces were sold", "S-0: 2 pieces were there and 3 sold"]
        );
        assert_eq!(problems(&sales(&["ord_a"], 4), &books(1, &[A])), ["4 buyers refused, and 1 left of every SKU"]);
        assert_eq!(
            problems(&sales(&["ord_a", "ord_a"], 0), &books(2, &[A])),
            ["2 buyers were told of the same order ord_a"]
        );
        assert_eq!(problems(&both, &books(2, &[A])), ["ord_b was accepted and is not among the shop's orders"]);
        let unpaid = ("ord_b", "confirmed", "pending");
        assert_eq!(problems(&both, &books(2, &[A, unpaid])), ["ord_b was accepted and its payment is pending"]);
        let undone = ("ord_b", "cancelled", "voided");
        assert_eq!(problems(&both, &books(2, &[A, undone])).len(), 2);
    }

    /// Turns 0 and 2 want the first SKU, 1 and 3 the second.
    #[test]
    fn one_sku_sold_too_often_is_not_made_good_by_another_sold_too_seldom() {
        let four: Vec<(String, &str, &str)> =
            (0..4).map(|turn| (format!("ord_{turn}"), "confirmed", "authorized")).collect();
        let listed: Vec<(&str, &str, &str)> = four.iter().map(|(id, status, paid)| (&**id, *status, *paid)).collect();
        let ids: Vec<&str> = listed.iter().map(|(id, ..)| *id).collect();
        let sold = |first, second| {
            let shelves = vec![shelf("S-0", 9, first), shelf("S-1", 9, second)];
            problems(&sales(&ids, 0), &Books { shelves, ..books(0, &listed) })
        };
        assert_eq!(sold(2, 2), Vec::<String>::new());
        assert_eq!(
            sold(3, 1),
            ["S-0: 2 orders were accepted and 3 pieces were sold", "S-1: 2 orders were accepted and 1 piece was sold"]
        );
    }

    #[test]
    fn who_is_refused_may_have_wanted_the_sku_that_is_gone() {
        let refused = |sold| {
            let shelves = vec![shelf("S-0", 1, sold), shelf("S-1", 9, 4)];
            sold_out(&sales(&[], 3), &Books { shelves, ..Books::default() }).problems
        };
        assert_eq!(refused(1), Vec::<String>::new());
        assert_eq!(refused(0), ["3 buyers refused, and 1 left of every SKU"]);
    }

    fn loaded(statuses: &[(u16, u64)], unsent: u64) -> Loaded {
        let mut tally = Tally { unsent, ..Tally::default() };
        for (status, number) in statuses {
            (0..*number).for_each(|_| tally.answered(Kind::Page, *status, Duration::ZERO));
        }
        let lasted = Duration::from_secs(1);
        Loaded { tally, sales: Sales::default(), lasted, own_cpu_s: 0.0, shop_cpu_s: None }
    }

    #[test]
    fn a_shop_that_puts_most_off_or_falls_behind_is_no_fast_one() {
        let problems = |statuses: &[(u16, u64)]| answers(&loaded(statuses, 0)).problems;
        assert_eq!(problems(&[(200, 9), (503, 5), (429, 4)]), Vec::<String>::new());
        let put_off = &problems(&[(200, 8), (503, 5), (429, 4)])[0];
        assert!(
            put_off.starts_with("9 requests were put off") && put_off.contains("rate_limit_per_minute"),
            "{put_off}"
        );
        assert_eq!(problems(&[(200, 8), (500, 1)]), ["1 request was answered 500: product page"]);
        assert_eq!(heard(&loaded(&[(200, 9), (503, 5), (429, 4)], 1)).problems, Vec::<String>::new());
        assert!(heard(&loaded(&[(200, 8)], 1)).problems[0].contains("did not keep up"));
        let mut died = loaded(&[(200, 8)], 0);
        (0..2).for_each(|_| died.tally.lost(Kind::Order, Lost::Broke, Duration::ZERO));
        let told = heard(&died);
        assert_eq!(told.looked_at, "8 answers; 2 orders were without one, and asked for again");
        assert!(told.is_well(), "{told:?}");
    }

    #[test]
    fn what_nobody_can_tell_is_not_the_shops_fault_and_does_not_hide_what_is() {
        let (well, bad) = (|| Check::new("well"), || Check::of("bad", "", vec!["a problem".to_owned()]));
        let judged = |blamed: Vec<Check>, doubted: Vec<Check>| {
            let mut verdict = Verdict::default();
            doubted.into_iter().for_each(|check| verdict.doubt(check));
            blamed.into_iter().for_each(|check| verdict.blame(check));
            verdict.is_good
        };
        assert_eq!(judged(vec![well()], vec![well()]), Some(true));
        assert_eq!(judged(vec![well()], vec![bad(), well()]), None);
        assert_eq!(judged(vec![bad(), well()], vec![bad()]), Some(false));
    }

    #[test]
    fn only_the_loads_skus_count_in_what_others_bought() {
        let mut others = Others::default();
        let line = |sku: &str, quantity: i64| serde_json::json!({"sku": sku, "quantity": quantity});
        for lines in [vec![line("S-0", 2), line("TEA", 9), line("S-0", 1)], vec![line("S-0", 1)], vec![line("TEA", 1)]]
        {
            others.take(&serde_json::json!({ "lines": lines }), &SKUS.map(str::to_owned));
        }
        assert_eq!(others.by_sku, BTreeMap::from([("S-0".to_owned(), Bought { orders: 2, pieces: 4 })]));
    }

    #[test]
    fn what_others_bought_is_not_held_against_the_shop() {
        let two = sales(&["ord_a", "ord_b"], 0);
        let sold = |pieces, are_cut, sold| {
            let by_sku = BTreeMap::from([("S-0".to_owned(), Bought { orders: 1, pieces })]);
            let shelves = vec![shelf("S-0", 9, sold)];
            let books = Books { shelves, others: Others { by_sku, are_cut }, ..books(0, &[A, B]) };
            (problems(&two, &books), told_of_others(&books))
        };
        let (problems, notes) = sold(1, false, 3);
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(notes, ["S-0: 1 order was not this load's own; 1 piece was ordered by somebody else meanwhile"]);
        assert_eq!(sold(2, false, 2).0, Vec::<String>::new(), "undone, or placed after the shelves were read");
        assert_eq!(
            sold(1, false, 4).0,
            ["S-0: 2 orders were accepted and 4 pieces were sold, of which 1 ordered by others"]
        );
        assert!(sold(1, true, 4).0[0].contains("either others bought the rest"));
        assert_eq!(sold(1, false, 1).0.len(), 1, "what was accepted must be sold");
    }

    #[test]
    fn an_order_that_nobody_knows_of_is_told() {
        let mut sales = sales(&["ord_a"], 0);
        assert_eq!(known(&sales).problems, Vec::<String>::new());
        sales.open.push((7, "was answered 503".to_owned()));
        let problem = &known(&sales).problems[0];
        assert!(problem.starts_with("1 order was never answered") && problem.ends_with("503"), "{problem}");
    }

    #[test]
    fn what_nobody_was_told_for_good_may_be_sold_or_not() {
        let mut open = sales(&["ord_a"], 0);
        open.open.push((7, "was answered 503".to_owned()));
        for reserved in [1, 2] {
            assert_eq!(problems(&open, &books(reserved, &[A])), Vec::<String>::new());
        }
        assert_eq!(problems(&open, &books(0, &[A])).len(), 1);
    }
}
