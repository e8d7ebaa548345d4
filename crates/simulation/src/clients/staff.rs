//! Staff: they capture, ship, refund, cancel, count and look at lists, each wish under its own name and again when nobody
//! answers.
//! They do not know what an order allows; the shop says no.

use std::sync::Arc;
use std::time::Duration;

use contracts::Error;
use contracts::caller::Caller;
use contracts::inventory::Inventory as _;
use contracts::orders::{
    AmountBody, CancelBody, DeliverBody, LineQuantityBody, NoteBody, OrderAction, OrderDesk as _, OrderView,
    ProcessOrder, RefundBody, ShipBody, WantedOrders,
};
use contracts::payments::Payments as _;
use domain::ids::StaffId;
use domain::order::Order;
use domain::stock::{Location, Reason};
use tokio::time::sleep;

use super::is_passing;
use super::notebook::Notebook;
use crate::chance::Chance;
use crate::goods::{SKUS, sku};
use crate::judge::Invariant;
use crate::node::Node;
use crate::town::Town;

const PATIENCE: Duration = Duration::from_secs(12);
/// How often one wish is sent. In calm times it is sent until it is answered.
const ASKS: u32 = 4;

struct Member {
    town: Arc<Town>,
    notebook: Arc<Notebook>,
    chance: Chance,
}

/// A working day: until the storm is over.
pub async fn work(town: Arc<Town>, notebook: Arc<Notebook>) {
    let member = Member { chance: Chance::new(town.world.seed, "staff"), town, notebook };
    let mut wish = 0;
    while !member.town.world.is_calm() && !member.town.world.is_over() {
        sleep(Duration::from_millis(member.chance.within(100..=3_000))).await;
        wish += 1;
        let once = format!("staff-{wish}");
        match member.chance.below(100) {
            0..12 => member.count(&once).await,
            12..20 => member.look().await,
            _ => member.act(&once).await,
        }
    }
}

/// After the storm: parked processes are let go on, as staff would.
pub async fn sees_to_parked(town: Arc<Town>) {
    for (order, _) in town.judge.look(crate::judge::Seen::parked_orders) {
        let Some(door) = town.door() else { continue };
        let retry =
            move |node: Arc<Node>| async move { node.desk.direct(&order, ProcessOrder::Retry, None, &caller()).await };
        if let Some(Err(error)) = door.call(PATIENCE, retry).await {
            is_passing(&town.world, &error);
        }
    }
}

fn caller() -> Caller {
    Caller { staff: Some(StaffId::from_bytes([1; 16])), ..Caller::default() }
}

impl Member {
    /// Asks until there is an answer, or patience is over.
    async fn ask<T, F>(&self, call: impl Fn(Arc<Node>) -> F) -> Option<contracts::Result<T>>
    where
        T: Send + 'static,
        F: Future<Output = contracts::Result<T>> + Send + 'static,
    {
        for _ in 0..ASKS {
            if let Some(door) = self.town.door() {
                match door.call(PATIENCE, &call).await {
                    Some(Err(error)) if is_passing(&self.town.world, &error) => {}
                    Some(answer) => return Some(answer),
                    None => {}
                }
            }
            sleep(Duration::from_millis(self.chance.within(50..=1_500))).await;
        }
        None
    }

    async fn count(&self, once: &str) {
        let sku = sku(SKUS[usize::try_from(self.chance.below(SKUS.len() as u64)).unwrap_or(0)].0);
        let delta = *self.chance.one_of(&[1, 1, 2, 3, -1]);
        let name = once.to_owned();
        let counted = self.ask(move |node| {
            let (sku, name) = (sku.clone(), name.clone());
            async move {
                let reason = if delta > 0 { Reason::Received } else { Reason::Damaged };
                node.inventory.adjust(&sku, &Location::default(), delta, reason, &name, &caller()).await
            }
        });
        if let Some(Ok(_)) = counted.await {
            self.notebook.counted(once, delta);
        }
    }

    /// Lists and books: they may lag, but not be wrong.
    async fn look(&self) {
        let Some(door) = self.town.door() else { return };
        let look = async |node: Arc<Node>| {
            node.desk.orders(&WantedOrders { limit: 20, ..WantedOrders::default() }).await?;
            node.desk.processes(None, None, 20).await?;
            node.payments.trial_balance().await
        };
        let looked = door.call(Duration::from_secs(600), look).await;
        match looked {
            Some(Ok((_, totals))) if totals.values().any(|sum| *sum != 0) => {
                self.town.world.violated(Invariant::LedgerBalances, format!("staff read {totals:?}"));
            }
            Some(Err(error)) => {
                is_passing(&self.town.world, &error);
            }
            _ => {}
        }
    }

    async fn act(&self, once: &str) {
        let orders = self.town.judge.look(crate::judge::Seen::order_ids);
        if orders.is_empty() {
            return;
        }
        let id = self.chance.one_of(&orders).clone();
        let wish = self.town.judge.look(|seen| seen.case(&id).map(|case| self.wish(&case.order)));
        let Some(wish) = wish else { return };
        let (name, of) = (once.to_owned(), id.clone());
        let was_known = self.notebook.knows(&id);
        let answered: Option<contracts::Result<OrderView>> = self
            .ask(move |node| {
                let (id, name, wish) = (of.clone(), name.clone(), wish.clone());
                async move {
                    match wish {
                        Wish::Act(action) => node.desk.act(&id, action, &name, &caller()).await,
                        Wish::Direct(what) => node.desk.direct(&id, what, None, &caller()).await,
                    }
                }
            })
            .await;
        match answered {
            Some(Ok(view)) => self.notebook.shown(&view),
            // An order of which nobody had been told may not be known to be there.
            Some(Err(error)) if was_known && error.message == Error::not_found("order").message => {
                self.town.world.violated(Invariant::AcknowledgedIsThere, format!("{id} is not there for staff"));
            }
            _ => {}
        }
    }

    fn wish(&self, order: &Order) -> Wish {
        let chance = &self.chance;
        if order.process.parked.is_some() || order.process.retry_at.is_some() {
            let ways = [ProcessOrder::Retry, ProcessOrder::Retry, ProcessOrder::Compensate];
            return Wish::Direct(*chance.one_of(&ways));
        }
        let lines = || match order.lines() {
            [] => Vec::new(),
            lines => vec![LineQuantityBody { line: chance.one_of(lines).id.to_string(), quantity: 1 }],
        };
        let some_lines = || if chance.per_mille(500) { lines() } else { Vec::new() };
        Wish::Act(match chance.below(100) {
            0..25 => {
                let amount = chance.per_mille(300).then(|| i64::try_from(chance.within(100..=1_500)).unwrap_or(100));
                OrderAction::Capture(AmountBody { amount })
            }
            25..32 => OrderAction::MarkPaid(AmountBody::default()),
            32..55 => OrderAction::Ship(ShipBody { lines: some_lines(), ..ShipBody::default() }),
            55..75 => {
                let amount = chance.per_mille(400).then(|| i64::try_from(chance.within(100..=900)).unwrap_or(100));
                let (lines, restock) = (some_lines(), chance.per_mille(500));
                OrderAction::Refund(RefundBody { amount, lines, restock, reason: None })
            }
            75..87 => OrderAction::Cancel(CancelBody::default()),
            87..94 => OrderAction::Deliver(DeliverBody::default()),
            _ => OrderAction::Note(NoteBody { note: "called back".to_owned() }),
        })
    }
}

#[derive(Clone)]
enum Wish {
    Act(OrderAction),
    Direct(ProcessOrder),
}
