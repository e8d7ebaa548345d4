//! The checkout's page: what was written, the ways to send and to pay, and what it comes to.
//! It does not know what happens when the button is pressed.

use askama::Template;
use contracts::carts::{QuoteLineView, QuoteView, ShippingOptionView, TotalType};
use domain::country::Country;
use domain::money::Currency;
use domain::settings::PaymentMethod;

use super::Desk;
use super::troubles::{Notice, Trouble};
use super::written::Written;
use crate::storefront::addresses::{self, phone_example};
use crate::storefront::cart::{Total, totals};
use crate::storefront::frame::{Frame, Grounds, Link, Subject};
use crate::storefront::place::Place;
use crate::storefront::words::{Words, fill};
use crate::storefront::{Storefront, countries};

/// The tokens that the test provider knows, as a buyer would say them.
const TEST_TOKENS: [&str; 3] = ["tok_success", "tok_declined", "tok_action"];
/// The written page with the terms.
const TERMS: &str = "/pages/terms";

/// What is shown beside what was written.
#[derive(Default)]
pub struct Shown {
    pub troubles: Vec<Trouble>,
    pub notice: Option<Notice>,
    /// The name of the form that is shown again; `None`: it is a new one.
    pub same_form: Option<String>,
}

impl Shown {
    pub fn troubles(troubles: Vec<Trouble>) -> Self {
        Self { troubles, ..Self::default() }
    }

    pub fn notice(notice: Notice) -> Self {
        Self { notice: Some(notice), ..Self::default() }
    }
}

/// A way to pay, as the buyer chooses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentChoice {
    /// `method` or `method/token`.
    pub value: String,
    pub label: String,
    pub instructions: Option<String>,
    pub is_chosen: bool,
}

#[derive(Template)]
#[template(path = "storefront/checkout.html")]
pub struct CheckoutPage {
    frame: Frame,
    once: String,
    cart: String,
    written: Written,
    troubles: Vec<Trouble>,
    notice: Option<Notice>,
    /// That the cart stays in its currency.
    remark: Option<String>,
    countries: Vec<CountryChoice>,
    fields: Vec<Field>,
    phone_hint: String,
    shipping: Vec<Shipping>,
    payments: Vec<PaymentChoice>,
    lines: Vec<Line>,
    totals: Vec<Total>,
    total: String,
    total_amount: i64,
    tax_included: Option<String>,
    terms: Option<Link>,
}

struct CountryChoice {
    value: &'static str,
    label: &'static str,
    is_chosen: bool,
}

struct Field {
    field: addresses::Field,
    value: String,
}

struct Shipping {
    id: String,
    name: String,
    amount: String,
    days: Option<String>,
    is_chosen: bool,
}

struct Line {
    title: String,
    variant: String,
    image: Option<String>,
    quantity: u32,
    total: String,
}

impl CheckoutPage {
    /// What is wrong with a field, if anything is.
    fn trouble(&self, field: &str) -> Option<&str> {
        self.troubles.iter().find(|trouble| trouble.field == field).map(|trouble| trouble.text.as_str())
    }
}

pub fn page(front: &Storefront, desk: &Desk<'_>, written: Written, shown: Shown, quote: &QuoteView) -> CheckoutPage {
    let Desk { grounds, words, .. } = desk;
    let frame = front.frame_on(grounds, Subject::private("/checkout"));
    let place = &grounds.place;
    let currency = Currency::parse(&quote.currency).ok();
    let price = |amount: i64| place.amount(amount, currency?);
    let total_amount =
        quote.totals.iter().find(|total| matches!(total.kind, TotalType::Total)).map_or(0, |it| it.amount);
    let mut payments = payment_choices(front, grounds, words);
    choose(&mut payments, &written.payment);
    CheckoutPage {
        once: shown.same_form.unwrap_or_else(|| desk.visitor.fresh_name()),
        cart: desk.mine.view.id.clone(),
        troubles: shown.troubles,
        notice: shown.notice,
        remark: desk.mine.stays(place, words),
        countries: country_choices(grounds, written.country),
        fields: written.country.map(|country| fields(country, &written, words)).unwrap_or_default(),
        phone_hint: phone_hint(written.country, words),
        shipping: quote.shipping_options.iter().map(|it| shipping(it, &written, words, &price)).collect(),
        payments,
        lines: quote.lines.iter().map(|line| show_line(line, &price)).collect(),
        totals: totals(&quote.totals, &price, words),
        total: price(total_amount).unwrap_or_default(),
        total_amount,
        tax_included: Some(quote.tax_included).filter(|tax| *tax > 0).and_then(price),
        terms: terms(&frame, place),
        written,
        frame,
    }
}

