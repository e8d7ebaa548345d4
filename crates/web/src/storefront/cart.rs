//! `/cart`: what a shopper means to buy, what it costs today, and what stands against ordering it.
//! It does not know orders beyond the one that a cart became.

use std::iter;
use std::num::IntErrorKind;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use contracts::carts::{
    CartLineView, CartView, ChangeCart, ChangeLine, CreateCart, LineBody, ProblemType, ProblemView, TotalType,
};
use contracts::{Error, Kind, Result};
use domain::ids::{CartId, LineId, OrderId};
use domain::money::Currency;

use super::choice::{by_sku, by_values, field_name};
use super::cookies;
use super::form::Fields;
use super::frame::{Frame, Grounds, Subject};
use super::place::{Place, product_path};
use super::visitor::Visitor;
use super::words::{Words, fill};
use super::{Front, Storefront};
use crate::answer;

/// The largest quantity that a form asks for; the cart itself takes more.
const QUANTITY_MAX: i64 = 9_999;

#[derive(Template)]
#[template(path = "storefront/cart.html")]
struct CartPage {
    frame: Frame,
    notice: Option<String>,
    warning: Option<String>,
    /// That the cart stays in its currency.
    remark: Option<String>,
    lines: Vec<Line>,
    totals: Vec<Total>,
    total: String,
    tax_included: Option<String>,
    has_problems: bool,
    checkout: String,
    /// The order that the cart became.
    order: Option<String>,
}

/// A line as it is shown.
struct Line {
    id: String,
    title: String,
    variant: String,
    href: Option<String>,
    image: Option<String>,
    quantity: u32,
    price: Option<String>,
    total: Option<String>,
    problems: Vec<Trouble>,
    quantity_label: String,
    remove_label: String,
}

/// What stands against ordering a line, and the button that settles it.
struct Trouble {
    text: String,
    solution: Option<Solution>,
}

struct Solution {
    label: String,
    action: &'static str,
    quantity: i64,
}

/// An entry of a summary.
pub struct Total {
    pub label: &'static str,
    pub amount: String,
}

/// A visitor's cart, with what opens it.
pub struct Mine {
    pub id: CartId,
    pub token: String,
    pub view: CartView,
}

impl Mine {
    /// Where not everything in the cart is sold in the currency that pages are read in: that the cart stays in its own.
    pub fn stays(&self, place: &Place, words: &Words) -> Option<String> {
        let wanted = place.currency.map(Currency::code)?;
        let own = self.view.currency.as_str();
        let stays = self.view.order_id.is_none() && own != wanted;
        stays.then(|| fill(words.cart_stays, &[("wanted", wanted), ("own", own)]))
    }
}

/// Why a cart is as it was, as the address of its page says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// It is more than a cart holds, or than a form asks for.
    Full,
    /// The quantity is no whole number that can be meant.
    NoQuantity,
    NotSold,
    /// Its order came to nothing.
    Undone,
}

impl Refused {
    fn asked(visitor: &Visitor) -> Option<Self> {
        Some(match visitor.asked("refused")? {
            "full" => Self::Full,
            "quantity" => Self::NoQuantity,
            "undone" => Self::Undone,
            _ => Self::NotSold,
        })
    }

    pub fn answer(self) -> Response {
        let name = match self {
            Self::Full => "full",
            Self::NoQuantity => "quantity",
            Self::NotSold => "no",
            Self::Undone => "undone",
        };
        answer::see_other(&super::place::address("/cart", [("refused", name)]))
    }

    fn told(self, words: &Words) -> String {
        match self {
            Self::Full => words.cart_full.to_owned(),
            Self::NoQuantity => fill(words.bad_quantity, &[("n", &QUANTITY_MAX.to_string())]),
            Self::NotSold => words.not_added.to_owned(),
            Self::Undone => format!("{}. {}", words.was_undone, words.was_undone_text),
        }
    }
}

pub(super) async fn show(State(front): State<Front>, visitor: Visitor) -> Response {
    match front.cart_page(&visitor).await {
        Ok(response) => response,
        Err(error) => front.refuse(&error, &visitor).await,
    }
}

