//! The forms of deeds: what each says that it will do, what it needs to know, and how that is read.
//! It does not decide whether the order allows it.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use contracts::orders::{
    AmountBody, CancelBody, DeliverBody, LineQuantityBody, NoteBody, OrderAction, OrderView, RefundBody, ShipBody,
};
use domain::money::{Currency, Money, parse_decimal};

use super::deeds::{Deed, capturable, outstanding, refundable};
use super::shown::{self, Line, MANUAL, Parcel};
use crate::admin::answer;
use crate::admin::form::Form;
use crate::admin::frame::Frame;
use crate::admin::sheet::Sheet;
use crate::admin::words::{Words, fill};

#[derive(Template)]
#[template(path = "admin/order/sheet.html")]
struct DeedSheet {
    frame: Frame,
    sheet: Sheet,
    goods: Vec<Goods>,
    parcels: Vec<Parcel>,
    wants: Wants,
}

/// How many of a line.
struct Goods {
    field: String,
    label: String,
    sku: String,
    left: String,
    value: String,
    error: Option<String>,
}

/// What a deed needs to know.
#[derive(Default)]
struct Wants {
    carrier: bool,
    amount_hint: Option<String>,
    parcel: bool,
    restock: bool,
    reason: bool,
    note: bool,
}

/// What the form holds before anybody has filled it in.
pub fn first_form(order: &OrderView, deed: Deed) -> Form {
    let amount = |amount: i64| Form::default().with("amount", plain(amount, &order.currency));
    match deed {
        Deed::Capture => amount(capturable(order)),
        Deed::MarkPaid => amount(outstanding(order)),
        Deed::Ship => {
            let lines = order.lines.iter().filter(|line| shown::left_to_ship(line) > 0);
            lines.fold(Form::default(), |form, line| form.with(&field(&line.id), shown::left_to_ship(line).to_string()))
        }
        _ => Form::default(),
    }
}

/// What was sent, or `None` with what is wrong noted in the form.
pub fn read(order: &OrderView, deed: Deed, form: &mut Form, words: &Words) -> Option<OrderAction> {
    let action = match deed {
        Deed::Capture => OrderAction::Capture(AmountBody { amount: read_amount(order, form, words) }),
        Deed::MarkPaid => OrderAction::MarkPaid(AmountBody { amount: read_amount(order, form, words) }),
        Deed::Ship => {
            let lines = read_lines(order, form, words);
            if lines.is_empty() {
                form.refuse("", words.orders.which_lines);
            }
            OrderAction::Ship(ShipBody {
                lines,
                carrier: form.text("carrier"),
                tracking_number: form.text("tracking_number"),
                tracking_url: form.text("tracking_url"),
            })
        }
        Deed::Deliver => OrderAction::Deliver(DeliverBody { shipment: form.text("shipment") }),
        Deed::Refund => OrderAction::Refund(RefundBody {
            amount: read_amount(order, form, words),
            lines: read_lines(order, form, words),
            restock: form.is_set("restock"),
            reason: form.text("reason"),
        }),
        Deed::Cancel => OrderAction::Cancel(CancelBody { reason: form.text("reason") }),
        Deed::Note => OrderAction::Note(NoteBody { note: form.value("note").to_owned() }),
        Deed::Erase => OrderAction::Erase,
    };
    (!form.has_errors()).then_some(action)
}

pub fn page(frame: Frame, order: &OrderView, deed: Deed, form: Form, status: StatusCode) -> Response {
    let words = frame.words;
    let path = format!("/admin/orders/{}", order.id);
    let mut sheet = Sheet::new(&frame, format!("{path}/{}", deed.name()), path, form).button(deed.label(words));
    sheet.is_grave = deed.is_grave();
    sheet.says = says(&frame, order, deed);
    let view = shown::shown(&frame, order, str::to_owned);
    let hint = |amount: i64| Some(fill(words.orders.amount_hint, &[&frame.money_in(amount, &order.currency)]));
    let wants = match deed {
        Deed::Ship => Wants { carrier: true, ..Wants::default() },
        Deed::Capture => Wants { amount_hint: hint(capturable(order)), ..Wants::default() },
        Deed::MarkPaid => Wants { amount_hint: hint(outstanding(order)), ..Wants::default() },
        Deed::Deliver => Wants { parcel: true, ..Wants::default() },
        Deed::Refund => Wants {
            amount_hint: hint(refundable(order)),
            restock: !order.shipments.is_empty(),
            reason: true,
            ..Wants::default()
        },
        Deed::Cancel => Wants { reason: true, ..Wants::default() },
        Deed::Note => Wants { note: true, ..Wants::default() },
        Deed::Erase => Wants::default(),
    };
    let goods = match deed {
        Deed::Ship => goods(&sheet.form, words, view.lines.iter().map(|line| (line, line.to_ship))),
        Deed::Refund => goods(&sheet.form, words, view.lines.iter().map(|line| (line, line.to_refund))),
        _ => Vec::new(),
    };
    let parcels = view.parcels.into_iter().filter(|parcel| parcel.delivered_at.is_none()).collect();
    answer::page_with(status, &DeedSheet { frame, sheet, goods, parcels, wants })
}

