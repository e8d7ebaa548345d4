//! A draft's form, filled from a draft and read back into one.
//! It does not know whether a draft is acceptable; the orders' desk says so, field by field.

use std::collections::BTreeSet;

use contracts::orders::{AddressBody, BuyerView, DraftBody, DraftLine, OrderView};
use domain::money::{Currency, Money, parse_decimal};

use crate::admin::form::Form;
use crate::admin::frame::Frame;
use crate::admin::lists::Choice;
use crate::admin::order::plain;
use crate::admin::words::{Words, fill};

/// Empty lines below those that are filled in.
const SPARE_LINES: usize = 3;
const LINE_FIELDS: [&str; 5] = ["sku", "quantity", "unit_price", "title", "discount"];
const ADDRESS_FIELDS: [&str; 8] = ["name", "line1", "line2", "city", "region", "postal_code", "country", "phone"];

/// One line of the form.
pub struct LineRow {
    pub sku: Cell,
    pub quantity: Cell,
    pub unit_price: Cell,
    pub title: Cell,
    pub discount: Cell,
}

pub struct Cell {
    pub name: String,
    pub label: String,
    pub value: String,
    pub error: Option<String>,
}

/// What can be chosen in this shop.
pub struct Choices {
    pub currencies: Vec<Choice>,
    pub countries: Vec<Choice>,
    pub methods: Vec<Choice>,
    pub locales: Vec<Choice>,
}

impl Choices {
    pub fn of(frame: &Frame) -> Self {
        let settings = &frame.settings.settings;
        let words = frame.words.drafts;
        let choice = |value: &str, label: &str| Choice {
            value: value.to_owned(),
            label: label.to_owned(),
            href: String::new(),
            is_current: false,
        };
        let none = |label: &str| std::iter::once(choice("", label));
        let countries = settings.countries.iter().map(|known| choice(known.country.code(), known.country.code()));
        let methods = settings.shipping_methods.iter().map(|method| choice(method.id.as_str(), method.name.as_str()));
        Self {
            currencies: settings.currencies.iter().map(|known| choice(known.code(), known.code())).collect(),
            countries: none(words.no_country).chain(countries).collect(),
            methods: none(words.no_method).chain(methods).collect(),
            locales: settings.locales.iter().map(|locale| choice(locale.as_str(), locale.as_str())).collect(),
        }
    }
}

/// Lines as they were sent, and some more to fill in.
pub fn line_rows(form: &Form, words: &Words) -> Vec<LineRow> {
    let filled = (0..).take_while(|index| has_line(form, *index)).count();
    let row = |index: usize| {
        let line = fill(words.drafts.line, &[&(index + 1).to_string()]);
        let cell = |field: &str, label: &str| {
            let name = format!("lines.{index}.{field}");
            let label = format!("{line}: {label}");
            Cell { label, value: form.value(&name).to_owned(), error: form.error(&name).map(ToOwned::to_owned), name }
        };
        LineRow {
            sku: cell("sku", words.drafts.sku),
            quantity: cell("quantity", words.drafts.quantity),
            unit_price: cell("unit_price", words.drafts.own_price),
            title: cell("title", words.drafts.title),
            discount: cell("discount", words.drafts.discount),
        }
    };
    (0..filled + SPARE_LINES).map(row).collect()
}

fn has_line(form: &Form, index: usize) -> bool {
    form.text(&format!("lines.{index}.sku")).is_some()
}

/// The same form with its lines numbered anew, those without a SKU left out, so that errors stand beside the right ones.
pub fn compact(form: &Form) -> Form {
    let mut compacted = Form::default();
    let is_line = |name: &str| name.starts_with("lines.");
    for name in form.names().filter(|name| !is_line(name)) {
        compacted.set(name, form.value(name));
    }
    let index = |name: &str| name.strip_prefix("lines.")?.split('.').next()?.parse::<usize>().ok();
    let indices: BTreeSet<usize> = form.names().filter_map(index).collect();
    for (new, old) in indices.into_iter().filter(|index| has_line(form, *index)).enumerate() {
        for field in LINE_FIELDS {
            compacted.set(&format!("lines.{new}.{field}"), form.value(&format!("lines.{old}.{field}")));
        }
    }
    compacted
}

