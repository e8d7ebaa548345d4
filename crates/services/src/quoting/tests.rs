//! Quotes of one shop with five currencies, and everything that can be wrong with what is asked.

use domain::ids::ProductId;
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
    let expected =
        [(TotalKind::Subtotal, 2_598), (TotalKind::Fulfillment, 690), (TotalKind::Tax, 271), (TotalKind::Total, 3_559)];
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
    let with =
        |currency, country, id| Request { shipping: by_method(id), ..request(currency, country, vec![line("A1", 1)]) };
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
    assert_eq!((line.title.as_str(), line.unit_price, line.discount, line.order_discount), ("Sample", 500, 100, 50));
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
