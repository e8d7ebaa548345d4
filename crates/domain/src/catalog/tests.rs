//! Products given, changes made, facts expected.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::field::FieldError;
use crate::ids::{MediaId, ProductId, VariantId};
use crate::locale::Locale;
use crate::money::Currency;
use crate::sku::Sku;
use crate::text::Slug;

const MUG: &str = r#"{
    "title": "Blue Mug", "description": "Holds tea.\nOr coffee.", "brand": "Kiln", "categories": ["cups"],
    "attributes": {"material": "stoneware"},
    "options": [{"name": "Size", "values": ["S", "L"]}],
    "variants": [
        {"sku": "MUG-S", "options": {"Size": "S"}, "gtin": "4006381333931",
         "prices": [{"amount": 1299, "currency": "USD"}, {"amount": 18000, "currency": "KRW"}]},
        {"sku": "MUG-L", "options": {"Size": "L"}, "prices": [{"amount": 1599, "currency": "USD"}],
         "compare_at_prices": [{"amount": 1999, "currency": "USD"}]}
    ],
    "images": [{"media": "med_00000000000000000000000001", "alt": "A mug"}],
    "translations": {
        "ko": {"title": "파란 머그컵", "options": {"Size": {"name": "크기", "values": {"S": "소"}}},
               "attributes": {"material": "도기"}, "image_alts": {"med_00000000000000000000000001": "머그컵"}},
        "ko-KP": {"description": "차를 담는다."}
    }
}"#;

fn mug() -> ProductInput {
    serde_json::from_str(MUG).unwrap()
}

fn draft(change: impl FnOnce(&mut ProductInput)) -> Draft {
    let mut input = mug();
    change(&mut input);
    input.validate().unwrap()
}

fn told(change: impl FnOnce(&mut ProductInput)) -> Vec<String> {
    let mut input = mug();
    change(&mut input);
    let errors: Vec<FieldError> = input.validate().expect_err("errors");
    errors.into_iter().map(|error| format!("{} {}", error.pointer, error.code)).collect()
}

fn ids(from: u8, count: u8) -> Vec<VariantId> {
    (from..from + count).map(|n| VariantId::from_bytes([n; 16])).collect()
}