/// Lines of which something is left, each with its field.
fn goods<'a>(form: &Form, words: &Words, lines: impl Iterator<Item = (&'a Line, u32)>) -> Vec<Goods> {
    let goods = |(line, left): (&Line, u32)| {
        let name = field(&line.id);
        let variant = if line.variant.is_empty() { String::new() } else { format!(" · {}", line.variant) };
        Goods {
            label: format!("{}{variant}", line.title),
            sku: line.sku.clone(),
            left: fill(words.orders.left_of, &[&left.to_string()]),
            value: form.value(&name).to_owned(),
            error: form.error(&name).map(ToOwned::to_owned),
            field: name,
        }
    };
    lines.filter(|(_, left)| *left > 0).map(goods).collect()
}

/// What a deed will do, with its amounts.
fn says(frame: &Frame, order: &OrderView, deed: Deed) -> Vec<String> {
    let words = frame.words.orders;
    let money = |amount: i64| frame.money_in(amount, &order.currency);
    let payment = &order.payment;
    let mut says = Vec::new();
    match deed {
        Deed::Capture => {
            says.push(fill(
                words.says_capture,
                &[&money(capturable(order)), &money(payment.authorized), &payment.provider],
            ));
            says.push(words.says_capture_books.to_owned());
        }
        Deed::MarkPaid => {
            says.push(fill(words.says_mark_paid, &[&money(outstanding(order))]));
            says.push(words.says_capture_books.to_owned());
        }
        Deed::Ship => {
            says.extend([words.says_ship.to_owned(), words.says_ship_mail.to_owned()]);
            if capturable(order) > 0 {
                says.push(fill(words.says_ship_no_money, &[&money(capturable(order))]));
            }
        }
        Deed::Deliver => says.extend([words.says_deliver.to_owned(), words.says_deliver_nothing.to_owned()]),
        Deed::Refund => {
            says.push(fill(
                words.says_refund,
                &[&money(refundable(order)), &money(payment.captured), &payment.provider],
            ));
            if payment.provider == MANUAL {
                says.push(words.says_refund_manual.to_owned());
            }
            says.extend([words.says_refund_lines.to_owned(), words.says_refund_mail.to_owned()]);
        }
        Deed::Cancel => says.extend(says_cancel(frame, order)),
        Deed::Note => says.push(words.says_note.to_owned()),
        Deed::Erase => {
            says.extend([words.says_erase, words.says_erase_stays, words.says_erase_final].map(str::to_owned))
        }
    }
    says
}

fn says_cancel(frame: &Frame, order: &OrderView) -> Vec<String> {
    let words = frame.words.orders;
    let money = |amount: i64| frame.money_in(amount, &order.currency);
    let received = order.payment.captured - order.payment.refunded;
    let mut says = Vec::new();
    if received > 0 {
        says.push(fill(words.says_cancel_refund, &[&money(received), &order.payment.provider]));
        if order.payment.provider == MANUAL {
            says.push(words.says_refund_manual.to_owned());
        }
    }
    if capturable(order) > 0 {
        says.push(fill(words.says_cancel_void, &[&money(capturable(order))]));
    }
    if says.is_empty() {
        says.push(words.says_cancel_no_money.to_owned());
    }
    let pieces: u32 = order.lines.iter().map(shown::left_to_ship).sum();
    says.push(fill(words.says_cancel_stock, &[&pieces.to_string()]));
    says.extend([words.says_cancel_mail.to_owned(), words.says_cancel_final.to_owned()]);
    says
}

fn field(line: &str) -> String {
    format!("line.{line}")
}

/// Quantities above zero; what is empty is not meant.
fn read_lines(order: &OrderView, form: &mut Form, words: &Words) -> Vec<LineQuantityBody> {
    let mut lines = Vec::new();
    for line in &order.lines {
        let name = field(&line.id);
        match form.text(&name).map(|text| text.parse::<u32>()) {
            None | Some(Ok(0)) => {}
            Some(Ok(quantity)) => lines.push(LineQuantityBody { line: line.id.clone(), quantity: i64::from(quantity) }),
            Some(Err(_)) => form.refuse(&name, words.orders.quantity_wrong),
        }
    }
    lines
}

/// `None` where the field is empty: all that is left.
fn read_amount(order: &OrderView, form: &mut Form, words: &Words) -> Option<i64> {
    let text = form.text("amount")?;
    let amount = Currency::parse(&order.currency).ok().and_then(|currency| parse_decimal(&text, currency).ok());
    if amount.is_none() {
        form.refuse("amount", fill(words.orders.amount_wrong, &[&plain(1299, &order.currency)]));
    }
    amount.map(Money::amount)
}

/// `12.99`, as it is typed.
pub fn plain(amount: i64, currency: &str) -> String {
    let money = Currency::parse(currency).ok().and_then(|currency| Money::new(amount, currency).ok());
    let text = money.map(|money| money.to_string()).unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}
