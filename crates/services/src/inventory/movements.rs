//! A SKU's history as staff read it: its facts, the newest first.
//! It does not keep anything: it reads the stream.

use contracts::inventory::{MovementType, StockMovement};
use contracts::{Error, Result};
use domain::sku::Sku;
use domain::stock::Fact;
use platform::log::{RecordedFact, Version};

use super::kinds::{StockKind, stock_stream};
use super::service::Inventory;
use crate::machinery::stored;

/// A page of a history, and the version before which the next one goes on.
pub(super) struct Page {
    pub movements: Vec<StockMovement>,
    pub next: Option<Version>,
}

impl Inventory {
    /// The newest `limit` movements before version `before`, or the newest of all.
    pub(super) async fn movements(&self, sku: &Sku, before: Option<Version>, limit: usize) -> Result<Page> {
        let stream = stock_stream(sku);
        let executor = &self.machinery.executor;
        let (_, newest) = executor.read::<StockKind>(&stream).await.map_err(stored)?;
        let before = before.unwrap_or(Version::MAX).min(newest + 1);
        let after = before.saturating_sub(1 + limit as Version);
        let wanted = usize::try_from(before.saturating_sub(after + 1)).unwrap_or(limit).min(limit);
        let mut recorded = Vec::new();
        if wanted > 0 {
            recorded = executor.log().read_stream(&stream, after, wanted).await.map_err(stored)?;
        }
        let movements: Result<Vec<StockMovement>> = recorded.iter().rev().map(|fact| self.movement(fact)).collect();
        Ok(Page { movements: movements?, next: (after > 0).then_some(after + 1) })
    }

    fn movement(&self, recorded: &RecordedFact) -> Result<StockMovement> {
        let decoded = self.machinery.executor.kinds().decode(recorded);
        let decoded = decoded.map_err(|error| Error::internal(error.to_string()))?;
        let fact = decoded.downcast_ref().ok_or_else(|| Error::internal("a fact of another kind among stock"))?;
        Ok(movement(recorded, fact))
    }
}

fn movement(recorded: &RecordedFact, fact: &Fact) -> StockMovement {
    let mut movement = StockMovement {
        version: recorded.version,
        at: recorded.time.to_string(),
        kind: MovementType::Adjusted,
        actor: recorded.cause.actor.to_string(),
        location: None,
        on_hand_change: 0,
        reserved_change: 0,
        reason: None,
        order: None,
        policy: None,
    };
    let (kind, location, on_hand, reserved, order) = match fact {
        Fact::PolicySet { policy } => {
            return StockMovement { kind: MovementType::PolicySet, policy: Some((*policy).into()), ..movement };
        }
        Fact::Adjusted { location, delta, reason } => {
            movement.reason = Some(reason.as_str().to_owned());
            (MovementType::Adjusted, location, *delta, 0, None)
        }
        Fact::Reserved { location, quantity, order } => (MovementType::Reserved, location, 0, *quantity, Some(order)),
        Fact::Released { location, quantity, order } => (MovementType::Released, location, 0, -quantity, Some(order)),
        Fact::Shipped { location, quantity, order } => {
            (MovementType::Shipped, location, -quantity, -quantity, Some(order))
        }
        Fact::Restocked { location, quantity, order } => (MovementType::Restocked, location, *quantity, 0, Some(order)),
    };
    StockMovement {
        kind,
        location: Some(location.as_str().to_owned()),
        on_hand_change: on_hand,
        reserved_change: reserved,
        order: order.map(ToString::to_string),
        ..movement
    }
}