fn product_id() -> ProductId {
    ProductId::from_bytes([1; 16])
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn given(facts: &[Fact]) -> State {
    let mut state = State::default();
    for (second, fact) in (1..).zip(facts) {
        state.apply(fact, at(second));
    }
    state
}

fn shop_with_mug() -> State {
    given(&create(&State::default(), product_id(), &draft(|_| {}), &ids(1, 2)).unwrap())
}

fn content(state: &State) -> &Content {
    &state.product().unwrap().content
}

fn applied(state: &State, facts: &[Fact]) -> State {
    let mut state = state.clone();
    facts.iter().for_each(|fact| state.apply(fact, at(100)));
    state
}

#[test]
fn a_product_is_created_once() {
    let state = shop_with_mug();
    let product = state.product().unwrap();
    assert_eq!((product.version, product.created_at, product.content.slug.as_str()), (1, at(1), "blue-mug"));
    assert_eq!(product.content.status, Status::Active);
    assert_eq!(product.content.variants[1].id, ids(1, 2)[1]);
    assert_eq!(create(&state, product_id(), &draft(|_| {}), &ids(1, 2)), Err(Error::AlreadyExists));
    let too_few = Err(Error::TooFewVariantIds { needed: 2, given: 1 });
    assert_eq!(create(&State::default(), product_id(), &draft(|_| {}), &ids(1, 1)), too_few);
    let with_id = draft(|input| input.variants[1].id = Some(ids(1, 1)[0].to_string()));
    let refused = create(&State::default(), product_id(), &with_id, &ids(1, 2)).unwrap_err();
    assert_eq!(refused.field().unwrap().pointer, "/variants/1/id");
}

#[test]
fn nothing_changed_is_no_fact() {
    let state = shop_with_mug();
    assert_eq!(replace(&state, &draft(|_| {}), &[]), Ok(vec![]));
    assert_eq!(replace(&State::default(), &draft(|_| {}), &[]), Err(Error::NotFound));
}

#[test]
fn only_what_changed_is_told() {
    let state = shop_with_mug();
    let draft = draft(|input| {
        input.title = "Green Mug".to_owned();
        input.variants[1].prices[0].amount = 1499;
        input.translations.remove("ko-KP");
    });
    let facts = replace(&state, &draft, &[]).unwrap();
    let [Fact::Changed { sections }] = &facts[..] else { panic!("{facts:?}") };
    let [Section::Title { .. }, Section::Variants { put, removed, order }, Section::Translations { .. }] =
        &sections[..]
    else {
        panic!("{sections:?}")
    };
    assert_eq!((put.len(), removed.len(), order), (1, 0, &None));
    let after = applied(&state, &facts);
    assert_eq!(content(&after).slug.as_str(), "blue-mug");
    assert_eq!(content(&after).translations.len(), 1);
    assert_eq!((after.product().unwrap().version, after.product().unwrap().updated_at), (2, at(100)));
    assert_eq!(replace(&after, &draft, &[]), Ok(vec![]));
}

#[test]
fn a_variant_stays_itself_by_id_or_by_sku() {
    let state = shop_with_mug();
    let draft = draft(|input| {
        input.variants.reverse();
        input.variants[0].id = Some(ids(1, 2)[1].to_string());
        input.variants[0].sku = "MUG-XL".to_owned();
        input.options[0].values.push("M".to_owned());
        let mut third = input.variants[1].clone();
        third.sku = "MUG-L".to_owned();
        third.options.insert("Size".to_owned(), "M".to_owned());
        input.variants.push(third);
    });
    let facts = replace(&state, &draft, &ids(9, 3)).unwrap();
    let after = applied(&state, &facts);
    let told: Vec<(&str, &VariantId)> =
        content(&after).variants.iter().map(|variant| (variant.sku.as_str(), &variant.id)).collect();
    let (old, new) = (ids(1, 2), ids(9, 1));
    // `MUG-L` was the SKU of a variant that is named by its id: what has that SKU now is another one.
    assert_eq!(told, [("MUG-XL", &old[1]), ("MUG-S", &old[0]), ("MUG-L", &new[0])]);
    assert_eq!(draft.claims(&state), after.claims());
}

#[test]
fn claims_follow_slug_and_skus() {
    let state = shop_with_mug();
    let skus = |texts: &[&str]| texts.iter().map(|text| Sku::parse(text).unwrap()).collect::<BTreeSet<_>>();
    assert_eq!(State::default().claims(), Claims::default());
    assert_eq!(state.claims().skus, skus(&["MUG-S", "MUG-L"]));
    let draft = draft(|input| {
        input.slug = Some("mug".to_owned());
        input.variants.remove(0);
    });
    let after = applied(&state, &replace(&state, &draft, &[]).unwrap());
    assert_eq!(after.claims(), Claims { slug: Some(Slug::parse("mug").unwrap()), skus: skus(&["MUG-L"]) });
    assert_eq!(draft.claims(&state), after.claims());
    assert_eq!(content(&after).variants[0].id, ids(1, 2)[1]);
}

#[test]
fn a_product_is_archived_and_comes_back() {
    let state = shop_with_mug();
    assert_eq!(archive(&State::default()), Err(Error::NotFound));
    let facts = archive(&state).unwrap();
    assert_eq!(serde_json::to_string(&facts).unwrap(), r#"[{"archived":{}}]"#);
    let archived = applied(&state, &facts);
    assert_eq!(archive(&archived), Ok(vec![]));
    assert!(!archived.product().unwrap().is_for_sale());
    assert_eq!(archived.claims(), state.claims());
    assert_eq!(replace(&archived, &draft(|_| {}), &[]), Ok(vec![]));
    assert_eq!(restore(&archived, Status::Draft), Ok(vec![Fact::Restored { status: Status::Draft }]));
    assert_eq!(restore(&archived, Status::Archived), Err(Error::RestoredAsArchived));

    let with_status = |status| draft(|input| input.status = Some(status));
    let sold_again = Ok(vec![Fact::Restored { status: Status::Active }]);
    assert_eq!(replace(&archived, &with_status(Status::Active), &[]), sold_again);
    assert_eq!(replace(&state, &with_status(Status::Archived), &[]), Ok(vec![Fact::Archived {}]));
    let section = Section::Status { status: Status::Draft };
    assert_eq!(replace(&state, &with_status(Status::Draft), &[]), Ok(vec![Fact::Changed { sections: vec![section] }]));
}

#[test]
fn products_and_facts_are_kept_as_json() {
    let state = shop_with_mug();
    let facts = create(&State::default(), product_id(), &draft(|_| {}), &ids(1, 2)).unwrap();
    let json = serde_json::to_string(&facts).unwrap();
    assert!(json.starts_with(r#"[{"created":{"id":"prd_"#), "{json}");
    assert_eq!(serde_json::from_str::<Vec<Fact>>(&json).unwrap(), facts);
    let json = serde_json::to_string(state.product().unwrap()).unwrap();
    assert!(json.contains(r#","slug":"blue-mug","status":"active""#), "{json}");
    assert_eq!(serde_json::from_str::<Product>(&json).unwrap(), *state.product().unwrap());
    // What is read can be sent back.
    assert_eq!(serde_json::from_str::<ProductInput>(&json).unwrap().validate().map(|_| ()), Ok(()));
}

#[test]
fn texts_fall_back_piece_by_piece() {
    let state = shop_with_mug();
    let content = content(&state);
    let (size, image) = (&content.options[0], &content.images[0]);
    let korean = content.text_in(&Locale::parse("ko-KP").unwrap());
    assert_eq!((korean.title().as_str(), korean.description()), ("파란 머그컵", "차를 담는다."));
    assert_eq!(korean.option_name(&size.name).as_str(), "크기");
    assert_eq!(korean.option_value(&size.name, &size.values[0]).as_str(), "소");
    assert_eq!(korean.option_value(&size.name, &size.values[1]).as_str(), "L");
    assert_eq!((korean.attribute("material"), korean.image_alt(image)), (Some("도기"), "머그컵"));
    assert_eq!(korean.attributes(), BTreeMap::from([("material", "도기")]));
    let german = content.text_in(&Locale::parse("de").unwrap());
    assert_eq!((german.title().as_str(), german.image_alt(image)), ("Blue Mug", "A mug"));
    assert_eq!((german.attribute("material"), german.attribute("colour")), (Some("stoneware"), None));
}

#[test]
fn prices_are_found_by_currency() {
    let state = shop_with_mug();
    let amounts = |code| {
        let range = content(&state).price_range_in(Currency::parse(code).unwrap())?;
        Some((range.0.amount(), range.1.amount()))
    };
    assert_eq!(amounts("USD"), Some((1299, 1599)));
    assert_eq!(amounts("KRW"), Some((18000, 18000)));
    assert_eq!(amounts("EUR"), None);
    let large = content(&state).variant_by_sku(&Sku::parse("MUG-L").unwrap()).unwrap();
    assert_eq!(large.compare_at_price_in(Currency::parse("USD").unwrap()).unwrap().amount(), 1999);
}

#[test]
fn all_that_is_wrong_with_variants_is_told() {
    let told = told(|input| {
        input.variants[1].sku = "MUG-S".to_owned();
        input.variants[1].options.insert("Size".to_owned(), "S".to_owned());
        let mut third = input.variants[0].clone();
        third.sku = " x".to_owned();
        third.id = Some("var_1".to_owned());
        third.image = Some("prd_1".to_owned());
        third.gtin = Some("4006381333932".to_owned());
        third.options = BTreeMap::from([("Colour/Hue".to_owned(), "Blue".to_owned())]);
        third.prices[0].amount = -1;
        third.prices[1].currency = "USD".to_owned();
        input.variants.push(third);
        let mut fourth = input.variants[0].clone();
        fourth.sku = "MUG-4".to_owned();
        fourth.options.insert("Size".to_owned(), "XXL".to_owned());
        fourth.prices[0].currency = "usd".to_owned();
        fourth.compare_at_prices = vec![MoneyInput { amount: i64::MAX, currency: "USD".to_owned() }];
        input.variants.push(fourth);
    });
    assert_eq!(
        told,
        [
            "/variants/1/sku duplicate",
            "/variants/1/options duplicate_options",
            "/variants/2/id invalid_id",
            "/variants/2/sku invalid_sku",
            "/variants/2/gtin invalid_gtin",
            "/variants/2/image invalid_id",
            "/variants/2/options/Colour~1Hue unknown_option",
            "/variants/2/options missing_option",
            "/variants/2/prices/1/currency duplicate",
            "/variants/2/prices/0/amount negative",
            "/variants/3/options/Size unknown_option_value",
            "/variants/3/prices/0/currency unknown_currency",
            "/variants/3/compare_at_prices/0/amount too_large",
        ]
    );
}

#[test]
fn all_that_is_wrong_with_the_rest_is_told() {
    let told = told(|input| {
        input.title = " ".to_owned();
        input.slug = Some("No Slug".to_owned());
        input.description = Some("x".repeat(20_001));
        input.categories = vec!["cups".to_owned(), "cups".to_owned()];
        input.attributes.insert("Not Snake".to_owned(), "x".to_owned());
        input.attributes.insert("empty".to_owned(), " ".to_owned());
        input.options.push(OptionInput { name: "Size".to_owned(), values: vec![] });
        input.variants.clear();
        input.images.push(input.images[0].clone());
        let korean = input.translations.get_mut("ko").unwrap();
        korean.options.insert("Colour".to_owned(), OptionTextInput::default());
        korean.attributes.insert("weight".to_owned(), "1".to_owned());
        input.translations.insert("KO".to_owned(), TranslationInput::default());
    });
    assert_eq!(
        told,
        [
            "/title invalid",
            "/slug invalid_slug",
            "/description too_long",
            "/categories/1 duplicate",
            "/attributes/Not Snake invalid_key",
            "/attributes/empty required",
            "/options/1/name duplicate",
            "/options/1/values required",
            "/variants required",
            "/images/1/media duplicate",
            "/translations/ko/options/Colour unknown_option",
            "/translations/ko/attributes/weight unknown_attribute",
            "/translations/ko duplicate",
        ]
    );
}

#[test]
fn there_are_limits() {
    let many = |count: usize| {
        told(|input| {
            input.options.clear();
            input.translations.clear();
            input.variants = vec![input.variants[0].clone(); count];
        })
    };
    assert_eq!(many(2001), ["/variants too_many"]);
    assert_eq!(told(|input| input.images = vec![input.images[0].clone(); 51])[0], "/images too_many");
    assert_eq!(told(|input| input.categories = vec!["a".to_owned(); 21]), ["/categories too_many"]);
    assert!(mug().validate().unwrap().images()[0].media == MediaId::from_bytes((1u128).to_be_bytes()));
}

/// A few variants in any order, with or without their ids, at any price.
fn any_draft() -> impl Strategy<Value = Draft> {
    let variant = (0usize..6, 0i64..3);
    (prop::collection::vec(variant, 1..6), "[ab]", prop::option::of(0usize..3)).prop_map(|(variants, title, status)| {
        let mut seen = BTreeSet::new();
        let variants: Vec<(usize, i64)> = variants.into_iter().filter(|(n, _)| seen.insert(*n)).collect();
        draft(|input| {
            input.title = title;
            input.status = status.map(|index| [Status::Draft, Status::Active, Status::Archived][index]);
            input.options[0].values = (0..6).map(|n| n.to_string()).collect();
            input.translations.clear();
            let template = input.variants[1].clone();
            let variant = |(n, amount): (usize, i64)| VariantInput {
                sku: format!("SKU-{n}"),
                options: BTreeMap::from([("Size".to_owned(), n.to_string())]),
                prices: vec![MoneyInput { amount, currency: "USD".to_owned() }],
                ..template.clone()
            };
            input.variants = variants.into_iter().map(variant).collect();
        })
    })
}

proptest! {
    #[test]
    fn after_a_replacement_the_product_is_what_was_sent(first in any_draft(), second in any_draft()) {
        let before = given(&create(&State::default(), product_id(), &first, &ids(1, 6)).unwrap());
        let facts = replace(&before, &second, &ids(11, 6)).unwrap();
        let after = applied(&before, &facts);

        let mut sent = second.content.clone();
        sent.slug = content(&before).slug.clone();
        sent.status = if second.has_own_status { sent.status } else { content(&before).status };
        sent.variants = content(&after).variants.clone();
        prop_assert_eq!(content(&after), &sent);
        let skus: Vec<&Sku> = content(&after).variants.iter().map(|variant| &variant.sku).collect();
        prop_assert_eq!(skus, second.variants.iter().map(|variant| &variant.sku).collect::<Vec<_>>());
        for (is, wanted) in content(&after).variants.iter().zip(&second.variants) {
            prop_assert_eq!(&is.prices, &wanted.prices);
            if let Some(old) = content(&before).variant_by_sku(&is.sku) {
                prop_assert_eq!(&old.id, &is.id);
            }
        }
        prop_assert_eq!(replace(&after, &second, &ids(21, 6)), Ok(vec![]));
        prop_assert_eq!(second.claims(&before), after.claims());
    }
}

#[test]
fn a_product_written_as_it_is_stays_as_it_is() {
    let state = given(&create(&State::default(), product_id(), &draft(with_html), &ids(1, 2)).unwrap());
    let input = ProductInput::from(content(&state));
    assert_eq!(replace(&state, &input.validate().unwrap(), &[]), Ok(Vec::new()));
}

fn with_html(input: &mut ProductInput) {
    input.description_html = Some("<p>Blue.</p>".to_owned());
    input.image_urls = serde_json::from_str(r#"[{"url": "https://x.example/a.jpg", "skus": ["MUG-S"]}]"#).unwrap();
    let korean = input.translations.get_mut("ko").unwrap();
    (korean.description, korean.description_html) = (Some("파란".to_owned()), Some("<p>파란</p>".to_owned()));
}

#[test]
fn structure_goes_with_the_text_that_it_is_of() {
    let state = given(&create(&State::default(), product_id(), &draft(with_html), &ids(1, 2)).unwrap());
    let html = |tag| content(&state).text_in(&Locale::parse(tag).unwrap()).description_html();
    assert_eq!(html("en"), Some("<p>Blue.</p>"));
    assert_eq!(html("ko"), Some("<p>파란</p>"));
    assert_eq!(html("ko-KP"), None, "its text has none");
}

#[test]
fn what_was_not_fetched_is_an_address_on_the_web() {
    let told = |url: &str| {
        told(|input| input.image_urls.push(ImageUrlInput { url: url.to_owned(), ..ImageUrlInput::default() }))
    };
    for bad in
        ["", "picture.jpg", "/media/x.jpg", "file:///etc/passwd", "ftp://x.example/a", "https://", "https://a b/c"]
    {
        assert_eq!(told(bad), ["/image_urls/0/url invalid_url"], "{bad}");
    }
    assert_eq!(told("https://user:pass@x.example/a.jpg"), ["/image_urls/0/url invalid_url"]);
}

#[test]
fn a_picture_keeps_the_address_that_it_came_from() {
    let fetched = |input: &mut ProductInput| input.images[0].source = Some("https://x.example/a.jpg".to_owned());
    let state = given(&create(&State::default(), product_id(), &draft(fetched), &ids(1, 2)).unwrap());
    assert_eq!(replace(&state, &draft(|_| {}), &[]), Ok(Vec::new()));
}
