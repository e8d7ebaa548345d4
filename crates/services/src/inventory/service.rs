//! What can be asked of the inventory. Each change is one command over the order's reservation and the stock streams
//! that it touches: all of it becomes durable in one commit, or none.
//! It decides nothing by itself; the rules are the domain's.

use std::collections::BTreeMap;
use std::convert::Infallible;

use async_trait::async_trait;
use contracts::caller::Caller;
use contracts::inventory::Reserved;
use contracts::{Error, Kind as ErrorKind, Result};
use domain::ids::{OrderId, RefundId, ShipmentId};
use domain::quantity::Quantity;
use domain::reservation::{self, Change, Closing, Reservation};
use domain::sku::Sku;
use domain::stock::{self, Location, Policy, Reason, Stock};
use futures::future::try_join_all;
use jiff::Timestamp;
use platform::log::StreamId;
use platform::log::executor::{Command, Decision, RunError};

use super::kinds::{
    Claim, Counted, OnceKind, ReservationKind, StockKind, once_stream, reservation_stream, stock_stream,
};
use crate::machinery::{Machinery, cause, refused, stored};

/// How often a change looks at the reservation anew because it touches other stock than it did a moment ago.
const LOOKS: usize = 4;

/// The inventory in this process.
pub struct Inventory {
    pub(super) machinery: Machinery,
}

/// What became of a count that is to be changed once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adjusted {
    pub stock: Stock,
    pub is_repetition: bool,
}

/// Why a count was not changed.
enum NotAdjusted {
    /// The name was used for something else.
    Reused,
    Rule(stock::Error),
}

enum Changed {
    Done {
        is_news: bool,
    },
    /// It touches stock that the command did not name: the reservation has changed since.
    LookAgain,
}

impl Inventory {
    pub fn new(machinery: Machinery) -> Self {
        Self { machinery }
    }

    /// Runs a change of a reservation over the stock that it touches. Answers whether anything changed.
    pub(super) async fn change<D>(
        &self,
        name: &'static str,
        order: &OrderId,
        caller: &Caller,
        decide: D,
    ) -> Result<bool>
    where
        D: Fn(&Reservation, Timestamp) -> std::result::Result<Change, reservation::Error>
            + Clone
            + Send
            + Sync
            + 'static,
    {
        let reservation = reservation_stream(order);
        for _ in 0..LOOKS {
            let (state, _) = self.machinery.executor.read::<ReservationKind>(&reservation).await.map_err(stored)?;
            let draft = decide(&state, self.machinery.clock.now()).unwrap_or_default();
            let stocks: BTreeMap<Sku, StreamId> = streams_of(draft.stock.into_iter().map(|(sku, _)| sku));
            let streams: Vec<StreamId> = std::iter::once(&reservation).chain(stocks.values()).cloned().collect();
            let (reservation, decide) = (reservation.clone(), decide.clone());
            let command = Command::new(name, cause(caller), streams, move |view| {
                let change = decide(view.state::<ReservationKind>(&reservation), view.now)?;
                let is_news = change.reservation.is_some();
                let decision = written(Changed::Done { is_news }, change, &reservation, &stocks);
                Ok(decision.unwrap_or_else(|| Decision::answer(Changed::LookAgain)))
            });
            match self.machinery.executor.run(command).await {
                Ok(committed) => match committed.answer {
                    Changed::Done { is_news } => return Ok(is_news),
                    Changed::LookAgain => {}
                },
                Err(error) => return Err(refused(error, change_refused)),
            }
        }
        Err(Error::unavailable("this order's stock keeps changing; try again shortly", 1))
    }

    /// Counts more or fewer, once per name, and says whether it was done before.
    pub(super) async fn adjust_once(
        &self,
        sku: &Sku,
        location: &Location,
        delta: i64,
        reason: Reason,
        once: &str,
        caller: &Caller,
    ) -> Result<Adjusted> {
        let (counted, claim) = (stock_stream(sku), once_stream(once));
        let streams = [claim.clone(), counted.clone()];
        let (sku, location) = (sku.clone(), location.clone());
        let command = Command::new("adjust", cause(caller), streams, move |view| {
            if let Some(Claim::Adjusted { stock, .. }) = &view.state::<OnceKind>(&claim).by {
                let asked = adjusted_claim(&sku, &location, delta, reason, stock.clone());
                if view.state::<OnceKind>(&claim).by.as_ref() != Some(&asked) {
                    return Err(NotAdjusted::Reused);
                }
                return Ok(Decision::answer(Adjusted { stock: stock.clone(), is_repetition: true }));
            }
            let mut stock = view.state::<StockKind>(&counted).stock.clone();
            let fact = stock.adjust(&location, delta, reason).map_err(NotAdjusted::Rule)?;
            stock.apply(&fact);
            let claimed = adjusted_claim(&sku, &location, delta, reason, stock.clone());
            let decision = Decision::answer(Adjusted { stock, is_repetition: false });
            Ok(decision.with::<StockKind>(&counted, fact).with::<OnceKind>(&claim, claimed))
        });
        let committed = self.machinery.executor.run(command).await;
        committed.map(|committed| committed.answer).map_err(|error| refused(error, not_adjusted))
    }

