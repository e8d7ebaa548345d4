//! The last look: when a shop is at rest, and whether everything in it adds up then.
//! It changes nothing.

use std::sync::Arc;

use domain::order::Status;
use domain::payment::Status as PaymentStatus;
use platform::projection::differences;
use services::payments::provider::order_of;

use crate::bank::NAME;
use crate::clients::Notebook;
use crate::judge::{Case, Invariant, Seen};
use crate::node::Node;
use crate::town::{Host, Town};

/// Whether every process has ended and every projection has caught up.
pub fn is_at_rest(town: &Arc<Town>, hosts: &[Host]) -> bool {
    unrest(town, hosts).is_none()
}

/// What keeps a shop from being at rest.
pub fn unrest(town: &Arc<Town>, hosts: &[Host]) -> Option<String> {
    let now = town.world.now();
    let open = town.judge.look(|seen| {
        let open = seen.open_orders(now);
        if let Some((order, next)) = open.first() {
            return Some(format!("order {order} is not at its end: {next}"));
        }
        let held = seen.held_reservations();
        if let Some(order) = held.first() {
            return Some(format!("the reservation of {order} is still held"));
        }
        let closing = seen.closing_payments();
        closing.first().map(|order| format!("the payment of {order} is still to be given back"))
    });
    if open.is_some() {
        return open;
    }
    if town.bank.has_letters() {
        return Some("the bank has letters for the shop".to_owned());
    }
    hosts.iter().find_map(|host| {
        let lags = host.ask(async |node: &Node| node.machinery.projector.lags().await)?;
        let behind = lags.ok()?.into_iter().find(|lag| lag.facts > 0 || lag.stopped.is_some())?;
        Some(format!("the projection {} is {} facts behind: {:?}", behind.projection, behind.facts, behind.stopped))
    })
}

/// Everything that must hold when all is at rest.
pub fn check(town: &Arc<Town>, hosts: &[Host], notebook: &Notebook) {
    notebook.check_all();
    let parked = town.judge.look(Seen::parked_orders);
    if let Some((order, why)) = parked.first() {
        let detail = format!("{order} is parked though nothing fails any more: {why}");
        town.world.violated(Invariant::ProcessesEnd, detail);
    }
    if let Some((invariant, detail)) = town.judge.look(|seen| wrong_stock(seen).or_else(|| wrong_money(town, seen))) {
        town.world.violated(invariant, detail);
    }
    for host in hosts {
        if let Some(Some(difference)) = host.ask(first_difference) {
            town.world.violated(Invariant::ProjectionsAgree, difference);
        }
    }
}

/// The first derived document that is not what a fresh fold comes to.
async fn first_difference(node: &Node) -> Option<String> {
    let machinery = &node.machinery;
    let (log, kinds) = (machinery.executor.log(), machinery.executor.kinds());
    for projection in services::projections() {
        let name = projection.name();
        match differences(projection.as_ref(), log.as_ref(), kinds, machinery.documents.as_ref()).await {
            Ok(found) => {
                if let Some(first) = found.first() {
                    return Some(format!("{name}: {}", first.describe()));
                }
            }
            Err(error) => return Some(format!("{name}: {error}")),
        }
    }
    None
}

fn wrong_stock(seen: &Seen) -> Option<(Invariant, String)> {
    for (sku, stock) in &seen.shelves.stocks {
        let (on_hand, moved) = (stock.total().on_hand, seen.shelves.moved.get(sku).copied().unwrap_or(0));
        if on_hand != moved {
            return Some((Invariant::StockConserved, format!("{on_hand} of {sku} on hand, {moved} came")));
        }
    }
    seen.cases.iter().find_map(|(key, case)| {
        let open: i64 = case.reservation.open.iter().map(|held| held.quantity).sum();
        if open > 0 && (case.is_undone() || !case.order.exists()) {
            return Some((Invariant::UndoneHoldsNoStock, format!("{key} holds {open} and is undone")));
        }
        wrong_parcels(key, case)
    })
}

/// What left by the order's parcels is what left by its reservation.
fn wrong_parcels(key: &str, case: &Case) -> Option<(Invariant, String)> {
    let order = &case.order;
    let sent: u32 = order.lines().iter().map(|line| order.shipped_of(&line.id)).sum();
    let back = order.refunds.iter().filter(|known| !matches!(known.progress, domain::order::Progress::Failed { .. }));
    let back: u32 = back.flat_map(|known| &known.refund.returned).map(|line| line.quantity.get()).sum();
    let away: i64 = case.reservation.shipped.iter().map(|held| held.quantity).sum();
    let by_order = i64::from(sent) - i64::from(back);
    (away != by_order).then(|| {
        (Invariant::StockConserved, format!("{key} sent {sent} and got {back} back, its reservation says {away}"))
    })
}

fn wrong_money(town: &Town, seen: &Seen) -> Option<(Invariant, String)> {
    let accounts = town.bank.accounts();
    for (payment, account) in &accounts {
        let order = order_of(payment);
        let case = seen.case(&order);
        let keeps = account.held() + account.captured() - account.refunded();
        let is_undone = case.is_none_or(|case| case.is_undone() || !case.order.exists());
        if is_undone && keeps > 0 {
            let detail = format!("{order} is undone; the bank keeps {keeps} of its buyer's money");
            return Some((Invariant::UndoneKeepsNoMoney, detail));
        }
        let Some(case) = case else { continue };
        let books = (case.payment.captured, case.payment.refunded, case.cleared());
        let bank = (account.captured(), account.refunded(), account.captured() - account.refunded());
        if books != bank {
            let detail =
                format!("{order}: captured, refunded and held are {books:?} by the books, {bank:?} at the bank");
            return Some((Invariant::LedgerIsTheBanks, detail));
        }
    }
    seen.cases.iter().find_map(|(key, case)| {
        let is_sold = matches!(case.order.status, Status::Confirmed | Status::Completed);
        let is_covered =
            !matches!(case.payment.status(), PaymentStatus::Pending | PaymentStatus::Voided | PaymentStatus::Declined)
                || case.payment.is_without_provider();
        if is_sold && !is_covered {
            let detail = format!("{key} is sold, and its payment is {:?}", case.payment.status());
            return Some((Invariant::ConfirmedIsCovered, detail));
        }
        let is_of_bank = case.payment.opening.as_ref().is_some_and(|opening| opening.provider == NAME);
        let is_known = domain::ids::OrderId::from_key(key)
            .is_ok_and(|order| accounts.contains_key(&services::payments::provider::payment_of(&order)));
        if is_of_bank && case.payment.captured > 0 && !is_known {
            return Some((Invariant::LedgerIsTheBanks, format!("{key} was captured by the books alone")));
        }
        None
    })
}