/// A form of a product's page.
pub(super) async fn add(State(front): State<Front>, visitor: Visitor, fields: Fields) -> Response {
    match front.add_to_cart(&visitor, &fields).await {
        Ok(response) => response,
        Err(error) if matches!(error.kind, Kind::Invalid | Kind::Conflict) => {
            let is_full = error.code == "invalid" && is_too_much(&error);
            if is_full { Refused::Full.answer() } else { Refused::NotSold.answer() }
        }
        Err(error) => front.refuse(&error, &visitor).await,
    }
}

/// A form of one line.
pub(super) async fn change(
    State(front): State<Front>,
    line: Option<Path<String>>,
    visitor: Visitor,
    fields: Fields,
) -> Response {
    let line = line.and_then(|Path(line)| LineId::parse(&line).ok());
    match front.change_cart(&visitor, line, &fields).await {
        Ok(response) => response,
        Err(error) => front.refuse(&error, &visitor).await,
    }
}

impl Storefront {
    /// The visitor's cart, in the currency and language that they read in now. `None` without one.
    pub(super) async fn my_cart(&self, visitor: &Visitor, place: &Place) -> Result<Option<Mine>> {
        let Some((id, token)) = cookies::cart(visitor) else { return Ok(None) };
        let view = match self.services.shopping.view(&id, &token).await {
            Err(error) if error.kind == Kind::NotFound => return Ok(None),
            view => view?,
        };
        let code = place.currency.map(Currency::code);
        let is_here = code.is_none_or(|code| view.currency == code) && view.locale == place.locale.as_str();
        if is_here || view.order_id.is_some() {
            return Ok(Some(Mine { id, token, view }));
        }
        // What cannot be had in the other currency stays in this one (see `Mine::stays`), and is read in the language all the same.
        let language_alone = (view.locale != place.locale.as_str()).then_some(None);
        for currency in iter::once(code.map(str::to_owned)).chain(language_alone) {
            let change = ChangeCart { country: None, locale: Some(place.locale.to_string()), currency };
            match self.services.shopping.change(&id, &token, &change).await {
                Err(error) if matches!(error.kind, Kind::Invalid | Kind::Conflict) => {}
                changed => return Ok(Some(Mine { id, token, view: changed? })),
            }
        }
        Ok(Some(Mine { id, token, view }))
    }

    async fn cart_page(&self, visitor: &Visitor) -> Result<Response> {
        let grounds = self.grounds(visitor).await?;
        let mine = self.my_cart(visitor, &grounds.place).await?;
        let frame = self.frame_on(&grounds, Subject::private("/cart"));
        let ordered = match &mine {
            Some(mine) if mine.view.order_id.is_some() => self.services.checkout.of_cart(&mine.id, &mine.token).await?,
            _ => None,
        };
        let lang = frame.lang.clone();
        let items = mine.as_ref().filter(|_| ordered.is_none()).map_or(0, |mine| mine.view.item_count);
        let page = page(frame, mine.as_ref(), &grounds, visitor, ordered.as_ref());
        let mut response = answer::private(StatusCode::OK, &page, &lang);
        if let Some((order, token)) = &ordered {
            self.jar.keep_order(&mut response, order, token);
        }
        self.jar.count(&mut response, items);
        grounds.place.remember(visitor, self.jar, &mut response);
        Ok(response)
    }

    async fn add_to_cart(&self, visitor: &Visitor, fields: &Fields) -> Result<Response> {
        // Only a form without the field means one.
        let quantity = match fields.given("quantity").map_or(Ok(1), |text| read_quantity(&text)) {
            Ok(0) => return Ok(Refused::NoQuantity.answer()),
            Ok(quantity) => quantity,
            Err(refused) => return Ok(refused.answer()),
        };
        let grounds = self.grounds(visitor).await?;
        let place = &grounds.place;
        let sku = self.wanted_sku(place, fields).await?;
        let line = LineBody { sku: sku.clone(), quantity };
        let mine = self.my_cart(visitor, place).await?;
        // A cart that became an order is done with; what comes now begins another one.
        let mine = mine.filter(|mine| mine.view.order_id.is_none());
        let (id, token, view) = match mine {
            Some(Mine { id, token, .. }) => {
                let view = self.services.shopping.add(&id, &token, &line).await?;
                (id, token, view)
            }
            None => {
                let currency = place.currency.ok_or_else(|| Error::field("/currency", "required", "no currency"))?;
                let (currency, locale) = (currency.to_string(), Some(place.locale.to_string()));
                let create = CreateCart { currency, locale, country: None, lines: Some(vec![line]) };
                let (view, token) = self.services.shopping.create(&create).await?;
                let id = CartId::parse(&view.id).map_err(|error| Error::internal(error.to_string()))?;
                (id, token, view)
            }
        };
        let mut response = answer::see_other(&super::place::address("/cart", [("added", sku.as_str())]));
        self.jar.keep_cart(&mut response, &id, &token, view.item_count);
        Ok(response)
    }

