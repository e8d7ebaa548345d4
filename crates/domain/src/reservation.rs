//! A reservation: the stock that one order holds, over all its SKUs, taken whole or not at all.
//! It does not know prices or buyers. A reservation that was closed never opens again, but for one of which no order came.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{OrderId, RefundId, ShipmentId};
use crate::quantity::Quantity;
use crate::sku::Sku;
use crate::stock::{self, Location, Stock};

/// What is held of one SKU at one location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    pub sku: Sku,
    pub location: Location,
    pub quantity: i64,
}

/// A SKU of which there is not enough.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shortage {
    pub sku: Sku,
    pub requested: i64,
    pub available: i64,
}

/// Why stock was given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Closing {
    /// The order was undone.
    Undone,
    /// Nobody confirmed it in time.
    Expired,
    /// No order came of it. Should one come after all, it may reserve anew.
    Abandoned,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// `uncounted` is what the order has of things that nobody counted at the time.
    Held {
        order: OrderId,
        lines: Vec<Held>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        uncounted: Vec<Sku>,
        expires_at: Timestamp,
    },
    /// There was not enough. Final: the same order is not tried again.
    Refused {
        order: OrderId,
        shortages: Vec<Shortage>,
    },
    Confirmed {},
    Released {
        why: Closing,
        lines: Vec<Held>,
    },
    Shipped {
        shipment: ShipmentId,
        lines: Vec<Held>,
    },
    /// `lines` came back; `released` never left, and need not leave any more.
    Restocked {
        refund: RefundId,
        lines: Vec<Held>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        released: Vec<Held>,
    },
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    #[default]
    None,
    Held,
    Refused,
    Confirmed,
    Released,
    Expired,
    Abandoned,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("there is not enough stock")]
    Short(Vec<Shortage>),
    #[error("this reservation was closed and cannot be opened again")]
    Closed,
    #[error("more of {0} than the order still holds")]
    MoreThanHeld(Sku),
    #[error("nothing is held yet")]
    NotHeld,
}

/// Facts for the reservation and for the stock of each SKU, written as one group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    pub reservation: Option<Fact>,
    pub stock: Vec<(Sku, stock::Fact)>,
}

/// The stock that one order holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    pub status: Status,
    pub order: Option<OrderId>,
    /// What is still held: shipping and releasing take off.
    pub open: Vec<Held>,
    /// What has left, and may come back.
    pub shipped: Vec<Held>,
    /// What was not counted when the order was placed, and is passed over for ever.
    #[serde(default)]
    pub uncounted: Vec<Sku>,
    pub shortages: Vec<Shortage>,
    pub expires_at: Option<Timestamp>,
    pub shipments: Vec<ShipmentId>,
    pub restocks: Vec<RefundId>,
}

impl Reservation {
    pub fn apply(&mut self, fact: &Fact) {
        match fact {
            Fact::Held { order, lines, uncounted, expires_at } => {
                self.status = Status::Held;
                self.order = Some(order.clone());
                self.open = lines.clone();
                self.uncounted = uncounted.clone();
                self.expires_at = Some(*expires_at);
            }
            Fact::Refused { order, shortages } => {
                self.status = Status::Refused;
                self.order = Some(order.clone());
                self.shortages = shortages.clone();
            }
            Fact::Confirmed {} => {
                self.status = Status::Confirmed;
                self.expires_at = None;
            }
            Fact::Released { why, .. } => {
                self.status = match why {
                    Closing::Undone => Status::Released,
                    Closing::Expired => Status::Expired,
                    Closing::Abandoned => Status::Abandoned,
                };
                self.open.clear();
                self.expires_at = None;
            }
            Fact::Shipped { shipment, lines } => {
                self.shipments.push(shipment.clone());
                lines.iter().for_each(|line| take(&mut self.open, line));
                lines.iter().for_each(|line| put(&mut self.shipped, line));
            }
            Fact::Restocked { refund, lines, released } => {
                self.restocks.push(refund.clone());
                lines.iter().for_each(|line| take(&mut self.shipped, line));
                released.iter().for_each(|line| take(&mut self.open, line));
            }
        }
    }

