//! Product forms as they are filled in, and what is read of them.

use domain::catalog::{Content, ProductInput, State, create};
use domain::ids::{ProductId, VariantId};
use domain::settings::{Settings, SettingsInput};
use jiff::Timestamp;

use super::form::*;
use super::matrix::TooMany;
use super::rows::Error;
use crate::admin::typed::Typed;

const MUG: &str = r#"{
    "title": "Blue Mug", "description_html": "<p>Holds <b>tea</b>.</p>", "description": "Holds tea.", "brand": "Kiln",
    "categories": ["cups"], "attributes": {"material": "stoneware", "net_weight": "300 g"},
    "options": [{"name": "Size", "values": ["S", "L"]}, {"name": "Colour", "values": ["Blue"]}],
    "variants": [
        {"sku": "MUG-S-BLUE", "options": {"Size": "S", "Colour": "Blue"}, "gtin": "4006381333931",
         "prices": [{"amount": 1299, "currency": "USD"}, {"amount": 18000, "currency": "KRW"}]},
        {"sku": "MUG-L-BLUE", "options": {"Size": "L", "Colour": "Blue"}, "prices": [{"amount": 1599, "currency": "USD"}],
         "compare_at_prices": [{"amount": 1999, "currency": "USD"}], "image": "med_00000000000000000000000001"}
    ],
    "images": [{"media": "med_00000000000000000000000001", "alt": "A mug", "source": "https://elsewhere.example/mug.jpg"}],
    "image_urls": [{"url": "https://elsewhere.example/other.jpg"}],
    "translations": {
        "ko": {"title": "파란 머그컵", "options": {"Size": {"name": "크기", "values": {"S": "소"}}},
               "attributes": {"material": "도기"}, "image_alts": {"med_00000000000000000000000001": "머그컵"}},
        "de": {"description": "Für Tee."}
    }
}"#;

fn content() -> Content {
    let input: ProductInput = serde_json::from_str(MUG).unwrap();
    let draft = input.validate().unwrap();
    let ids: Vec<VariantId> = (1..3).map(|n| VariantId::from_bytes([n; 16])).collect();
    let mut state = State::default();
    for fact in create(&state.clone(), ProductId::from_bytes([9; 16]), &draft, &ids).unwrap() {
        state.apply(&fact, Timestamp::UNIX_EPOCH);
    }
    state.product().unwrap().content.clone()
}

/// The fields of a form as a browser sends them.
fn sent(form: &ProductForm) -> Vec<(String, String)> {
    let mut fields = vec![
        ("title".to_owned(), form.title.clone()),
        ("slug".to_owned(), form.slug.clone()),
        ("brand".to_owned(), form.brand.clone()),
        ("status".to_owned(), "active".to_owned()),
    ];
    let mut put = |name: String, value: &str| fields.push((name, value.replace('\n', "\r\n")));
    let kind = |description: &Description| if description.is_html { "html" } else { "text" };
    put("description".to_owned(), &form.description.text);
    put("description_as".to_owned(), kind(&form.description));
    form.categories.iter().for_each(|slug| put("categories".to_owned(), slug));
    for (tag, text) in &form.texts {
        put(format!("texts.{tag}.title"), &text.title);
        put(format!("texts.{tag}.description"), &text.description.text);
        put(format!("texts.{tag}.description_as"), kind(&text.description));
    }
    for (n, row) in form.attributes.iter().enumerate() {
        put(format!("attributes.{n}.key"), &row.key);
        put(format!("attributes.{n}.value"), &row.value);
        row.texts.iter().for_each(|(tag, text)| put(format!("attributes.{n}.texts.{tag}"), text));
    }
    for (n, row) in form.options.iter().enumerate() {
        put(format!("options.{n}.name"), &row.name);
        row.texts.iter().for_each(|(tag, text)| put(format!("options.{n}.texts.{tag}"), text));
        for (v, value) in row.values.iter().enumerate() {
            put(format!("options.{n}.values.{v}.value"), &value.value);
            value.texts.iter().for_each(|(tag, text)| put(format!("options.{n}.values.{v}.texts.{tag}"), text));
        }
    }
    for (n, row) in form.variants.iter().enumerate() {
        for (name, value) in
            [("id", &row.id), ("sku", &row.sku), ("gtin", &row.gtin), ("image", &row.image), ("on_hand", &row.on_hand)]
        {
            put(format!("variants.{n}.{name}"), value);
        }
        for (option, chosen) in row.chosen.iter().enumerate() {
            put(format!("variants.{n}.options.{option}"), &chosen.map(|place| place.to_string()).unwrap_or_default());
        }
        row.prices.iter().for_each(|(code, text)| put(format!("variants.{n}.prices.{code}"), text));
        row.before.iter().for_each(|(code, text)| put(format!("variants.{n}.before.{code}"), text));
    }
    for (n, row) in form.images.iter().enumerate() {
        put(format!("images.{n}.media"), &row.media);
        put(format!("images.{n}.alt"), &row.alt);
        row.texts.iter().for_each(|(tag, text)| put(format!("images.{n}.texts.{tag}"), text));
    }
    fields
}

