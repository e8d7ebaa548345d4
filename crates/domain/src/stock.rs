//! Stock of one SKU: what is on hand and what is reserved, per location. Never oversold by construction.
//! It does not know orders beyond their id, nor any other SKU; several are taken together by [`crate::reservation`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::OrderId;
use crate::quantity::Quantity;

/// No count goes beyond this, in either direction.
pub const MAX_COUNT: i64 = 1_000_000_000_000;
/// How many places one SKU can lie at.
pub const MAX_LOCATIONS: usize = 100;
/// From here down staff should reorder, and shoppers read that few are left.
pub const FEW_LEFT: i64 = 5;

/// How a SKU's stock bears on selling it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// Nothing is counted: downloads, services.
    Untracked,
    /// Counted, but sold beyond what is there: made to order. Available may go below zero.
    TrackOnly,
    /// Sold only while it is there.
    #[default]
    Reserve,
}

impl Policy {
    pub const ALL: [Policy; 3] = [Self::Untracked, Self::TrackOnly, Self::Reserve];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Untracked => "untracked",
            Self::TrackOnly => "track_only",
            Self::Reserve => "reserve",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.as_str() == text)
    }
}

/// Where stock lies: 1 to 32 of `a-z 0-9 - _`. `main` unless said otherwise.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Location(String);

impl Location {
    pub fn parse(text: &str) -> Result<Self, Error> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        if !text.is_empty() && text.len() <= 32 && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Error::BadLocation)
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Location {
    fn default() -> Self {
        Self("main".to_owned())
    }
}

impl TryFrom<String> for Location {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        Self::parse(&text)
    }
}

impl From<Location> for String {
    fn from(location: Location) -> Self {
        location.0
    }
}

/// Why somebody counted differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    Received,
    Correction,
    Damaged,
    Lost,
    Returned,
    Found,
}

impl Reason {
    pub const ALL: [Reason; 6] =
        [Self::Received, Self::Correction, Self::Damaged, Self::Lost, Self::Returned, Self::Found];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Correction => "correction",
            Self::Damaged => "damaged",
            Self::Lost => "lost",
            Self::Returned => "returned",
            Self::Found => "found",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}

/// What happened to a SKU's stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    PolicySet { policy: Policy },
    Adjusted { location: Location, delta: i64, reason: Reason },
    Reserved { location: Location, quantity: i64, order: OrderId },
    Released { location: Location, quantity: i64, order: OrderId },
    Shipped { location: Location, quantity: i64, order: OrderId },
    Restocked { location: Location, quantity: i64, order: OrderId },
}

/// What lies at one location.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    pub on_hand: i64,
    pub reserved: i64,
}

impl Level {
    pub fn available(self) -> i64 {
        self.on_hand - self.reserved
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("a location is 1 to 32 of a-z, 0-9, - and _")]
    BadLocation,
    #[error("a change by 0 changes nothing")]
    NoChange,
    #[error("only {on_hand} on hand and {reserved} of them reserved: at most {} can be taken off", on_hand - reserved)]
    BelowReserved { on_hand: i64, reserved: i64 },
    #[error("stock counts stay within ±{MAX_COUNT}")]
    OutOfRange,
    #[error("one SKU lies at {MAX_LOCATIONS} locations at most")]
    TooManyLocations,
}

/// The stock of one SKU.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stock {
    pub policy: Policy,
    pub levels: BTreeMap<Location, Level>,
}

impl Stock {
    pub fn apply(&mut self, fact: &Fact) {
        match fact {
            Fact::PolicySet { policy } => self.policy = *policy,
            Fact::Adjusted { location, delta, .. } => self.level(location).on_hand += delta,
            Fact::Reserved { location, quantity, .. } => self.level(location).reserved += quantity,
            Fact::Released { location, quantity, .. } => self.level(location).reserved -= quantity,
            Fact::Shipped { location, quantity, .. } => {
                let level = self.level(location);
                level.on_hand -= quantity;
                level.reserved -= quantity;
            }
            Fact::Restocked { location, quantity, .. } => self.level(location).on_hand += quantity,
        }
    }

    fn level(&mut self, location: &Location) -> &mut Level {
        self.levels.entry(location.clone()).or_default()
    }

    pub fn at(&self, location: &Location) -> Level {
        self.levels.get(location).copied().unwrap_or_default()
    }

    /// Over all locations.
    pub fn total(&self) -> Level {
        self.levels.values().fold(Level::default(), |sum, level| Level {
            on_hand: sum.on_hand + level.on_hand,
            reserved: sum.reserved + level.reserved,
        })
    }

    /// What can still be sold; `None` when nothing limits it.
    pub fn sellable(&self) -> Option<i64> {
        (self.policy == Policy::Reserve).then(|| self.total().available().max(0))
    }

    /// Whether it is counted and few are left, or none.
    pub fn is_low(&self) -> bool {
        self.policy != Policy::Untracked && self.total().available() <= FEW_LEFT
    }

    pub fn set_policy(&self, policy: Policy) -> Option<Fact> {
        (self.policy != policy).then_some(Fact::PolicySet { policy })
    }

