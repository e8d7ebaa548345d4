//! The HTTP of orders: routes, bodies, who may see what.
//! It does not decide anything about orders.

mod actions;
mod drafts;
mod events;
mod processes;
mod public;
mod staff;

pub(super) use events::event_view;

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Orders;
use crate::http::Repeats;

/// What the handlers work with.
pub struct OrdersHttp {
    pub orders: Arc<Orders>,
    pub repeats: Repeats,
}

type Http = Arc<OrdersHttp>;

pub fn router(orders: Arc<Orders>, repeats: Repeats) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(public::place_order))
        .routes(routes!(public::read_order))
        .routes(routes!(staff::list_orders))
        .routes(routes!(staff::read_order))
        .routes(routes!(staff::read_order_events))
        .routes(routes!(actions::capture))
        .routes(routes!(actions::mark_paid))
        .routes(routes!(actions::ship))
        .routes(routes!(actions::deliver))
        .routes(routes!(actions::refund))
        .routes(routes!(actions::cancel))
        .routes(routes!(actions::add_note))
        .routes(routes!(actions::erase))
        .routes(routes!(drafts::list_drafts, drafts::create_draft))
        .routes(routes!(drafts::read_draft, drafts::replace_draft, drafts::delete_draft))
        .routes(routes!(drafts::complete_draft))
        .routes(routes!(processes::list_processes))
        .routes(routes!(processes::direct_process))
        .routes(routes!(events::read_events))
        .with_state(Arc::new(OrdersHttp { orders, repeats }))
}