    /// All SKUs or none. Lines of one SKU are folded first. Reserving again answers as the first time. What was abandoned is held
    /// anew or closed, never refused: a driver that heard of the first hold may have the money already, so that the order must be
    /// undone.
    pub fn reserve(
        &self,
        order: &OrderId,
        lines: &[(Sku, Quantity)],
        stocks: &BTreeMap<&Sku, &Stock>,
        expires_at: Timestamp,
    ) -> Result<Change, Error> {
        match self.status {
            Status::None | Status::Abandoned => {}
            Status::Held | Status::Confirmed => return Ok(Change::default()),
            Status::Refused => return Err(Error::Short(self.shortages.clone())),
            Status::Released | Status::Expired => return Err(Error::Closed),
        }
        let mut held = Vec::new();
        let mut uncounted = Vec::new();
        let mut shortages = Vec::new();
        for (sku, requested) in folded(lines) {
            let picked = match (Quantity::new(requested), stocks.get(&sku)) {
                (Ok(quantity), Some(stock)) => stock.pick(quantity),
                (Err(_), Some(stock)) => Err(stock.total().available().max(0)),
                (_, None) => Err(0),
            };
            match picked {
                Ok(places) if places.is_empty() => uncounted.push(sku),
                Ok(places) => held.extend(places.into_iter().map(|(location, quantity)| Held {
                    sku: sku.clone(),
                    location,
                    quantity,
                })),
                Err(available) => {
                    shortages.push(Shortage { sku, requested: i64::from(requested), available });
                }
            }
        }
        if !shortages.is_empty() && self.status == Status::Abandoned {
            return Err(Error::Closed);
        }
        if !shortages.is_empty() {
            let refused = Fact::Refused { order: order.clone(), shortages };
            return Ok(Change { reservation: Some(refused), stock: Vec::new() });
        }
        let stock =
            stock_facts(&held, |location, quantity| stock::Fact::Reserved { location, quantity, order: order.clone() });
        let held = Fact::Held { order: order.clone(), lines: held, uncounted, expires_at };
        Ok(Change { reservation: Some(held), stock })
    }

    /// Keeps what is held until it is shipped or released.
    pub fn confirm(&self) -> Result<Option<Fact>, Error> {
        match self.status {
            Status::Held => Ok(Some(Fact::Confirmed {})),
            Status::Confirmed => Ok(None),
            Status::None => Err(Error::NotHeld),
            Status::Refused | Status::Released | Status::Expired | Status::Abandoned => Err(Error::Closed),
        }
    }

    /// Gives back what is still held, and refuses every later attempt to reserve. Also before anything was held. What expired or was
    /// abandoned is only what nobody confirmed.
    pub fn release(&self, order: &OrderId, why: Closing) -> Change {
        let closed = matches!(self.status, Status::Released | Status::Expired | Status::Refused);
        if closed || (why != Closing::Undone && self.status != Status::Held) {
            return Change::default();
        }
        let stock = stock_facts(&self.open, |location, quantity| stock::Fact::Released {
            location,
            quantity,
            order: order.clone(),
        });
        Change { reservation: Some(Fact::Released { why, lines: self.open.clone() }), stock }
    }

    /// Gives back what nobody confirmed in time.
    pub fn expire(&self, now: Timestamp) -> Change {
        match (&self.order, self.expires_at) {
            (Some(order), Some(expires_at)) if expires_at <= now => self.release(order, Closing::Expired),
            _ => Change::default(),
        }
    }

    /// Takes the SKUs of a parcel off the shelf. What was not counted when it was ordered is passed over. Once per
    /// shipment.
    pub fn ship(&self, order: &OrderId, shipment: &ShipmentId, lines: &[(Sku, Quantity)]) -> Result<Change, Error> {
        if self.shipments.contains(shipment) {
            return Ok(Change::default());
        }
        let (taken, missing) = drawn(&self.open, lines);
        if let Some((sku, _)) = missing.into_iter().find(|(sku, _)| !self.uncounted.contains(sku)) {
            return Err(Error::MoreThanHeld(sku));
        }
        let stock =
            stock_facts(&taken, |location, quantity| stock::Fact::Shipped { location, quantity, order: order.clone() });
        Ok(Change { reservation: Some(Fact::Shipped { shipment: shipment.clone(), lines: taken }), stock })
    }

