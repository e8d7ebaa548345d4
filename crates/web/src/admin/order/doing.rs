//! A deed on an order: asked about on a page that says what it will do, then done once.
//! It does not know the deeds' forms; see [`super::sheets`].

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use contracts::Error;
use contracts::orders::OrderView;
use domain::ids::OrderId;
use platform::http::extract::Segments;
use platform::http::problem::Problem;

use super::deeds::Deed;
use super::sheets;
use crate::admin::Admin;
use crate::admin::answer::{self, Answer};
use crate::admin::flash::Flash;
use crate::admin::form::Form;
use crate::admin::session::Session;
use crate::admin::words::{Words, fill};

type Names = Result<Segments<OrderId, String>, Problem>;

pub async fn ask(State(admin): State<Admin>, session: Session, names: Names) -> Answer {
    let (id, deed) = read(names)?;
    let order = admin.order(&id).await?;
    if !deed.is_allowed(&order) {
        return Ok(not_allowed(&admin, &session, &order));
    }
    let form = sheets::first_form(&order, deed);
    sheet(&admin, &session, &order, deed, form, StatusCode::OK).await
}

pub async fn act(State(admin): State<Admin>, session: Session, names: Names, mut form: Form) -> Answer {
    let (id, deed) = read(names)?;
    let order = admin.order(&id).await?;
    let once = form.text("once").unwrap_or_else(|| session.once.to_string());
    let back = format!("/admin/orders/{id}");
    let action = sheets::read(&order, deed, &mut form, session.words);
    let done = match action {
        Some(action) => {
            // The same form again is done already, or is being done.
            if deed == Deed::Note && !admin.seen.first(&once) {
                return Ok(admin.done(&back, &Flash::good(told(session.words, deed, &order))));
            }
            let done = admin.services.orders.act(&id, action, &once, &session.caller()).await;
            if done.is_err() && deed == Deed::Note {
                admin.seen.forget(&once);
            }
            done
        }
        None => return sheet(&admin, &session, &order, deed, form, StatusCode::UNPROCESSABLE_ENTITY).await,
    };
    match done {
        Ok(order) => Ok(admin.done(&back, &Flash::good(told(session.words, deed, &order)))),
        Err(error) => {
            let status = answer::status(&error);
            form.take_error(error, session.words)?;
            sheet(&admin, &session, &order, deed, form, status).await
        }
    }
}

async fn sheet(
    admin: &Admin,
    session: &Session,
    order: &OrderView,
    deed: Deed,
    form: Form,
    status: StatusCode,
) -> Answer {
    let number = fill(session.words.orders.order_number, &[&order.number]);
    let frame = admin.frame(session, deed.label(session.words)).await?;
    let frame = frame.below("/admin/orders", session.words.frame.orders);
    let frame = frame.below(format!("/admin/orders/{}", order.id), number);
    Ok(sheets::page(frame, order, deed, form, status))
}

fn read(names: Names) -> contracts::Result<(OrderId, Deed)> {
    let Segments(id, deed) = names.map_err(|_| Error::not_found("order"))?;
    Ok((id, Deed::parse(&deed).ok_or_else(|| Error::not_found("deed"))?))
}

fn not_allowed(admin: &Admin, session: &Session, order: &OrderView) -> Response {
    admin.done(&format!("/admin/orders/{}", order.id), &Flash::bad(session.words.orders.not_allowed_now))
}

fn told(words: &Words, deed: Deed, order: &OrderView) -> &'static str {
    let words = words.orders;
    match deed {
        Deed::Ship => words.done_ship,
        Deed::Capture => words.done_capture,
        Deed::MarkPaid => words.done_mark_paid,
        Deed::Deliver => words.done_deliver,
        Deed::Refund => words.done_refund,
        Deed::Cancel if order.status == "cancelled" => words.done_cancel,
        Deed::Cancel => words.done_cancel_begun,
        Deed::Note => words.done_note,
        Deed::Erase => words.done_erase,
    }
}