    /// A SKU's stock and when it changed; `None` for one that was never counted.
    pub(super) async fn counted(&self, sku: &Sku) -> Result<Option<Counted>> {
        let read = self.machinery.executor.read::<StockKind>(&stock_stream(sku)).await;
        let (state, version) = read.map_err(stored)?;
        Ok((version > 0).then(|| state.as_ref().clone()))
    }
}

#[async_trait]
impl contracts::inventory::Inventory for Inventory {
    async fn reserve(
        &self,
        order: &OrderId,
        lines: &[(Sku, Quantity)],
        expires_at: Timestamp,
        caller: &Caller,
    ) -> Result<Reserved> {
        let reservation = reservation_stream(order);
        let stocks = streams_of(lines.iter().map(|(sku, _)| sku.clone()));
        let streams: Vec<StreamId> = std::iter::once(&reservation).chain(stocks.values()).cloned().collect();
        let presumed = reservation.clone();
        let (order, lines) = (order.clone(), lines.to_vec());
        let command = Command::new("reserve", cause(caller), streams, move |view| {
            let state = view.state::<ReservationKind>(&reservation);
            let levels = stocks.iter().map(|(sku, stream)| (sku, &view.state::<StockKind>(stream).stock)).collect();
            let change = match state.reserve(&order, &lines, &levels, expires_at) {
                Ok(change) => change,
                Err(reservation::Error::Short(shortages)) => return Ok(Decision::answer(Reserved::Short(shortages))),
                Err(_) => return Ok(Decision::answer(Reserved::Closed)),
            };
            let answer = match &change.reservation {
                Some(reservation::Fact::Refused { shortages, .. }) => Reserved::Short(shortages.clone()),
                _ => Reserved::Held,
            };
            let decision = written(answer, change, &reservation, &stocks);
            Ok::<_, Infallible>(decision.unwrap_or_else(|| Decision::answer(Reserved::Closed)))
        });
        let committed = self.machinery.executor.run(command.presuming_new([presumed])).await;
        committed.map(|committed| committed.answer).map_err(|error| refused(error, |never| match never {}))
    }

    async fn confirm(&self, order: &OrderId, caller: &Caller) -> Result<bool> {
        let reservation = reservation_stream(order);
        let command = Command::new("confirm_reservation", cause(caller), [reservation.clone()], move |view| {
            let fact = view.state::<ReservationKind>(&reservation).confirm()?;
            Ok(Decision::answer(()).with_all::<ReservationKind>(&reservation, fact))
        });
        match self.machinery.executor.run(command).await {
            Ok(_) => Ok(true),
            Err(RunError::Rejected(reservation::Error::Closed | reservation::Error::NotHeld)) => Ok(false),
            Err(error) => Err(refused(error, change_refused)),
        }
    }

    async fn release(&self, order: &OrderId, caller: &Caller) -> Result<()> {
        let of = order.clone();
        let decide = move |held: &Reservation, _| Ok(held.release(&of, Closing::Undone));
        self.change("release", order, caller, decide).await.map(|_| ())
    }

    async fn unconfirmed(&self, until: Timestamp) -> Result<Vec<OrderId>> {
        let (mut orders, mut next) = self.held_until(until, None).await?;
        while next.is_some() {
            let (more, after) = self.held_until(until, next).await?;
            orders.extend(more);
            next = after;
        }
        Ok(orders)
    }

    async fn abandon(&self, order: &OrderId, caller: &Caller) -> Result<bool> {
        let of = order.clone();
        let decide = move |held: &Reservation, _| Ok(held.release(&of, Closing::Abandoned));
        self.change("abandon_reservation", order, caller, decide).await
    }

    async fn ship(
        &self,
        order: &OrderId,
        shipment: &ShipmentId,
        lines: &[(Sku, Quantity)],
        caller: &Caller,
    ) -> Result<()> {
        let (of, shipment, lines) = (order.clone(), shipment.clone(), lines.to_vec());
        let decide = move |held: &Reservation, _| held.ship(&of, &shipment, &lines);
        self.change("ship_stock", order, caller, decide).await.map(|_| ())
    }

