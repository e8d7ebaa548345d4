//! What lines cost in this shop: resolves offers, prices, shipping and tax, the same way for quotes, carts and orders.
//! It does not know where the lines come from, and it fetches nothing: settings and offers are given.

#[cfg(test)]
mod laws;

use std::collections::BTreeMap;

use contracts::Error;
use contracts::catalog::Offer;
use domain::country::Country;
use domain::field::FieldError;
use domain::ids::ProductId;
use domain::locale::Locale;
use domain::money::{Currency, MAX_AMOUNT};
use domain::pricing::{self, Total};
use domain::quantity::Quantity;
use domain::settings::{self, Settings};
use domain::sku::Sku;

/// What is to be priced.
#[derive(Debug, Clone)]
pub struct Request {
    pub currency: Currency,
    /// In which the shipping method is named.
    pub locale: Locale,
    /// `None` until it is known.
    pub country: Option<Country>,
    pub lines: Vec<RequestLine>,
    /// Taken off the whole, in minor units, not negative.
    pub order_discount: i64,
    pub tax: TaxRule,
    pub shipping: ShippingRule,
    /// Staff may sell what is not for sale, and in currencies that the shop does not offer, at prices they name.
    pub by_staff: bool,
    /// Where the caller's body has these things.
    pub pointers: Pointers,
}

#[derive(Debug, Clone)]
pub struct RequestLine {
    pub sku: Sku,
    pub quantity: Quantity,
    /// Instead of the offer's price.
    pub unit_price: Option<i64>,
    /// Instead of the offer's title.
    pub title: Option<String>,
    /// Taken off the whole line, not negative.
    pub discount: i64,
}

