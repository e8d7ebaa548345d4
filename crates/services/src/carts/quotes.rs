//! Quotes: what lines or a cart would come to if they were ordered now. Nothing is kept.
//! It does not know who asks, except that a cart needs its token.

use std::collections::BTreeMap;

use contracts::carts::{
    ProblemDetailView, ProblemType, ProblemView, QuoteBody, QuoteLineView, QuoteView, ShippingOptionView,
};
use contracts::{Error, Result};
use domain::cart::Cart;
use domain::country::Country;
use domain::field::FieldError;
use domain::ids::CartId;
use domain::locale::Locale;
use domain::money::Currency;
use domain::order::MAX_LINES;
use domain::quantity::Quantity;
use domain::settings::Settings;
use domain::sku::Sku;

use super::create::{read_country, read_currency, read_lines, read_locale};
use super::shelf::Shelf;
use super::views::{problems, sellable, totals};
use super::{Access, Carts};
use crate::quoting::{self, Pointers, Quoted, QuotedLine, Request, RequestLine, ShippingOption, ShippingRule, TaxRule};

/// What is to be quoted, as far as it was sent.
#[derive(Default)]
struct Wish {
    currency: Option<Currency>,
    locale: Option<Locale>,
    country: Option<Country>,
    lines: Vec<(Sku, Quantity)>,
}

impl Carts {
    pub(super) async fn quote(&self, body: &QuoteBody, access: Access<'_>) -> Result<QuoteView> {
        let current = self.shop.settings().await?;
        let settings = &current.settings;
        let mut errors = Vec::new();
        let wish = read(settings, body, &mut errors);
        let cart_id = read_source(body, &mut errors);
        if !errors.is_empty() {
            return Err(Error::invalid(errors));
        }
        match cart_id {
            Some(id) => {
                let access = body.cart_token.as_deref().map_or(access, |token| Access::Token(Some(token)));
                let id = CartId::parse(id).map_err(|_| Error::not_found("cart"))?;
                let cart = self.open(&id, access).await?.cart;
                self.quote_cart(settings, body, wish, &cart).await
            }
            None => self.quote_lines(settings, body, wish).await,
        }
    }

    async fn quote_lines(&self, settings: &Settings, body: &QuoteBody, wish: Wish) -> Result<QuoteView> {
        let currency = wish.currency.ok_or_else(|| Error::field("/currency", "required", "in which currency?"))?;
        let locale = wish.locale.unwrap_or_else(|| settings.default_locale.clone());
        let skus: Vec<Sku> = wish.lines.iter().map(|(sku, _)| sku.clone()).collect();
        let shelf = self.shelf(&skus, currency, &locale).await?;
        let shortages = shortages(&wish.lines, &shelf);
        let lines = wish.lines.into_iter().map(|(sku, quantity)| RequestLine::new(sku, quantity)).collect();
        let request = request(currency, locale, wish.country, lines, body);
        let quoted = quoting::quote(settings, &shelf.offers, &request)?;
        Ok(view(settings, &request, &quoted, &shelf, shortages))
    }

    /// Lines that cannot be bought are left out and told as problems.
    async fn quote_cart(&self, settings: &Settings, body: &QuoteBody, wish: Wish, cart: &Cart) -> Result<QuoteView> {
        let currency = wish.currency.unwrap_or(cart.currency);
        let locale = wish.locale.unwrap_or_else(|| cart.locale.clone());
        let skus: Vec<Sku> = cart.lines().iter().map(|line| line.sku.clone()).collect();
        let shelf = self.shelf(&skus, currency, &locale).await?;
        let lines: Vec<_> =
            sellable(cart, &shelf).map(|line| RequestLine::new(line.sku.clone(), line.quantity)).collect();
        let request = request(currency, locale, wish.country.or(cart.country), lines, body);
        let quoted = quoting::quote(settings, &shelf.offers, &request)?;
        let mut problems = problems(cart, &shelf, |problem| {
            request.lines.iter().position(|line| line.sku == problem.sku).map(|index| format!("/lines/{index}"))
        });
        // In another currency no price was seen before.
        problems.retain(|problem| currency == cart.currency || problem.code != ProblemType::PriceChanged);
        Ok(view(settings, &request, &quoted, &shelf, problems))
    }
}