    /// Counts more or fewer on hand. What is reserved for somebody cannot be taken away, unless the SKU is sold
    /// beyond its stock anyway.
    pub fn adjust(&self, location: &Location, delta: i64, reason: Reason) -> Result<Fact, Error> {
        if delta == 0 {
            return Err(Error::NoChange);
        }
        if !self.levels.contains_key(location) && self.levels.len() >= MAX_LOCATIONS {
            return Err(Error::TooManyLocations);
        }
        let level = self.at(location);
        let on_hand = level.on_hand.checked_add(delta).filter(|count| (-MAX_COUNT..=MAX_COUNT).contains(count));
        let on_hand = on_hand.ok_or(Error::OutOfRange)?;
        if delta < 0 && self.policy == Policy::Reserve && on_hand < level.reserved {
            return Err(Error::BelowReserved { on_hand: level.on_hand, reserved: level.reserved });
        }
        Ok(Fact::Adjusted { location: location.clone(), delta, reason })
    }

    /// Where `quantity` would be taken from: `main` first, then the others by name, split only where no single
    /// location has enough. `Err` tells what is left.
    pub fn pick(&self, quantity: Quantity) -> Result<Vec<(Location, i64)>, i64> {
        let wanted = i64::from(quantity);
        let main = Location::default();
        match self.policy {
            Policy::Untracked => return Ok(Vec::new()),
            Policy::TrackOnly => return Ok(vec![(main, wanted)]),
            Policy::Reserve => {}
        }
        let others = self.levels.keys().filter(|location| **location != main);
        let in_order = std::iter::once(&main).chain(others);
        let free: Vec<(&Location, i64)> =
            in_order.map(|location| (location, self.at(location).available().max(0))).collect();
        if let Some((location, _)) = free.iter().find(|(_, available)| *available >= wanted) {
            return Ok(vec![((*location).clone(), wanted)]);
        }
        let left: i64 = free.iter().map(|(_, available)| available).sum();
        if left < wanted {
            return Err(left);
        }
        let mut missing = wanted;
        let mut picked = Vec::new();
        for (location, available) in free {
            let taken = available.min(missing);
            if taken > 0 {
                picked.push((location.clone(), taken));
                missing -= taken;
            }
        }
        Ok(picked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order() -> OrderId {
        OrderId::from_bytes([7; 16])
    }

    fn given(facts: &[Fact]) -> Stock {
        let mut stock = Stock::default();
        facts.iter().for_each(|fact| stock.apply(fact));
        stock
    }

    fn received(location: &str, delta: i64) -> Fact {
        Fact::Adjusted { location: Location::parse(location).unwrap(), delta, reason: Reason::Received }
    }

    fn quantity(quantity: u32) -> Quantity {
        Quantity::new(quantity).unwrap()
    }

    #[test]
    fn what_is_reserved_cannot_be_written_off() {
        let main = Location::default();
        let stock =
            given(&[received("main", 10), Fact::Reserved { location: main.clone(), quantity: 7, order: order() }]);
        assert_eq!(stock.adjust(&main, -4, Reason::Damaged), Err(Error::BelowReserved { on_hand: 10, reserved: 7 }));
        assert!(stock.adjust(&main, -3, Reason::Damaged).is_ok());
        assert_eq!(stock.adjust(&main, 0, Reason::Found), Err(Error::NoChange));
        assert_eq!(stock.adjust(&main, i64::MAX, Reason::Found), Err(Error::OutOfRange));
    }

    #[test]
    fn a_sku_that_is_only_tracked_may_go_below_zero() {
        let stock = given(&[Fact::PolicySet { policy: Policy::TrackOnly }]);
        assert_eq!(stock.pick(quantity(5)), Ok(vec![(Location::default(), 5)]));
        assert!(stock.adjust(&Location::default(), -3, Reason::Correction).is_ok());
        assert_eq!(stock.sellable(), None);
    }

    #[test]
    fn untracked_takes_from_nowhere() {
        assert_eq!(given(&[Fact::PolicySet { policy: Policy::Untracked }]).pick(quantity(5)), Ok(vec![]));
    }

    #[test]
    fn one_location_is_preferred_to_a_split() {
        let stock = given(&[received("main", 2), received("north", 3), received("annex", 9)]);
        let at = |name: &str| Location::parse(name).unwrap();
        assert_eq!(stock.pick(quantity(2)), Ok(vec![(at("main"), 2)]));
        assert_eq!(stock.pick(quantity(8)), Ok(vec![(at("annex"), 8)]));
        assert_eq!(stock.pick(quantity(13)), Ok(vec![(at("main"), 2), (at("annex"), 9), (at("north"), 2)]));
        assert_eq!(stock.pick(quantity(15)), Err(14));
    }

    #[test]
    fn shipping_takes_off_both_counts() {
        let main = Location::default();
        let stock = given(&[
            received("main", 5),
            Fact::Reserved { location: main.clone(), quantity: 3, order: order() },
            Fact::Shipped { location: main.clone(), quantity: 2, order: order() },
            Fact::Released { location: main.clone(), quantity: 1, order: order() },
            Fact::Restocked { location: main, quantity: 1, order: order() },
        ]);
        assert_eq!(stock.total(), Level { on_hand: 4, reserved: 0 });
    }
}