pub fn form_of(draft: &DraftBody) -> Form {
    let mut form = Form::default();
    let currency = draft.currency.as_str();
    let mut set = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            form.set(name, value);
        }
    };
    set("currency", Some(draft.currency.clone()));
    set("locale", draft.locale.clone());
    for (index, line) in draft.lines.iter().enumerate() {
        let name = |field: &str| format!("lines.{index}.{field}");
        set(&name("sku"), Some(line.sku.clone()));
        set(&name("quantity"), Some(line.quantity.to_string()));
        set(&name("unit_price"), line.unit_price.map(|price| plain(price, currency)));
        set(&name("title"), line.title.clone());
        set(&name("discount"), above_zero(line.discount, currency));
    }
    if let Some(buyer) = &draft.buyer {
        set("buyer.name", buyer.name.clone());
        set("buyer.email", buyer.email.clone());
        set("buyer.phone", buyer.phone.clone());
    }
    if let Some(address) = &draft.shipping_address {
        let AddressBody { name, line1, line2, city, region, postal_code, country, phone } = address.clone();
        for (field, value) in
            ADDRESS_FIELDS.into_iter().zip([name, line1, line2, city, region, postal_code, country, phone])
        {
            set(&format!("shipping_address.{field}"), value);
        }
    }
    set("shipping_method", draft.shipping_method.clone());
    set("shipping_amount", draft.shipping_amount.map(|amount| plain(amount, currency)));
    set("discount", above_zero(draft.discount, currency));
    set("with_tax", draft.with_tax.then(|| "on".to_owned()));
    set("placed_at", draft.placed_at.clone());
    set("payment_provider", draft.payment_provider.clone());
    set("note", draft.note.clone());
    set("reference", draft.reference.clone());
    form
}

fn above_zero(amount: i64, currency: &str) -> Option<String> {
    (amount != 0).then(|| plain(amount, currency))
}

/// A draft that would make the same order again, at the same prices.
pub fn copy_of(order: &OrderView) -> DraftBody {
    let line = |line: &contracts::orders::LineView| DraftLine {
        sku: line.sku.clone(),
        quantity: i64::from(line.quantity),
        unit_price: Some(line.unit_price),
        title: None,
        discount: line.discount,
    };
    let amount =
        |kind: &str| order.totals.iter().filter(|total| total.kind == kind).map(|total| total.amount).sum::<i64>();
    let has_shipping = order.totals.iter().any(|total| total.kind == "fulfillment");
    DraftBody {
        currency: order.currency.clone(),
        locale: order.locale.clone(),
        lines: order.lines.iter().map(line).collect(),
        buyer: order.buyer.clone(),
        shipping_address: order.shipping_address.clone(),
        shipping_method: order.shipping_method.as_ref().map(|method| method.id.clone()),
        shipping_amount: has_shipping.then(|| amount("fulfillment")),
        discount: -amount("discount"),
        with_tax: order.tax_included != 0 || amount("tax") != 0,
        payment_provider: None,
        placed_at: None,
        note: None,
        reference: None,
    }
}

/// What was filled in, or `None` with what is wrong noted in the form.
pub fn body_of(form: &mut Form, words: &Words) -> Option<DraftBody> {
    let currency = Currency::parse(form.value("currency")).ok();
    let lines: Vec<DraftLine> = (0..)
        .take_while(|index| has_line(form, *index))
        .collect::<Vec<usize>>()
        .into_iter()
        .map(|index| line_of(form, words, index, currency))
        .collect();
    if lines.is_empty() {
        form.refuse("lines.0.sku", words.drafts.no_lines);
    }
    let body = DraftBody {
        currency: form.value("currency").to_owned(),
        locale: form.text("locale"),
        lines,
        buyer: buyer_of(form),
        shipping_address: address_of(form),
        shipping_method: form.text("shipping_method"),
        shipping_amount: amount_of(form, words, "shipping_amount", currency),
        discount: amount_of(form, words, "discount", currency).unwrap_or(0),
        with_tax: form.is_set("with_tax"),
        payment_provider: form.text("payment_provider"),
        placed_at: form.text("placed_at"),
        note: form.text("note"),
        reference: form.text("reference"),
    };
    (!form.has_errors()).then_some(body)
}

