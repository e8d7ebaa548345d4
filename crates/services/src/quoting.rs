//! What lines cost in this shop: resolves offers, prices, shipping and tax, the same way for quotes, carts and orders.
//! It does not know where the lines come from, and it fetches nothing: settings and offers are given.

#[cfg(test)]
mod laws;
mod shapes;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use contracts::Error;
use contracts::catalog::Offer;
use domain::country::Country;
use domain::field::FieldError;
use domain::locale::Locale;
use domain::money::{Currency, MAX_AMOUNT};
use domain::pricing;
use domain::quantity::Quantity;
use domain::settings::{self, Settings};
use domain::sku::Sku;

pub use shapes::{Pointers, Quoted, QuotedLine, Request, RequestLine, ShippingOption, ShippingRule, TaxRule};

/// Prices a request. `offers`: those of the request's SKUs, in its currency and language.
///
/// # Errors
/// `Invalid`, with all that is wrong: `unknown_sku`, `not_for_sale`, `no_price_in_currency`,
/// `no_shipping_to_country`, `unknown_shipping_method`, …
pub fn quote(settings: &Settings, offers: &BTreeMap<Sku, Offer>, request: &Request) -> Result<Quoted, Error> {
    let mut errors = Vec::new();
    let pointers = &request.pointers;
    let priced = price_lines(settings, offers, request, &mut errors);
    check_amounts(request, &mut errors);
    let tax = match (request.tax, request.country) {
        (TaxRule::None, _) | (TaxRule::ByCountry, None) => None,
        (TaxRule::ByCountry, Some(country)) => {
            let tax = settings.tax(country);
            if tax.is_none() {
                errors.push(no_shipping_to(pointers, country));
            }
            tax
        }
    };
    let method = match &request.shipping {
        ShippingRule::ByMethod(id) => find_method(settings, request, id, &mut errors),
        ShippingRule::Amount(_) | ShippingRule::None => None,
    };
    if !errors.is_empty() {
        return Err(Error::invalid(errors));
    }

    let mut input = pricing::Input {
        currency: request.currency,
        lines: priced.iter().map(|(line, unit_price, _)| input_line(line, *unit_price)).collect(),
        order_discount: request.order_discount,
        fulfillment: None,
        tax: None,
    };
    let price = |input: &pricing::Input| pricing::price(input).map_err(|error| unpriced(error, pointers));
    let goods = price(&input)?.total;
    let shipping = method.and_then(|method| option_of(method, request.currency, &request.locale, goods));
    input.fulfillment = match (&request.shipping, &shipping) {
        (ShippingRule::Amount(amount), _) => Some(*amount),
        (_, chosen) => chosen.as_ref().map(|chosen| chosen.amount),
    };
    input.tax = tax;
    let quote = price(&input)?;
    let lines = priced.into_iter().zip(quote.lines).map(|(priced, line)| quoted_line(priced, line)).collect();
    Ok(Quoted {
        currency: request.currency,
        lines,
        totals: quote.totals,
        tax_included: quote.tax_included,
        prices_include_tax: tax.is_some_and(|tax| tax.prices_include_tax),
        shipping_tax: quote.fulfillment_tax,
        shipping,
        goods,
        total: quote.total,
    })
}

/// The ways to send to a country and what each costs; `goods` is the lines' sum with discounts taken off.
pub fn shipping_options(
    settings: &Settings,
    country: Country,
    currency: Currency,
    locale: &Locale,
    goods: i64,
) -> Vec<ShippingOption> {
    let methods = settings.shipping_methods_to(country, currency);
    methods.filter_map(|method| option_of(method, currency, locale, goods)).collect()
}

/// A line as it was sent, or what is wrong with it: `{pointer}/sku`, `{pointer}/quantity`.
pub fn read_line(pointer: &str, sku: &str, quantity: i64, errors: &mut Vec<FieldError>) -> Option<(Sku, Quantity)> {
    let sku = Sku::parse(sku)
        .map_err(|error| errors.push(FieldError::new(format!("{pointer}/sku"), "invalid_sku", error.to_string())));
    let quantity = read_quantity(format!("{pointer}/quantity"), quantity, errors);
    Some((sku.ok()?, quantity?))
}

/// A quantity as it was sent; `out_of_range` otherwise.
pub fn read_quantity(pointer: impl Into<String>, quantity: i64, errors: &mut Vec<FieldError>) -> Option<Quantity> {
    let parsed = u32::try_from(quantity).ok().and_then(|quantity| Quantity::new(quantity).ok());
    if parsed.is_none() {
        errors.push(FieldError::new(pointer, "out_of_range", domain::quantity::Error::OutOfRange.to_string()));
    }
    parsed
}

type Priced<'a> = (&'a RequestLine, i64, &'a Offer);