fn typed(fields: &[(&str, &str)]) -> ProductForm {
    ProductForm::read(&Typed::of(fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))))
}

fn told(form: &ProductForm) -> Vec<String> {
    form.reading(None).errors.into_iter().map(|error| format!("{} {}", error.pointer, error.code)).collect()
}

#[test]
fn a_form_that_nobody_changed_is_the_product_itself() {
    let content = content();
    let form = ProductForm::of(&content);
    assert_eq!(ProductForm::read(&Typed::of(sent(&form))), form);
    let spared = ProductForm::read(&Typed::of(sent(&form.clone().with_spares())));
    for form in [form, spared] {
        let reading = form.reading(Some(&content));
        assert_eq!(reading.errors, []);
        let mut input = reading.input;
        input.translations.values_mut().for_each(|text| text.options.retain(|_, option| *option != Default::default()));
        assert_eq!(input, ProductInput::from(&content));
    }
}

#[test]
fn what_staff_type_becomes_a_product() {
    let mut form = typed(&[
        ("title", "Cup"),
        ("attributes.0.key", "Net Weight"),
        ("attributes.0.value", "200 g"),
        ("attributes.0.texts.ko", "200그램"),
        ("options.3.name", "Size"),
        ("options.3.values.0.value", " "),
        ("options.3.values.4.value", "S"),
        ("options.3.values.7.value", "L"),
        ("variants.5.sku", " CUP-S "),
        ("variants.5.options.3", "4"),
        ("variants.5.prices.KRW", "18,000"),
        ("variants.5.prices.USD", ""),
        ("variants.5.on_hand", "12"),
        ("variants.6.sku", ""),
        ("variants.9.sku", "CUP-L"),
        ("variants.9.options.3", "7"),
        ("variants.9.prices.USD", "12.5"),
        ("texts.ko.title", "컵"),
        ("texts.ko.description_as", "html"),
        ("texts.ko.description", "<p>컵</p>"),
    ]);
    let reading = form.reading(None);
    assert_eq!(reading.errors, []);
    let input = reading.input;
    assert_eq!(input.attributes["net_weight"], "200 g");
    assert_eq!(input.options[0].values, ["S", "L"]);
    assert_eq!((input.variants[0].options["Size"].as_str(), input.variants[1].options["Size"].as_str()), ("S", "L"));
    assert_eq!((input.variants[0].prices.len(), input.variants[0].prices[0].amount), (1, 18_000));
    assert_eq!(input.variants[1].prices[0].amount, 1_250);
    assert_eq!(reading.on_hand, [("CUP-S".to_owned(), 12)]);
    assert_eq!(input.translations["ko"].attributes["net_weight"], "200그램");
    assert_eq!(input.translations["ko"].description_html.as_deref(), Some("<p>컵</p>"));

    form.press("options.0.values.1.remove").unwrap();
    let chosen: Vec<Option<usize>> = form.variants.iter().map(|row| row.chosen[0]).collect();
    assert_eq!(chosen, [None, None, Some(1)]);
    assert_eq!(told(&form), ["variants.0.options missing_option"]);
}

#[test]
fn what_is_wrong_is_told_beside_its_field() {
    let form = typed(&[
        ("title", " "),
        ("slug", "No Slug"),
        ("options.0.name", "Size"),
        ("options.0.values.0.value", ""),
        ("options.0.values.1.value", "S"),
        ("options.0.values.2.value", "S"),
        ("variants.0.sku", "A"),
        ("variants.0.options.0", "1"),
        ("variants.0.prices.USD", "1.234"),
        ("variants.0.prices.KRW", "1000"),
        ("variants.1.sku", ""),
        ("variants.2.sku", "A"),
        ("variants.2.options.0", "1"),
        ("variants.2.gtin", "123"),
        ("variants.2.before.USD", "-5"),
        ("variants.2.on_hand", "a few"),
        ("attributes.1.key", "!"),
        ("attributes.1.value", "x"),
        ("texts.ko.title", "\u{7}"),
    ]);
    let mut told = told(&form);
    told.sort();
    assert_eq!(
        told,
        [
            "attributes.0.key invalid_key",
            "options.0.values.2.value duplicate",
            "slug invalid_slug",
            "texts.ko.title invalid",
            "title invalid",
            "variants.0.prices.USD invalid_amount",
            "variants.2.before.USD negative",
            "variants.2.gtin invalid_gtin",
            "variants.2.on_hand invalid_count",
            "variants.2.options duplicate_options",
            "variants.2.sku duplicate",
        ]
    );
    assert_eq!(self::told(&ProductForm::default()), ["title invalid", "variants required"]);
}