    /// The SKU that a product's form means.
    async fn wanted_sku(&self, place: &Place, fields: &Fields) -> Result<String> {
        let product = self.services.catalog.product(fields.text("product"), &place.reading()).await?;
        let names: Vec<String> = (1..=product.options.len()).map(field_name).collect();
        let variant = match fields.given("sku") {
            Some(sku) => by_sku(&product, &sku),
            None => by_values(&product, &|number| Some(fields.text(names.get(number - 1)?))),
        };
        let variant = variant.ok_or_else(|| Error::field("/sku", "unknown_sku", "there is no such variant"))?;
        Ok(variant.sku.clone())
    }

    async fn change_cart(&self, visitor: &Visitor, line: Option<LineId>, fields: &Fields) -> Result<Response> {
        let (Some(line), Some((id, token))) = (line, cookies::cart(visitor)) else {
            return Ok(answer::see_other("/cart"));
        };
        let change = |quantity, accept_price| ChangeLine { quantity, accept_price };
        let shopping = &self.services.shopping;
        let changed = match (fields.text("action"), read_quantity(fields.text("quantity"))) {
            ("remove", _) | (_, Ok(0)) => shopping.remove_line(&id, &token, &line).await,
            ("accept", _) => shopping.change_line(&id, &token, &line, &change(None, Some(true))).await,
            (_, Ok(quantity)) => shopping.change_line(&id, &token, &line, &change(Some(quantity), None)).await,
            (_, Err(refused)) => return Ok(refused.answer()),
        };
        let mut response = answer::see_other("/cart");
        match changed {
            Ok(view) => self.jar.count(&mut response, view.item_count),
            // It is gone, or was ordered meanwhile: the cart's page says so.
            Err(error) if matches!(error.kind, Kind::NotFound | Kind::Conflict | Kind::Invalid) => {}
            Err(error) => return Err(error),
        }
        Ok(response)
    }
}

/// A quantity as a form says it, from 0 on.
fn read_quantity(text: &str) -> std::result::Result<i64, Refused> {
    match text.parse::<i64>() {
        Ok(quantity) if quantity > QUANTITY_MAX => Err(Refused::Full),
        Ok(quantity) if quantity >= 0 => Ok(quantity),
        Err(error) if *error.kind() == IntErrorKind::PosOverflow => Err(Refused::Full),
        _ => Err(Refused::NoQuantity),
    }
}

fn is_too_much(error: &Error) -> bool {
    error.fields.iter().any(|field| matches!(field.code.as_ref(), "too_many_lines" | "out_of_range"))
}