fn line_of(form: &mut Form, words: &Words, index: usize, currency: Option<Currency>) -> DraftLine {
    let name = |field: &str| format!("lines.{index}.{field}");
    let quantity = match form.text(&name("quantity")) {
        None => Ok(1),
        Some(text) => text.parse(),
    };
    if quantity.is_err() {
        form.refuse(&name("quantity"), words.drafts.number_wrong);
    }
    DraftLine {
        sku: form.value(&name("sku")).to_owned(),
        quantity: quantity.unwrap_or(1),
        unit_price: amount_of(form, words, &name("unit_price"), currency),
        title: form.text(&name("title")),
        discount: amount_of(form, words, &name("discount"), currency).unwrap_or(0),
    }
}

fn amount_of(form: &mut Form, words: &Words, name: &str, currency: Option<Currency>) -> Option<i64> {
    let text = form.text(name)?;
    let amount = currency.and_then(|currency| parse_decimal(&text, currency).ok()).map(Money::amount);
    if amount.is_none() {
        let example = currency.map(|currency| plain(1299, currency.code())).unwrap_or_default();
        form.refuse(name, fill(words.orders.amount_wrong, &[&example]));
    }
    amount
}

fn buyer_of(form: &Form) -> Option<BuyerView> {
    let buyer =
        BuyerView { email: form.text("buyer.email"), name: form.text("buyer.name"), phone: form.text("buyer.phone") };
    let is_empty = buyer.email.is_none() && buyer.name.is_none() && buyer.phone.is_none();
    (!is_empty).then_some(buyer)
}

fn address_of(form: &Form) -> Option<AddressBody> {
    let field = |name: &str| form.text(&format!("shipping_address.{name}"));
    let address = AddressBody {
        name: field("name"),
        line1: field("line1"),
        line2: field("line2"),
        city: field("city"),
        region: field("region"),
        postal_code: field("postal_code"),
        country: field("country"),
        phone: field("phone"),
    };
    (address != AddressBody::default()).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_comes_back_from_its_form_as_it_was() {
        let line = |sku: &str| DraftLine {
            sku: sku.to_owned(),
            quantity: 3,
            unit_price: Some(1_250),
            title: Some("By hand".to_owned()),
            discount: 50,
        };
        let address = AddressBody { line1: Some("Main street 1".to_owned()), ..AddressBody::default() };
        let draft = DraftBody {
            currency: "EUR".to_owned(),
            locale: Some("en".to_owned()),
            lines: vec![line("A"), line("B")],
            buyer: Some(BuyerView { email: None, name: Some("Ada".to_owned()), phone: None }),
            shipping_address: Some(address),
            shipping_method: None,
            shipping_amount: Some(0),
            discount: 99,
            with_tax: true,
            payment_provider: None,
            placed_at: Some("2020-01-01T00:00:00Z".to_owned()),
            note: Some("two\nlines".to_owned()),
            reference: Some("R-1".to_owned()),
        };
        let mut form = form_of(&draft);
        let back = body_of(&mut form, Words::default_language());
        assert!(back == Some(draft), "{:?}", form.wrongs());
    }

    #[test]
    fn lines_without_a_sku_are_left_out_and_the_others_keep_their_order() {
        let form = Form::parse(
            b"currency=EUR&lines.0.sku=&lines.0.quantity=9&lines.2.sku=A&lines.2.quantity=x&lines.10.sku=B",
        );
        let mut form = compact(&form);
        assert!(body_of(&mut form, Words::default_language()).is_none());
        assert_eq!(form.value("lines.1.sku"), "B");
        assert!(form.error("lines.0.quantity").is_some());
        assert_eq!(line_rows(&form, Words::default_language()).len(), 2 + SPARE_LINES);
    }
}