#[test]
fn variants_are_filled_in() {
    let mut form = ProductForm { title: "Blue Mug".to_owned(), ..ProductForm::empty() };
    form.variants[0].prices.insert("USD".to_owned(), "12".to_owned());
    form.variants[0].sku = "MUG".to_owned();
    let option = |name: &str, values: &[&str]| OptionRow {
        name: name.to_owned(),
        values: values.iter().map(|value| ValueRow { value: (*value).to_owned(), ..ValueRow::default() }).collect(),
        ..OptionRow::default()
    };
    form.options =
        vec![option("Size", &["S", "", "Extra large"]), OptionRow::default(), option("Colour", &["Blue", "Red"])];
    form.fill_variants().unwrap();
    let skus = |form: &ProductForm| form.variants.iter().map(|row| row.sku.clone()).collect::<Vec<_>>();
    assert_eq!(skus(&form), ["MUG", "MUG-S-RED", "MUG-EXTRALARGE-BLUE", "MUG-EXTRALARGE-RED"]);
    assert_eq!(form.variants[3].chosen, [Some(2), None, Some(1)]);
    assert!(form.variants.iter().all(|row| row.prices["USD"] == "12"));

    form.press("variants.1.remove").unwrap();
    form.variants[0].id = "there".to_owned();
    form.press("variants.fill").unwrap();
    assert_eq!(form.variants[0].id, "there");
    assert_eq!(form.variants.len(), 4);
    form.press("options.2.remove").unwrap();
    assert!(form.variants.iter().all(|row| row.chosen.len() == 2));

    form.options = (0..5).map(|n| option(&n.to_string(), &["1", "2", "3", "4", "5", "6"])).collect();
    assert_eq!(form.fill_variants(), Err(TooMany));
    assert_eq!(form.press("variants.fill"), Err(Error::TooManyVariants));
}

#[test]
fn pictures_are_put_in_order() {
    let mut form = ProductForm::empty();
    for media in ["a", "b", "c", "a"] {
        form.add_image(media.to_owned());
    }
    form.variants[0].image = "c".to_owned();
    let order = |form: &ProductForm| form.images.iter().map(|image| image.media.clone()).collect::<String>();
    for (button, expected) in
        [("images.2.earlier", "acb"), ("images.0.later", "cab"), ("images.0.earlier", "cab"), ("images.2.later", "cab")]
    {
        form.press(button).unwrap();
        assert_eq!(order(&form), expected, "{button}");
    }
    form.press("images.0.remove").unwrap();
    assert_eq!((order(&form).as_str(), form.variants[0].image.as_str()), ("ab", ""));
    for button in ["images.9.remove", "options.0.values.0.remove", "variants.7.remove"] {
        assert_eq!(form.press(button), Ok(()), "{button}");
    }
    assert_eq!(form.press("images.x.remove"), Err(Error::Unknown));
    assert_eq!(form.press("save"), Err(Error::Unknown));
}

#[test]
fn a_copy_is_a_new_product() {
    let copy = ProductForm::of(&content()).copied("Blue Mug (copy)".to_owned());
    let reading = copy.reading(None);
    assert_eq!(reading.errors, []);
    assert!(reading.input.variants.iter().all(|variant| variant.id.is_none() && variant.gtin.is_none()));
    assert_eq!(reading.input.variants[0].sku, "MUG-S-BLUE-2");
    assert_eq!((reading.input.slug, reading.input.images.len()), (None, 1));
}

#[test]
fn there_are_columns_for_all_that_is_told() {
    let settings: SettingsInput =
        serde_json::from_str(r#"{"default_locale": "en", "locales": ["en", "fr"], "currencies": ["EUR", "USD"]}"#)
            .unwrap();
    let settings: Settings = settings.validate().unwrap();
    let columns = ProductForm::of(&content()).columns(&settings);
    let tags: Vec<&str> = columns.locales.iter().map(|locale| locale.as_str()).collect();
    let codes: Vec<&str> = columns.currencies.iter().map(|currency| currency.code()).collect();
    assert_eq!((tags, codes), (vec!["fr", "de", "ko"], vec!["EUR", "USD", "KRW"]));
    assert_eq!(ProductForm::empty().columns(&settings).locales.len(), 1);
}