    async fn restock(
        &self,
        order: &OrderId,
        refund: &RefundId,
        returned: &[(Sku, Quantity)],
        unshipped: &[(Sku, Quantity)],
        caller: &Caller,
    ) -> Result<()> {
        let (of, refund, returned, unshipped) = (order.clone(), refund.clone(), returned.to_vec(), unshipped.to_vec());
        let decide = move |held: &Reservation, _| Ok(held.restock(&of, &refund, &returned, &unshipped));
        self.change("restock", order, caller, decide).await.map(|_| ())
    }

    async fn stock(&self, skus: &[Sku]) -> Result<BTreeMap<Sku, Stock>> {
        let stocks = try_join_all(skus.iter().map(async |sku| {
            let (state, _) = self.machinery.executor.read::<StockKind>(&stock_stream(sku)).await?;
            Ok((sku.clone(), state.stock.clone()))
        }));
        stocks.await.map(BTreeMap::from_iter).map_err(stored)
    }

    async fn adjust(
        &self,
        sku: &Sku,
        location: &Location,
        delta: i64,
        reason: Reason,
        once: &str,
        caller: &Caller,
    ) -> Result<Stock> {
        self.adjust_once(sku, location, delta, reason, once, caller).await.map(|adjusted| adjusted.stock)
    }

    async fn set_policy(&self, sku: &Sku, policy: Policy, caller: &Caller) -> Result<Stock> {
        let counted = stock_stream(sku);
        let command = Command::new("set_stock_policy", cause(caller), [counted.clone()], move |view| {
            let mut stock = view.state::<StockKind>(&counted).stock.clone();
            let fact = stock.set_policy(policy);
            fact.iter().for_each(|fact| stock.apply(fact));
            Ok::<_, Infallible>(Decision::answer(stock).with_all::<StockKind>(&counted, fact))
        });
        let committed = self.machinery.executor.run(command).await;
        committed.map(|committed| committed.answer).map_err(|error| refused(error, |never| match never {}))
    }

    async fn reservation(&self, order: &OrderId, at: Option<Timestamp>) -> Result<Reservation> {
        self.machinery.state_at::<ReservationKind>(&reservation_stream(order), at).await
    }
}

fn streams_of(skus: impl Iterator<Item = Sku>) -> BTreeMap<Sku, StreamId> {
    skus.map(|sku| {
        let stream = stock_stream(&sku);
        (sku, stream)
    })
    .collect()
}

/// A change as facts; `None` when it touches stock that is not named.
fn written<A>(
    answer: A,
    change: Change,
    reservation: &StreamId,
    stocks: &BTreeMap<Sku, StreamId>,
) -> Option<Decision<A>> {
    let mut decision = Decision::answer(answer).with_all::<ReservationKind>(reservation, change.reservation);
    for (sku, fact) in change.stock {
        decision.add::<StockKind>(stocks.get(&sku)?, fact);
    }
    Some(decision)
}

fn adjusted_claim(sku: &Sku, location: &Location, delta: i64, reason: Reason, stock: Stock) -> Claim {
    Claim::Adjusted { sku: sku.clone(), location: location.clone(), delta, reason, stock }
}

fn change_refused(error: reservation::Error) -> Error {
    let message = error.to_string();
    match error {
        reservation::Error::MoreThanHeld(sku) => Error::conflict("more_than_held", message).with("sku", sku.as_str()),
        reservation::Error::Closed => Error::conflict("reservation_closed", message),
        reservation::Error::NotHeld | reservation::Error::Short(_) => Error::conflict("not_reserved", message),
    }
}

fn not_adjusted(error: NotAdjusted) -> Error {
    let error = match error {
        NotAdjusted::Rule(error) => error,
        NotAdjusted::Reused => {
            let message = "this Idempotency-Key was used for another change of stock";
            return Error::new(ErrorKind::Invalid, "idempotency_key_reused", message);
        }
    };
    let message = error.to_string();
    match error {
        stock::Error::BelowReserved { on_hand, reserved } => {
            Error::conflict("below_reserved", message).with("on_hand", on_hand).with("reserved", reserved)
        }
        stock::Error::NoChange => Error::field("/delta", "zero", message),
        stock::Error::OutOfRange => Error::field("/delta", "out_of_range", message),
        stock::Error::TooManyLocations => Error::field("/location", "too_many", message),
        stock::Error::BadLocation => Error::field("/location", "invalid", message),
    }
}
