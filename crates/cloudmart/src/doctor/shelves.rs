//! Stock against reservations: what is counted on the shelves must be what orders hold and have taken.
//! It does not know prices, payments, or what an order is beyond what it holds.

use std::collections::BTreeMap;

use domain::reservation;
use domain::sku::Sku;
use domain::stock::{Fact, Location, Policy, Stock};
use platform::log::Version;

/// All SKUs that were ever counted.
#[derive(Default)]
pub struct Shelves(BTreeMap<String, Shelf>);

/// One SKU: as its own facts say, and as the reservations say.
#[derive(Default)]
struct Shelf {
    stock: Stock,
    /// Sum of all counts, per location.
    counted: BTreeMap<Location, i128>,
    /// What reservations took off and put back, per location.
    moved: BTreeMap<Location, i128>,
    /// What reservations hold, per location.
    held: BTreeMap<Location, i128>,
    /// At which versions more was taken than there was.
    oversold: Vec<Version>,
}

impl Shelves {
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn stock_fact(&mut self, sku: &str, fact: &Fact, version: Version) {
        let shelf = self.0.entry(sku.to_owned()).or_default();
        shelf.stock.apply(fact);
        let taken_at = match fact {
            Fact::Adjusted { location, delta, .. } => {
                *shelf.counted.entry(location.clone()).or_default() += i128::from(*delta);
                (*delta < 0).then_some(location)
            }
            Fact::Reserved { location, .. } => Some(location),
            _ => None,
        };
        // What was sold beyond the stock while that was allowed may stay below zero; only taking even more is wrong.
        let is_short = |location| shelf.stock.at(location).available() < 0;
        if shelf.stock.policy == Policy::Reserve && taken_at.is_some_and(is_short) {
            shelf.oversold.push(version);
        }
    }

    /// What one fact of a reservation did to the shelves.
    pub fn reservation_fact(&mut self, fact: &reservation::Fact) {
        match fact {
            reservation::Fact::Held { lines, .. } => self.hold(lines, 1),
            reservation::Fact::Released { lines, .. } => self.hold(lines, -1),
            reservation::Fact::Shipped { lines, .. } => {
                self.hold(lines, -1);
                self.move_goods(lines, -1);
            }
            reservation::Fact::Restocked { lines, released, .. } => {
                self.move_goods(lines, 1);
                self.hold(released, -1);
            }
            reservation::Fact::Refused { .. } | reservation::Fact::Confirmed {} => {}
        }
    }

    fn hold(&mut self, lines: &[reservation::Held], sign: i128) {
        for line in lines {
            let held = &mut self.shelf(&line.sku).held;
            *held.entry(line.location.clone()).or_default() += sign * i128::from(line.quantity);
        }
    }

    fn move_goods(&mut self, lines: &[reservation::Held], sign: i128) {
        for line in lines {
            let moved = &mut self.shelf(&line.sku).moved;
            *moved.entry(line.location.clone()).or_default() += sign * i128::from(line.quantity);
        }
    }

    fn shelf(&mut self, sku: &Sku) -> &mut Shelf {
        self.0.entry(sku.as_str().to_owned()).or_default()
    }

    /// Once everything was read.
    pub fn problems(&self) -> Vec<String> {
        self.0.iter().flat_map(|(sku, shelf)| shelf.problems(sku)).collect()
    }
}

impl Shelf {
    fn problems(&self, sku: &str) -> Vec<String> {
        let mut problems = Vec::new();
        let places =
            self.stock.levels.keys().chain(self.counted.keys()).chain(self.held.keys()).chain(self.moved.keys());
        let places: std::collections::BTreeSet<&Location> = places.collect();
        for place in places {
            let level = self.stock.at(place);
            let of = |sums: &BTreeMap<Location, i128>| sums.get(place).copied().unwrap_or(0);
            let name = format!("{sku} at {}", place.as_str());
            if i128::from(level.reserved) != of(&self.held) {
                let (reserved, held) = (level.reserved, of(&self.held));
                problems.push(format!("{name}: {reserved} reserved, but open reservations hold {held}"));
            }
            let should = of(&self.counted) + of(&self.moved);
            if i128::from(level.on_hand) != should {
                let on_hand = level.on_hand;
                problems.push(format!("{name}: {on_hand} on hand, but its movements come to {should}"));
            }
        }
        if let Some(first) = self.oversold.first() {
            let times = super::findings::count(self.oversold.len() as u64, "time");
            problems.push(format!("{sku}: more was taken than there was, {times}, first at version {first}"));
        }
        problems
    }
}