impl RequestLine {
    /// At the shop's own price.
    pub fn new(sku: Sku, quantity: Quantity) -> Self {
        Self { sku, quantity, unit_price: None, title: None, discount: 0 }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaxRule {
    /// As the country has it; none while the country is not known.
    ByCountry,
    None,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShippingRule {
    /// The id of one of the shop's methods.
    ByMethod(String),
    /// An amount that staff name.
    Amount(i64),
    /// Nothing is sent, or no method is chosen yet.
    None,
}

/// JSON pointers into the caller's body; a line's is `{lines}/3/sku`.
#[derive(Debug, Clone, Copy)]
pub struct Pointers {
    pub lines: &'static str,
    pub currency: &'static str,
    pub country: &'static str,
    pub shipping_method: &'static str,
    pub shipping_amount: &'static str,
    pub order_discount: &'static str,
}

impl Default for Pointers {
    fn default() -> Self {
        Self {
            lines: "/lines",
            currency: "/currency",
            country: "/country",
            shipping_method: "/shipping_method",
            shipping_amount: "/shipping_amount",
            order_discount: "/discount",
        }
    }
}

/// What it comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quoted {
    pub currency: Currency,
    /// One per line of the request, in its order.
    pub lines: Vec<QuotedLine>,
    /// One `subtotal`, one `total`; all but `total` add up to it.
    pub totals: Vec<Total>,
    /// Tax that the total includes without an entry of its own.
    pub tax_included: i64,
    /// Whether this country's prices include tax; false while it is not known.
    pub prices_include_tax: bool,
    /// Tax on shipping, on top or included as that of the lines is.
    pub shipping_tax: i64,
    /// Set when a method was chosen.
    pub shipping: Option<ShippingOption>,
    /// What lines come to, all discounts taken off: the sum on which free shipping depends.
    pub goods: i64,
    pub total: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotedLine {
    pub sku: Sku,
    pub product: ProductId,
    pub slug: String,
    pub title: String,
    /// Such as `Large / Blue`; empty for a product without options.
    pub variant: String,
    pub image: Option<String>,
    pub quantity: Quantity,
    pub unit_price: i64,
    /// The line's own discount.
    pub discount: i64,
    /// The line's share of the order's discount.
    pub order_discount: i64,
    /// On top of `total`, or included in it where prices include tax.
    pub tax: i64,
    /// `unit_price × quantity - discount`.
    pub total: i64,
}

/// A way to send, and what it costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShippingOption {
    pub id: String,
    /// In the reader's language.
    pub name: String,
    pub amount: i64,
    /// The fewest and the most days that it takes.
    pub estimate_days: Option<(u16, u16)>,
}

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

#[cfg(test)]
mod tests {
    use domain::pricing::TotalKind;
    use domain::settings::SettingsInput;

    use super::*;

    const SHOP: &str = r#"{
        "default_locale": "en", "locales": ["en", "de"], "currencies": ["USD", "EUR", "JPY", "KRW", "KWD"],
        "countries": [
            {"country": "DE", "tax_rate_ppm": 190000, "prices_include_tax": true},
            {"country": "JP", "tax_rate_ppm": 100000, "prices_include_tax": true},
            {"country": "KR", "tax_rate_ppm": 100000, "prices_include_tax": true},
            {"country": "KW", "tax_rate_ppm": 0},
            {"country": "US", "tax_rate_ppm": 82500}
        ],
        "shipping_methods": [
            {"id": "standard", "name": "Standard", "translations": {"de": {"name": "Normal"}}, "estimate_days": [3, 7],
             "countries": ["DE", "JP", "KR", "US"],
             "rates": [{"currency": "USD", "amount": 690, "free_above": 7500}, {"currency": "JPY", "amount": 800},
                       {"currency": "KRW", "amount": 3000}, {"currency": "EUR", "amount": 490}]},
            {"id": "express", "name": "Express", "countries": ["US"], "rates": [{"currency": "USD", "amount": 1990}]}
        ]
    }"#;

    fn settings() -> Settings {
        serde_json::from_str::<SettingsInput>(SHOP).unwrap().validate().unwrap()
    }

    fn sku(text: &str) -> Sku {
        Sku::parse(text).unwrap()
    }

    fn offers(price: i64) -> BTreeMap<Sku, Offer> {
        let offer = Offer {
            product: ProductId::from_bytes([1; 16]),
            slug: "mug".to_owned(),
            title: "Mug".to_owned(),
            variant: "Large".to_owned(),
            price: Some(price),
            purchasable: true,
            image: None,
        };
        let gone = Offer { purchasable: false, ..offer.clone() };
        let unpriced = Offer { price: None, ..offer.clone() };
        BTreeMap::from([(sku("A1"), offer), (sku("GONE"), gone), (sku("UNPRICED"), unpriced)])
    }

    fn line(text: &str, quantity: u32) -> RequestLine {
        RequestLine::new(sku(text), Quantity::new(quantity).unwrap())
    }

    fn request(currency: &str, country: Option<&str>, lines: Vec<RequestLine>) -> Request {
        Request {
            currency: Currency::parse(currency).unwrap(),
            locale: Locale::parse("de-AT").unwrap(),
            country: country.map(|code| Country::parse(code).unwrap()),
            lines,
            order_discount: 0,
            tax: TaxRule::ByCountry,
            shipping: ShippingRule::None,
            by_staff: false,
            pointers: Pointers::default(),
        }
    }

    fn by_method(id: &str) -> ShippingRule {
        ShippingRule::ByMethod(id.to_owned())
    }

    fn told(request: &Request) -> Vec<String> {
        let error = quote(&settings(), &offers(1299), request).unwrap_err();
        assert_eq!(error.kind, contracts::Kind::Invalid);
        error.fields.into_iter().map(|field| format!("{} {}", field.pointer, field.code)).collect()
    }

    fn amounts(quoted: &Quoted) -> Vec<(TotalKind, i64)> {
        quoted.totals.iter().map(|total| (total.kind, total.amount)).collect()
    }

    #[test]
    fn every_exponent_adds_up() {
        for (currency, country, price, total, included) in [
            ("JPY", "JP", 1_980, 3_960 + 800, 360 + 73),
            ("KRW", "KR", 32_000, 64_000 + 3_000, 5_818 + 273),
            ("EUR", "DE", 1_299, 2_598 + 490, 415 + 78),
        ] {
            let request =
                Request { shipping: by_method("standard"), ..request(currency, Some(country), vec![line("A1", 2)]) };
            let quoted = quote(&settings(), &offers(price), &request).unwrap();
            assert_eq!((quoted.total, quoted.tax_included), (total, included), "{currency}");
            assert!(quoted.prices_include_tax);
        }
        let dinars = quote(&settings(), &offers(4_250), &request("KWD", Some("KW"), vec![line("A1", 3)])).unwrap();
        assert_eq!(amounts(&dinars), [(TotalKind::Subtotal, 12_750), (TotalKind::Total, 12_750)]);
    }

    #[test]
    fn tax_on_top_and_shipping_are_entries() {
        let request = Request { shipping: by_method("standard"), ..request("USD", Some("US"), vec![line("A1", 2)]) };
        let quoted = quote(&settings(), &offers(1_299), &request).unwrap();
        // 8.25 % of 2598 is 214.3, of 690 is 56.9.
        let expected = [
            (TotalKind::Subtotal, 2_598),
            (TotalKind::Fulfillment, 690),
            (TotalKind::Tax, 271),
            (TotalKind::Total, 3_559),
        ];
        assert_eq!(amounts(&quoted), expected);
        assert_eq!((quoted.lines[0].tax, quoted.shipping_tax, quoted.goods), (214, 57, 2_598));
        assert_eq!(quoted.shipping.unwrap().name, "Normal");
    }

    #[test]
    fn free_shipping_depends_on_goods_after_discounts() {
        let free = Request { shipping: by_method("standard"), ..request("USD", Some("US"), vec![line("A1", 6)]) };
        assert_eq!(quote(&settings(), &offers(1_250), &free).unwrap().shipping.unwrap().amount, 0);
        let discounted = Request { order_discount: 1, ..free };
        assert_eq!(quote(&settings(), &offers(1_250), &discounted).unwrap().shipping.unwrap().amount, 690);
        let options = shipping_options(
            &settings(),
            Country::parse("US").unwrap(),
            Currency::parse("USD").unwrap(),
            &Locale::parse("en").unwrap(),
            7_500,
        );
        let told: Vec<_> = options.iter().map(|option| (option.id.as_str(), option.amount)).collect();
        assert_eq!(told, [("standard", 0), ("express", 1_990)]);
    }

    #[test]
    fn without_a_country_there_is_no_tax() {
        let quoted = quote(&settings(), &offers(1_299), &request("EUR", None, vec![line("A1", 1)])).unwrap();
        assert_eq!(amounts(&quoted), [(TotalKind::Subtotal, 1_299), (TotalKind::Total, 1_299)]);
        assert_eq!((quoted.tax_included, quoted.prices_include_tax), (0, false));
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let lines = vec![line("A1", 1), line("NONE", 1), line("GONE", 1), line("UNPRICED", 1)];
        let wrong = Request { shipping: by_method("standard"), ..request("USD", Some("FR"), lines) };
        assert_eq!(
            told(&wrong),
            [
                "/lines/1/sku unknown_sku",
                "/lines/2/sku not_for_sale",
                "/currency no_price_in_currency",
                "/country no_shipping_to_country",
            ]
        );
        assert_eq!(told(&request("CHF", None, vec![line("A1", 1)])), ["/currency no_price_in_currency"]);
    }

    #[test]
    fn shipping_methods_must_fit() {
        let with = |currency, country, id| Request {
            shipping: by_method(id),
            ..request(currency, country, vec![line("A1", 1)])
        };
        assert_eq!(told(&with("USD", Some("US"), "balloon")), ["/shipping_method unknown_shipping_method"]);
        assert_eq!(told(&with("USD", Some("DE"), "express")), ["/shipping_method not_to_country"]);
        assert_eq!(told(&with("USD", Some("KW"), "standard")), ["/country no_shipping_to_country"]);
        assert_eq!(told(&with("EUR", Some("US"), "express")), ["/shipping_method no_rate_in_currency"]);
        assert_eq!(told(&with("USD", None, "standard")), ["/country required"]);
    }

    #[test]
    fn amounts_must_make_sense() {
        let mut priced = line("A1", 2);
        priced.unit_price = Some(-1);
        priced.discount = -1;
        let negative = Request {
            order_discount: -1,
            shipping: ShippingRule::Amount(-1),
            ..request("USD", None, vec![priced.clone()])
        };
        assert_eq!(
            told(&negative),
            [
                "/lines/0/unit_price out_of_range",
                "/lines/0/discount out_of_range",
                "/discount out_of_range",
                "/shipping_amount out_of_range"
            ]
        );
        priced.unit_price = Some(MAX_AMOUNT);
        priced.discount = 0;
        assert_eq!(told(&request("USD", None, vec![priced])), ["/lines too_large"]);
        let too_much = Request { order_discount: 1_300, ..request("USD", None, vec![line("A1", 1)]) };
        assert_eq!(told(&too_much), ["/discount discount_too_large"]);
    }

    #[test]
    fn staff_name_prices_and_sell_what_is_not_for_sale() {
        let mut sold = line("GONE", 2);
        sold.unit_price = Some(500);
        sold.title = Some("Sample".to_owned());
        sold.discount = 100;
        let draft = Request {
            order_discount: 50,
            tax: TaxRule::None,
            shipping: ShippingRule::Amount(300),
            by_staff: true,
            ..request("CHF", Some("CH"), vec![sold])
        };
        let quoted = quote(&settings(), &offers(1_299), &draft).unwrap();
        assert_eq!((quoted.total, quoted.goods), (1_150, 850));
        let line = &quoted.lines[0];
        assert_eq!(
            (line.title.as_str(), line.unit_price, line.discount, line.order_discount),
            ("Sample", 500, 100, 50)
        );
    }

    #[test]
    fn lines_are_read_with_their_pointers() {
        let mut errors = Vec::new();
        assert!(read_line("/lines/0", "A1", 1, &mut errors).is_some());
        for (sku, quantity) in [("", 0), ("A1", 10_000_000), (" A1", i64::MIN)] {
            assert_eq!(read_line("/lines/3", sku, quantity, &mut errors), None);
        }
        let told: Vec<_> = errors.iter().map(|error| format!("{} {}", error.pointer, error.code)).collect();
        assert_eq!(
            told,
            [
                "/lines/3/sku invalid_sku",
                "/lines/3/quantity out_of_range",
                "/lines/3/quantity out_of_range",
                "/lines/3/sku invalid_sku",
                "/lines/3/quantity out_of_range"
            ]
        );
    }
}
