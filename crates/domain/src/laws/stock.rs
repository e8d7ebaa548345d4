//! Stock: many orders for a few things at a few places, in any order of events. Nothing is sold twice, nothing is lost, and
//! the facts alone tell all of it.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::{OrderId, RefundId, ShipmentId};
use crate::quantity::Quantity;
use crate::reservation::{Change, Closing, Reservation, Status};
use crate::sku::Sku;
use crate::stock::{self, Location, MAX_COUNT, Policy, Reason, Stock};
use jiff::Timestamp;
use proptest::prelude::*;

const SKUS: [&str; 3] = ["A", "B", "C"];
const PLACES: [&str; 3] = ["main", "north", "south"];
const ORDERS: u8 = 4;

/// What can happen. Things, places and orders are named by their numbers.
#[derive(Debug, Clone)]
enum Move {
    Count { sku: usize, place: usize, delta: i64 },
    Policy { sku: usize, policy: Policy },
    Reserve { order: u8, lines: Vec<(usize, u32)> },
    Confirm { order: u8 },
    Undo { order: u8 },
    Abandon { order: u8 },
    Expire { order: u8, is_time: bool },
    Ship { order: u8, parcel: u8, lines: Vec<(usize, u32)> },
    Return { order: u8, refund: u8, returned: Vec<(usize, u32)>, unshipped: Vec<(usize, u32)> },
}

fn lines() -> impl Strategy<Value = Vec<(usize, u32)>> {
    prop::collection::vec((0..SKUS.len(), 1..6u32), 1..4)
}

fn a_move(policies: &'static [Policy]) -> impl Strategy<Value = Move> {
    let order = || 0..ORDERS;
    prop_oneof![
        4 => (0..SKUS.len(), 0..PLACES.len(), prop_oneof![-5..12i64, Just(MAX_COUNT), Just(i64::MAX), Just(i64::MIN)])
            .prop_map(|(sku, place, delta)| Move::Count { sku, place, delta }),
        1 => (0..SKUS.len(), prop::sample::select(policies)).prop_map(|(sku, policy)| Move::Policy { sku, policy }),
        6 => (order(), lines()).prop_map(|(order, lines)| Move::Reserve { order, lines }),
        3 => order().prop_map(|order| Move::Confirm { order }),
        2 => order().prop_map(|order| Move::Undo { order }),
        1 => order().prop_map(|order| Move::Abandon { order }),
        1 => (order(), any::<bool>()).prop_map(|(order, is_time)| Move::Expire { order, is_time }),
        4 => (order(), 0..3u8, lines()).prop_map(|(order, parcel, lines)| Move::Ship { order, parcel, lines }),
        3 => (order(), 0..3u8, lines(), lines())
            .prop_map(|(order, refund, returned, unshipped)| Move::Return { order, refund, returned, unshipped }),
    ]
}

/// A warehouse, and beside it what an honest clerk would have counted.
#[derive(Default)]
struct Warehouse {
    stocks: BTreeMap<Sku, Stock>,
    reservations: BTreeMap<u8, Reservation>,
    /// Orders that held something at some time.
    ever_held: BTreeSet<u8>,
    stock_facts: Vec<(Sku, stock::Fact)>,
    counted: BTreeMap<Sku, i64>,
    left: BTreeMap<Sku, i64>,
}

fn sku(n: usize) -> Sku {
    Sku::parse(SKUS[n]).unwrap()
}

fn order_id(n: u8) -> OrderId {
    OrderId::from_bytes([n + 1; 16])
}

fn wanted(lines: &[(usize, u32)]) -> Vec<(Sku, Quantity)> {
    lines.iter().map(|(n, quantity)| (sku(*n), Quantity::new(*quantity).unwrap())).collect()
}

impl Warehouse {
    fn happens(&mut self, what: &Move) {
        match what {
            Move::Count { sku: n, place, delta } => {
                let place = Location::parse(PLACES[*place]).unwrap();
                let stock = self.stocks.entry(sku(*n)).or_default();
                if let Ok(fact) = stock.adjust(&place, *delta, Reason::Correction) {
                    stock.apply(&fact);
                    self.stock_facts.push((sku(*n), fact));
                    *self.counted.entry(sku(*n)).or_default() += delta;
                }
            }
            Move::Policy { sku: n, policy } => {
                let stock = self.stocks.entry(sku(*n)).or_default();
                if let Some(fact) = stock.set_policy(*policy) {
                    stock.apply(&fact);
                    self.stock_facts.push((sku(*n), fact));
                }
            }
            Move::Reserve { order, lines } => {
                let empty = Stock::default();
                let names: Vec<Sku> = (0..SKUS.len()).map(sku).collect();
                let stocks = names.iter().map(|name| (name, self.stocks.get(name).unwrap_or(&empty))).collect();
                let reservation = self.reservations.entry(*order).or_default();
                let change = reservation.reserve(&order_id(*order), &wanted(lines), &stocks, Timestamp::UNIX_EPOCH);
                self.write(*order, change.unwrap_or_default());
            }
            Move::Confirm { order } => {
                let fact = self.reservation(*order).confirm().ok().flatten();
                self.write(*order, Change { reservation: fact, stock: Vec::new() });
            }
            Move::Undo { order } => {
                let change = self.reservation(*order).release(&order_id(*order), Closing::Undone);
                self.write(*order, change);
            }
            Move::Abandon { order } => {
                let change = self.reservation(*order).release(&order_id(*order), Closing::Abandoned);
                self.write(*order, change);
            }
            Move::Expire { order, is_time } => {
                let now = if *is_time { Timestamp::UNIX_EPOCH } else { Timestamp::MIN };
                let change = self.reservation(*order).expire(now);
                self.write(*order, change);
            }
            Move::Ship { order, parcel, lines } => {
                let parcel = ShipmentId::from_bytes([*parcel; 16]);
                let change = self.reservation(*order).ship(&order_id(*order), &parcel, &wanted(lines));
                self.write(*order, change.unwrap_or_default());
            }
            Move::Return { order, refund, returned, unshipped } => {
                let refund = RefundId::from_bytes([*refund; 16]);
                let reservation = self.reservation(*order);
                let change = reservation.restock(&order_id(*order), &refund, &wanted(returned), &wanted(unshipped));
                self.write(*order, change);
            }
        }
    }

