//! A product as the index takes it: its words in all languages, its prices, and what it is counted by.
//! It does not know when a product is indexed, nor what is done with the entry.

use std::collections::{BTreeMap, BTreeSet};

use domain::catalog::{Content, Product, Translation};
use domain::money::Currency;

use super::index::{Entry, Facet, Label};
use super::words::{fold, words};

/// Longer values are texts rather than something to choose by.
pub const FACET_CHARS_MAX: usize = 80;
/// Words of one field; a description that is longer is found by its beginning.
const WORDS_MAX: usize = 4_000;

/// The entry of a product that is for sale.
pub fn entry(product: &Product, is_in_stock: bool) -> Entry {
    let content = &product.content;
    let mut rest = Words::default();
    rest.add(&content.description);
    let translated = || content.translations.values();
    translated().filter_map(|text| text.description.as_deref()).for_each(|text| rest.add(text));
    content.attributes.iter().for_each(|(key, value)| rest.add_all([key, value]));
    translated().flat_map(|text| text.attributes.values()).for_each(|text| rest.add(text));
    for option in &content.options {
        rest.add(option.name.as_str());
        option.values.iter().for_each(|value| rest.add(value.as_str()));
    }
    for text in translated().flat_map(|text| text.options.values()) {
        text.name.iter().chain(text.values.values()).for_each(|name| rest.add(name.as_str()));
    }
    let mut title = Words::default();
    title.add(content.title.as_str());
    translated().filter_map(|text| text.title.as_ref()).for_each(|text| title.add(text.as_str()));
    let mut codes = Words::default();
    for variant in &content.variants {
        codes.add(variant.sku.as_str());
        variant.gtin.iter().for_each(|gtin| codes.add(gtin.as_str()));
    }
    Entry {
        id: product.id.clone(),
        title: title.0,
        brand: content.brand.as_ref().map(|brand| words(brand.as_str())).unwrap_or_default(),
        codes: codes.0,
        rest: rest.0,
        title_key: fold(content.title.as_str()),
        created_at: product.created_at,
        prices: prices(content),
        is_in_stock,
        facets: facets(content),
        labels: content.translations.iter().flat_map(|(locale, text)| labels(locale.as_str(), text, content)).collect(),
    }
}

/// Every text in its order, each but once.
#[derive(Default)]
struct Words(Vec<String>, BTreeSet<String>);

impl Words {
    fn add(&mut self, text: &str) {
        if self.0.len() < WORDS_MAX && self.1.insert(text.to_owned()) {
            self.0.extend(words(text));
            self.0.truncate(WORDS_MAX);
        }
    }

    fn add_all(&mut self, texts: [&String; 2]) {
        texts.into_iter().for_each(|text| self.add(text));
    }
}

fn prices(content: &Content) -> BTreeMap<Currency, i64> {
    let all = content.variants.iter().flat_map(|variant| &variant.prices).map(|price| price.currency());
    let currencies: BTreeSet<Currency> = all.collect();
    currencies.into_iter().filter_map(|currency| Some((currency, content.price_in(currency)?.amount()))).collect()
}

fn facets(content: &Content) -> BTreeSet<Facet> {
    let categories = content.categories.iter().map(|slug| Facet::Category(slug.to_string()));
    let brand = content.brand.iter().map(|brand| Facet::Brand(brand.to_string()));
    let attribute = |key: &str, value: &str| Facet::Attribute { key: key.to_owned(), value: value.to_owned() };
    let attributes = content.attributes.iter().filter(|(key, value)| is_choice(key) && is_choice(value));
    let attributes = attributes.map(|(key, value)| attribute(key, value));
    // What a variant is, not what an option could be.
    let options = content.variants.iter().flat_map(|variant| &variant.options);
    let options = options.filter(|(name, value)| is_choice(name.as_str()) && is_choice(value.as_str()));
    let options = options.map(|(name, value)| attribute(name.as_str(), value.as_str()));
    categories.chain(brand).chain(attributes).chain(options).collect()
}

/// A line that is short enough to be shown beside a box to tick.
pub fn is_choice(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= FACET_CHARS_MAX && !text.chars().any(char::is_control)
}

fn labels(locale: &str, text: &Translation, content: &Content) -> Vec<Label> {
    let label = |key: &str, value: Option<&str>, text: &str| Label {
        key: key.to_owned(),
        value: value.map(ToOwned::to_owned),
        locale: locale.to_owned(),
        text: text.to_owned(),
    };
    let mut labels = Vec::new();
    for (key, translated) in &text.attributes {
        let value = content.attributes.get(key);
        labels.extend(value.map(|value| label(key, Some(value), translated)));
    }
    for (option, translated) in &text.options {
        labels.extend(translated.name.as_ref().map(|name| label(option.as_str(), None, name.as_str())));
        let values = translated.values.iter();
        labels.extend(values.map(|(value, name)| label(option.as_str(), Some(value.as_str()), name.as_str())));
    }
    let parts = |label: &Label| [Some(label.key.clone()), label.value.clone(), Some(label.text.clone())];
    labels.retain(|label| parts(label).iter().flatten().all(|part| is_choice(part)));
    labels
}