    /// Puts returned goods back where they came from, and gives back what will not leave any more. Once per refund,
    /// and never more than left or is held.
    pub fn restock(
        &self,
        order: &OrderId,
        refund: &RefundId,
        returned: &[(Sku, Quantity)],
        unshipped: &[(Sku, Quantity)],
    ) -> Change {
        if self.restocks.contains(refund) {
            return Change::default();
        }
        let (back, _) = drawn(&self.shipped, returned);
        let (released, _) = drawn(&self.open, unshipped);
        let mut stock = stock_facts(&back, |location, quantity| stock::Fact::Restocked {
            location,
            quantity,
            order: order.clone(),
        });
        stock.extend(stock_facts(&released, |location, quantity| stock::Fact::Released {
            location,
            quantity,
            order: order.clone(),
        }));
        Change { reservation: Some(Fact::Restocked { refund: refund.clone(), lines: back, released }), stock }
    }

    /// The SKUs whose stock a change of this reservation touches.
    pub fn skus(&self) -> impl Iterator<Item = &Sku> {
        self.open.iter().chain(&self.shipped).map(|held| &held.sku)
    }
}

/// Quantities per SKU, in the order in which SKUs first appear.
fn folded(lines: &[(Sku, Quantity)]) -> Vec<(Sku, u32)> {
    let mut sums: Vec<(Sku, u32)> = Vec::new();
    let mut places: BTreeMap<&Sku, usize> = BTreeMap::new();
    for (sku, quantity) in lines {
        match places.get(sku) {
            Some(place) => sums[*place].1 = sums[*place].1.saturating_add(quantity.get()),
            None => {
                places.insert(sku, sums.len());
                sums.push((sku.clone(), quantity.get()));
            }
        }
    }
    sums
}

/// Draws quantities from what is there, as far as it goes, and tells per SKU what was missing.
fn drawn(from: &[Held], lines: &[(Sku, Quantity)]) -> (Vec<Held>, Vec<(Sku, i64)>) {
    let mut left = from.to_vec();
    let mut taken = Vec::new();
    let mut missing = Vec::new();
    for (sku, quantity) in folded(lines) {
        let mut wanted = i64::from(quantity);
        for held in left.iter_mut().filter(|held| held.sku == sku) {
            let part = held.quantity.min(wanted);
            if part > 0 {
                taken.push(Held { sku: sku.clone(), location: held.location.clone(), quantity: part });
                held.quantity -= part;
                wanted -= part;
            }
        }
        if wanted > 0 {
            missing.push((sku, wanted));
        }
    }
    (taken, missing)
}

fn stock_facts(lines: &[Held], fact: impl Fn(Location, i64) -> stock::Fact) -> Vec<(Sku, stock::Fact)> {
    lines.iter().map(|held| (held.sku.clone(), fact(held.location.clone(), held.quantity))).collect()
}

fn take(from: &mut Vec<Held>, line: &Held) {
    if let Some(held) = from.iter_mut().find(|held| held.sku == line.sku && held.location == line.location) {
        held.quantity -= line.quantity;
    }
    from.retain(|held| held.quantity > 0);
}

