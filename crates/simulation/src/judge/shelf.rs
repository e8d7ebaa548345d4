//! Stock as the judge counts it: from the facts of stock on one side, from those of reservations on the other.
//! It does not know orders.

use std::collections::{BTreeMap, BTreeSet};

use domain::reservation::Held;
use domain::stock::{Fact, Policy, Stock};

use super::{Finding, Invariant};

/// The stock of all SKUs.
#[derive(Default)]
pub struct Shelves {
    pub stocks: BTreeMap<String, Stock>,
    /// What open reservations hold.
    held: BTreeMap<String, i64>,
    touched: BTreeSet<String>,
    /// What came less what left, added up by itself.
    pub moved: BTreeMap<String, i64>,
}

impl Shelves {
    pub fn change(&mut self, sku: &str, fact: &Fact) -> Result<(), Finding> {
        self.touched.insert(sku.to_owned());
        self.stocks.entry(sku.to_owned()).or_default().apply(fact);
        let moved = match fact {
            Fact::Adjusted { delta, .. } => *delta,
            Fact::Shipped { quantity, .. } => -quantity,
            Fact::Restocked { quantity, .. } => *quantity,
            Fact::PolicySet { .. } | Fact::Reserved { .. } | Fact::Released { .. } => 0,
        };
        *self.moved.entry(sku.to_owned()).or_default() += moved;
        let quantity = match fact {
            Fact::Reserved { quantity, .. }
            | Fact::Released { quantity, .. }
            | Fact::Shipped { quantity, .. }
            | Fact::Restocked { quantity, .. } => *quantity,
            Fact::Adjusted { .. } | Fact::PolicySet { .. } => 1,
        };
        if quantity <= 0 {
            return Err((Invariant::LawfulFacts, format!("a quantity of {quantity}")));
        }
        Ok(())
    }

    /// What a reservation held before, and holds now.
    pub fn hold(&mut self, before: &[Held], now: &[Held]) {
        for (lines, sign) in [(before, -1), (now, 1)] {
            for line in lines {
                let sku = line.sku.as_str().to_owned();
                *self.held.entry(sku.clone()).or_default() += sign * line.quantity;
                self.touched.insert(sku);
            }
        }
    }

    /// Looks at what was touched since the last time: at the end of a group both sides agree.
    pub fn check(&mut self) -> Result<(), Finding> {
        for sku in std::mem::take(&mut self.touched) {
            let stock = self.stocks.entry(sku.clone()).or_default();
            if stock.policy != Policy::Reserve {
                continue;
            }
            for (location, level) in &stock.levels {
                if level.reserved > level.on_hand || level.reserved < 0 {
                    let location = location.as_str();
                    let detail = format!(
                        "{} of {sku} are reserved at {location}, {} are on hand",
                        level.reserved, level.on_hand
                    );
                    return Err((Invariant::NeverOversold, detail));
                }
            }
            let (total, held) = (stock.total(), self.held.get(&sku).copied().unwrap_or(0));
            if total.reserved != held {
                let detail = format!("{} of {sku} are reserved, reservations hold {held}", total.reserved);
                return Err((Invariant::StockConserved, detail));
            }
        }
        Ok(())
    }
}