/// The lines with their unit prices and offers; those with which something is wrong are noted and left out.
fn price_lines<'a>(
    settings: &Settings,
    offers: &'a BTreeMap<Sku, Offer>,
    request: &'a Request,
    errors: &mut Vec<FieldError>,
) -> Vec<Priced<'a>> {
    let (currency, pointers) = (request.currency, &request.pointers);
    let mut unpriced = Vec::new();
    let mut priced = Vec::new();
    for (index, line) in request.lines.iter().enumerate() {
        let pointer = format!("{}/{index}/sku", pointers.lines);
        let Some(offer) = offers.get(&line.sku) else {
            errors.push(FieldError::new(pointer, "unknown_sku", format!("there is no {}", line.sku)));
            continue;
        };
        if !offer.purchasable && !request.by_staff {
            errors.push(FieldError::new(pointer, "not_for_sale", format!("{} is not for sale", line.sku)));
            continue;
        }
        match line.unit_price.or(offer.price) {
            Some(unit_price) => {
                if i128::from(line.discount.max(0)) > i128::from(unit_price.max(0)) * i128::from(line.quantity.get()) {
                    let pointer = format!("{}/{index}/discount", pointers.lines);
                    let message = pricing::Error::DiscountTooLarge.to_string();
                    errors.push(FieldError::new(pointer, "discount_too_large", message));
                }
                priced.push((line, unit_price, offer));
            }
            None => unpriced.push(line.sku.as_str()),
        }
    }
    if !request.by_staff && !settings.currencies.contains(&currency) {
        errors.push(not_sold_in(pointers, currency));
    } else if !unpriced.is_empty() {
        let message = format!("not sold in {currency}: {}", unpriced.join(", "));
        errors.push(FieldError::new(pointers.currency, "no_price_in_currency", message));
    }
    priced
}

/// The shop does not sell in this currency at all.
fn not_sold_in(pointers: &Pointers, currency: Currency) -> FieldError {
    FieldError::new(pointers.currency, "no_price_in_currency", format!("this shop does not sell in {currency}"))
}

fn no_shipping_to(pointers: &Pointers, country: Country) -> FieldError {
    FieldError::new(pointers.country, "no_shipping_to_country", format!("this shop does not send to {country}"))
}

/// Amounts that people name.
fn check_amounts(request: &Request, errors: &mut Vec<FieldError>) {
    let pointers = &request.pointers;
    let mut check = |pointer: String, amount: i64| {
        if !(0..=MAX_AMOUNT).contains(&amount) {
            let message = format!("an amount is 0 to {MAX_AMOUNT} minor units");
            errors.push(FieldError::new(pointer, "out_of_range", message));
        }
    };
    for (index, line) in request.lines.iter().enumerate() {
        check(format!("{}/{index}/unit_price", pointers.lines), line.unit_price.unwrap_or(0));
        check(format!("{}/{index}/discount", pointers.lines), line.discount);
    }
    check(pointers.order_discount.to_owned(), request.order_discount);
    if let ShippingRule::Amount(amount) = request.shipping {
        check(pointers.shipping_amount.to_owned(), amount);
    }
}

fn find_method<'a>(
    settings: &'a Settings,
    request: &Request,
    id: &str,
    errors: &mut Vec<FieldError>,
) -> Option<&'a settings::ShippingMethod> {
    let pointers = &request.pointers;
    let Some(country) = request.country else {
        let message = "shipping depends on the country";
        errors.push(FieldError::new(pointers.country, "required", message));
        return None;
    };
    // What it costs is asked later; here it is asked whether it can be had.
    let error = match settings.shipping(id, country, request.currency, 0) {
        Ok(_) => return settings.shipping_method(id),
        Err(settings::Error::NotToCountry)
            if settings.shipping_methods_to(country, request.currency).next().is_none() =>
        {
            no_shipping_to(pointers, country)
        }
        Err(settings::Error::NotToCountry) => {
            let message = format!("this method does not send to {country}");
            FieldError::new(pointers.shipping_method, "not_to_country", message)
        }
        Err(settings::Error::NoRateInCurrency) => {
            let message = format!("this method has no rate in {}", request.currency);
            FieldError::new(pointers.shipping_method, "no_rate_in_currency", message)
        }
        Err(error @ (settings::Error::UnknownMethod | settings::Error::Key)) => {
            FieldError::new(pointers.shipping_method, "unknown_shipping_method", error.to_string())
        }
    };
    // A country that tax does not know was told of already.
    if !errors.contains(&error) {
        errors.push(error);
    }
    None
}

fn option_of(
    method: &settings::ShippingMethod,
    currency: Currency,
    locale: &Locale,
    goods: i64,
) -> Option<ShippingOption> {
    let rate = method.rates.iter().find(|rate| rate.currency == currency)?;
    Some(ShippingOption {
        id: method.id.as_str().to_owned(),
        name: method.name_in(locale).as_str().to_owned(),
        amount: rate.for_subtotal(goods),
        estimate_days: method.estimate_days,
    })
}

fn input_line(line: &RequestLine, unit_price: i64) -> pricing::LineInput {
    pricing::LineInput { unit_price, quantity: line.quantity, discount: line.discount }
}

fn quoted_line((line, unit_price, offer): Priced<'_>, quote: pricing::LineQuote) -> QuotedLine {
    QuotedLine {
        sku: line.sku.clone(),
        product: offer.product.clone(),
        slug: offer.slug.clone(),
        title: line.title.clone().unwrap_or_else(|| offer.title.clone()),
        variant: offer.variant.clone(),
        image: offer.image.clone(),
        quantity: line.quantity,
        unit_price,
        discount: quote.discount,
        order_discount: quote.order_discount,
        tax: quote.tax,
        total: quote.total,
    }
}

/// What the amounts make impossible together; each alone was checked before.
fn unpriced(error: pricing::Error, pointers: &Pointers) -> Error {
    let (pointer, code) = match error {
        pricing::Error::Overflow | pricing::Error::Negative => (pointers.lines, "too_large"),
        pricing::Error::DiscountTooLarge => (pointers.order_discount, "discount_too_large"),
        pricing::Error::Rate => return Error::internal("a country's tax rate is above 100 %"),
    };
    Error::field(pointer, code, error.to_string())
}