fn put(to: &mut Vec<Held>, line: &Held) {
    match to.iter_mut().find(|held| held.sku == line.sku && held.location == line.location) {
        Some(held) => held.quantity += line.quantity,
        None => to.push(line.clone()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::stock::Reason;

    fn sku(name: &str) -> Sku {
        Sku::parse(name).unwrap()
    }

    fn line(name: &str, quantity: u32) -> (Sku, Quantity) {
        (sku(name), Quantity::new(quantity).unwrap())
    }

    fn order() -> OrderId {
        OrderId::from_bytes([1; 16])
    }

    fn stocked(on_hand: i64) -> Stock {
        let mut stock = Stock::default();
        let main = Location::default();
        stock.apply(&stock::Fact::Adjusted { location: main, delta: on_hand, reason: Reason::Received });
        stock
    }

    struct Shelf {
        stocks: BTreeMap<Sku, Stock>,
        reservation: Reservation,
    }

    impl Shelf {
        fn with(skus: &[(&str, i64)]) -> Self {
            let stocks = skus.iter().map(|(name, on_hand)| (sku(name), stocked(*on_hand))).collect();
            Self { stocks, reservation: Reservation::default() }
        }

        fn reserve(&mut self, lines: &[(Sku, Quantity)]) -> Result<Change, Error> {
            let stocks = self.stocks.iter().collect();
            let change = self.reservation.reserve(&order(), lines, &stocks, Timestamp::UNIX_EPOCH)?;
            self.apply(&change);
            Ok(change)
        }

        fn apply(&mut self, change: &Change) {
            change.reservation.iter().for_each(|fact| self.reservation.apply(fact));
            for (sku, fact) in &change.stock {
                self.stocks.entry(sku.clone()).or_default().apply(fact);
            }
        }

        fn level(&self, name: &str) -> (i64, i64) {
            let total = self.stocks[&sku(name)].total();
            (total.on_hand, total.reserved)
        }
    }

    #[test]
    fn all_lines_or_none() {
        let mut shelf = Shelf::with(&[("A", 5), ("B", 1)]);
        let change = shelf.reserve(&[line("A", 2), line("B", 2)]).unwrap();
        assert_eq!(change.stock, vec![]);
        assert_eq!(shelf.reservation.shortages, [Shortage { sku: sku("B"), requested: 2, available: 1 }]);
        assert_eq!(shelf.level("A"), (5, 0));
        assert!(matches!(shelf.reserve(&[line("A", 1)]), Err(Error::Short(_))), "a refusal is final");
    }

    #[test]
    fn lines_of_one_sku_are_folded() {
        let mut shelf = Shelf::with(&[("A", 3)]);
        shelf.reserve(&[line("A", 2), line("A", 2)]).unwrap();
        assert_eq!(shelf.reservation.shortages, [Shortage { sku: sku("A"), requested: 4, available: 3 }]);
    }

    #[test]
    fn after_a_release_a_late_reserve_is_refused_for_ever() {
        let mut shelf = Shelf::with(&[("A", 3)]);
        let released = shelf.reservation.release(&order(), Closing::Undone);
        shelf.apply(&released);
        assert_eq!(shelf.reserve(&[line("A", 1)]), Err(Error::Closed));
        assert_eq!(shelf.reservation.release(&order(), Closing::Undone), Change::default());
    }

    #[test]
    fn a_confirmed_reservation_does_not_expire() {
        let mut shelf = Shelf::with(&[("A", 3)]);
        shelf.reserve(&[line("A", 1)]).unwrap();
        let confirmed = shelf.reservation.confirm().unwrap().unwrap();
        shelf.reservation.apply(&confirmed);
        assert_eq!(shelf.reservation.release(&order(), Closing::Expired), Change::default());
        assert_eq!(shelf.reservation.confirm(), Ok(None));
    }

    #[test]
    fn a_parcel_leaves_once() {
        let mut shelf = Shelf::with(&[("A", 3)]);
        shelf.reserve(&[line("A", 3)]).unwrap();
        let parcel = ShipmentId::from_bytes([2; 16]);
        let change = shelf.reservation.ship(&order(), &parcel, &[line("A", 2)]).unwrap();
        shelf.apply(&change);
        assert_eq!(shelf.level("A"), (1, 1));
        let again = shelf.reservation.ship(&order(), &parcel, &[line("A", 2)]).unwrap();
        assert_eq!(again, Change::default());
        let second = ShipmentId::from_bytes([3; 16]);
        let too_many = shelf.reservation.ship(&order(), &second, &[line("A", 2)]);
        assert_eq!(too_many, Err(Error::MoreThanHeld(sku("A"))));
    }

    #[test]
    fn what_was_not_counted_is_shipped_even_when_it_is_counted_later() {
        let mut shelf = Shelf::with(&[("A", 3), ("B", 0)]);
        shelf.stocks.get_mut(&sku("B")).unwrap().policy = stock::Policy::Untracked;
        shelf.reserve(&[line("A", 1), line("B", 7)]).unwrap();
        shelf.stocks.get_mut(&sku("B")).unwrap().policy = stock::Policy::Reserve;
        let parcel = ShipmentId::from_bytes([2; 16]);
        let change = shelf.reservation.ship(&order(), &parcel, &[line("A", 1), line("B", 7)]).unwrap();
        assert_eq!(change.stock.len(), 1);
        let stranger = shelf.reservation.ship(&order(), &parcel, &[line("C", 1)]);
        assert_eq!(stranger, Err(Error::MoreThanHeld(sku("C"))));
    }

    #[test]
    fn only_what_is_held_too_long_expires() {
        let mut shelf = Shelf::with(&[("A", 3)]);
        shelf.reserve(&[line("A", 1)]).unwrap();
        assert_eq!(shelf.reservation.expire(Timestamp::MIN), Change::default());
        let expired = shelf.reservation.expire(Timestamp::UNIX_EPOCH);
        shelf.apply(&expired);
        assert_eq!((shelf.reservation.status, shelf.level("A")), (Status::Expired, (3, 0)));
        assert_eq!(shelf.reserve(&[line("A", 1)]), Err(Error::Closed));
    }

    #[test]
    fn what_no_order_came_of_is_free_and_may_be_held_anew() {
        let mut shelf = Shelf::with(&[("A", 3)]);
        shelf.reserve(&[line("A", 2)]).unwrap();
        let abandoned = shelf.reservation.release(&order(), Closing::Abandoned);
        shelf.apply(&abandoned);
        assert_eq!((shelf.level("A"), shelf.reservation.confirm()), ((3, 0), Err(Error::Closed)));
        assert_eq!(shelf.reservation.release(&order(), Closing::Abandoned), Change::default());
        assert_eq!(
            shelf.reserve(&[line("A", 4)]),
            Err(Error::Closed),
            "its order may be paid: it is undone, not refused"
        );
        shelf.reserve(&[line("A", 1)]).unwrap();
        let confirmed = shelf.reservation.confirm().unwrap().unwrap();
        shelf.reservation.apply(&confirmed);
        assert_eq!(shelf.reservation.release(&order(), Closing::Abandoned), Change::default());
        assert_eq!(shelf.level("A"), (3, 1));
    }

    #[test]
    fn what_comes_back_is_no_more_than_what_left() {
        let mut shelf = Shelf::with(&[("A", 3)]);
        shelf.reserve(&[line("A", 2)]).unwrap();
        let change = shelf.reservation.ship(&order(), &ShipmentId::from_bytes([2; 16]), &[line("A", 2)]).unwrap();
        shelf.apply(&change);
        let refund = RefundId::from_bytes([4; 16]);
        let back = shelf.reservation.restock(&order(), &refund, &[line("A", 9)], &[]);
        shelf.apply(&back);
        assert_eq!(shelf.level("A"), (3, 0));
        assert_eq!(shelf.reservation.restock(&order(), &refund, &[line("A", 9)], &[]), Change::default());
    }

    proptest! {
        #[test]
        fn stock_is_conserved(steps in prop::collection::vec((0..4u8, 1..5u32), 1..40), on_hand in 0..20i64) {
            let mut shelf = Shelf::with(&[("A", on_hand)]);
            let mut left = 0;
            for (n, (step, quantity)) in steps.into_iter().enumerate() {
                let bytes = [u8::try_from(n).unwrap(); 16];
                match step {
                    0 => { let _ = shelf.reserve(&[line("A", quantity)]); }
                    1 => {
                        let parcel = ShipmentId::from_bytes(bytes);
                        if let Ok(change) = shelf.reservation.ship(&order(), &parcel, &[line("A", quantity)]) {
                            shelf.apply(&change);
                            left += i64::from(quantity);
                        }
                    }
                    2 => {
                        let back = shelf.reservation.restock(&order(), &RefundId::from_bytes(bytes), &[line("A", quantity)], &[]);
                        left -= back.stock.iter().map(|(_, fact)| match fact {
                            stock::Fact::Restocked { quantity, .. } => *quantity,
                            _ => 0,
                        }).sum::<i64>();
                        shelf.apply(&back);
                    }
                    _ => {
                        let released = shelf.reservation.release(&order(), Closing::Undone);
                        shelf.apply(&released);
                    }
                }
                let held: i64 = shelf.reservation.open.iter().map(|held| held.quantity).sum();
                prop_assert_eq!(shelf.level("A"), (on_hand - left, held));
                prop_assert!(held >= 0 && on_hand - left >= held);
            }
        }
    }
}