    fn reservation(&self, order: u8) -> Reservation {
        self.reservations.get(&order).cloned().unwrap_or_default()
    }

    fn write(&mut self, order: u8, change: Change) {
        let reservation = self.reservations.entry(order).or_default();
        change.reservation.iter().for_each(|fact| reservation.apply(fact));
        if reservation.status == Status::Held {
            self.ever_held.insert(order);
        }
        for (sku, fact) in change.stock {
            match &fact {
                stock::Fact::Shipped { quantity, .. } => *self.left.entry(sku.clone()).or_default() += quantity,
                stock::Fact::Restocked { quantity, .. } => *self.left.entry(sku.clone()).or_default() -= quantity,
                _ => {}
            }
            self.stocks.entry(sku.clone()).or_default().apply(&fact);
            self.stock_facts.push((sku, fact));
        }
    }

    fn held(&self, sku: &Sku) -> i64 {
        let open = self.reservations.values().flat_map(|reservation| &reservation.open);
        open.filter(|held| held.sku == *sku).map(|held| held.quantity).sum()
    }

    /// What is true after every move.
    fn check(&self) -> Result<(), TestCaseError> {
        for (sku, stock) in &self.stocks {
            let total = stock.total();
            let (counted, left) =
                (self.counted.get(sku).copied().unwrap_or(0), self.left.get(sku).copied().unwrap_or(0));
            prop_assert_eq!(
                total.on_hand,
                counted - left,
                "what lies there is what was counted less what left: {}",
                sku
            );
            prop_assert_eq!(total.reserved, self.held(sku), "what is reserved is what orders hold: {}", sku);
            prop_assert!(left >= 0, "no more of {sku} came back than had left");
            prop_assert!(stock.levels.values().all(|level| level.reserved >= 0), "{:?}", stock);
        }
        for (order, reservation) in &self.reservations {
            let is_refused = reservation.status == Status::Refused;
            prop_assert!(!(is_refused && self.ever_held.contains(order)), "who held it may be paid: {:?}", reservation);
            let may_hold = matches!(reservation.status, Status::Held | Status::Confirmed);
            prop_assert!(
                may_hold || reservation.open.is_empty(),
                "nothing is held any more, or yet: {:?}",
                reservation
            );
            prop_assert!(reservation.open.iter().chain(&reservation.shipped).all(|held| held.quantity > 0));
        }
        Ok(())
    }

    /// The facts alone, as a store keeps them, tell the same.
    fn check_replay(&self) -> Result<(), TestCaseError> {
        let mut replayed: BTreeMap<Sku, Stock> = BTreeMap::new();
        for (sku, fact) in &self.stock_facts {
            let stored = serde_json::to_string(fact).unwrap();
            replayed.entry(sku.clone()).or_default().apply(&serde_json::from_str(&stored).unwrap());
        }
        for (sku, stock) in self.stocks.iter().filter(|(_, stock)| **stock != Stock::default()) {
            prop_assert_eq!(replayed.get(sku), Some(stock));
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn what_is_only_sold_while_it_is_there_is_never_oversold(
        moves in prop::collection::vec(a_move(&[Policy::Reserve]), 1..60)
    ) {
        let mut warehouse = Warehouse::default();
        for what in &moves {
            warehouse.happens(what);
            warehouse.check()?;
            for (sku, stock) in &warehouse.stocks {
                let is_sound = |level: &stock::Level| level.on_hand >= level.reserved;
                prop_assert!(stock.levels.values().all(is_sound), "{sku} is oversold: {stock:?}");
            }
        }
        warehouse.check_replay()?;
    }

    #[test]
    fn nothing_is_lost_whatever_the_policies_become(moves in prop::collection::vec(a_move(&Policy::ALL), 1..60)) {
        let mut warehouse = Warehouse::default();
        for what in &moves {
            warehouse.happens(what);
            warehouse.check()?;
        }
        warehouse.check_replay()?;
    }

    #[test]
    fn the_same_move_twice_in_a_row_moves_stock_once(
        moves in prop::collection::vec(a_move(&[Policy::Reserve]), 1..40)
    ) {
        let mut warehouse = Warehouse::default();
        for what in moves.iter().filter(|what| !matches!(what, Move::Count { .. })) {
            warehouse.happens(&Move::Count { sku: 0, place: 0, delta: 2 });
            warehouse.happens(what);
            let once = (warehouse.stocks.clone(), warehouse.reservations.clone());
            warehouse.happens(what);
            prop_assert_eq!((warehouse.stocks.clone(), warehouse.reservations.clone()), once, "{:?}", what);
        }
    }
}