/// The shop's ways to pay that this page can lead through.
pub fn payment_choices(front: &Storefront, grounds: &Grounds, words: &'static Words) -> Vec<PaymentChoice> {
    let locale = &grounds.place.locale;
    let choice = |method: &PaymentMethod, token: &str, label: String| PaymentChoice {
        value: if token.is_empty() { method.id.to_string() } else { format!("{}/{token}", method.id) },
        label,
        instructions: method.instructions.as_ref().map(|note| note.as_str().to_owned()),
        is_chosen: false,
    };
    let offered = grounds.current.settings.payment_methods.iter().filter_map(|method| {
        let info = front.services.payments.provider(method.provider.as_str())?;
        match (info.test, info.needs_token) {
            (_, false) => Some(vec![choice(method, "", method.name_in(locale).to_string())]),
            (true, true) => {
                let labels = [words.test_succeeds, words.test_declined, words.test_action];
                Some(
                    TEST_TOKENS
                        .iter()
                        .zip(labels)
                        .map(|(token, label)| choice(method, token, label.to_owned()))
                        .collect(),
                )
            }
            // Such a provider brings a page of its own, which this shop does not have.
            (false, true) => None,
        }
    });
    offered.flatten().collect()
}

fn choose(payments: &mut [PaymentChoice], wanted: &str) {
    let chosen = payments.iter().position(|choice| choice.value == wanted).unwrap_or(0);
    if let Some(choice) = payments.get_mut(chosen) {
        choice.is_chosen = true;
    }
}

fn country_choices(grounds: &Grounds, chosen: Option<Country>) -> Vec<CountryChoice> {
    let locale = &grounds.place.locale;
    let choice = |country: Country| CountryChoice {
        value: country.code(),
        label: countries::name(country, locale),
        is_chosen: chosen == Some(country),
    };
    let mut choices: Vec<_> = grounds.current.settings.countries.iter().map(|known| choice(known.country)).collect();
    choices.sort_by_key(|choice| choice.label);
    choices
}

fn fields(country: Country, written: &Written, words: &'static Words) -> Vec<Field> {
    let filled = |field: addresses::Field| Field { value: written.value(field.name).to_owned(), field };
    addresses::fields(country, words).into_iter().map(filled).collect()
}

fn phone_hint(country: Option<Country>, words: &Words) -> String {
    fill(words.phone_hint, &[("example", country.map_or("+49 30 1234567", phone_example))])
}

fn shipping(
    option: &ShippingOptionView,
    written: &Written,
    words: &'static Words,
    price: &impl Fn(i64) -> Option<String>,
) -> Shipping {
    let days = option.estimate_days.map(|(few, many)| match few == many {
        true => fill(words.days_exact, &[("a", &few.to_string())]),
        false => fill(words.days_between, &[("a", &few.to_string()), ("b", &many.to_string())]),
    });
    Shipping {
        id: option.id.clone(),
        name: option.name.clone(),
        amount: if option.amount == 0 { words.free.to_owned() } else { price(option.amount).unwrap_or_default() },
        days,
        is_chosen: written.shipping_method.as_ref() == Some(&option.id),
    }
}

fn show_line(line: &QuoteLineView, price: &impl Fn(i64) -> Option<String>) -> Line {
    Line {
        title: line.title.clone(),
        variant: line.variant.clone(),
        image: line.image.clone(),
        quantity: line.quantity,
        total: price(line.total).unwrap_or_default(),
    }
}

/// Where the terms can be read, once they are written.
fn terms(frame: &Frame, place: &Place) -> Option<Link> {
    let href = place.href(TERMS, &[]);
    frame.pages.iter().find(|page| page.href == href).cloned()
}