fn page(
    frame: Frame,
    mine: Option<&Mine>,
    grounds: &Grounds,
    visitor: &Visitor,
    ordered: Option<&(OrderId, String)>,
) -> CartPage {
    let (words, place) = (frame.words, &grounds.place);
    let view = mine.map(|mine| &mine.view).filter(|_| ordered.is_none());
    let currency = view.and_then(|view| Currency::parse(&view.currency).ok());
    let price = |amount: i64| place.amount(amount, currency?);
    let line = |line: &CartLineView| show_line(line, view.map_or(&[], |view| &view.problems), &price, place, words);
    let lines: Vec<Line> = view.map(|view| view.lines.iter().map(line).collect()).unwrap_or_default();
    let total = |view: &CartView| {
        view.totals.iter().find(|total| matches!(total.kind, TotalType::Total)).map(|total| total.amount)
    };
    let added = visitor.asked("added").and_then(|sku| view?.lines.iter().find(|line| line.sku == sku));
    CartPage {
        notice: added.map(|line| fill(words.was_added, &[("title", &line.title)])),
        warning: Refused::asked(visitor).map(|refused| refused.told(words)),
        remark: mine.filter(|_| ordered.is_none()).and_then(|mine| mine.stays(place, words)),
        totals: view.map(|view| totals(&view.totals, &price, words)).unwrap_or_default(),
        total: view.and_then(total).and_then(price).unwrap_or_default(),
        tax_included: view.filter(|view| view.tax_included > 0).and_then(|view| price(view.tax_included)),
        has_problems: view.is_some_and(|view| !view.problems.is_empty()),
        checkout: place.href("/checkout", &[]),
        order: ordered.map(|(order, _)| cookies::order_path(order)),
        lines,
        frame,
    }
}

fn show_line(
    line: &CartLineView,
    problems: &[ProblemView],
    price: &impl Fn(i64) -> Option<String>,
    place: &Place,
    words: &'static Words,
) -> Line {
    let own = problems.iter().filter(|problem| problem.line_id.as_deref() == Some(&line.id));
    Line {
        id: line.id.clone(),
        title: line.title.clone(),
        variant: line.variant.clone(),
        href: line.slug.as_ref().map(|slug| {
            let path = product_path(slug);
            if line.variant.is_empty() { place.href(&path, &[]) } else { place.href(&path, &[("variant", &line.sku)]) }
        }),
        image: line.image.clone(),
        quantity: line.quantity,
        price: line.unit_price.and_then(price),
        total: line.total.and_then(price),
        problems: own.map(|problem| trouble(problem, line, price, words)).collect(),
        quantity_label: fill(words.quantity_of, &[("title", &line.title)]),
        remove_label: fill(words.remove_item, &[("title", &line.title)]),
    }
}

fn trouble(
    problem: &ProblemView,
    line: &CartLineView,
    price: &impl Fn(i64) -> Option<String>,
    words: &'static Words,
) -> Trouble {
    let shown = |amount: Option<i64>| amount.and_then(price).unwrap_or_default();
    match problem.code {
        ProblemType::PriceChanged => {
            let new = shown(problem.detail.unit_price.or(line.unit_price));
            let old = shown(problem.detail.previous_unit_price.or(Some(line.seen_unit_price)));
            let label = fill(words.accept_price, &[("new", &new)]);
            Trouble {
                text: fill(words.problem_price, &[("old", &old), ("new", &new)]),
                solution: Some(Solution { label, action: "accept", quantity: i64::from(line.quantity) }),
            }
        }
        ProblemType::InsufficientStock => match problem.detail.available.unwrap_or(0) {
            ..=0 => Trouble { text: words.problem_sold_out.to_owned(), solution: None },
            left => {
                let quantity = left.min(QUANTITY_MAX);
                let label = fill(words.lower_to, &[("n", &quantity.to_string())]);
                let solution = Some(Solution { label, action: "update", quantity });
                Trouble { text: fill(words.problem_short, &[("n", &left.to_string())]), solution }
            }
        },
        ProblemType::Unavailable => Trouble { text: words.problem_unavailable.to_owned(), solution: None },
    }
}

/// All entries but the total itself.
pub fn totals(
    totals: &[contracts::carts::TotalView],
    price: &impl Fn(i64) -> Option<String>,
    words: &'static Words,
) -> Vec<Total> {
    let entry = |total: &contracts::carts::TotalView| {
        let label = match total.kind {
            TotalType::Subtotal => words.subtotal,
            TotalType::ItemsDiscount | TotalType::Discount => words.discount,
            TotalType::Fulfillment => words.shipping,
            TotalType::Tax => words.tax,
            TotalType::Fee => words.fee,
            TotalType::Total => return None,
        };
        let is_free = matches!(total.kind, TotalType::Fulfillment) && total.amount == 0;
        let amount = if is_free { words.free.to_owned() } else { price(total.amount)? };
        Some(Total { label, amount })
    };
    totals.iter().filter_map(entry).collect()
}