fn read(settings: &Settings, body: &QuoteBody, errors: &mut Vec<FieldError>) -> Wish {
    Wish {
        currency: body.currency.as_deref().and_then(|code| read_currency(settings, code, errors)),
        locale: body.locale.as_deref().and_then(|tag| read_locale(settings, Some(tag), errors)),
        country: body.country.as_deref().and_then(|code| read_country(settings, code, errors)),
        lines: read_lines(body.lines.as_deref().unwrap_or_default(), MAX_LINES, errors),
    }
}

/// The cart that is to be quoted; `None`: the lines are.
fn read_source<'a>(body: &'a QuoteBody, errors: &mut Vec<FieldError>) -> Option<&'a str> {
    let has_lines = body.lines.as_ref().is_some_and(|lines| !lines.is_empty());
    match (has_lines, body.cart_id.as_deref()) {
        (true, Some(_)) => errors.push(FieldError::new("/cart_id", "ambiguous", "send lines or a cart, not both")),
        (false, None) => errors.push(FieldError::new("/lines", "required", "send lines or a cart")),
        (true, None) => {}
        (false, Some(id)) => return Some(id),
    }
    None
}

fn request(
    currency: Currency,
    locale: Locale,
    country: Option<Country>,
    lines: Vec<RequestLine>,
    body: &QuoteBody,
) -> Request {
    let shipping = body.shipping_method.clone().map_or(ShippingRule::None, ShippingRule::ByMethod);
    Request {
        currency,
        locale,
        country,
        lines,
        order_discount: 0,
        tax: TaxRule::ByCountry,
        shipping,
        by_staff: false,
        pointers: Pointers::default(),
    }
}

/// Lines of one SKU are counted together; the first one is named.
fn shortages(lines: &[(Sku, Quantity)], shelf: &Shelf) -> Vec<ProblemView> {
    let mut wanted: BTreeMap<&Sku, (usize, i64)> = BTreeMap::new();
    for (index, (sku, quantity)) in lines.iter().enumerate() {
        wanted.entry(sku).or_insert((index, 0)).1 += i64::from(*quantity);
    }
    let mut short: Vec<_> = wanted
        .into_iter()
        .filter_map(|(sku, (index, requested))| Some((index, sku, requested, shelf.left(sku)?)))
        .filter(|(_, _, requested, available)| available < requested)
        .collect();
    short.sort_by_key(|(index, ..)| *index);
    let view = |(index, sku, requested, available): (usize, &Sku, i64, i64)| ProblemView {
        line_id: None,
        pointer: Some(format!("/lines/{index}")),
        sku: sku.to_string(),
        code: ProblemType::InsufficientStock,
        message: match available {
            0 => "This is sold out.".to_owned(),
            _ => format!("Only {available} of these are left."),
        },
        detail: ProblemDetailView {
            requested: Some(requested),
            available: Some(available),
            ..ProblemDetailView::default()
        },
    };
    short.into_iter().map(view).collect()
}

fn view(
    settings: &Settings,
    request: &Request,
    quoted: &Quoted,
    shelf: &Shelf,
    problems: Vec<ProblemView>,
) -> QuoteView {
    let options = request
        .country
        .map(|country| quoting::shipping_options(settings, country, request.currency, &request.locale, quoted.goods));
    QuoteView {
        currency: quoted.currency.to_string(),
        country: request.country.map(|country| country.to_string()),
        lines: quoted.lines.iter().map(|line| line_view(line, shelf)).collect(),
        totals: totals(quoted),
        tax_included: quoted.tax_included,
        prices_include_tax: quoted.prices_include_tax,
        shipping_method: quoted.shipping.as_ref().map(|chosen| chosen.id.clone()),
        shipping_options: options.unwrap_or_default().into_iter().map(option_view).collect(),
        problems,
    }
}

fn line_view(line: &QuotedLine, shelf: &Shelf) -> QuoteLineView {
    QuoteLineView {
        sku: line.sku.to_string(),
        product_id: line.product.to_string(),
        slug: line.slug.clone(),
        title: line.title.clone(),
        variant: line.variant.clone(),
        image: line.image.clone(),
        quantity: line.quantity.get(),
        unit_price: line.unit_price,
        tax: line.tax,
        total: line.total,
        availability: shelf.availability(&line.sku),
    }
}

fn option_view(option: ShippingOption) -> ShippingOptionView {
    let ShippingOption { id, name, amount, estimate_days } = option;
    ShippingOptionView { id, name, amount, estimate_days }
}
