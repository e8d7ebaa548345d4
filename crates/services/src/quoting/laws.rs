//! What holds for any settings, any cart and any country: a price is refused with its reasons, or it adds up.
//! It knows no example; those are beside it.

use std::collections::BTreeMap;

use contracts::Kind;
use contracts::catalog::Offer;
use domain::country::Country;
use domain::ids::ProductId;
use domain::locale::Locale;
use domain::money::{Currency, MAX_AMOUNT};
use domain::pricing::TotalKind;
use domain::quantity::Quantity;
use domain::settings::{Settings, SettingsInput};
use domain::sku::Sku;
use proptest::prelude::*;
use serde_json::json;

use super::*;

const COUNTRIES: [&str; 4] = ["DE", "KR", "US", "KW"];
const CURRENCIES: [&str; 4] = ["EUR", "KRW", "KWD", "USD"];
const METHODS: [&str; 3] = ["standard", "express", "pickup"];

fn amount() -> impl Strategy<Value = i64> {
    prop_oneof![0..20_000i64, 0..20_000i64, Just(0), Just(MAX_AMOUNT)]
}

prop_compose! {
    fn a_country()(code in prop::sample::select(&COUNTRIES[..]), rate in 0..=1_000_000u32, included: bool) -> serde_json::Value {
        json!({"country": code, "tax_rate_ppm": rate, "prices_include_tax": included})
    }
}

prop_compose! {
    fn a_method()(
        id in prop::sample::select(&METHODS[..]),
        rates in prop::collection::btree_map(prop::sample::select(&CURRENCIES[..]), (amount(), prop::option::of(amount())), 0..4),
    ) -> (String, serde_json::Value) {
        let rates: Vec<_> = rates
            .into_iter()
            .map(|(currency, (amount, free))| json!({"currency": currency, "amount": amount, "free_above": free}))
            .collect();
        (id.to_owned(), json!({"id": id, "name": id, "rates": rates}))
    }
}

/// Settings that the shop takes.
fn settings() -> impl Strategy<Value = Settings> {
    let countries = prop::collection::vec(a_country(), 0..4);
    let methods =
        prop::collection::btree_map(a_method().prop_map(|(id, _)| id), a_method().prop_map(|(_, method)| method), 0..3);
    let sold = prop::collection::btree_set(prop::sample::select(&CURRENCIES[..]), 0..4);
    (countries, methods, sold).prop_filter_map("the shop takes them", |(countries, methods, sold)| {
        let mut known = std::collections::BTreeSet::new();
        let countries: Vec<_> =
            countries.into_iter().filter(|country| known.insert(country["country"].to_string())).collect();
        let codes: Vec<_> = countries.iter().map(|country| country["country"].clone()).collect();
        let methods: Vec<_> = methods
            .into_iter()
            .map(|(id, mut method)| {
                method["id"] = json!(id);
                method["countries"] = json!(codes);
                method
            })
            .collect();
        let input = json!({
            "default_locale": "en", "locales": ["en"], "currencies": sold, "countries": countries,
            "shipping_methods": methods,
        });
        serde_json::from_value::<SettingsInput>(input).ok()?.validate().ok()
    })
}

fn offers(prices: &[Option<i64>]) -> BTreeMap<Sku, Offer> {
    let offer = |(n, price): (usize, &Option<i64>)| {
        let offer = Offer {
            product: ProductId::from_bytes([1; 16]),
            slug: "thing".to_owned(),
            title: "Thing".to_owned(),
            variant: String::new(),
            price: *price,
            purchasable: n != 3,
            image: None,
        };
        (Sku::parse(&format!("S{n}")).unwrap(), offer)
    };
    prices.iter().enumerate().map(offer).collect()
}

prop_compose! {
    fn a_line()(n in 0..5usize, quantity in 1..=10_000u32, price in prop::option::weighted(0.2, amount()),
                discount in prop_oneof![4 => Just(0i64), 1 => amount(), 1 => Just(-1)]) -> RequestLine {
        let sku = Sku::parse(&format!("S{n}")).unwrap();
        RequestLine { sku, quantity: Quantity::new(quantity).unwrap(), unit_price: price, title: None, discount }
    }
}

fn shipping() -> impl Strategy<Value = ShippingRule> {
    prop_oneof![
        1 => Just(ShippingRule::None),
        3 => prop::sample::select(&METHODS[..]).prop_map(|id| ShippingRule::ByMethod(id.to_owned())),
        1 => amount().prop_map(ShippingRule::Amount),
    ]
}

prop_compose! {
    fn a_request()(
        currency in prop::sample::select(&CURRENCIES[..]),
        country in prop::option::weighted(0.9, prop::sample::select(&COUNTRIES[..])),
        lines in prop::collection::vec(a_line(), 0..8),
        order_discount in prop_oneof![3 => Just(0i64), 1 => amount()],
        taxed in prop::bool::weighted(0.9),
        shipping in shipping(),
        by_staff: bool,
    ) -> Request {
        Request {
            currency: Currency::parse(currency).unwrap(),
            locale: Locale::parse("en").unwrap(),
            country: country.map(|code| Country::parse(code).unwrap()),
            lines,
            order_discount,
            tax: if taxed { TaxRule::ByCountry } else { TaxRule::None },
            shipping,
            by_staff,
            pointers: Pointers::default(),
        }
    }
}

proptest! {
    // Many are refused.
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn a_price_adds_up_or_is_refused_with_reasons(
        settings in settings(),
        prices in prop::collection::vec(prop::option::weighted(0.9, amount()), 5),
        request in a_request(),
    ) {
        let quoted = match quote(&settings, &offers(&prices), &request) {
            Ok(quoted) => quoted,
            Err(error) => {
                prop_assert_eq!(error.kind, Kind::Invalid);
                prop_assert!(!error.fields.is_empty(), "{:?}", error);
                return Ok(());
            }
        };
        let others = quoted.totals.iter().filter(|entry| entry.kind != TotalKind::Total).map(|entry| entry.amount);
        prop_assert_eq!(quoted.total, others.sum::<i64>());
        prop_assert!((0..=MAX_AMOUNT).contains(&quoted.total) && quoted.tax_included >= 0);
        prop_assert_eq!(quoted.lines.len(), request.lines.len());
        let goods: i64 = quoted.lines.iter().map(|line| line.total - line.order_discount).sum();
        prop_assert_eq!(quoted.goods, goods);
        for (line, wished) in quoted.lines.iter().zip(&request.lines) {
            prop_assert_eq!(line.total, line.unit_price * i64::from(line.quantity.get()) - line.discount);
            prop_assert_eq!((line.quantity, line.discount), (wished.quantity, wished.discount));
        }
        let tax: i64 = quoted.lines.iter().map(|line| line.tax).sum::<i64>() + quoted.shipping_tax;
        let told: i64 = quoted.totals.iter().filter(|entry| entry.kind == TotalKind::Tax).map(|entry| entry.amount).sum();
        prop_assert_eq!(tax, if quoted.prices_include_tax { quoted.tax_included } else { told });
        if let (Some(chosen), Some(country)) = (&quoted.shipping, request.country) {
            let offered = shipping_options(&settings, country, request.currency, &request.locale, quoted.goods);
            prop_assert!(offered.contains(chosen), "what is chosen is what was offered: {:?} of {:?}", chosen, offered);
        }
    }
}
