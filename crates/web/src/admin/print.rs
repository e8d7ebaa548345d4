//! Paper: packing slips, of one order or of several, and the receipt.
//! It does not know who packs. A packing slip shows no prices, a receipt shows no shelves.

use askama::Template;
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::routing::get;
use contracts::orders::OrderView;
use domain::ids::OrderId;
use domain::settings::Settings;
use platform::http::extract::Segment;
use platform::http::problem::Problem;

use super::Admin;
use super::answer::{self, Answer};
use super::frame::Frame;
use super::order::id_of;
use super::order::shown::{self, Shown};
use super::orders::{nothing_ticked, ticked};
use super::session::Session;
use super::words::fill;

pub fn router() -> Router<Admin> {
    Router::new()
        .route("/admin/orders/slips", get(slips))
        .route("/admin/orders/{id}/packing-slip", get(slip))
        .route("/admin/orders/{id}/receipt", get(receipt))
}

#[derive(Template)]
#[template(path = "admin/print/slips.html")]
struct SlipsPage {
    frame: Frame,
    business: Business,
    slips: Vec<Slip>,
}

struct Slip {
    title: String,
    order: Shown,
}

#[derive(Template)]
#[template(path = "admin/print/receipt.html")]
struct ReceiptPage {
    frame: Frame,
    business: Business,
    order: Shown,
}

/// Who sells.
struct Business {
    name: String,
    lines: Vec<String>,
}

async fn slips(State(admin): State<Admin>, session: Session, RawQuery(query): RawQuery) -> Answer {
    let ids = match ticked(&session, query.as_deref()) {
        Ok(ids) => ids,
        Err(error) => return nothing_ticked(&admin, error),
    };
    admin.slips(&session, &ids).await
}

async fn slip(State(admin): State<Admin>, session: Session, id: Result<Segment<OrderId>, Problem>) -> Answer {
    admin.slips(&session, &[id_of(id)?]).await
}

async fn receipt(State(admin): State<Admin>, session: Session, id: Result<Segment<OrderId>, Problem>) -> Answer {
    let order = admin.order(&id_of(id)?).await?;
    let title = fill(session.words.orders.receipt_for, &[&order.number]);
    let frame = admin.frame(&session, title).await?;
    let frame = below(frame, &order);
    let business = business(&frame, &frame.settings.settings);
    let order = shown::shown(&frame, &order, str::to_owned);
    Ok(answer::page(&ReceiptPage { frame, business, order }))
}

impl Admin {
    async fn slips(&self, session: &Session, ids: &[OrderId]) -> Answer {
        let mut frame = self.frame(session, session.words.orders.packing_slip).await?;
        let mut slips = Vec::with_capacity(ids.len());
        for id in ids {
            let order = self.order(id).await?;
            let title = fill(session.words.orders.slip_for, &[&order.number]);
            if ids.len() == 1 {
                frame = below(frame, &order);
            }
            slips.push(Slip { title, order: shown::shown(&frame, &order, str::to_owned) });
        }
        if ids.len() > 1 {
            frame = frame.below("/admin/orders", session.words.frame.orders);
        }
        let business = business(&frame, &frame.settings.settings);
        Ok(answer::page(&SlipsPage { frame, business, slips }))
    }
}

fn below(frame: Frame, order: &OrderView) -> Frame {
    let (orders, number) = (frame.words.frame.orders, fill(frame.words.orders.order_number, &[&order.number]));
    frame.below("/admin/orders", orders).below(format!("/admin/orders/{}", order.id), number)
}

fn business(frame: &Frame, settings: &Settings) -> Business {
    let words = frame.words.orders;
    let name = settings.legal_name.as_ref().map_or_else(|| frame.shop_name.clone(), |name| name.as_str().to_owned());
    let address = settings.address.as_ref().map(|address| shown::address_lines(&address.into()));
    let vat = settings.vat_id.as_ref().map(|id| format!("{} {}", words.vat_id, id.as_str()));
    let registration = settings.registration.as_ref().map(|id| format!("{} {}", words.registration, id.as_str()));
    let email = settings.email.as_ref().map(|email| email.as_str().to_owned());
    let lines = address.unwrap_or_default().into_iter().chain([vat, registration, email].into_iter().flatten());
    Business { name, lines: lines.collect() }
}
